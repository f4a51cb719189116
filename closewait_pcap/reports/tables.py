"""The report on socket tables without a capture: the same for a terminal and for a ticket."""

from collections import Counter
from collections.abc import Sequence

from closewait_pcap import quantities
from closewait_pcap.reports.formats.text import Page
from closewait_pcap.reports.parts import Command, Part, Section, Sentence, Table
from closewait_pcap.reports.sections.sockets import endpoint_text, holder, holder_sentences, queue_sentences, reader_sentences
from closewait_pcap.sockets.addresses import Endpoint
from closewait_pcap.sockets.table import Snapshot, Socket
from closewait_pcap.views.holdings import Holding, Host

WORST = 10
"""Endpoints and sockets listed; the rest is counted."""
_RED, _GREEN, _WARNING = "1;31", "1;32", "33"


def render(
    hosts: Sequence[Host], warnings: list[str], *, all_sockets: bool = False, width: int | None = None, color: bool = False
) -> str:
    """Write the report for a terminal.

    Args:
        hosts: what was found on each.
        warnings: what limits it.
        all_sockets: list every socket in CLOSE_WAIT.
        width: of the page, in characters; None: sentences and tables are as long as they are.
        color: with ANSI colours.

    Returns:
        The text, ending in a newline.
    """
    page = Page(width, color)
    page.say(headline(hosts), _RED if _any_waits(hosts) else _GREEN)
    for section in tell(hosts, all_sockets=all_sockets):
        page.section(section)
    for warning in warnings:
        page.say(f"Warning: {quantities.printable(warning)}", _WARNING)
    return "\n".join(page.lines) + "\n"


def render_page(format_: str, hosts: Sequence[Host], warnings: Sequence[str], *, all_sockets: bool = False) -> str:
    """Write the report as Markdown or as HTML.

    Args:
        format_: ``"markdown"`` or ``"html"``.
        hosts: whose tables were read.
        warnings: what limits it.
        all_sockets: list every socket, not only those in CLOSE_WAIT.
    """
    told = tell(hosts, all_sockets=all_sockets)
    if format_ == "markdown":
        from closewait_pcap.reports.formats import markdown  # noqa: PLC0415 - only what is asked for

        return markdown.page(headline(hosts), told, warnings)
    from closewait_pcap.reports.formats import html  # noqa: PLC0415

    names = ", ".join(snapshot.source for host in hosts for snapshot in host.snapshots)
    return html.page(headline(hosts), told, warnings, file=names or "socket tables", waits=_any_waits(hosts))


def tell(hosts: Sequence[Host], *, all_sockets: bool = False) -> list[Section]:
    """Give what follows the headline, in the order of telling.

    Args:
        hosts: what was found on each.
        all_sockets: list every socket in CLOSE_WAIT.
    """
    sections = [section for host in hosts for section in _of_host(host, all_sockets=all_sockets)]
    return [*sections, Section("tables", "", [*_following(hosts), *(Sentence(_table_line(host)) for host in hosts)])]


def _any_waits(hosts: Sequence[Host]) -> bool:
    return any(holding.close_wait for host in hosts for holding in host.holdings())


def _following(hosts: Sequence[Host]) -> list[Part]:
    """Say what tells more than these tables do."""
    if not _any_waits(hosts):
        return []
    parts: list[Part] = []
    if not any(len(host.snapshots) > 1 for host in hosts):
        parts = [
            Sentence("For how long they have waited, one table does not tell."),
            Command("Next, the same again a minute later", "analyze --sockets FIRST SECOND"),
            Command("Or a capture beside it", "analyze CAPTURE --sockets FILE"),
        ]
    elif not any(host.span for host in hosts):
        parts = [
            Sentence("For how long they have waited, tables without times do not tell."),
            Command("Next, with the time before each", "(date -u; ss -tanpe) >> ss.txt"),
        ]
    return [*parts, Sentence("CLOSE_WAIT has no timer: only closing the socket ends it; keepalive and sysctl settings do not.")]


def headline(hosts: Sequence[Host]) -> str:
    """Say who holds how many in CLOSE_WAIT, for how long at least, and whether they grow."""
    found = sorted(
        ((holding, host) for host in hosts for holding in host.holdings() if holding.close_wait),
        key=lambda each: -len(each[0].close_wait),
    )
    sockets = sum(len(host.last.sockets) for host in hosts)
    if not found:
        untold = sum(1 for host in hosts for socket in host.last.sockets if socket.state is None)
        if untold:
            all_of_them = quantities.count(sockets, "socket")
            return f"No socket is known to be in CLOSE_WAIT: of {untold:,} of {all_of_them} no state is told."
        return f"No socket is in CLOSE_WAIT ({quantities.count(sockets, 'socket')})."
    worst, host = found[0]
    total = sum(len(holding.close_wait) for holding, _ in found)
    share = f"{len(worst.close_wait):,} of them" if len(found) > 1 else ""
    told = "; ".join(filter(None, [_processes(worst), share]))
    who = place_text(worst) + (f" ({told})" if told else "")
    who += f" and {quantities.count(len(found) - 1, 'other endpoint')}" if len(found) > 1 else ""
    text = f"{quantities.count(total, 'socket')} in CLOSE_WAIT: {who} {'have' if len(found) > 1 else 'has'} not closed."
    never = sum(holding.never_accepted for holding, _ in found)
    if never:
        which = "It was" if total == 1 else f"{never:,} of them {'was' if never == 1 else 'were'}"
        text += f" {which} never accepted by any process."
    if nameless := sum(holding.unknown for holding, host in found if _tells_all(host.last)):
        which = "It was" if total == 1 else f"{nameless:,} of them {'was' if nameless == 1 else 'were'}"
        text += f" {which} probably never accepted: the table tells processes, and none for {'it' if nameless == 1 else 'them'}."
    return text + _lasting(hosts) + _growth(worst, host)


