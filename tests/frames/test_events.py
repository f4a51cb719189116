"""Events are a film of which `flows` shows the last picture."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from closewait_pcap import Analysis, State, analyze
from closewait_pcap.tcp.figure5 import FIGURE_5

SAMPLES = sorted(path.parent for path in (Path(__file__).parents[2] / "samples").glob("*/expected.json"))
NAMES = {folder.name: folder for folder in SAMPLES}


def rows(frame: pd.DataFrame) -> list[Any]:
    """Rows as named tuples of whatever the columns hold."""
    return list(frame.itertuples())


def analysis_of(name: str) -> Analysis:
    return analyze(next(NAMES[name].glob("capture.pcap*")))


@pytest.mark.parametrize("name", NAMES)
def test_playing_the_events_ends_in_the_states_of_flows(name: str) -> None:
    analysis = analysis_of(name)
    played: dict[tuple[int, str], str] = {}
    for event in rows(analysis.events):
        key = (event.stream, event.side)
        assert played.get(key, event.from_state) == event.from_state, event
        assert event.from_state != event.to_state, event
        played[key] = event.to_state
    for flow in rows(analysis.flows):
        for side in ("client", "server"):
            # an end that never did anything stays where a passive or unanswered one begins
            at_rest = "LISTEN" if side == "server" else "CLOSED"
            assert played.get((flow.Index, side), at_rest) == getattr(flow, f"{side}_state"), (flow.Index, side)


@pytest.mark.parametrize("name", NAMES)
def test_events_are_ordered_by_stream_then_time_and_lie_within_their_flow(name: str) -> None:
    analysis = analysis_of(name)
    events, flows = analysis.events, analysis.flows
    pd.testing.assert_frame_equal(events, events.sort_values(["stream", "time"], kind="stable"))
    of = flows.loc[events["stream"].astype("int64")].reset_index(drop=True)
    assert (events["time"] >= of["start"]).all()
    assert (events["time"] <= of["end"]).all()
    assert (events["frame"] >= of["first_frame"]).all()
    assert (events["frame"] <= of["last_frame"]).all()


@pytest.mark.parametrize("name", NAMES)
def test_every_change_is_an_arc_of_figure_5(name: str) -> None:
    arcs = {(start.name, end.name) for (start, _), end in FIGURE_5.items()}
    for event in rows(analysis_of(name).events):
        if event.event == "reset":
            assert event.to_state == "CLOSED"
        elif event.event != "snd_syn" and event.from_state not in ("LISTEN", "SYN_SENT"):
            # one packet may take an end along two arcs: ACK and FIN in one
            assert (event.from_state, event.to_state) in arcs, event


def test_the_film_of_a_leak_frame_by_frame() -> None:
    """Hand-derived from the capture: frames 1 to 3 shake hands, 8 is the client's FIN, 9 the kernel's ACK of it."""
    events = analysis_of("echo_never_closes").events
    fields = ["side", "frame", "event", "from_state", "to_state"]
    told = [tuple(map(str, row)) for row in events[fields].itertuples(index=False)]
    assert told == [
        ("client", "1", "snd_syn", "CLOSED", "SYN_SENT"),
        ("server", "2", "rcv_syn", "LISTEN", "SYN_RECEIVED"),
        ("client", "3", "rcv_syn", "SYN_SENT", "ESTABLISHED"),
        ("server", "3", "rcv_ack_of_syn", "SYN_RECEIVED", "ESTABLISHED"),
        ("client", "8", "snd_fin", "ESTABLISHED", "FIN_WAIT_1"),
        ("server", "9", "rcv_fin", "ESTABLISHED", "CLOSE_WAIT"),
        ("client", "9", "rcv_ack_of_fin", "FIN_WAIT_1", "FIN_WAIT_2"),
    ]


def test_since_is_the_event_that_begins_close_wait() -> None:
    for name in NAMES:
        analysis = analysis_of(name)
        begun = analysis.events[analysis.events["to_state"] == "CLOSE_WAIT"].set_index(["stream", "side"])["time"]
        for flow in rows(analysis.close_wait):
            assert begun[(flow.Index, flow.waiting_side)] == flow.since, (name, flow.Index)


def test_samples_have_every_state_between_them() -> None:
    seen = {state for name in NAMES for state in analysis_of(name).events["to_state"]}
    assert seen >= {state.name for state in State} - {"LISTEN"}
    expected = [json.loads((folder / "expected.json").read_text()) for folder in SAMPLES]
    assert len(expected) == len(NAMES)
