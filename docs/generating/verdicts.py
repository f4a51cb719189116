"""The reference's page of verdicts, each with the samples that show it."""

import json
from collections import defaultdict
from pathlib import Path

from closewait_pcap.verdicts.verdict import WAITED, Verdict
from docs.generating.markdown import table

SAMPLES = Path(__file__).parents[2] / "samples"
_MOST = 3
"""Samples that are named of each verdict, those with the fewest flows first."""


def page() -> str:
    """Write the table of verdicts."""
    samples = _samples()
    rows = (
        (f"`{verdict}`", verdict.meaning, "yes" if verdict in WAITED else "", ", ".join(samples.get(verdict.name, [])))
        for verdict in Verdict
    )
    parts = [
        "# Verdicts",
        "Made by `docs/generate.py` from `closewait_pcap/verdicts/verdict.py`. Every flow has exactly one verdict: the first of "
        "these that matches, in this order. Where an end waits, or did, the columns `waiting_side`, `since`, `held`, `stuck` "
        "and `cause` are filled. The samples are captures of real sockets, to try it on.",
        table(("verdict", "meaning", "an end waits", "samples"), rows),
        "`stuck` is true from `--stuck-after` (1 s) on, false while the waiting end still sends data that its peer acknowledges, "
        "and missing where the capture is too short to call. Why an end waits is its [cause](causes.md).",
    ]
    return "\n\n".join(parts) + "\n"


def _samples() -> dict[str, list[str]]:
    """The samples in which each verdict occurs, as links to their captures."""
    flows = {path.parent: _verdicts_of(path) for path in sorted(SAMPLES.glob("*/expected.json"))}
    found: dict[str, list[str]] = defaultdict(list)
    for folder, verdicts in sorted(flows.items(), key=lambda item: len(item[1])):
        capture = next(folder.glob("capture.pcap*"))
        for verdict in sorted(set(verdicts)):
            found[verdict].append(f"[{folder.name}](../../samples/{folder.name}/{capture.name})")
    return {verdict: links[:_MOST] for verdict, links in found.items()}


def _verdicts_of(expected: Path) -> list[str]:
    return [flow["verdict"] for flow in json.loads(expected.read_text(encoding="utf-8"))["flows"]]
