"""Brings socket tables into a result, and says what about the tables limits the conclusions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from closewait_pcap import quantities
from closewait_pcap.capture.info import CaptureInfo
from closewait_pcap.capture.timeline import Timeline
from closewait_pcap.quantities import Dating
from closewait_pcap.results.result import Result
from closewait_pcap.sockets.aside import tables_of
from closewait_pcap.sockets.collecting import Collected, SocketSource, collect, table_warnings
from closewait_pcap.sockets.matching import match
from closewait_pcap.sockets.placing import Placement
from closewait_pcap.sockets.reading import read_lines
from closewait_pcap.sockets.table import Snapshot, TimeFrom
from closewait_pcap.verdicts.agreement import compare
from closewait_pcap.verdicts.confirmation import confirm

_LONG_AFTER = 60_000_000_000
_DAY = 86_400_000_000_000
_NAMED = 3
"""Files named of those with the same to say."""


def collect_all(sockets: SocketSource | Iterable[SocketSource], timeline: Timeline, *, strict: bool = False) -> Collected:
    """Read the socket tables that were given, and those that stand in the text of printed packets.

    Args:
        sockets: as `collect` takes them.
        timeline: captures that were read.
        strict: raise on one that cannot be read.

    Returns:
        The tables.

    Raises:
        SnapshotError: one cannot be read, and ``strict``.
    """
    collected = collect(sockets, strict=strict)
    for info in timeline.infos:
        collected.snapshots += tables_of(info)
    for name, error in timeline.texts.items():
        tables = read_lines(name, error.texts[name])
        collected.snapshots += tables
        collected.unreadable += [] if tables else [str(error)]
    return collected


def join(result: Result, snapshots: Sequence[Snapshot]) -> list[str]:
    """Join socket tables to the flows of a result, in place.

    Args:
        result: an analysis.
        snapshots: the tables.

    Returns:
        Sentences about what limits the conclusions.
    """
    info, facts, judgement = result.capture, result.facts, result.judgement
    if info.dating is not Dating.FULL and info.end_time is not None:
        snapshots = [_without_far_time(snapshot, info.end_time) for snapshot in snapshots]
    matches = match(snapshots, facts, judgement.client_end, begin=info.first_time, end=info.end_time, hosts=result.hosts)
    confirmed = confirm(judgement, facts, matches, stuck_after=result.stuck_after)
    result.matches = matches
    result.agreement = compare(facts, judgement, matches, end=info.end_time)
    found = table_warnings(snapshots) + _times(matches.snapshots, matches.placements, info)
    if confirmed:
        flows = quantities.count(confirmed, "flow")
        found.append(
            f"{flows} may have closed unseen, by the packets alone; the socket table shows CLOSE_WAIT, so counted as that"
        )
    if partial := matches.partial:
        found.append(
            f"{quantities.count(partial, 'socket')} could not be joined: an address or port is cut or only a name; "
            "give ss -n, or netstat -n and -W"
        )
    sockets = sum(1 for socket in matches.sockets if socket.peer.address is not None)
    if sockets and len(result.rows) and not len(matches.joined):
        found.append(
            f"none of the {quantities.count(sockets, 'connected socket')} is an end of a flow of this capture: "
            "was the table taken on another host, in another network namespace, or at another time?"
        )
    return found


def _without_far_time(snapshot: Snapshot, end: int) -> Snapshot:
    """Take away a time that a capture without a date cannot be held against."""
    if snapshot.time is None or abs(snapshot.time - end) < _DAY:
        return snapshot
    return replace(snapshot, time=None, time_from=TimeFrom.UNKNOWN)


def _times(snapshots: Sequence[Snapshot], placements: Sequence[Placement], info: CaptureInfo) -> list[str]:
    """Say which tables were taken at another time than the capture, or have no time to tell; those of a kind together."""
    begin, end = info.first_time, info.end_time
    kinds: dict[str, list[Snapshot]] = {}
    for snapshot, placement in zip(snapshots, placements, strict=True):
        if begin is not None and end is not None and (kind := _odd_time(snapshot, placement, begin, end)):
            kinds.setdefault(kind, []).append(snapshot)
    return [f"{_named(odd, begin or 0, end or 0, info.dating)}: {kind}" for kind, odd in kinds.items()]


def _odd_time(snapshot: Snapshot, placement: Placement, begin: int, end: int) -> str | None:
    if snapshot.time is None:
        return "no time is told, so taken to be of the capture's end (write `date -u` before the table)"
    if placement.moment is None and snapshot.time_from is TimeFrom.MTIME:
        return "that is the file's last change, perhaps a copy's, so taken to be of the capture's end (write `date -u` before it)"
    if placement.moment is None:
        return "no zone is told, and UTC cannot be, so taken to be of the capture's end"
    if placement.moment < begin:
        return "it shows only what was there before the capture"
    return "connections may have ended in between" if placement.moment > end + _LONG_AFTER else None


def _named(snapshots: list[Snapshot], begin: int, end: int, dating: Dating) -> str:
    """Name tables, and say when the first of them was taken."""
    names = list(dict.fromkeys(snapshot.source for snapshot in snapshots))
    told = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
    time = snapshots[0].time
    if time is None:
        return told
    zone = "" if dating is Dating.NO_CLOCK else " UTC"
    when = f"{told}, {quantities.short_moment(time, dating)}{zone}"
    if time > end:
        return f"{when} ({quantities.span(time - end)} after the capture's end)"
    return f"{when} ({quantities.span(begin - time)} before the capture's begin)" if time < begin else when
