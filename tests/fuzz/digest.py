"""What the readers make of many mutants, in one line: it must be the same in every mode.

    NUMBA_BOUNDSCHECK=1 python tests/fuzz/digest.py 2000

prints it for the compiled kernels, with bounds checked.
"""

import hashlib
import random
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from closewait_pcap.engine import COMPILED, PLAIN
from closewait_pcap.errors import CaptureError
from tests.capture.reading import read
from tests.fuzz.mutants import mutate
from tests.fuzz.seeds import seeds


def digest(count: int, seed: int, *, compiled: bool) -> str:
    """Read mutants; give a digest of everything that came of them."""
    chance, whole = random.Random(seed), hashlib.sha256()
    for _ in range(count):
        try:
            reading = read(mutate(chance.choice(seeds()), chance, seeds()), COMPILED if compiled else PLAIN)
        except CaptureError as error:
            whole.update(str(error).encode())
            continue
        whole.update(repr((reading.rows, reading.info, reading.warnings)).encode())
    return whole.hexdigest()


if __name__ == "__main__":
    print(digest(int(sys.argv[1]), 1, compiled=True))
