"""What a set of capture files covers of the time between its first and its last packet: where it has holes.

Files that follow each other come from one *tap*; files that overlap come from several taps side by side (two machines, two
interfaces), each of which shows what the others need not show. A *hole* is a span of which a tap shows nothing, and that is no
mere pause: silence in it proves nothing. What is skipped where a file is damaged is one, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np

from closewait_pcap.capture.info import CaptureInfo, Gap
from closewait_pcap.capture.pcapng import pauses
from closewait_pcap.capture.sources.gathering import family_of

Ints = np.ndarray[Any, np.dtype[np.int64]]
SECOND = 1_000_000_000
Span = tuple[int, int]
"""A span of time: its begin and its end, ns since the epoch."""
OVERLAP = SECOND
"""Files of one tap may overlap by so much: packets of several processors are written a little out of order."""
LEAST = SECOND
"""A shorter pause between two files is never taken for a hole: it could hide no wait that counts as stuck."""
CONTINUED = 10
"""Files whose numbers follow each other have no hole between them, unless the pause is this many times longer than the longest
within the two: then they are of two captures."""


@dataclass
class _Tap:
    """Files that follow each other."""

    files: list[int] = field(default_factory=list)
    end: int = 0
    gaps: list[Gap] = field(default_factory=list)
    holes: list[Span] = field(default_factory=list)
    """Between files and in them."""


class Coverage:
    """Where and until when a timeline's files show what happens.

    Args:
        infos: of the files, in the order of their first times.
    """

    def __init__(self, infos: Sequence[CaptureInfo]) -> None:
        self._tap_of = np.zeros(max(len(infos), 1), np.int64)
        self._taps: list[_Tap] = []
        self._watched = infos[0].watched if len(infos) == 1 and len(infos[0].watched) > 1 else {}
        for number, info in enumerate(infos):
            if info.first_time is None or info.last_time is None or info.end_time is None:
                continue
            tap = self._tap_before(info, info.first_time, infos)
            if tap.files and (why := _why_hole(infos[tap.files[-1]], info, info.first_time - tap.end, infos)):
                tap.gaps.append(Gap(tap.end, info.first_time, why))
                tap.holes.append((tap.end, info.first_time))
            tap.holes += [(hole.start, hole.end) for hole in info.holes if hole.start < info.end_time]
            for begin, end in info.pauses:
                tap.gaps.append(Gap(begin, end, f"in {PurePath(info.file).name}, by its own statistics, nothing was captured"))
                tap.holes.append((begin, end))
            tap.files.append(number)
            tap.end = max(tap.end, info.end_time)
            self._tap_of[number] = self._taps.index(tap)

    @property
    def gaps(self) -> list[Gap]:
        """The holes between files, by their time."""
        return sorted(gap for tap in self._taps for gap in tap.gaps)

    @property
    def holes(self) -> list[list[Span]]:
        """The holes of each tap, between files and in them, by their time."""
        return [sorted(tap.holes) for tap in self._taps]

    @property
    def tap_ends(self) -> list[int]:
        """Until when each tap shows something, ns since the epoch."""
        return [tap.end for tap in self._taps]

    def taps(self, files: Ints) -> Ints:
        """Tell which tap files are of, by their place in `holes` and `tap_ends`."""
        return np.asarray(self._tap_of[files])

    def ends(self, files: Ints, last_times: Ints, interfaces: Ints) -> tuple[Ints, np.ndarray[Any, np.dtype[np.bool_]]]:
        """Tell until when flows were watched.

        Args:
            files: the file that each flow's last packet is in, shape (n,).
            last_times: that packet's time, ns since the epoch.
            interfaces: at which interface its first one was captured, a number of a name. Of a single file with several, each
                is a tap of its own, where the file says when they captured.

        Returns:
            Until when its silence was seen, and whether a hole ends that, both shape (n,).
        """
        ends, in_hole = np.zeros(len(files), np.int64), np.zeros(len(files), np.bool_)

        def tell(mine: Ints, holes: Sequence[Span], end: int) -> None:
            starts = np.array([*sorted(begin for begin, _ in holes), end], np.int64)
            place = np.minimum(np.searchsorted(starts, last_times[mine]), len(holes))
            ends[mine], in_hole[mine] = starts[place], place < len(holes)

        taps = self._tap_of[files]
        for number, tap in enumerate(self._taps):
            tell(np.flatnonzero(taps == number), tap.holes, tap.end)
        for name, spans in self._watched.items():
            mine = np.flatnonzero(interfaces == name)
            tell(mine, pauses(spans), max(end for _, end in spans))
            ends[mine] = np.maximum(ends[mine], last_times[mine])
        return ends, in_hole

    def _tap_before(self, info: CaptureInfo, first_time: int, infos: Sequence[CaptureInfo]) -> _Tap:
        """Find the tap that a file continues: of its own family before others, the one that ended last; else a new one.

        A tap writes into one folder, and does not change its link type.
        """
        folder, family = PurePath(info.file).parent, _family(info)[0]
        ended = {}
        for tap in self._taps:
            last = infos[tap.files[-1]]
            same = PurePath(last.file).parent == folder and not set(last.link_types).isdisjoint(info.link_types)
            if same and tap.end <= first_time + OVERLAP:
                ended[_family(last)[0] == family, tap.end] = tap
        if not ended:
            self._taps.append(_Tap())
        return ended[max(ended)] if ended else self._taps[-1]


def _family(info: CaptureInfo) -> tuple[str, int | None]:
    """The ring buffer that a file belongs to, and its number there."""
    path = PurePath(info.file)
    name, number = family_of(path.name) or (path.name, None)
    return str(path.with_name(name)), number


def _why_hole(before: CaptureInfo, after: CaptureInfo, pause: int, infos: Sequence[CaptureInfo]) -> str | None:
    """Say why the time between two files is a hole; None where it is none."""
    names = f"between {PurePath(before.file).name} and {PurePath(after.file).name}"
    (family, number), (next_family, next_number) = _family(before), _family(after)
    longest = max(before.longest_pause, after.longest_pause)
    if family == next_family and number is not None and next_number is not None:
        numbers = sorted(other for name, other in map(_family, infos) if name == family and other is not None)
        if next_number == number + 1 or (number == numbers[-1] and next_number == numbers[0]):
            longest *= CONTINUED
        elif pause > 0:
            return f"{names}, whose numbers do not follow each other, a file is missing"
    return f"{names} nothing was captured" if pause > max(LEAST, longest) else None
