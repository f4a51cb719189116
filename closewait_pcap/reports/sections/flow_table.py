"""The table of flows: which, what became of them, and in which frames to look."""

from closewait_pcap import quantities
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.reports.parts import Table, TableMaker
from closewait_pcap.results.flow_values import flow_values
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Category, Values, cell
from closewait_pcap.verdicts.verdict import Verdict
from closewait_pcap.views.explanations import Explanations

_TITLES = ["stream", "client", "server", "verdict", "waits", "held", "stuck", "cause", "file", "FIN frame", "its ACK",
           "ended by", "via", "held by", "history"]  # fmt: skip
_OPTIONAL = {"cause", "ended by", "via", "held by"}


def flow_table(result: Result, flows: Values) -> Table:
    """Make it.

    Args:
        result: an analysis.
        flows: to list, in the order wanted.
    """
    values = flow_values(result, flows) | Explanations(result, flows).values()
    files = quantities.short_names(result.capture.files)
    values |= {name: Category.of(codes, files) for name, codes in values.items() if name.endswith("file")}
    rows = [_row(values, row, stream) for row, stream in enumerate(result.streams_of(flows).tolist())]
    if result.matches is not None:
        from closewait_pcap.reports.sections.sockets import flow_holder  # noqa: PLC0415 - only with socket tables

        for cells, flow in zip(rows, flows.tolist(), strict=True):
            cells[_TITLES.index("held by")] = flow_holder(result, flow)
    if len(result.capture.files) == 1:
        for cells in rows:
            cells[_TITLES.index("file")] = ""
    keep = set(_TITLES) - _OPTIONAL - {"file"}
    return TableMaker(_TITLES, {"stream", "held", "FIN frame", "its ACK"}, keep).make(rows, 3, 1)


def _row(values: dict[str, Values], row: int, stream: int) -> list[str]:
    waiting, held = cell(values, "waiting_side", row), int(values["held"][row])
    closer = closer_of(values, row)
    young = "too young" if cell(values, "verdict", row) == Verdict.close_wait.name else ""
    return [
        str(stream),
        quantities.socket_name(cell(values, "client", row), int(values["client_port"][row])),
        quantities.socket_name(cell(values, "server", row), int(values["server_port"][row])),
        cell(values, "verdict", row),
        waiting,
        "" if held == NO_TIME else quantities.span(held),
        {1: "yes", 0: "no: sending"}.get(int(values["stuck"][row]), young),
        " ".join(filter(None, [cell(values, "confidence", row), cell(values, "cause", row)])),
        cell(values, _file_shown(values, row), row),
        _frame(values, f"{closer}_fin", row),
        _frame(values, f"{closer}_fin_ack", row),
        _ended_by(values, row, waiting),
        _via(values, row),
        "",
        cell(values, "history", row),
    ]


def _via(values: dict[str, Values], row: int) -> str:
    """Say by which way the flow came: what the file knows of where it was captured, and its tunnel."""
    vlan, interface, process, tunnel = (cell(values, name, row) for name in ("vlan", "interface", "process", "tunnel"))
    outer = f"{cell(values, 'outer_client', row)} > {cell(values, 'outer_server', row)}"
    parts = [interface, process, vlan and f"VLAN {vlan}", tunnel and f"{tunnel} {outer}"]
    return quantities.printable(", ".join(filter(None, parts)))


def _frame(values: dict[str, Values], name: str, row: int) -> str:
    """Write a frame's number; before it the file's name, where that is not the one of the column ``file``."""
    frame, file = int(values[f"{name}_frame"][row]), cell(values, f"{name}_file", row)
    if frame < 0:
        return ""
    return str(frame) if file == cell(values, _file_shown(values, row), row) else f"{file}:{frame}"


def _file_shown(values: dict[str, Values], row: int) -> str:
    """Name the column that tells the file of the frame where the waiting begins; without one, of the flow's first."""
    name = f"{closer_of(values, row)}_fin_file"
    return name if int(values[name][row]) >= 0 else "file"


def closer_of(values: dict[str, Values], row: int) -> str:
    """Name the side that closed first."""
    waiting = cell(values, "waiting_side", row)
    if waiting:
        return "client" if waiting == "server" else "server"
    client, server = (int(values[f"{side}_fin_frame"][row]) for side in ("client", "server"))
    return "server" if client < 0 or 0 <= server < client else "client"


def _ended_by(values: dict[str, Values], row: int, waiting: str) -> str:
    """Say in which frame the waiting ended, where it did."""
    verdict = cell(values, "verdict", row)
    if verdict == Verdict.closed_late.name:
        return f"FIN {_frame(values, f'{waiting}_fin', row)}"
    if verdict != Verdict.close_wait_reset.name:
        return ""
    side = resetter_of(values, row)
    return f"RST {_frame(values, f'{side}_rst', row)} ({side})" if side else "RST"


def resetter_of(values: dict[str, Values], row: int) -> str:
    """Name the side that sent the first acceptable RST; empty where that was not seen."""
    resets = [
        (int(values[f"{side}_rst_time"][row]), side) for side in ("client", "server") if values[f"{side}_rst_frame"][row] >= 0
    ]
    return min(resets)[1] if resets else ""
