"""The samples' socket tables with the time at which they were taken, as `date` before `ss` would leave it."""

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[2] / "samples"
NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/expected.json"))


def expected(name: str) -> dict[str, Any]:
    """What is known of a sample."""
    return dict(json.loads((SAMPLES / name / "expected.json").read_text()))


def capture(name: str) -> Path:
    """A sample's capture."""
    return next((SAMPLES / name).glob("capture.pcap*"))


def last_tables(name: str, tool: str = "ss", time: str | None = None) -> list[str]:
    """The tables of a sample's end, of each machine, behind a line with their time."""
    when = time or str(expected(name)["kernel_taken_at"])
    return [f"{when}\n{path.read_text()}" for path in sorted((SAMPLES / name).glob(f"*_end*.{tool}.txt"))]
