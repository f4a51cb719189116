"""Coverage-guided fuzzing of one of `targets.TARGETS` (needs ``pip install atheris``).

    NUMBA_BOUNDSCHECK=1 python tests/fuzz/fuzz.py everything -max_total_time=600 corpus/

The target first; then what libFuzzer takes. Begins with `corpus`; what it finds is kept in ``tests/fuzz/regressions``, with the
target's name in front, and replayed by the tests. For long runs ``-rss_limit_mb=0``: instrumented, the process grows by some
90 KB for each input; the same inputs take no memory without it.
"""

import importlib
import os
import pkgutil
import sys
import warnings
from pathlib import Path
from types import FunctionType, ModuleType

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

import closewait_pcap
from closewait_pcap import CaptureWarning
from tests.fuzz.corpus import corpus, write
from tests.fuzz.targets import TARGETS

NOT_OF_INTEREST = ("engine", "cli", "frames", "columns", "__main__")


def instrument(module: ModuleType) -> None:
    """Count the branches of a module's functions: in place, and only now that the kernels are compiled from what they were."""
    for thing in list(vars(module).values()):
        for member in vars(thing).values() if isinstance(thing, type) else (thing,):
            function = member.fget if isinstance(member, property) else member
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                atheris.instrument_func(function)


def main(name: str, arguments: list[str]) -> None:
    """Fuzz a target."""
    warnings.simplefilter("ignore", CaptureWarning)
    os.environ["PATH"] = ""  # no editcap: Wireshark's code is not ours to fuzz, and a process for each input takes time
    target = TARGETS[name]
    for data in corpus(name):
        target(data)
    for found in pkgutil.walk_packages(closewait_pcap.__path__, "closewait_pcap."):
        if not found.ispkg and found.name.rpartition(".")[2] not in NOT_OF_INTEREST:
            instrument(importlib.import_module(found.name))
    folders = [Path(argument) for argument in arguments if not argument.startswith("-")]
    if folders:
        write(name, folders[0])
    atheris.Setup([sys.argv[0], *arguments], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
