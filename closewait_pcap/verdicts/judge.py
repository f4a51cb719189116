"""Turns facts into states and verdicts, for all flows at once.

Every rule is one line of the table at the end of `judge`; the first that matches is the verdict. What a rule may claim, and how
often it is right, was measured on connections whose state the kernel told at the moment the capture ended.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from closewait_pcap.capture.packets import FRAME_BITS
from closewait_pcap.engine import Structured
from closewait_pcap.flows.roles import assign_roles
from closewait_pcap.flows.table import Facts
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.tcp.figure5 import MID_STREAM, STATE_OF, Event
from closewait_pcap.tcp.records import (
    BARE_SYN,
    FIN_AGAIN,
    HAS_ACK,
    SYN_ACK,
    SYN_ACK_AGAIN,
    ZERO_WINDOW,
)
from closewait_pcap.verdicts.sides import SECOND, Bools, Ints, Side, Small, still_sends
from closewait_pcap.verdicts.verdict import Verdict

FIN_PATIENCE = SECOND
"""A FIN that nobody acknowledged for this long was not heard. Delayed ACKs take 40 ms on Linux, at most 500 ms (RFC 1122)."""
CLIENT, SERVER, NOBODY = 0, 1, -1
_BLOCK = 1 << 16
"""Flows judged together, so that intermediate columns stay small however many flows there are."""


@dataclass
class Judgement:
    """What is concluded of each flow: arrays of shape (flows,); `happened` and `states` have shape (flows, 2), client first."""

    client_end: Small
    """Which END record is the client's: 0 or 1."""
    roles_from: Small
    """`RolesFrom` numbers."""
    happened: np.ndarray[Any, np.dtype[np.uint8]]
    """What happened to either end: bits of `Event`."""
    states: Small
    """`State` numbers."""
    verdict: Small
    """`Verdict` numbers."""
    waiting: Small
    """CLIENT, SERVER or NOBODY."""
    since: Ints
    """When the waiting side acknowledged its peer's FIN: ns since the epoch, or NO_TIME."""
    held: Ints
    """For how long it has waited, or did: ns, or NO_TIME."""
    stuck: Small
    """1, 0, or -1: the capture is too short to call, or the verdict is none of those that may be stuck."""
    in_hole: Bools
    """The flow was silent until a hole in the capture, and after it."""


def judge(facts: Facts, *, stuck_after: int, end_time: int | Ints, in_hole: Bools | None = None) -> Judgement:
    """Judge all flows.

    Args:
        facts: what was learned.
        stuck_after: ns from which a CLOSE_WAIT counts as stuck.
        end_time: until when the capture shows a flow's silence, ns since the epoch: of all flows, or shape (flows,).
        in_hole: whether it is a hole in the capture that ends that, shape (flows,). Such a flow may have closed in the hole.

    Returns:
        States and verdicts.
    """
    count = len(facts.flows)
    ends_at = np.broadcast_to(np.asarray(end_time, np.int64), count).copy()
    in_hole = np.zeros(count, np.bool_) if in_hole is None else in_hole
    _end_replaced(facts, ends_at)
    blocks = [
        _judge_block(facts.flows[block], facts.ends[block], ends_at[block], in_hole[block], stuck_after=stuck_after)
        for block in (slice(at, at + _BLOCK) for at in range(0, max(count, 1), _BLOCK))
    ]
    return Judgement(*(np.concatenate(column) for column in zip(*blocks, strict=True)))


def _end_replaced(facts: Facts, ends_at: Ints) -> None:
    """End a flow where a new connection took over its addresses and ports: where that one's SYN was answered."""
    newer = np.flatnonzero(facts.flows["previous"] >= 0)
    answered = (facts.ends["flags"][newer] & SYN_ACK).any(axis=1)
    newer = newer[answered]
    older = facts.flows["previous"][newer]
    ends_at[older] = np.minimum(ends_at[older], facts.flows["first_time"][newer])


