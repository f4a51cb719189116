"""How fast the hot path is: from the file's bytes to the facts of all flows, on one core, without start-up, verdicts or tables.

    python tests/benchmarks/hot_path.py CAPTURE...

Best of five passes (the machine's noise only ever adds), and the same file through ``cat`` for comparison; and the memory that
reading took, per flow.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from closewait_pcap.capture.reader import CaptureReader
from closewait_pcap.engine import COMPILED
from closewait_pcap.flows.table import FlowTable

PASSES = 5


def read(path: Path) -> tuple[int, int]:
    """Read a capture once; give its frames and flows."""
    with path.open("rb", buffering=0) as stream:
        reader, table = CaptureReader(stream, str(path), mode=COMPILED), FlowTable(COMPILED)
        for batch, count in reader.batches():
            table.follow(batch, count)
    return reader.info.frames, len(table)


def main(paths: list[Path]) -> None:
    """Measure and print a line per capture."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for path in paths:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        frames, flows = read(path)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        ours, cats = [], []
        for _ in range(PASSES):
            begun = time.perf_counter()
            read(path)
            ours.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            subprocess.run(["cat", str(path)], stdout=subprocess.DEVNULL, check=True)
            cats.append(time.perf_counter() - begun)
        size = path.stat().st_size / 1e6
        print(
            f"{path.name}: {frames:,} packets, {flows:,} flows, {size:,.0f} MB: {frames / min(ours) / 1e6:.1f} M packets/s, "
            f"{size / min(ours):,.0f} MB/s, {min(cats) / min(ours):.0%} of cat; "
            f"peak {peak:,.0f} MB ({before:,.0f} MB before)"
        )


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
