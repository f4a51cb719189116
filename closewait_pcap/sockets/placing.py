"""How the times of socket tables stand to the time of a capture: what may be concluded from each table's time, and what not."""

from collections.abc import Sequence
from typing import NamedTuple

from closewait_pcap.sockets.table import Snapshot, TimeFrom

SLACK = 2_000_000_000
"""`date` prints whole seconds, and a table takes a while to be read and printed."""
NEAR = 14 * 60 * 1_000_000_000
"""A time that was taken as UTC and lies so soon after the capture's end is UTC: zones differ by quarters of an hour or more."""
_CERTAIN = frozenset((TimeFrom.GIVEN, TimeFrom.CONTENT, TimeFrom.CLOCK))


class Placement(NamedTuple):
    """What the time of a table is good for."""

    moment: int | None
    """When it was taken, ns since the epoch; None where its time is unknown or cannot be right for this capture."""
    sure: bool
    """Whether a wait may be reckoned up to it: never from a file's last change, which may be that of a copy."""


def place(snapshot: Snapshot, begin: int | None, end: int | None) -> Placement:
    """Hold a table's time against the capture's.

    Args:
        snapshot: the table.
        begin: of the capture, ns since the epoch; None where it has no times.
        end: of the capture.

    Returns:
        What may be made of the table's time. One that its own text tells, with a zone, is believed whatever it is; one that is
        taken as UTC, or is a file's last change, only from the capture's begin to soon after its end.
    """
    time = snapshot.time
    if time is None:
        return Placement(None, sure=False)
    if snapshot.time_from in _CERTAIN:
        return Placement(time, sure=True)
    if begin is None or end is None or not begin - SLACK <= time <= end + NEAR:
        return Placement(None, sure=False)
    return Placement(time, sure=snapshot.time_from is not TimeFrom.MTIME)


def best_first(placements: Sequence[Placement], end: int | None) -> list[int]:
    """Order tables by how well they fit the capture's end.

    The nearest in time is the best; those without a usable time come after all that have one; of equals, the one given last.
    """

    def distance(number: int) -> tuple[bool, int, int]:
        moment = placements[number].moment
        return moment is None, abs((moment or 0) - (end or 0)) if moment is not None else 0, -number

    return sorted(range(len(placements)), key=distance)
