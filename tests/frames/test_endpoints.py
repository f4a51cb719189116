"""Who does not close, and how often: numbers worked out by hand from the samples' expected.json."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from closewait_pcap import analyze

SAMPLES = Path(__file__).parents[2] / "samples"
COUNTS = ("close_wait", "stuck", "sending", "too_young", "possible", "reset", "closed_late", "closed", "flows", "peak")

EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    # side, address, service, port; the counts above; worst stream
    "backlog_python": [("server", "127.0.0.1", "127.0.0.1", 1234, 1, 1, 0, 0, 0, 0, 0, 0, 4, 1, 1)],
    "client_pool_leak": [("client", "192.0.2.1", "192.0.2.2", 8080, 4, 4, 0, 0, 0, 0, 0, 1, 5, 4, 3)],
    "close_by_client": [],
    "close_simultaneous": [],
    "echo_cut_at_fin_ack": [("server", "127.0.0.1", "127.0.0.1", 9000, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0)],
    "fin_unanswered": [],
    "half_close_sending": [("server", "192.0.2.2", "192.0.2.2", 9000, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0)],
    "healthy_and_leaking": [("server", "192.0.2.2", "192.0.2.2", 8080, 3, 3, 0, 0, 0, 0, 0, 27, 30, 3, 6)],
    "ipv6_never_closes": [("server", "2001:db8::2", "2001:db8::2", 9000, 2, 2, 0, 0, 0, 0, 0, 1, 3, 2, 0)],
    "late_close": [("server", "192.0.2.2", "192.0.2.2", 9000, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0)],
    "not_reading": [],
    "port_reuse": [("server", "192.0.2.2", "192.0.2.2", 9000, 0, 0, 0, 0, 0, 1, 0, 1, 2, 1, 0)],
    "reset": [("server", "192.0.2.2", "192.0.2.2", 9000, 0, 0, 0, 0, 0, 1, 0, 0, 2, 1, 1)],
}


def rows(frame: pd.DataFrame) -> list[Any]:
    """Rows as named tuples of whatever the columns hold."""
    return list(frame.itertuples())


@pytest.mark.parametrize("name", EXPECTED)
def test_numbers(name: str) -> None:
    endpoints = analyze(next((SAMPLES / name).glob("capture.pcap*"))).endpoints
    fields = ["side", "address", "service", "service_port", *COUNTS, "worst_stream"]
    assert [tuple(row) for row in endpoints[fields].itertuples(index=False)] == EXPECTED[name]


def test_times_are_those_of_the_flows() -> None:
    for name in EXPECTED:
        analysis = analyze(next((SAMPLES / name).glob("capture.pcap*")))
        waiting = analysis.flows[analysis.flows["waiting_side"].notna()]
        for row in rows(analysis.endpoints):
            assert row.first_since == waiting["since"].min()
            assert row.last_since == waiting["since"].max()
            assert row.longest_held == waiting["held"].max()
            assert analysis.flows.loc[row.worst_stream, "held"] == row.longest_held


def test_stuck_after_moves_flows_between_the_counts() -> None:
    capture = SAMPLES / "healthy_and_leaking/capture.pcapng"
    row = analyze(capture, stuck_after="1h").endpoints.iloc[0]
    assert (row["close_wait"], row["stuck"], row["too_young"]) == (3, 0, 3)
    assert isinstance(row["first_since"], pd.Timestamp)
