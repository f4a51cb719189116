"""The reference's page of columns, from the tables that the DataFrames are made from."""

import re
from collections.abc import Sequence
from types import ModuleType

from closewait_pcap import columns
from closewait_pcap.columns import Column
from closewait_pcap.verdicts import chains, traits, trends
from closewait_pcap.verdicts.differences import RULES
from docs.generating.markdown import table

ANALYSIS: dict[str, tuple[str, Sequence[Column]]] = {
    "flows": (
        "One row per flow. The index `stream` (int64) is Wireshark's `tcp.stream`. `Analysis.close_wait` has the same columns, "
        "for the flows whose verdict is `close_wait`.",
        columns.FLOWS,
    ),
    "events": ("One row per state change of either end, ordered by stream, then time.", columns.EVENT_COLUMNS),
    "endpoints": ("One row per endpoint that waits or did, the worst first.", columns.ENDPOINTS),
    "listeners": (
        "One row per listener behind which a silent server end waits, or whose queue was full; full ones first.",
        columns.LISTENERS,
    ),
    "sockets": ("One row per row of the socket tables; empty where none was given.", columns.SOCKETS),
    "agreement": (
        "The kernel's state against that of the packets: one row per end that a socket table has, or lacks although it must "
        "have it.",
        columns.AGREEMENT,
    ),
    "packets(stream)": ("One row per frame of one flow, read from the capture again.", columns.PACKETS),
}
SOCKET_ANALYSIS: dict[str, tuple[str, Sequence[Column]]] = {
    "sockets": (
        "One row per row of the tables; `SocketAnalysis.close_wait` has those in CLOSE_WAIT.",
        columns.SOCKETS[:-2],
    ),
    "endpoints": ("One row per endpoint with sockets in CLOSE_WAIT, the most first.", columns.HOLDINGS),
    "processes": ("One row per process that holds sockets in CLOSE_WAIT, the most first.", columns.HOLDERS),
    "queues": ("One row per listener, full queues first.", columns.QUEUES),
}


def page() -> str:
    """Write the tables of columns."""
    parts = [
        "# Columns",
        "Made by `docs/generate.py` from `closewait_pcap/columns.py`. A dtype in capitals is nullable; missing values are `NA` "
        "(`NaT` in times and spans, `NaN` in categories and text).",
    ]
    for name, (about, chosen) in ANALYSIS.items():
        parts += [f"## Analysis.{name}", about, _columns(chosen)]
        if any(column.of_sockets for column in chosen):
            names = [f"`{column.name}`" for column in chosen if column.of_sockets]
            parts.append(f"Only with socket tables (`sockets=`): from {names[0]} to {names[-1]}.")
        if any(column.of_text for column in chosen):
            names = [f"`{column.name}`" for column in chosen if column.of_text]
            parts.append(f"Only where packets were printed as text: {', '.join(names)}.")
    for name, (about, chosen) in SOCKET_ANALYSIS.items():
        parts += [f"## SocketAnalysis.{name}", about, _columns(chosen)]
    parts += ["## Values", "The [verdicts](verdicts.md) and the [causes](causes.md) have pages of their own."]
    reasons = table(("reason", "explanation"), ((f"`{rule.name}`", rule.sentence) for rule in RULES))
    parts += [f"**Reasons** why kernel and packets differ, the first that holds\n\n{reasons}"]
    parts += [f"**Trends** of endpoints, and what they and the columns beside them claim\n\n{_explained(trends)}"]
    parts += [_explained(traits), _explained(chains)]
    for title, values in {"States": columns.STATES, "Events": columns.EVENTS, "roles_from": columns.ROLES_FROM}.items():
        parts.append(f"**{title}**: {', '.join(f'`{value}`' for value in values)}")
    return "\n\n".join(parts) + "\n"


def _columns(chosen: Sequence[Column]) -> str:
    rows = ((f"`{column.name}`", column.kind.value, column.unit, column.meaning, column.source) for column in chosen)
    return table(("column", "dtype", "unit", "meaning", "source"), rows)


def _explained(module: ModuleType) -> str:
    """A module's own explanation, its thresholds written out: terms and their indented definitions become a list."""
    text = re.sub(r"``?([^`]+)``?", lambda match: f"{getattr(module, match[1], f'`{match[1]}`')}", module.__doc__ or "")
    text = re.sub(r"\n(\w+)\n    (.+(?:\n    .+)*)", lambda match: f"\n- `{match[1]}`: {match[2]}", text)
    return re.sub(r"\n +", "\n  ", text.strip())
