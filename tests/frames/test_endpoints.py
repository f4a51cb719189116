"""Who does not close, and how often: numbers worked out by hand from the samples' expected.json."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from closewait_pcap import analyze
from closewait_pcap.results.choosing import Choice, choose
from closewait_pcap.verdicts.trends import Trend
from closewait_pcap.views.endpoints import endpoint_values
from tests.conversations import CLIENT, SERVER, Talk, analyzed

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


@pytest.mark.parametrize("name", [name for name, rows in EXPECTED.items() if rows])
def test_samples_are_too_short_to_say_whether_they_grow(name: str) -> None:
    endpoints = analyze(next((SAMPLES / name).glob("capture.pcap*"))).endpoints
    assert endpoints["trend"].tolist() == ["too_short"]
    assert endpoints["shared"].isna().all()
    assert endpoints["waits_for"].isna().all()


def test_the_rate_is_of_what_was_watched() -> None:
    """3 that lasted, in a capture of 3.142755 s of which the last second does not count."""
    [rate] = analyze(SAMPLES / "healthy_and_leaking/capture.pcapng").endpoints["per_minute"]
    assert rate == pytest.approx(3 * 60 / 2.142755)
    [rate] = analyze(SAMPLES / "echo_cut_at_fin_ack/capture.pcap").endpoints["per_minute"]
    assert pd.isna(rate)


def leaks(number: int, apart: float = 1.0) -> list[Talk]:
    return [Talk(1 + apart * n).is_served().closes(CLIENT) for n in range(number)]


@pytest.mark.parametrize(
    ("talks", "until", "trend"),
    [
        (leaks(30), 32, "growing"),
        ([*leaks(10), *(Talk(12 + n).is_served().closes(CLIENT).closes(SERVER) for n in range(60))], 80, "bounded"),
        ([talk.waits(40 - n).closes(SERVER) for n, talk in enumerate(leaks(20, 0.2))], 60, "draining"),
        (leaks(2), 30, "too_short"),
    ],
    ids=["growing", "bounded", "draining", "too_short"],
)
def test_trend_of_a_capture(talks: list[Talk], until: float, trend: str) -> None:
    assert analyzed(talks, until).endpoints["trend"].tolist() == [trend]


def test_what_is_shown_of_a_time_has_the_trend_of_that_time() -> None:
    """Later flows are left out by --until: that they are not there does not mean that it has stopped."""
    result = analyzed(leaks(30), until=32).result
    until = int(result.facts.flows["first_time"][14])
    shown = choose(result, Choice(until=until))
    assert endpoint_values(result, shown, (None, until))["trend"].tolist() == [Trend.growing]


def test_stuck_after_moves_flows_between_the_counts() -> None:
    capture = SAMPLES / "healthy_and_leaking/capture.pcapng"
    row = analyze(capture, stuck_after="1h").endpoints.iloc[0]
    assert (row["close_wait"], row["stuck"], row["too_young"]) == (3, 0, 3)
    assert isinstance(row["first_since"], pd.Timestamp)
