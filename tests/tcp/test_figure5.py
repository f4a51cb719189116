"""The table is the RFC's figure, and the lookup by what has happened is the table, played."""

import ast
import inspect
from itertools import permutations
from types import ModuleType

import pytest

from closewait_pcap.tcp import endpoint, figure5
from closewait_pcap.tcp.figure5 import FIGURE_5, STATE_OF, Event, step
from closewait_pcap.tcp.state import State

RFC_9293_FIGURE_5 = """
    CLOSED       create TCB, snd SYN  SYN-SENT
    LISTEN       rcv SYN              SYN-RECEIVED
    LISTEN       snd SYN              SYN-SENT
    SYN-SENT     rcv SYN              SYN-RECEIVED
    SYN-SENT     rcv SYN,ACK          ESTABLISHED
    SYN-RECEIVED rcv ACK of SYN       ESTABLISHED
    SYN-RECEIVED snd FIN              FIN-WAIT-1
    ESTABLISHED  snd FIN              FIN-WAIT-1
    ESTABLISHED  rcv FIN              CLOSE-WAIT
    FIN-WAIT-1   rcv ACK of FIN       FIN-WAIT-2
    FIN-WAIT-1   rcv FIN              CLOSING
    FIN-WAIT-2   rcv FIN              TIME-WAIT
    CLOSE-WAIT   snd FIN              LAST-ACK
    CLOSING      rcv ACK of FIN       TIME-WAIT
    LAST-ACK     rcv ACK of FIN       CLOSED
"""
"""All arcs that packets take; the others are calls of the application (passive OPEN, CLOSE, delete TCB) and the 2 MSL timer."""

LABELS = {
    "create TCB, snd SYN": [Event.SND_SYN],
    "snd SYN": [Event.SND_SYN],
    "rcv SYN": [Event.RCV_SYN],
    "rcv SYN,ACK": [Event.RCV_ACK_OF_SYN, Event.RCV_SYN],
    "rcv ACK of SYN": [Event.RCV_ACK_OF_SYN],
    "snd FIN": [Event.SND_FIN],
    "rcv FIN": [Event.RCV_FIN],
    "rcv ACK of FIN": [Event.RCV_ACK_OF_FIN],
}
ARCS = [
    (State.parse(line[:12]), line[13:33].strip(), State.parse(line[34:]))
    for line in map(str.strip, RFC_9293_FIGURE_5.strip().splitlines())
]
OPENING = {Event.SND_SYN, Event.RCV_SYN, Event.RCV_ACK_OF_SYN}


@pytest.mark.parametrize(("before", "label", "after"), ARCS)
def test_every_arc_of_the_figure_is_taken(before: State, label: str, after: State) -> None:
    state, happened = before, Event(0)
    for event in LABELS[label]:
        state = step(state, event, happened)
        happened |= event
    assert state is after


def test_the_table_has_no_arc_that_the_figure_lacks() -> None:
    in_figure = {(before, LABELS[label][0], after) for before, label, after in ARCS if len(LABELS[label]) == 1}
    in_table = {(before, event, after) for (before, event), after in FIGURE_5.items() if before is not after}
    assert in_table == in_figure


def test_an_event_without_an_arc_changes_nothing() -> None:
    for state in State:
        for event in set(Event) - {Event.RESET}:
            if (state, event) not in FIGURE_5:
                assert step(state, event, Event(0)) is state


@pytest.mark.parametrize("state", State)
def test_a_reset_closes_from_everywhere(state: State) -> None:
    assert step(state, Event.RESET, Event(0)) is State.CLOSED


def _causal(order: tuple[Event, ...], peer_first: bool) -> bool:
    """Whether events can happen in this order: acknowledgements after what they acknowledge, the handshake before the rest."""
    place = {event: n for n, event in enumerate(order)}
    last = len(order)
    synced = [place[e] for e in order if e in OPENING]
    closing = [place[e] for e in order if e not in OPENING]
    first, second = (Event.RCV_FIN, Event.SND_FIN) if peer_first else (Event.SND_FIN, Event.RCV_FIN)
    pairs = [(first, second), (Event.SND_FIN, Event.RCV_ACK_OF_FIN), (Event.SND_SYN, Event.RCV_ACK_OF_SYN)]
    pairs.append((Event.SND_SYN, Event.RCV_SYN) if Event.SND_SYN in place else (Event.RCV_SYN, Event.RCV_ACK_OF_SYN))
    return max(synced, default=-1) < min(closing, default=last) and all(
        place[a] < place[b] for a, b in pairs if a in place and b in place
    )


def test_the_lookup_is_the_table_played_in_every_order_that_can_happen() -> None:
    """All sets of events but those that acknowledge a FIN never sent."""
    played = 0
    for happened in map(Event, range(256)):
        events = [e for e in Event if e in happened and e not in (Event.RESET, Event.PEER_CLOSED_FIRST)]
        acknowledged_unsent = Event.RCV_ACK_OF_FIN in happened and Event.SND_FIN not in happened
        for order in permutations(events):
            if not _causal(order, Event.PEER_CLOSED_FIRST in happened) or acknowledged_unsent:
                continue
            state, before = (State.CLOSED if Event.SND_SYN in happened else State.LISTEN), Event(0)
            for event in [*order, *([Event.RESET] if Event.RESET in happened else [])]:
                state = step(state, event, before)
                before |= event
            assert state == STATE_OF[int(happened)], (happened, order)
            played += 1
    assert played >= 192


@pytest.mark.parametrize("module", [figure5, endpoint])
def test_neither_end_is_special(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    names = [getattr(node, field, "") for node in ast.walk(tree) for field in ("id", "arg", "attr", "name")]
    assert not [name for name in names if isinstance(name, str) and ("client" in name or "server" in name)]
