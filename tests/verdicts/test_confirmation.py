"""A socket table younger than the capture: the wait goes on, and what may have closed has not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from closewait_pcap import analyze
from tests.sockets.dated import capture, expected, last_tables
from tests.verdicts.test_agreement import without_first


def later(name: str, seconds: float) -> list[str]:
    """The last tables, as if they stood so some seconds later."""
    taken = datetime.fromisoformat(expected(name)["kernel_taken_at"][:26]).replace(tzinfo=UTC)
    return last_tables(name, time=f"{(taken + timedelta(seconds=seconds)).isoformat()}")


def test_a_wait_lasts_until_the_table() -> None:
    name = "echo_cut_at_fin_ack"
    young = analyze(capture(name)).close_wait.iloc[0]
    assert young["stuck"] is pd.NA
    analysis = analyze(capture(name), sockets=later(name, 60))
    flow = analysis.close_wait.iloc[0]
    assert bool(flow["stuck"])
    assert pd.Timedelta("60s") < flow["held"] < pd.Timedelta("62s")
    assert flow["close_wait_last"] == flow["since"] + flow["held"]
    assert analysis.endpoints["longest_held"].iloc[0] == flow["held"]


@pytest.mark.parametrize("time", ["2026-11-21", ""])
def test_a_table_without_a_sure_time_prolongs_nothing(time: str) -> None:
    name = "echo_cut_at_fin_ack"
    text = "\n".join(f"{time}\n{table.partition('Z')[2]}" for table in last_tables(name))
    flow = analyze(capture(name), sockets=text).close_wait.iloc[0]
    assert flow["held"] == pd.Timedelta(0)
    assert flow["stuck"] is pd.NA


def test_a_half_close_at_work_is_not_called_stuck() -> None:
    flow = analyze(capture("half_close_sending"), sockets=later("half_close_sending", 60)).close_wait.iloc[0]
    assert flow["held"] > pd.Timedelta("60s")
    assert not flow["stuck"]


def test_what_may_have_closed_unseen_is_seen_not_to_have(tmp_path: Path) -> None:
    """busy_worker from the FIN on: without its handshake, the packets do not exclude that the server has closed."""
    path = capture("busy_worker")
    fin = int(analyze(path).close_wait["client_fin_frame"].iloc[0])
    (tmp_path / "cut.pcap").write_bytes(without_first(path, fin - 1))
    alone = analyze(tmp_path / "cut.pcap")
    assert alone.flows["verdict"].tolist() == ["close_wait_possible"]
    both = analyze(tmp_path / "cut.pcap", sockets=last_tables("busy_worker"))
    assert both.flows["verdict"].tolist() == ["close_wait"]
    assert any("shows CLOSE_WAIT, so counted as that" in warning for warning in both.warnings)