def _judge_block(
    flows: Structured, ends: Structured, end: Ints, in_hole: Bools, *, stuck_after: int
) -> tuple[np.ndarray[Any, Any], ...]:
    client_end, roles_from = assign_roles(flows, ends)
    rows = np.arange(len(flows))
    of_client, of_server = ends[rows, client_end], ends[rows, 1 - client_end]
    client, server = Side(of_client, of_server), Side(of_server, of_client)

    rst_time = np.minimum(
        np.where(client.rst, client.me["rst_time"], np.iinfo(np.int64).max),
        np.where(server.rst, server.me["rst_time"], np.iinfo(np.int64).max),
    )
    both_fin = client.fin & server.fin
    both_acked = client.fin_acked & server.fin_acked
    all_closed = np.maximum(client.fin_acked_time, server.fin_acked_time)
    is_reset = (client.rst | server.rst) & ~(both_acked & (rst_time >= all_closed))

    happened = np.stack([_happened(client, server, is_reset), _happened(server, client, is_reset)], axis=1)
    waits = {CLIENT: _waits(client, server, is_reset, rst_time), SERVER: _waits(server, client, is_reset, rst_time)}
    # Both ends can have seen the other's FIN first only in damaged captures: the one that waited first is named.
    c_since, s_since = server.fin_acked_time, client.fin_acked_time
    waiting = np.select(
        [waits[CLIENT] & (~waits[SERVER] | (c_since <= s_since)), waits[SERVER]], [CLIENT, SERVER], NOBODY
    ).astype(np.int8)
    by_client = waiting == CLIENT
    since = np.where(by_client, c_since, s_since)
    x_fin = np.where(by_client, client.fin, server.fin)
    x_fin_time = np.where(by_client, client.me["fin_time"], server.me["fin_time"])
    until = np.select([is_reset & (~x_fin | (rst_time <= x_fin_time)), x_fin], [rst_time, x_fin_time], end)
    # Frames before the first that has a time have the time 0; and a clock that was set back must not make a span negative.
    timed = since != 0
    held = np.where(timed, np.maximum(until - since, 0), 0)

    old = end - FIN_PATIENCE
    unheard = _unheard(client, old) | _unheard(server, old)
    holds = (waiting != NOBODY) & ~x_fin & ~is_reset
    doubtful = in_hole | np.where(by_client, _may_have_closed(client, server), _may_have_closed(server, client))
    unfinished = _half_open(client, server)
    cut_short = in_hole & (end - flows["last_time"] < FIN_PATIENCE)
    zero = _is_zero(client, end, stuck_after) | _is_zero(server, end, stuck_after)
    syn = client.has(BARE_SYN)
    silent = client.me["packets"] + server.me["packets"] == np.where(
        client.me["packets"] == 0, server.me["packets"], client.me["packets"]
    )
    verdict = np.select(
        [
            syn & ~server.syn_seen & server.rst & ~server.spoke & ~client.spoke,
            syn & (server.me["packets"] == 0) & ~client.spoke & ~cut_short,
            unfinished & ~cut_short,
            silent | (unfinished & cut_short),
            (waiting != NOBODY) & x_fin & (held > stuck_after),
            (waiting != NOBODY) & ~x_fin & is_reset & (held >= stuck_after),
            is_reset,
            both_fin & ~unheard,
            unheard,
            holds & ~doubtful,
            holds,
            ~client.fin & ~server.fin & zero,
        ],
        list(Verdict)[:12],
        Verdict.open,
    ).astype(np.int8)
    named = np.isin(verdict, [Verdict.closed_late, Verdict.close_wait_reset, Verdict.close_wait, Verdict.close_wait_possible])
    sending = np.where(by_client, still_sends(client, server, end), still_sends(server, client, end))
    lasting = np.isin(verdict, [Verdict.close_wait, Verdict.close_wait_possible])
    stuck = np.select([~lasting | ~timed, sending, held >= stuck_after], [-1, 0, 1], -1).astype(np.int8)
    return (
        client_end,
        roles_from,
        happened,
        STATE_OF[happened],
        verdict,
        np.where(named, waiting, NOBODY).astype(np.int8),
        np.where(named & timed, since, NO_TIME),
        np.where(named & timed, held, NO_TIME),
        stuck,
        in_hole,
    )


