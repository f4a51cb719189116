"""Coverage-guided fuzzing of readers, decoder, flow table, verdicts and reports, uncompiled (needs ``pip install atheris``).

    python tests/fuzz/fuzz_reader.py -max_total_time=600 corpus/

Begins from the samples; what it finds is kept in ``tests/fuzz/regressions`` and replayed by the tests.
"""

import io
import sys
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["closewait_pcap"]):
    from closewait_pcap import CaptureError, CaptureWarning, analyze
    from closewait_pcap.reports.json import describe
    from closewait_pcap.reports.text import render

from tests.fuzz.mutants import seeds


def one(data: bytes) -> None:
    """Analyse one input and write both reports; nothing but CaptureError may come out."""
    try:
        analysis = analyze(io.BytesIO(data))
    except CaptureError:
        return
    describe(analysis.result, analysis.warnings, analysis.result.rows, all_flows=True)
    render(analysis.result, analysis.warnings, analysis.result.rows)


if __name__ == "__main__":
    warnings.simplefilter("ignore", CaptureWarning)
    folders = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
    if folders:
        folders[0].mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (folders[0] / f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
