"""The soak run: many mutated captures through the compiled kernels with bounds checking on.

    NUMBA_BOUNDSCHECK=1 python tests/fuzz/soak.py 200000

No exception but CaptureError, no mutant that takes long, memory flat. Prints the numbers; exits with 1 where one does not hold.
"""

import io
import random
import resource
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from closewait_pcap import CaptureError, CaptureWarning, analyze, engine
from closewait_pcap.endpoints import endpoint_values
from closewait_pcap.reports.json import describe
from tests.fuzz.mutants import mutate, seeds

SLOW_S = 1.0
WARM_UP = 5_000


def one(mutant: bytes) -> str:
    """Analyse a mutant all the way to its report; say what came of it."""
    try:
        analysis = analyze(io.BytesIO(mutant))
    except CaptureError:
        return "refused"
    describe(analysis.result, analysis.warnings, analysis.result.rows, all_flows=True)
    endpoint_values(analysis.result)
    return "damaged" if analysis.capture.damage else "read"


def main(count: int, seed: int) -> int:
    """Run ``count`` mutants; return the exit status."""
    warnings.simplefilter("ignore", CaptureWarning)
    engine.WORTH_COMPILING = -1  # compiled, however small
    random_, sources = random.Random(seed), seeds()
    outcomes: Counter[str] = Counter()
    slowest, warm, begun = 0.0, 0, time.monotonic()
    for number in range(count):
        mutant = mutate(random_.choice(sources), random_)
        before = time.monotonic()
        try:
            outcomes[one(mutant)] += 1
        except Exception:
            Path(f"crash-{seed}-{number}.bin").write_bytes(mutant)
            raise
        if number:
            slowest = max(slowest, time.monotonic() - before)
        if number == WARM_UP:
            warm = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - warm) / 1024 if warm else 0.0
    print(f"{count:,} mutants (seed {seed}) in {time.monotonic() - begun:.0f} s: {dict(outcomes)}")
    print(f"slowest {slowest:.3f} s; memory grew by {grown:.1f} MB after the first {WARM_UP:,}")
    return int(slowest > SLOW_S or grown > 20)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