def _tells_all(snapshot: Snapshot) -> bool:
    """Whether a process that is not shown is probably none: the table tells them, and does not say that it hides some."""
    return snapshot.tells_processes and snapshot.privileged is not False


def _processes(holding: Holding) -> str:
    """Name the process that holds most of a place's sockets."""
    counts = Counter((user.process, user.pid) for socket in holding.close_wait for user in socket.users[:1])
    if not counts:
        return ""
    [((process, pid), _)] = counts.most_common(1)
    name = quantities.printable(process) + ("" if pid is None else f"[{pid}]")
    return f"{name} and {len(counts) - 1:,} more" if len(counts) > 1 else name


def _lasting(hosts: Sequence[Host]) -> str:
    lasting = [(len(host.lasting), host.span or 0) for host in hosts if host.lasting]
    if not lasting:
        return ""
    number, span = sum(count for count, _ in lasting), max(span for _, span in lasting)
    since = f", {quantities.span(span)} before" if span else ""
    return f" {number:,} stood so in the first table, too{since}: stuck."


def _growth(worst: Holding, host: Host) -> str:
    if worst.before is None:
        return ""
    more = len(worst.close_wait) - worst.before
    within = f" in {quantities.span(host.span)}" if host.span else ""
    trend = f"grew by {more:,}" if more > 0 else f"fell by {-more:,}" if more else "did not change"
    return f" At {place_text(worst)} the number {trend}{within}."


def place_text(holding: Holding) -> str:
    """Name a place: ``server 10.0.0.1:80``, or ``a client of 10.0.0.2:443``."""
    end = end_text(holding.place.endpoint)
    return f"server {end}" if holding.place.side == "server" else f"a client of {end}"


def end_text(end: Endpoint) -> str:
    """Write an end."""
    if end.text:
        return quantities.printable(end.text)
    return quantities.socket_name("*" if end.address is None else str(end.address), end.port or 0)


def _of_host(host: Host, *, all_sockets: bool) -> list[Section]:
    holdings, sections = host.holdings(), []
    if holdings:
        parts: list[Part] = [_holding_table(holdings[:WORST])]
        if len(holdings) > WORST:
            parts.append(Sentence(f"... and {quantities.count(len(holdings) - WORST, 'more endpoint')}", 1))
        sections.append(Section("endpoints", "", parts))
    sockets = [socket for holding in holdings for socket in holding.close_wait]
    if sockets:
        listed = sockets if all_sockets else sockets[:WORST]
        parts = [_socket_table(listed)]
        if len(sockets) > len(listed):
            more = quantities.count(len(sockets) - len(listed), "more socket")
            parts.append(Sentence(f"... and {more}; --all lists every one", 1))
        sections.append(Section("sockets", "", parts))
    said = holder_sentences(sockets) if sockets else []
    said += [*queue_sentences([host.last]), *reader_sentences([host.last])]
    return [*sections, Section("holders", "", [*map(Sentence, said)])] if said else sections


def _holding_table(holdings: list[Holding]) -> Table:
    titles = ["waiting", "CLOSE_WAIT", "held", "never accepted", "not told", "before", "ESTABLISHED", "queue"]
    rows = [
        [
            place_text(each),
            f"{len(each.close_wait):,}",
            f"{each.held:,}",
            f"{each.never_accepted:,}",
            f"{each.unknown:,}" if each.unknown else "",
            "" if each.before is None else f"{each.before:,}",
            f"{each.established:,}",
            _queue_text(each),
        ]
        for each in holdings
    ]
    for title in ("not told", "before", "queue"):
        place = titles.index(title)
        if not any(row[place] for row in rows):
            for line in (titles, *rows):
                del line[place]
    return Table(titles, [False, *[True] * (len(titles) - 1)], rows, 1, len(titles))


def _queue_text(holding: Holding) -> str:
    if holding.queue is None:
        return ""
    return f"{holding.queue.length:,}" + ("" if holding.queue.limit is None else f" of {holding.queue.limit:,}")


def _socket_table(sockets: list[Socket]) -> Table:
    rows = [
        [
            endpoint_text(socket),
            end_text(socket.peer),
            "" if socket.recv_q is None else f"{socket.recv_q:,}",
            "" if socket.send_q is None else f"{socket.send_q:,}",
            holder(socket),
        ]
        for socket in sockets
    ]
    return Table(["CLOSE_WAIT", "peer", "Recv-Q", "Send-Q", "held by"], [False, False, True, True, False], rows, 2, 5)


def _table_line(host: Host) -> str:
    last = host.last
    name = quantities.printable(last.source)
    if len(host.snapshots) > 1:
        name = f"{quantities.count(len(host.snapshots), 'table')}, the last of them {name}"
    root = {True: ", read as root", False: ", some processes hidden", None: ""}[last.privileged]
    when = "" if last.time is None else f", {quantities.short_moment(last.time)} UTC ({last.time_from})"
    return f"Sockets: {name}, {last.format}{root}{when}; {quantities.count(len(last.sockets), 'socket')}"
