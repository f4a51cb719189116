"""The soak run: many mutated captures through the compiled kernels with bounds checking on, up to all reports.

    NUMBA_BOUNDSCHECK=1 python tests/fuzz/soak.py 200000

No exception but CaptureError, no mutant that takes long, memory flat. Prints the numbers; exits with 1 where one does not hold.
Begins at another seed where one is given, so that a long run can be made in pieces.
"""

import gc
import random
import resource
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from closewait_pcap import CaptureWarning, engine
from closewait_pcap.capture import reader
from closewait_pcap.flows import table
from tests.fuzz.mutants import mutant
from tests.fuzz.outcome import as_one, outcome
from tests.fuzz.seeds import seeds

SLOW_S = 3.0
"""A mutant takes at most half a second on a quiet machine, evidence of it included; others may be busy with something else."""
WARM_UP = 5_000


def prepare() -> None:
    """Compile, however small; and let tables begin small, so that they grow, and batches end, even in a small capture."""
    warnings.simplefilter("ignore", CaptureWarning)
    engine.WORTH_COMPILING = -1
    table._FIRST_FLOWS, table._FIRST_HOLES, reader.BATCH = 4, 4, 64


def peak() -> int:
    """KiB of memory that this process had at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(count: int, seed: int) -> int:
    """Run ``count`` mutants; return the exit status."""
    prepare()
    gc.freeze()  # what was imported need not be looked through again and again: a tenth of the time
    chance, outcomes = random.Random(seed), Counter[str]()
    several = 0
    slowest, warm, begun = 0.0, 0, time.monotonic()
    for number in range(count):
        inputs = mutant(seeds(), chance)
        several += len(inputs) > 1
        before = time.monotonic()
        try:
            outcomes[outcome(inputs)] += 1
        except Exception:
            Path(f"crash-{seed}-{number}.bin").write_bytes(as_one(inputs))
            raise
        if number and (took := time.monotonic() - before) > slowest:
            slowest = took
            if took > SLOW_S:
                Path(f"slow-{seed}-{number}.bin").write_bytes(as_one(inputs))
        if number == WARM_UP:
            warm = peak()
    grown = (peak() - warm) / 1024 if warm else 0.0
    print(f"{count:,} mutants (seed {seed}, {several:,} of several files) in {time.monotonic() - begun:.0f} s: {dict(outcomes)}")
    print(f"slowest {slowest:.3f} s; memory grew by {grown:.1f} MB after the first {WARM_UP:,}")
    return int(slowest > SLOW_S or grown > 20)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
