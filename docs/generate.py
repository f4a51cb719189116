"""Make what of the documentation follows from the program: columns.md, causes.md, report.schema.json, the example in json.md.

Run it after changing a column, the JSON or a sample; ``tests/reports/test_docs.py`` fails until it was run::

    python docs/generate.py
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from closewait_pcap import columns
from closewait_pcap.columns import Column
from closewait_pcap.reports.schema import schema
from closewait_pcap.verdicts import chains, traits, trends
from closewait_pcap.verdicts.cause import Cause
from closewait_pcap.verdicts.causes.diagnosis import explain
from closewait_pcap.verdicts.differences import RULES
from closewait_pcap.verdicts.limits import Limit
from closewait_pcap.verdicts.verdict import MEANINGS

DOCS = Path(__file__).parent
TABLES: dict[str, tuple[str, Sequence[Column]]] = {
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
TABLES_ALONE: dict[str, tuple[str, Sequence[Column]]] = {
    "sockets": (
        "One row per row of the tables; `SocketAnalysis.close_wait` has those in CLOSE_WAIT.",
        columns.SOCKETS[:-2],
    ),
    "endpoints": ("One row per endpoint with sockets in CLOSE_WAIT, the most first.", columns.HOLDINGS),
    "processes": ("One row per process that holds sockets in CLOSE_WAIT, the most first.", columns.HOLDERS),
    "queues": ("One row per listener, full queues first.", columns.QUEUES),
}


def columns_page() -> str:
    """Write the tables of columns."""
    parts = [
        "# Columns",
        "Made by `docs/generate.py` from `closewait_pcap/columns.py`. A dtype in capitals is nullable; missing values are `NA` "
        "(`NaT` in times and spans, `NaN` in categories and text).",
    ]
    for name, (about, table) in TABLES.items():
        parts += [f"## Analysis.{name}", about, _table(table)]
        if any(column.of_sockets for column in table):
            names = [f"`{column.name}`" for column in table if column.of_sockets]
            parts.append(f"Only with socket tables (`sockets=`): from {names[0]} to {names[-1]}.")
        if any(column.of_text for column in table):
            names = [f"`{column.name}`" for column in table if column.of_text]
            parts.append(f"Only where packets were printed as text: {', '.join(names)}.")
    for name, (about, table) in TABLES_ALONE.items():
        parts += [f"## SocketAnalysis.{name}", about, _table(table)]
    parts += ["## Values"]
    parts += [f"**Reasons** why kernel and packets differ, the first that holds\n\n{_reasons()}"]
    parts += [f"**Verdicts**, of which every flow has the first that matches\n\n{_verdicts()}"]
    parts += [f"**Trends** of endpoints, and what they and the columns beside them claim\n\n{_explained(trends)}"]
    parts += [_explained(traits), _explained(chains)]
    for title, values in {"States": columns.STATES, "Events": columns.EVENTS, "roles_from": columns.ROLES_FROM}.items():
        parts.append(f"**{title}**: {', '.join(f'`{value}`' for value in values)}")
    return "\n\n".join(parts) + "\n"


def _table(table: Sequence[Column]) -> str:
    rows = ["| column | dtype | unit | meaning | source |", "|---|---|---|---|---|"]
    rows += [f"| `{c.name}` | {c.kind.value} | {c.unit} | {c.meaning} | {c.source} |" for c in table]
    return "\n".join(rows)


def _reasons() -> str:
    rows = ["| reason | explanation |", "|---|---|"]
    return "\n".join(rows + [f"| `{rule.name}` | {rule.sentence} |" for rule in RULES])


def _verdicts() -> str:
    rows = ["| verdict | meaning |", "|---|---|"]
    return "\n".join(rows + [f"| `{verdict.name}` | {meaning} |" for verdict, meaning in MEANINGS.items()])


def _explained(module: ModuleType) -> str:
    """A module's own explanation, its thresholds written out: terms and their indented definitions become a list."""
    text = re.sub(r"``?([^`]+)``?", lambda match: f"{getattr(module, match[1], f'`{match[1]}`')}", module.__doc__ or "")
    text = re.sub(r"\n(\w+)\n    (.+(?:\n    .+)*)", lambda match: f"\n- `{match[1]}`: {match[2]}", text)
    return re.sub(r"\n +", "\n  ", text.strip())


def causes_page() -> str:
    """Write the causes, as their files explain them, and the limits."""
    parts = [
        "# Causes",
        "Made by `docs/generate.py` from `closewait_pcap/verdicts/causes/` and `limits.py`. Every end that waits, or did, has "
        "one cause, with a confidence (`certain`, `probable`: right in at least 88 of 100 cases, `possible`) and evidence; of "
        "all grounds that apply, the surest is named. How often a claim is right was counted on connections whose state the "
        "kernel told.",
    ]
    for cause in Cause:
        explained = explain(cause)
        parts += [f"## `{cause}`", f"**{explained.summary}**"]
        titles = ("What it means", "What proves it", "What would disprove it", "What to do")
        parts += [f"*{title}.* {text}" for title, text in zip(titles, explained[1:], strict=True)]
    parts += [
        "## Limits",
        "What a capture cannot show of a flow, however well it is read; the column `limits` names those that apply.",
    ]
    parts += ["\n".join(f"- `{limit.name}`: {limit.meaning}." for limit in Limit)]
    return "\n\n".join(parts) + "\n"


def schema_page() -> str:
    """Write the JSON Schema of the report."""
    return json.dumps(schema(), indent=1) + "\n"


def json_page() -> str:
    """Run the command in json.md again and put what it prints below it."""
    page = (DOCS / "json.md").read_text(encoding="utf-8")
    block = re.search(r"```sh\n(analyze .*)\n```\n\n```json\n(.*?)```", page, re.DOTALL)
    assert block is not None, "json.md has no command with an example below it"
    words = [sys.executable, "-m", "closewait_pcap", *shlex.split(block[1])[1:]]
    run = subprocess.run(words, cwd=DOCS.parent, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True, check=True)
    return page[: block.start(2)] + run.stdout + page[block.end(2) :]


PAGES = {"columns.md": columns_page, "causes.md": causes_page, "report.schema.json": schema_page, "json.md": json_page}

if __name__ == "__main__":
    for file_name, make in PAGES.items():
        (DOCS / file_name).write_text(make(), encoding="utf-8")
