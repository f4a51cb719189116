"""How many connections are in which state over time, against the state changes counted one by one."""

import datetime

import numpy as np
import pandas as pd
import pytest

from closewait_pcap import Analysis, analyze
from tests.cli.running import ROOT, SAMPLES, sample
from tests.conversations import CLIENT, SERVER, Talk, analyzed

OVER = {"CLOSED", "LISTEN", "TIME_WAIT"}


@pytest.fixture(scope="module")
def proxied() -> Analysis:
    """Clients leave connections to a proxy, which leaves its own to a server; and one healthy service."""
    talks = [Talk(n, f"10.0.0.{n + 10}", "10.0.0.2").is_served().closes(CLIENT) for n in range(10)]
    talks += [Talk(n + 0.5, "10.0.0.2", "10.0.0.3", 5432).is_served().closes(SERVER) for n in range(10)]
    talks += [Talk(n / 2, "10.0.0.7", "10.0.0.4", 443).is_served().waits(2).closes(CLIENT).closes(SERVER) for n in range(20)]
    return analyzed(talks, until=30)


def counted(analysis: Analysis, side: str, streams: set[int], time: pd.Timestamp) -> dict[str, int]:
    """Count the states of some ends at a time, flow by flow, from the events."""
    counts: dict[str, int] = {}
    events = analysis.events
    for stream in streams:
        flow = analysis.flows.loc[stream]
        mine = events[(events["stream"] == stream) & (events["side"] == side)]
        if flow["start"] > time:
            continue
        past = mine[mine["time"] <= time]
        state = past["to_state"].iloc[-1] if len(past) else mine["from_state"].iloc[0] if len(mine) else flow[f"{side}_state"]
        if state not in OVER:
            counts[str(state)] = counts.get(str(state), 0) + 1
    return counts


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "port_reuse"])
def test_timeline_is_that_of_the_events(name: str) -> None:
    analysis = analyze(ROOT / sample(name))
    timeline = analysis.timeline("200ms")
    for endpoint in timeline.columns.unique("endpoint"):
        side = str(endpoint).partition(" ")[0]
        ports = analysis.flows["server_port"].astype(str)
        streams = set(analysis.flows.index[ports == str(endpoint).rpartition(":")[2]])
        for time, row in timeline[endpoint].iterrows():
            told = {str(state): int(number) for state, number in row.items() if number}
            assert told == counted(analysis, side, streams, time), (endpoint, time)


def test_timeline_of_a_proxy(proxied: Analysis) -> None:
    timeline = proxied.timeline("1s")
    waiting = timeline.xs("CLOSE_WAIT", axis=1, level="state")
    left = {name: number for name, number in waiting.iloc[-1].items() if number}
    assert left == {"server 10.0.0.2:8080": 10, "client 10.0.0.2 of 10.0.0.3:5432": 10}
    assert (waiting.drop(columns="server 10.0.0.4:443").diff().iloc[1:] >= 0).all().all()
    assert timeline.columns[0][0] == "server 10.0.0.2:8080"  # what waits stands first
    assert "server 10.0.0.4:443" in timeline.columns.unique("endpoint")
    assert timeline["server 10.0.0.4:443"]["ESTABLISHED"].max() == 4
    assert (timeline.dtypes == np.int64).all()


def test_timeline_is_made_for_pandas(proxied: Analysis) -> None:
    timeline = proxied.timeline(datetime.timedelta(milliseconds=500))
    assert timeline.index.name == "time"
    assert str(timeline.index.tz) == "UTC"  # type: ignore[attr-defined]
    assert timeline.index[0] <= proxied.flows["start"].min()
    assert timeline.index[-1] >= proxied.flows["end"].max()
    assert timeline.resample("10s").max().shape == (4, timeline.shape[1])
    assert timeline.attrs["file"] == proxied.capture.file


def test_a_replaced_flow_is_counted_until_then() -> None:
    analysis = analyze(ROOT / sample("port_reuse"))
    waiting = analysis.timeline("100ms")["server 192.0.2.2:9000"]["CLOSE_WAIT"]
    reset = analysis.flows.loc[0, "client_rst_time"]
    assert waiting[waiting.index < reset].max() == 1
    assert waiting[waiting.index > reset].max() == 0


@pytest.mark.parametrize("every", ["x", "-1s", 0, "1ns"])
def test_a_step_that_is_none_is_refused(every: "str | int", proxied: Analysis) -> None:
    with pytest.raises(ValueError, match=r"not a span of time|choose a longer step"):
        proxied.timeline(every)


def test_many_services_are_the_others() -> None:
    talks = [Talk(n, "10.0.0.1", "10.0.0.2", 1000 + n).is_served().waits(50).closes(CLIENT).closes(SERVER) for n in range(30)]
    timeline = analyzed(talks, until=90).timeline("10s")
    assert timeline["other servers"]["ESTABLISHED"].max() == 10
    assert int(timeline.xs("ESTABLISHED", axis=1, level="state").to_numpy().sum(axis=1).max()) == 30
