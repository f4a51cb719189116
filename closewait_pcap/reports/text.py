"""The report for a person at a terminal: the verdict first, then who, which flows, where to look, and what is not known.

What does not fit the page as a table is written as one paragraph per row: an address is never cut or broken, so that it can be
copied.
"""

import textwrap
from typing import NamedTuple

from closewait_pcap import quantities
from closewait_pcap.endpoints import endpoint_values
from closewait_pcap.explanations import Explanations
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.reports import wording
from closewait_pcap.reports.why import say_causes, say_limits, say_queues
from closewait_pcap.results import Category, Result, Values, flow_values
from closewait_pcap.verdicts.verdict import Verdict

WORST = 10
"""Flows and endpoints listed; the rest is counted."""
_RED, _YELLOW, _GREEN, _BOLD, _WARNING = "1;31", "1;33", "1;32", "1", "33"


class Table(NamedTuple):
    """A table before it is known whether it fits the page."""

    titles: list[str]
    right: list[bool]
    """Which columns are numbers."""
    rows: list[list[str]]
    names: int
    """How many columns, from the left, name the row."""
    narrow: int
    """How many, from the left, a narrow page shows."""


class Page:
    """Lines of text.

    Args:
        width: in characters; None: as wide as need be.
        color: with ANSI colours.
    """

    def __init__(self, width: int | None, color: bool) -> None:
        self.lines: list[str] = []
        self._width = width
        self._color = color

    def say(self, text: str = "", style: str = "", indent: str = "") -> None:
        """Add a sentence, or an empty line."""
        lines = [indent + text]
        if self._width is not None and len(lines[0]) > self._width:
            lines = textwrap.wrap(
                text,
                self._width,
                initial_indent=indent,
                subsequent_indent=indent + "  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        self.lines += [self._paint(line, style) for line in lines]

    def table(self, table: Table) -> None:
        """Add a table, or where it is too wide a paragraph per row."""
        widths = [max(map(len, column)) for column in zip(table.titles, *table.rows, strict=True)]
        for gap in (3, 2):
            total = sum(widths) + gap * (len(widths) - 1)
            if self._width is None or total <= self._width:
                break
        else:
            for row in table.rows:
                self._paragraph(table, row)
            return
        for number, row in enumerate([table.titles, *table.rows]):
            cells = [
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, widths, table.right, strict=True)
            ]
            self.lines.append(self._paint((" " * gap).join(cells).rstrip(), "" if number else _BOLD))
            if not number:
                self.lines.append("─" * total)

    def _paragraph(self, table: Table, row: list[str]) -> None:
        pairs = zip(table.titles, row, strict=True)
        cells = [cell if title == "verdict" or not cell else f"{title} {cell}" for title, cell in pairs]
        self._pack(cells[: table.names], "", _BOLD)
        self._pack(cells[table.names : table.narrow], "  ", "")

    def _pack(self, cells: list[str], indent: str, style: str) -> None:
        """Put as many cells on a line as fit, and break none."""
        lines: list[str] = []
        for cell in filter(None, cells):
            if lines and len(lines[-1]) + len(cell) + 2 < (self._width or 0):
                lines[-1] += f", {cell}"
            else:
                lines.append((indent if indent or not lines else "  ") + cell)
        self.lines += [self._paint(line + "," * (line is not lines[-1]), style) for line in lines]

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if style and self._color else text


