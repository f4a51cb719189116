"""Every state change of either end, reconstructed from the facts through the Figure 5 table."""

from typing import Any, NamedTuple

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.tcp.figure5 import MID_STREAM, STATE_OF, Event
from closewait_pcap.tcp.records import BARE_SYN
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.judge import CLIENT, SERVER, Judgement

Ints = np.ndarray[Any, np.dtype[np.int64]]

_ORDER = (Event.SND_SYN, Event.RCV_SYN, Event.SND_FIN, Event.RCV_FIN, Event.RCV_ACK_OF_SYN, Event.RCV_ACK_OF_FIN, Event.RESET)
"""At one and the same frame: first what it says of its sender, then what its receiver learns. A FIN that also acknowledges the
peer's comes after that one where the peer closed first."""
_CODES = {
    Event.SND_SYN: 0,
    Event.RCV_SYN: 1,
    Event.RCV_ACK_OF_SYN: 2,
    Event.SND_FIN: 3,
    Event.RCV_ACK_OF_FIN: 4,
    Event.RCV_FIN: 5,
    Event.RESET: 6,
}


class StateChanges(NamedTuple):
    """State changes in the order of their time, as columns of shape (n,)."""

    row: Ints
    """Of the flow."""
    side: Ints
    """0 client, 1 server."""
    frame: Ints
    time: Ints
    event: Ints
    """Place in `columns.EVENTS`."""
    from_state: Ints
    to_state: Ints


def state_changes(facts: Facts, judgement: Judgement, rows: Ints, sides: tuple[int, ...] = (CLIENT, SERVER)) -> StateChanges:
    """List the state changes of some flows.

    Args:
        facts: what was learned.
        judgement: of all flows.
        rows: of the flows, shape (n,).
        sides: whose changes.

    Returns:
        One row per change, ordered by flow, then time. Ends whose handshake was not captured begin in ESTABLISHED.
    """
    parts = [
        part for side in sides for event in _ORDER if (part := _occurrences(facts, judgement, rows, side, event)) is not None
    ]
    if not parts:
        empty = np.empty(0, np.int64)
        return StateChanges(*[empty] * 7)
    row, side, rank, bits, frame, time, event = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((rank, frame, time, side, row))
    row, side, rank, bits, frame, time, event = (column[order] for column in (row, side, rank, bits, frame, time, event))
    starts = np.ones(len(row), np.bool_)
    starts[1:] = (row[1:] != row[:-1]) | (side[1:] != side[:-1])
    syn_seen = facts.ends["syn_frame"][row, judgement.client_end[row] ^ side] != 0
    mid_stream = ~syn_seen & ((judgement.happened[row, side] & int(MID_STREAM)) == int(MID_STREAM))
    begin = np.where(mid_stream, int(MID_STREAM), 0)
    total = np.cumsum(bits)  # every bit occurs once per end, so sums are unions
    before_group = np.maximum.accumulate(np.where(starts, total - bits, 0))
    after = (total - before_group) | begin
    to_state = STATE_OF[after & 0xFF].astype(np.int64)
    from_state = STATE_OF[(after & ~bits | begin) & 0xFF].astype(np.int64)
    from_state[event == _CODES[Event.SND_SYN]] = State.CLOSED  # an active OPEN creates the connection
    changed = np.flatnonzero(from_state != to_state)
    changed = changed[np.lexsort((rank[changed], frame[changed], time[changed], row[changed]))]
    return StateChanges(*(column[changed] for column in (row, side, frame, time, event, from_state, to_state)))


def _occurrences(facts: Facts, judgement: Judgement, flows: Ints, side: int, event: Event) -> tuple[Ints, ...] | None:
    """When and where one kind of event happened to one side of the flows."""
    happened = judgement.happened[flows, side]
    rows = flows[(happened & int(event)) != 0]
    client_end = judgement.client_end[rows]
    me = facts.ends[rows, client_end ^ side]
    you = facts.ends[rows, client_end ^ side ^ 1]
    active = (me["flags"] & BARE_SYN) != 0
    if event is Event.SND_SYN:
        frame, time = me["syn_frame"], me["syn_time"]
    elif event is Event.RCV_SYN:
        frame = np.where(active, you["syn_acked_frame"], me["syn_frame"])
        time = np.where(active, you["syn_acked_time"], me["syn_time"])
    elif event is Event.RCV_ACK_OF_SYN:
        frame, time = me["syn_acked_frame"], me["syn_acked_time"]
    elif event is Event.SND_FIN:
        frame, time = me["fin_frame"], me["fin_time"]
    elif event is Event.RCV_ACK_OF_FIN:
        frame, time = you["ack_frame"], you["ack_time"]
    elif event is Event.RCV_FIN:
        frame, time = me["ack_frame"], me["ack_time"]
    else:
        mine = (me["rst_frame"] != 0) & ((you["rst_frame"] == 0) | (me["rst_time"] <= you["rst_time"]))
        frame = np.where(mine, me["rst_frame"], you["rst_frame"])
        time = np.where(mine, me["rst_time"], you["rst_time"])
    seen = frame != 0
    count = int(seen.sum())
    if not count:
        return None
    bits = np.full(count, int(event), np.int64)
    rank = np.full(count, 2 * _ORDER.index(event), np.int64)
    if event is Event.RCV_FIN:
        peer_first = (judgement.happened[rows[seen], side] & int(Event.PEER_CLOSED_FIRST)) != 0
        bits += np.where(peer_first, int(Event.PEER_CLOSED_FIRST), 0)
        rank[peer_first] = 2 * _ORDER.index(Event.SND_FIN) - 1
    return (
        rows[seen].astype(np.int64),
        np.full(count, side, np.int64),
        rank,
        bits,
        frame[seen].astype(np.int64),
        time[seen].astype(np.int64),
        np.full(count, _CODES[event], np.int64),
    )
