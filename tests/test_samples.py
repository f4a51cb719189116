"""Every sample against what its kernel said: states, verdicts, bytes."""

import json
from pathlib import Path
from typing import Any

import pytest

from closewait_pcap import Analysis, State, analyze

SAMPLES = sorted(path.parent for path in (Path(__file__).parents[1] / "samples").glob("*/expected.json"))


@pytest.fixture(scope="module", params=SAMPLES, ids=lambda folder: folder.name)
def sample(request: pytest.FixtureRequest) -> tuple[Analysis, dict[str, Any]]:
    folder: Path = request.param
    expected = json.loads((folder / "expected.json").read_text())
    capture = next(folder.glob("capture.pcap*"))
    return analyze(capture, stuck_after=expected["stuck_after_s"], strict=True), expected


def test_there_are_samples() -> None:
    assert len(SAMPLES) >= 15


def test_flows_are_as_the_kernel_said(sample: tuple[Analysis, dict[str, Any]]) -> None:
    analysis, expected = sample
    fields = ["client", "client_port", "server", "server_port", "verdict", "waiting_side", "stuck"]
    fields += ["client_state", "server_state", "client_bytes", "server_bytes"]
    flows = analysis.flows[fields]
    got = flows.astype(object).where(flows.notna(), None).to_dict("records")
    assert got == [{field: flow[field] for field in fields} for flow in expected["flows"]]


def test_states_of_live_sockets_are_the_kernels_own(sample: tuple[Analysis, dict[str, Any]]) -> None:
    """A socket in the table has the state that was inferred, save where a FIN could not be sent (SEMANTICS: limit 1)."""
    analysis, expected = sample
    for (_, row), flow in zip(analysis.flows.iterrows(), expected["flows"], strict=True):
        for side in ("client", "server"):
            kernel = flow["kernel"][side]
            if kernel is not None and row["verdict"] != "not_reading":
                assert State.parse(kernel) is State[row[f"{side}_state"]], (side, flow)
