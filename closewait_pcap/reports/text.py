"""The report for a person at a terminal: the verdict first, then who, which flows, where to look, and what is not known."""

from io import StringIO
from typing import TYPE_CHECKING

from closewait_pcap.endpoints import endpoint_values
from closewait_pcap.reports import wording
from closewait_pcap.results import Result, Values, flow_values
from closewait_pcap.verdicts.judge import NO_TIME

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WORST = 10
"""Flows and endpoints listed; the rest is counted."""


def render(result: Result, warnings: list[str], shown: Values, *, all_flows: bool = False, width: int = 120, color: bool = False) -> str:
    """Write the report.

    Args:
        result: an analysis.
        warnings: what limits it.
        shown: the flows to speak of.
        all_flows: list every flow, not only the worst of those that wait.
        width: of the page, in characters.
        color: with ANSI colours.

    Returns:
        The text, ending in a newline.
    """
    from rich.console import Console  # noqa: PLC0415 - 50 ms that JSON need not pay
    from rich.text import Text  # noqa: PLC0415

    page = StringIO()
    console = Console(file=page, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False)
    summary = wording.summarize(result, shown)
    style = "bold red" if summary.stuck else "bold yellow" if summary.close_wait else "bold green"
    console.print(Text(wording.headline(result, shown), style=style), soft_wrap=True)
    endpoints = endpoint_values(result, shown)
    if len(endpoints["side"]):
        console.print()
        _print_table(console, _endpoint_table(endpoints), len(endpoints["side"]) - WORST, "endpoints")
    flagged = wording.flagged(result, shown)
    listed = shown if all_flows else flagged[:WORST]
    if len(listed):
        console.print()
        _print_table(console, _flow_table(result, listed), len(flagged) - len(listed), "flows that wait or waited; --all lists every flow")
        if len(flagged):
            console.print(Text(f"Wireshark filter: {_filter(flagged[:WORST])}"), soft_wrap=True)
    sentences = wording.unjudged(result, summary, shown)
    if sentences:
        console.print()
        console.print(Text("\n".join(["Not counted as CLOSE_WAIT:", *(f"  {sentence}" for sentence in sentences)])), soft_wrap=True)
    for sentence in wording.delayed_reconnects(result, shown):
        console.print(Text(sentence), soft_wrap=True)
    console.print()
    console.print(Text(_footer(result, summary)), soft_wrap=True)
    for warning in warnings:
        console.print(Text(f"Warning: {wording.printable(warning)}", style="yellow"), soft_wrap=True)
    return page.getvalue()


def _print_table(console: "Console", table: "Table", more: int, what: str) -> None:
    from rich.text import Text  # noqa: PLC0415

    console.print(table)
    if more > 0:
        console.print(Text(f"  ... and {more:,} more {what}"))


def _table(*columns: tuple[str, str]) -> "Table":
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for name, justify in columns:
        table.add_column(name, justify=justify, no_wrap=True, overflow="fold")  # type: ignore[arg-type]
    return table


def _endpoint_table(endpoints: dict[str, Values]) -> "Table":
    counts = {"CLOSE_WAIT": "close_wait", "stuck": "stuck", "sending": "sending", "too young": "too_young", "possible": "possible",
              "reset": "reset", "late": "closed_late", "closed": "closed"}  # fmt: skip
    # a column of zeros only takes room from the ones that say something
    told = {title: name for title, name in counts.items() if name in ("close_wait", "stuck", "closed") or endpoints[name].any()}
    table = _table(("waiting", "left"), *((title, "right") for title in told), ("since", "left"), ("longest", "right"))
    for row in range(min(len(endpoints["side"]), WORST)):
        table.add_row(
            wording.endpoint_name(endpoints, row),
            *(f"{int(endpoints[name][row]):,}" for name in told.values()),
            wording.moment(int(endpoints["first_since"][row])),
            wording.span(int(endpoints["longest_held"][row])),
        )
    return table


def _flow_table(result: Result, streams: Values) -> "Table":
    values = flow_values(result, streams)
    table = _table(
        ("stream", "right"), ("client", "left"), ("server", "left"), ("verdict", "left"), ("waits", "left"), ("held", "right"),
        ("stuck", "left"), ("FIN frame", "right"), ("its ACK", "right"), ("history", "left"),
    )  # fmt: skip
    for row, stream in enumerate(streams.tolist()):
        waiting = int(values["waiting_side"][row])
        closer = "server" if waiting == 0 else "client"
        frames = [int(values[f"{closer}_{name}"][row]) if waiting >= 0 else -1 for name in ("fin_frame", "fin_ack_frame")]
        held = int(values["held"][row])
        table.add_row(
            str(stream),
            wording.socket_name(_text(values, "client", row), int(values["client_port"][row])),
            wording.socket_name(_text(values, "server", row), int(values["server_port"][row])),
            _text(values, "verdict", row),
            _text(values, "waiting_side", row),
            "" if held == NO_TIME else wording.span(held),
            {1: "yes", 0: "no, sending"}.get(int(values["stuck"][row]), "too young" if values["verdict"][row] == 9 else ""),
            *("" if frame < 0 else str(frame) for frame in frames),
            _text(values, "history", row),
        )
    return table


def _text(values: dict[str, Values], name: str, row: int) -> str:
    category = values[name]
    code = int(category[row])
    return category.texts[code] if code >= 0 else ""  # type: ignore[attr-defined, no-any-return]


def _filter(streams: Values) -> str:
    numbers = sorted(streams.tolist())
    return f"tcp.stream eq {numbers[0]}" if len(numbers) == 1 else f"tcp.stream in {{{', '.join(map(str, numbers))}}}"


def _footer(result: Result, summary: wording.Summary) -> str:
    info = result.capture
    verdicts = ", ".join(f"{count:,} {name}" for name, count in summary.counts.items())
    lines = [f"Flows: {summary.flows:,}" + (f" ({verdicts})" if verdicts else "")]
    text = f"Capture: {wording.printable(info.file)}, {info.format}, {', '.join(info.link_types) or 'no interface'}; "
    text += f"{info.frames:,} frames, {info.tcp_frames:,} TCP"
    if info.first_time is not None and info.end_time is not None:
        text += f"; {wording.moment(info.first_time)} to {wording.moment(info.end_time)} ({wording.span(info.end_time - info.first_time)})"
    lines.append(text)
    skipped = {reason: count for reason, count in info.skipped.items() if reason not in ("not_ip", "not_tcp")}
    if skipped:
        lines.append("Frames passed over: " + ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in skipped.items()))
    return "\n".join(lines)