def render(
    result: Result,
    warnings: list[str],
    shown: Values,
    *,
    all_flows: bool = False,
    width: int | None = None,
    color: bool = False,
) -> str:
    """Write the report.

    Args:
        result: an analysis.
        warnings: what limits it.
        shown: the flows to speak of.
        all_flows: list every flow, not only the worst of those that wait.
        width: of the page, in characters; None: sentences and tables are as long as they are.
        color: with ANSI colours.

    Returns:
        The text, ending in a newline.
    """
    page, summary = Page(width, color), wording.summarize(result, shown)
    style = _RED if summary.stuck else _YELLOW if summary.close_wait else _GREEN
    endpoints = endpoint_values(result, shown)
    page.say(wording.headline(result, shown, endpoints), style)
    if len(endpoints["side"]):
        page.say()
        page.table(_endpoint_table(endpoints))
        _say_more(page, len(endpoints["side"]) - WORST, "endpoint")
    flagged = wording.flagged(result, shown)
    listed = shown if all_flows else flagged[:WORST]
    if len(listed):
        page.say()
        page.table(_flow_table(result, listed))
        _say_more(page, len(flagged) - len(listed), "flow", " that wait or waited; --all lists every flow")
        if len(flagged):
            pasted = wording.streams_filter(result, flagged[:WORST])
            merged = ", after mergecap -w merged.pcapng FILE..." if len(result.capture.files) > 1 else ""
            page.lines.append(f"Wireshark filter{merged}: {pasted}")  # never broken
    say_causes(page, result, flagged)
    say_queues(page, result)
    if result.matches is not None:
        from closewait_pcap.reports.sockets import say_sockets  # noqa: PLC0415 - only with socket tables

        say_sockets(page, result, shown)
    sentences = wording.unjudged(result, shown)
    if sentences:
        page.say()
        page.say("Not counted as CLOSE_WAIT:")
        for sentence in sentences:
            page.say(sentence, indent="  ")
    for sentence in wording.delayed_reconnects(result, shown):
        page.say(sentence)
    say_limits(page, result, shown)
    page.say()
    for line in _footer(result, summary):
        page.say(line)
    for warning in warnings:
        page.say(f"Warning: {quantities.printable(warning)}", _WARNING)
    return "\n".join(page.lines) + "\n"


def _say_more(page: Page, more: int, noun: str, rest: str = "") -> None:
    if more > 0:
        page.say(f"... and {quantities.count(more, f'more {noun}')}{rest}", indent="  ")


def _endpoint_table(endpoints: dict[str, Values]) -> Table:
    counts = {"CLOSE_WAIT": "close_wait", "stuck": "stuck", "sending": "sending", "too young": "too_young",
              "possible": "possible", "reset": "reset", "late": "closed_late", "closed": "closed"}  # fmt: skip
    # a column of zeros only takes room from the ones that say something
    told = {title: name for title, name in counts.items() if name in ("close_wait", "stuck", "closed") or endpoints[name].any()}
    rows = [
        [
            wording.endpoint_name(endpoints, row),
            *(f"{int(endpoints[name][row]):,}" for name in told.values()),
            quantities.moment(int(endpoints["first_since"][row])).partition(".")[0],
            quantities.span(int(endpoints["longest_held"][row])),
        ]
        for row in range(min(len(endpoints["side"]), WORST))
    ]
    titles = ["waiting", *told, "since (UTC)", "longest"]
    return Table(titles, [False, *[True] * len(told), False, True], rows, 1, len(titles))


def _flow_table(result: Result, flows: Values) -> Table:
    values = flow_values(result, flows) | Explanations(result, flows).values()
    files = quantities.short_names(result.capture.files)
    values |= {name: Category.of(codes, files) for name, codes in values.items() if name.endswith("file")}
    titles = ["stream", "client", "server", "verdict", "waits", "held", "stuck", "cause", "file", "FIN frame", "its ACK"]
    titles += ["ended by", "via", "held by", "history"]
    right = [title in ("stream", "held", "FIN frame", "its ACK") for title in titles]
    rows = [_flow_row(values, row, stream) for row, stream in enumerate(result.streams_of(flows).tolist())]
    if result.matches is not None:
        from closewait_pcap.reports.sockets import flow_holder  # noqa: PLC0415 - only with socket tables

        for cells, flow in zip(rows, flows.tolist(), strict=True):
            cells[titles.index("held by")] = flow_holder(result, flow)
    untold = [title for title in ("cause", "ended by", "via", "held by") if not any(row[titles.index(title)] for row in rows)]
    untold += ["file"] * (len(result.capture.files) == 1)
    for title in untold:
        place = titles.index(title)
        for line in (titles, right, *rows):
            del line[place]  # type: ignore[attr-defined] # lists all, of different things
    return Table(titles, right, rows, 3, len(titles) - 1)


