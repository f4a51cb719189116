"""Socket tables that stand in one text with printed packets: each is of the time at which it stands there."""

from bisect import bisect_right
from collections.abc import Sequence

from closewait_pcap.capture.info import CaptureInfo
from closewait_pcap.quantities import Dating
from closewait_pcap.sockets.reading import read_lines
from closewait_pcap.sockets.table import Snapshot, TimeFrom

_DAY = 86_400 * 1_000_000_000


def tables_of(info: CaptureInfo) -> list[Snapshot]:
    """Read the socket tables that stand among printed packets.

    A table whose own text tells no time was taken after the packet that is printed before it, or with the first one. Where
    packets have no date, a table's date is of no use either: its time of day is taken to be of the same day.

    Args:
        info: of a capture; one that was not printed has none.

    Returns:
        The tables, in their order.
    """
    printout = info.printout
    if printout is None or not printout.asides:
        return []
    snapshots = read_lines(info.file, printout.asides)
    for snapshot in snapshots:
        here = _time_at(printout.lines, printout.times, min(socket.line for socket in snapshot.sockets))
        if snapshot.time is None and here:
            snapshot.time, snapshot.time_from = here, TimeFrom.PLACE
        elif snapshot.time is not None and printout.dating is not Dating.FULL:
            snapshot.time = _on_that_day(snapshot.time, here) if here else None
            snapshot.time_from = TimeFrom.CONTENT_AS_UTC if here else TimeFrom.UNKNOWN
    return snapshots


def _time_at(lines: Sequence[int], times: Sequence[int], line: int) -> int:
    """Give the time of the last packet before a line, or of the first one; 0 where it has none."""
    place = max(bisect_right(lines, line) - 1, 0)
    return times[place] if place < len(times) else 0


def _on_that_day(time: int, here: int) -> int:
    """Move a time to the day on which its time of day is nearest."""
    moved = here - here % _DAY + time % _DAY
    return min((moved - _DAY, moved, moved + _DAY), key=lambda one: abs(one - here))