def _happened(me: Side, you: Side, is_reset: Bools) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Say what has happened to each end, as bits of `Event`."""
    received_fin = you.fin_acked
    first = received_fin & (
        ~me.fin | (you.fin_acked_time < me.me["fin_time"]) | _is_before(me.me["ack_frame"], me.me["fin_frame"])
    )
    received_syn = me.has(SYN_ACK) | (you.me["syn_acked_frame"] != 0)
    happened = (
        Event.SND_SYN * me.has(BARE_SYN)
        | Event.RCV_SYN * received_syn
        | Event.RCV_ACK_OF_SYN * ((me.me["syn_acked_frame"] != 0) & ~_not_taken(me))
        | Event.SND_FIN * me.fin
        | Event.RCV_ACK_OF_FIN * me.fin_acked
        | Event.RCV_FIN * received_fin
        | Event.PEER_CLOSED_FIRST * first
        | Event.RESET * is_reset
    )
    mid_stream = ~me.syn_seen & (~you.syn_seen | me.spoke)
    return np.asarray(np.where(mid_stream, happened | MID_STREAM, happened), np.uint8)


def _is_before(frame: Ints, other: Ints) -> Bools:
    """Whether a frame comes before another one of the same file, or is the same."""
    return np.asarray((frame <= other) & (frame >> FRAME_BITS == other >> FRAME_BITS))


def _waits(me: Side, you: Side, is_reset: Bools, rst_time: Ints) -> Bools:
    """Whether this end was, or is, in CLOSE_WAIT: it acknowledged the peer's FIN before it sent its own, and before any RST."""
    since = you.fin_acked_time
    before_own = ~me.fin | (since < me.me["fin_time"])
    return np.asarray(you.fin_acked & before_own & (~is_reset | (since <= rst_time)))


def _unheard(me: Side, old: Ints) -> Bools:
    """Whether this end's FIN was acknowledged by nobody, though there was time enough."""
    return np.asarray(me.fin & ~me.fin_acked & (me.has(FIN_AGAIN) | ((me.me["fin_time"] < old) & (me.me["fin_time"] != 0))))


def _half_open(client: Side, server: Side) -> Bools:
    """Whether the handshake was seen to begin, and not to complete.

    A SYN-ACK that is sent again although the client has acknowledged it comes from a server still in SYN_RECEIVED: its accept
    queue is full. What the client then sends goes unanswered.
    """
    began = client.has(BARE_SYN) | server.has(SYN_ACK)
    acknowledged = server.me["syn_acked_frame"] != 0
    return np.asarray(
        began
        & ~server.spoke
        & (~acknowledged | _not_taken(server))
        & (server.me["packets"] > 0)
        & ~(client.spoke & ~server.syn_seen)
    )


def _not_taken(me: Side) -> Bools:
    """Whether this end is still in SYN_RECEIVED although its SYN-ACK was acknowledged: it dropped that, and asks again."""
    return np.asarray(me.has(SYN_ACK_AGAIN) & ~me.spoke)


def _may_have_closed(me: Side, you: Side) -> Bools:
    """Whether the capture leaves room for a FIN of this end that it does not show."""
    unseen_tail = you.has(HAS_ACK) & (you.me["ack_high"] > np.maximum(me.me["data_high"], 1))
    began_before = ~me.syn_seen & ~you.syn_seen & (me.me["bytes"] == 0)
    return np.asarray(unseen_tail | began_before)


def _is_zero(me: Side, end: Ints, stuck_after: int) -> Bools:
    return np.asarray(me.has(ZERO_WINDOW) & (end - me.me["zero_since"] >= stuck_after) & (me.me["zero_since"] != 0))
