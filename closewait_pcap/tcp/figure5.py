"""RFC 9293's Figure 5, the TCP connection state diagram, as one table; both ends use it, neither is special.

The *evidence rule* says when an arc is taken. SYN and FIN take sequence space, so to an observer "rcv SYN" and "rcv FIN" happen
when the receiver's own acknowledgement covers them; an ACK, and a RST that is acceptable, are believed on sight. A FIN that
nobody acknowledged has therefore moved its sender to FIN_WAIT_1, but nobody to CLOSE_WAIT.

Since every event happens once, an end's state depends on which events have happened, and for one pair (whose FIN came first) on
their order: eight bits. `STATE_OF` is made by playing the table for all 256 of them, so that millions of ends take one lookup
each.
"""

from enum import IntFlag

import numpy as np

from closewait_pcap.tcp.state import State

CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED, ESTABLISHED = (
    State.CLOSED,
    State.LISTEN,
    State.SYN_SENT,
    State.SYN_RECEIVED,
    State.ESTABLISHED,
)
FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT = State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSE_WAIT
CLOSING, LAST_ACK, TIME_WAIT = State.CLOSING, State.LAST_ACK, State.TIME_WAIT


class Event(IntFlag):
    """What can happen to an end, as Figure 5 labels its arcs; also what has happened so far, as a set."""

    SND_SYN = 1  # active OPEN
    RCV_SYN = 2  # the peer's SYN, acknowledged by this end
    RCV_ACK_OF_SYN = 4  # this end's SYN, acknowledged by the peer
    SND_FIN = 8  # CLOSE
    RCV_ACK_OF_FIN = 16
    RCV_FIN = 32  # the peer's FIN, acknowledged by this end
    PEER_CLOSED_FIRST = 64  # not an arc: RCV_FIN came before SND_FIN
    RESET = 128  # an acceptable RST, sent or received


SND_SYN, RCV_SYN, RCV_ACK_OF_SYN = Event.SND_SYN, Event.RCV_SYN, Event.RCV_ACK_OF_SYN
SND_FIN, RCV_ACK_OF_FIN, RCV_FIN = Event.SND_FIN, Event.RCV_ACK_OF_FIN, Event.RCV_FIN

FIGURE_5: dict[tuple[State, Event], State] = {
    # from          on               to               the arc as Figure 5 labels it
    (CLOSED,        SND_SYN):        SYN_SENT,      # active OPEN / create TCB, snd SYN
    (LISTEN,        RCV_SYN):        SYN_RECEIVED,  # rcv SYN / snd SYN,ACK
    (LISTEN,        SND_SYN):        SYN_SENT,      # SEND / snd SYN
    (SYN_SENT,      RCV_SYN):        SYN_RECEIVED,  # rcv SYN / snd SYN,ACK       (simultaneous open)
    (SYN_SENT,      RCV_ACK_OF_SYN): SYN_SENT,      # half of rcv SYN,ACK / snd ACK: the other half is RCV_SYN
    (SYN_RECEIVED,  RCV_ACK_OF_SYN): ESTABLISHED,   # rcv ACK of SYN / x
    (SYN_RECEIVED,  SND_FIN):        FIN_WAIT_1,    # CLOSE / snd FIN
    (ESTABLISHED,   SND_FIN):        FIN_WAIT_1,    # CLOSE / snd FIN
    (ESTABLISHED,   RCV_FIN):        CLOSE_WAIT,    # rcv FIN / snd ACK
    (FIN_WAIT_1,    RCV_ACK_OF_FIN): FIN_WAIT_2,    # rcv ACK of FIN / x
    (FIN_WAIT_1,    RCV_FIN):        CLOSING,       # rcv FIN / snd ACK
    (FIN_WAIT_2,    RCV_FIN):        TIME_WAIT,     # rcv FIN / snd ACK
    (CLOSE_WAIT,    SND_FIN):        LAST_ACK,      # CLOSE / snd FIN
    (CLOSING,       RCV_ACK_OF_FIN): TIME_WAIT,     # rcv ACK of FIN / x
    (LAST_ACK,      RCV_ACK_OF_FIN): CLOSED,        # rcv ACK of FIN / x
}  # fmt: skip
"""TIME_WAIT's own end (2 MSL) is a timer, not a packet: an observer leaves the end there. RESET leads to CLOSED from anywhere."""


def step(state: State, event: Event, happened: Event) -> State:
    """Take one arc of Figure 5.

    Args:
        state: where the end is.
        event: what happens to it now.
        happened: all that has happened to it before.

    Returns:
        Where it is then. An event without an arc changes nothing (a FIN of an end in LISTEN, say).
    """
    if event is Event.RESET:
        return CLOSED
    if state is SYN_SENT and event is RCV_SYN and RCV_ACK_OF_SYN in happened:
        return ESTABLISHED  # rcv SYN,ACK / snd ACK
    return FIGURE_5.get((state, event), state)


def play(happened: Event) -> State:
    """Play a set of events, in the one order that fits them, from the end's birth.

    An end none of whose handshake was seen (the capture began later) is taken to have been ESTABLISHED.
    """
    order = [SND_SYN, RCV_ACK_OF_SYN, RCV_SYN] if SND_SYN in happened else [RCV_SYN, RCV_ACK_OF_SYN]
    state = CLOSED if SND_SYN in happened else LISTEN
    closing = [RCV_FIN, SND_FIN, RCV_ACK_OF_FIN]
    if Event.PEER_CLOSED_FIRST not in happened:
        closing = [SND_FIN, RCV_FIN, RCV_ACK_OF_FIN]
    before = Event(0)
    for event in [*order, *closing, Event.RESET]:
        if event in happened:
            state = step(state, event, before)
            before |= event
    return state


STATE_OF = np.array([play(Event(happened)) for happened in range(256)], np.int8)
"""State by set of events: int8, shape (256,), indexed by the bits of `Event`."""

MID_STREAM = SND_SYN | RCV_SYN | RCV_ACK_OF_SYN
"""What is taken to have happened to both ends of a flow whose handshake was not captured."""