def _flow_row(values: dict[str, Values], row: int, stream: int) -> list[str]:
    waiting, held = _text(values, "waiting_side", row), int(values["held"][row])
    closer = _closer(values, row)
    young = "too young" if _text(values, "verdict", row) == Verdict.close_wait.name else ""
    return [
        str(stream),
        quantities.socket_name(_text(values, "client", row), int(values["client_port"][row])),
        quantities.socket_name(_text(values, "server", row), int(values["server_port"][row])),
        _text(values, "verdict", row),
        waiting,
        "" if held == NO_TIME else quantities.span(held),
        {1: "yes", 0: "no: sending"}.get(int(values["stuck"][row]), young),
        " ".join(filter(None, [_text(values, "confidence", row), _text(values, "cause", row)])),
        _file(values, _file_shown(values, row), row),
        _frame(values, f"{closer}_fin", row),
        _frame(values, f"{closer}_fin_ack", row),
        _ended_by(values, row, waiting),
        _via(values, row),
        "",
        _text(values, "history", row),
    ]


def _via(values: dict[str, Values], row: int) -> str:
    """Say by which way the flow came: what the file knows of where it was captured, and its tunnel."""
    vlan, interface, process, tunnel = (_text(values, name, row) for name in ("vlan", "interface", "process", "tunnel"))
    outer = f"{_text(values, 'outer_client', row)} > {_text(values, 'outer_server', row)}"
    parts = [interface, process, vlan and f"VLAN {vlan}", tunnel and f"{tunnel} {outer}"]
    return quantities.printable(", ".join(filter(None, parts)))


def _frame(values: dict[str, Values], name: str, row: int) -> str:
    """Write a frame's number; before it the file's name, where that is not the one of the column ``file``."""
    frame, file = int(values[f"{name}_frame"][row]), _file(values, f"{name}_file", row)
    if frame < 0:
        return ""
    return str(frame) if file == _file(values, _file_shown(values, row), row) else f"{file}:{frame}"


def _file_shown(values: dict[str, Values], row: int) -> str:
    """Name the column that tells the file of the frame where the waiting begins; without one, of the flow's first."""
    name = f"{_closer(values, row)}_fin_file"
    return name if int(values[name][row]) >= 0 else "file"


def _file(values: dict[str, Values], name: str, row: int) -> str:
    return _text(values, name, row)


def _closer(values: dict[str, Values], row: int) -> str:
    waiting = _text(values, "waiting_side", row)
    return {"server": "client", "client": "server"}.get(waiting) or _first_to_close(values, row)


def _first_to_close(values: dict[str, Values], row: int) -> str:
    client, server = (int(values[f"{side}_fin_frame"][row]) for side in ("client", "server"))
    return "server" if client < 0 or 0 <= server < client else "client"


def _ended_by(values: dict[str, Values], row: int, waiting: str) -> str:
    """Say in which frame the waiting ended, where it did."""
    verdict = _text(values, "verdict", row)
    if verdict == Verdict.closed_late.name:
        return f"FIN {_frame(values, f'{waiting}_fin', row)}"
    if verdict != Verdict.close_wait_reset.name:
        return ""
    resets = [
        (int(values[f"{side}_rst_time"][row]), side) for side in ("client", "server") if values[f"{side}_rst_frame"][row] >= 0
    ]
    side = min(resets)[1] if resets else ""
    return f"RST {_frame(values, f'{side}_rst', row)} ({side})" if side else "RST"


def _text(values: dict[str, Values], name: str, row: int) -> str:
    category = values[name]
    code = int(category[row])
    return category.texts[code] if code >= 0 else ""  # type: ignore[attr-defined]


def _footer(result: Result, summary: wording.Summary) -> list[str]:
    info = result.capture
    verdicts = ", ".join(f"{count:,} {name}" for name, count in summary.counts.items())
    lines = [f"Flows: {summary.flows:,}" + (f" ({verdicts})" if verdicts else "")]
    text = f"Capture: {quantities.printable(info.file)}, {info.format}, {', '.join(info.link_types) or 'no interface'}; "
    text += f"{info.frames:,} frames, {info.tcp_frames:,} TCP"
    if info.first_time is not None and info.end_time is not None:
        text += f"; {quantities.moment(info.first_time)} to {quantities.moment(info.end_time)}"
        if info.end_time >= info.first_time:  # or the clock was set back
            text += f" ({quantities.span(info.end_time - info.first_time)})"
    lines.append(text)
    skipped = {reason: count for reason, count in info.skipped.items() if reason not in ("not_ip", "not_tcp")}
    if skipped:
        lines.append(
            "Frames passed over: " + ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in skipped.items())
        )
    return lines
