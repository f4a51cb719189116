"""What each tap of the capture shows of the chosen flows' time, as interfaces of the file.

An interface of a file has an end of its own. So every tap becomes interfaces, one for each stretch between its holes, with
statistics that say from when until when it listened. All packets of a flow stand at the tap that has its last one: it says until
when the flow was silent.
"""

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np

from closewait_pcap.capture.coverage import Coverage
from closewait_pcap.capture.packets import FRAME_BITS
from closewait_pcap.evidence import blocks
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values

_LEAST_HOLE = 1_000_000_001
"""ns. A shorter pause between interfaces is no hole for who reads the file: see `pcapng.LEAST_PAUSE`."""


class Taps:
    """The taps that some flows were seen by.

    Args:
        result: an analysis.
        rows: of the flows, ascending.
    """

    def __init__(self, result: Result, rows: Values) -> None:
        capture = result.capture
        coverage = Coverage(capture.parts or [capture])
        of_flows = coverage.taps(result.facts.flows["last_frame"][rows] >> FRAME_BITS)
        used, self.of_rows = np.unique(of_flows, return_inverse=True)
        """For each of the flows: its tap's number here."""
        known = [number for number in used.tolist() if number < len(coverage.tap_ends)] or list(range(len(coverage.tap_ends)))
        self._begin, self._drops = max(capture.first_time or 0, 0), capture.drops
        self._ends = [coverage.tap_ends[number] for number in known] or [0]
        self._holes = [sorted(dict(coverage.holes[number][::-1]).items()) for number in known] or [[]]
        self._starts = [[start for start, _ in holes] for holes in self._holes]
        self._first = np.cumsum([0, *(len(holes) + 1 for holes in self._holes)]).tolist()

    def interface(self, tap: int, time: int) -> int:
        """Tell at which interface a packet stands."""
        return int(self._first[tap]) + bisect_left(self._starts[tap], time)

    def descriptions(self) -> Iterator[bytes]:
        """Describe the interfaces."""
        for tap, holes in enumerate(self._holes):
            name = f"tap {tap + 1}" if len(self._holes) > 1 else ""
            yield from [blocks.interface(name)] * (len(holes) + 1)

    def statistics(self) -> Iterator[bytes]:
        """Say from when until when they listened, and what was lost."""
        for tap, holes in enumerate(self._holes):
            begin = self._begin
            for number, (end, following) in enumerate([*holes, (self._ends[tap], 0)], self._first[tap]):
                yield blocks.statistics(number, begin, max(end, 0), self._drops if number == 0 else None)
                begin = max(following, end + _LEAST_HOLE)
