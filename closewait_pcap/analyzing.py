"""From a source to an `Analysis`: what is read, judged, and joined."""

from collections.abc import Callable, Iterable
from datetime import UTC
from io import BytesIO
from typing import TYPE_CHECKING, Any

from closewait_pcap.analysis import Analysis
from closewait_pcap.bar import shown_in_a_notebook
from closewait_pcap.capture.sources.gathering import gather
from closewait_pcap.capture.sources.opening import CaptureSource
from closewait_pcap.capture.timeline import Timeline
from closewait_pcap.flows.table import FlowTable
from closewait_pcap.notation import parse_span
from closewait_pcap.results import caveats
from closewait_pcap.results.concluding import conclude
from closewait_pcap.verdicts.retirement import Retirement

if TYPE_CHECKING:
    import datetime

    from closewait_pcap.sockets.collecting import SocketSource

STUCK_AFTER = "1s"
"""Default for a wait to count as stuck. A healthy application closes within ms; a second is beyond any scheduling delay."""
MAX_FLOWS = 10_000_000
"""Default for the flows that are kept: they take 6 GB."""
Progress = Callable[[int, int | None], None]
"""Called between chunks with the bytes done and the bytes there are (None: not known)."""


def analyze(
    source: CaptureSource | Iterable[CaptureSource],
    *,
    stuck_after: "str | float | datetime.timedelta" = STUCK_AFTER,
    max_flows: int | None = MAX_FLOWS,
    sockets: "SocketSource | Iterable[SocketSource] | None" = None,
    tz: "str | datetime.tzinfo" = "UTC",
    strict: bool = False,
    progress: Progress | None = None,
) -> Analysis:
    """Read a capture, or several as one timeline, and judge every TCP flow in it.

    Args:
        source: path of a pcap or pcapng file, or of text with packets as tcpdump or tshark print them, ``-`` for standard input,
            a URL, or an open binary file. For one timeline of several captures: a list of those, a folder, a pattern
            (``"trace*.pcap"``), or the name that tcpdump or dumpcap was given for its ring buffer.
        stuck_after: how long an end may stay in CLOSE_WAIT before it counts as stuck: ``"1s"``, ``"500ms"``, ``"2min"``, seconds
            as a number, or a timedelta.
        max_flows: flows to keep at most, so that a flood of them cannot fill the memory (about 0.6 KB each): the oldest finished
            ones leave first. They are counted in ``capture.missing_flows``, and have no row. None: keep all.
        sockets: what ``ss``, ``netstat``, ``lsof -i`` or /proc/net/tcp printed, on one end's host or on both: a path, text, a
            text file, or a list of those, at one time or at several; ``"live"`` asks this host when the capture has been read.
        tz: the time zone of times in printed packets: ``"UTC"``, ``"+02:00"``, ``"Europe/Berlin"``, or a tzinfo.
        strict: raise on a damaged capture instead of analysing what is sound in it, and on one of several that cannot be read.
        progress: called between chunks with the bytes done and the bytes there are. None: a notebook shows a progress bar
            where the reading takes longer than a second.

    Returns:
        The analysis.

    Raises:
        CaptureError: nothing of the source is a capture that can be read, or something is not, or is damaged, and ``strict``.
        SnapshotError: something of ``sockets`` is no socket table, and ``strict``.
        ValueError: ``stuck_after`` is no span of time, ``tz`` no time zone, or ``max_flows`` is not positive.

    Warns:
        CaptureWarning: the capture is damaged or cut; what is sound is analysed.

    A keyboard interrupt while reading ends the reading, not the analysis: the result is that of what was read, and its
    ``warnings`` say so.
    """
    least = parse_span(stuck_after)
    if max_flows is not None and max_flows < 1:
        raise ValueError(f"max_flows must be at least 1, not {max_flows}")
    gathered = gather(source)
    timeline = Timeline(gathered.sources, strict=strict, zone=_zone(tz))
    retirement = Retirement(least)
    table = FlowTable(most=max_flows, retire=retirement)
    with shown_in_a_notebook(progress) as advance:
        try:
            for _ in table.read(timeline):
                if advance is not None:
                    advance(timeline.position, timeline.size)
        except KeyboardInterrupt:  # somebody has seen enough of an endless capture, and wants the result
            timeline.interrupt()
            if not timeline.infos:
                raise
    result = conclude(timeline, table, retirement, least)
    info = result.capture
    limits = [limit for part in timeline.infos for limit in caveats.of_capture(part)] + caveats.of_missing_flows(info, max_flows)
    limits += caveats.of_dates(info) + caveats.of_gaps(info)
    analysis = Analysis(result, timeline, max_flows, gathered.passed_over + timeline.unreadable + limits)
    analysis.passed_over = gathered.passed_over
    if sockets is not None or timeline.texts or any(part.printout and part.printout.asides for part in timeline.infos):
        _join(analysis, sockets or [], timeline, strict=strict)
    return analysis


def analyze_text(text: str, *, tz: "str | datetime.tzinfo" = "UTC", **options: Any) -> Analysis:
    """Read packets as tcpdump or tshark print them, pasted as text, and judge every TCP flow in it.

    Args:
        text: whatever was pasted: the packets may stand among prose, prompts and socket tables.
        tz: the time zone of printed times.
        options: as `analyze` takes them.

    Returns:
        The analysis.

    Raises:
        CaptureError: no line of the text is a packet that says enough.
        ValueError: as `analyze` does.
    """
    pasted = BytesIO(text.encode("utf-8", "replace"))
    pasted.name = "text"  # what messages call it
    return analyze(pasted, tz=tz, **options)


def _join(analysis: Analysis, sockets: "SocketSource | Iterable[SocketSource]", timeline: Timeline, *, strict: bool) -> None:
    from closewait_pcap.results.joining import collect_all, join  # noqa: PLC0415 - only with socket tables

    collected = collect_all(sockets, timeline, strict=strict)
    analysis.unreadable = analysis.unreadable + collected.unreadable
    analysis.warnings += collected.unreadable
    if collected.snapshots:
        analysis.warnings += join(analysis.result, collected.snapshots)


def _zone(tz: "str | datetime.tzinfo") -> "datetime.tzinfo":
    if not isinstance(tz, str):
        return tz
    if tz == "UTC":
        return UTC
    from closewait_pcap.capture.printed.times import zone_of  # noqa: PLC0415 - for text alone

    return zone_of(tz)
