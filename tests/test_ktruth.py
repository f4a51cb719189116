"""Captures recorded beside the kernel's socket tables, where they lie beside the checkout: no decidable verdict may be wrong."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from closewait_pcap import Analysis, analyze

KTRUTH = Path(__file__).parents[2] / "shared" / "ktruth"
RUNS = sorted(path.parent for path in KTRUTH.glob("*/truth.json") if (path.parent / "capture.pcap").exists())
CAPTURES = [capture for run in RUNS for capture in sorted(run.glob("capture*.pcap"))]

pytestmark = pytest.mark.skipif(not CAPTURES, reason="no shared/ktruth beside the checkout")

LIMITS = {
    "lastack_blocked": {"close_wait"},  # 1: the FIN waits behind unsent data
    "fin_at_end": {"open"},  # 2: the FIN's ACK is not yet in the capture
    "pre_cw_keepalive": {"open", "close_wait_possible"},  # 3: the FIN came before the capture
    "pre_cw_write": {"open", "close_wait_possible"},
    "pre_cw_silent": {"open", "close_wait_possible"},
    "pre_estab_fin_only": {"close_wait_possible"},
}
"""What may be said where the capture cannot decide: SEMANTICS section 6."""


def connections(truth: dict[str, Any], analysis: Analysis) -> Iterator[tuple[dict[str, Any], Any]]:
    """Pair the kernel's connections with the flows, by endpoints and by which use of them it is."""
    flows: dict[frozenset[tuple[str, int]], list[Any]] = {}
    for row in analysis.flows.itertuples():
        flows.setdefault(frozenset([(row.client, row.client_port), (row.server, row.server_port)]), []).append(row)
    for connection in truth["connections"]:
        if not connection["client"]:
            continue
        of_it = flows.get(frozenset([tuple(connection["client"]), tuple(connection["server"])]), [])
        if of_it:
            yield connection, of_it[-1] if connection["final"] else of_it[min(connection["incarnation"], len(of_it) - 1)]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_close_wait_is_what_the_kernel_says(capture: Path) -> None:
    truth = json.loads((capture.parent / "truth.json").read_text())
    judged, wrong = 0, []
    for connection, flow in connections(truth, analyze(capture)):
        kernel = {side for side in ("client", "server") if (connection["kernel"][side] or {}).get("state") == "CLOSE-WAIT"}
        inferred = {flow.waiting_side} if flow.verdict == "close_wait" else set()
        judged += 1
        if kernel != inferred and flow.verdict not in LIMITS.get(connection["scenario"], set()):
            wrong.append((connection["id"], connection["scenario"], connection["variant"], kernel, flow.verdict, flow.Index))
    assert judged >= 55
    assert wrong == []


CAUSES = {
    "leak": "not_closed",
    "stopped_reading": "not_closed",
    "slow_close": "not_closed",
    "never_accepted": "never_accepted",
    "half_close_active": "still_sending",
    "send_blocked": "send_blocked",
}
"""What the kernel's tables, and what happened later, say of the cause."""
AT_LEAST_PROBABLE = 0.88


def waiting_ends(capture: Path, **options: Any) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """The ends in CLOSE_WAIT by the kernel: the cause, the kernel's row and the flow."""
    truth = json.loads((capture.parent / "truth.json").read_text())
    for connection, flow in connections(truth, analyze(capture, **options)):
        for side in connection["cw_sides"] or []:
            if connection["final"] and connection["kernel"][side]["state"] == "CLOSE-WAIT":
                yield CAUSES[connection["cw_cause"]], connection["kernel"][side], flow


def test_causes_are_as_sure_as_they_say() -> None:
    """No wrong certain one; of the probable ones no more are wrong than is promised; unread bytes within their bounds."""
    right: Counter[tuple[str, bool]] = Counter()
    unread: Counter[tuple[str, bool]] = Counter()
    for capture in CAPTURES:
        for cause, kernel, flow in waiting_ends(capture):
            if not isinstance(flow.cause, str):
                assert flow.verdict == "open"  # SEMANTICS section 6
                continue
            right[flow.confidence, flow.cause == cause] += 1
            if flow.verdict == "close_wait":
                estimate, low, high = (getattr(flow, f"recv_q_{name}") for name in ("estimate", "low", "high"))
                unread["within", low <= kernel["recvq"] and (high is pd.NA or kernel["recvq"] <= high)] += 1
                if cause == "never_accepted":
                    unread["exact", estimate == kernel["recvq"]] += 1
    assert right["certain", True] >= 250
    assert right["certain", False] == 0
    assert right["probable", True] >= AT_LEAST_PROBABLE * (right["probable", True] + right["probable", False])
    assert unread["exact", True] >= 400
    assert unread["exact", False] == unread["within", False] == 0


def test_with_the_kernels_tables_every_cause_is_the_kernels() -> None:
    joined = 0
    for capture in CAPTURES:
        tables = [str(capture.parent / f"ss_{host}.txt") for host in ("server", "client")]
        for cause, _, flow in waiting_ends(capture, sockets=tables):
            if "CLOSE_WAIT" in (flow.client_kernel_state, flow.server_kernel_state):
                joined += 1
                assert (flow.cause, flow.confidence) == (cause, "certain"), (capture, flow.Index, flow.evidence)
    assert joined >= 1000


def test_full_queues_are_recognised() -> None:
    """Every listener that is said to have been full was so, and the limit is its backlog or a little more."""
    found = 0
    for capture in CAPTURES:
        truth = json.loads((capture.parent / "truth.json").read_text())
        backlogs = {listener["port"]: listener["backlog"] for listener in truth["listeners"]}
        full = analyze(capture).listeners.dropna(subset=["queue_limit"])
        for port, limit in zip(full["port"], full["queue_limit"], strict=True):
            found += 1
            assert 0 <= limit - backlogs[port] <= 2, (capture, port)
    assert found >= 20


def test_seed_scenarios_cut_at_their_steps() -> None:
    """The four articles, played step by step: each cut shows the CLOSE_WAITs that ss printed at that step."""
    counted = {}
    for cut in sorted(KTRUTH.glob("seedcases/*/cut_*close_wait.pcap")):
        counted[f"{cut.parent.name}/{cut.stem}"] = len(analyze(cut).close_wait)
    assert counted == {
        "seed001_nc/cut_2_B_close_wait": 1,
        "seed001_nc/cut_3_C_close_wait": 2,
        "seed001_python_accept/cut_1_B_close_wait": 1,
        "seed001_python_close/cut_1_B_close_wait": 1,
        "seed002_single_worker/cut_2_close_wait": 2,
        "seed003_echo/cut_3_close_wait": 1,
    }
