"""What a capture cannot show of a flow, however well it is read: attached where it applies, and only there.

Source: compared with the kernel's own socket tables, these are the cases in which wire and kernel differ.
"""

from collections.abc import Iterator, Sequence
from enum import IntFlag
from types import DynamicClassAttribute
from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap.capture.packets import FRAME_BITS
from closewait_pcap.engine import Structured
from closewait_pcap.flows.table import Facts
from closewait_pcap.quantities import Dating
from closewait_pcap.tcp.records import BARE_SYN, HAS_ACK, SYN_ACK, ZERO_WINDOW
from closewait_pcap.verdicts.evidence.servers import is_among
from closewait_pcap.verdicts.judge import CLIENT, Judgement
from closewait_pcap.verdicts.sides import SECOND, Bools, Ints, Side
from closewait_pcap.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from closewait_pcap.capture.printout import Printout

ORPHAN_NS = 60 * SECOND
"""How long Linux keeps a FIN_WAIT_2 that no process holds any more (tcp_fin_timeout), and conntrack a half-closed flow."""


class Limit(IntFlag):
    """Reasons for which kernel and capture may differ, or for which nothing more can be said."""

    fin_waits = 1
    ack_pending = 2
    began_before = 4
    not_delivered = 8
    orphan_expired = 16
    syn_cookie = 32
    loss = 64
    scale_unknown = 128
    no_date = 256
    no_times = 512
    named = 1024
    not_printed = 2048

    @DynamicClassAttribute
    def meaning(self) -> str:
        """What it means for the flow, in a sentence for a person."""
        return MEANINGS[self]


_SETTLED = (Verdict.closed, Verdict.reset, Verdict.refused, Verdict.unanswered)
"""Verdicts to which nothing that a capture cannot show makes a difference."""
MEANINGS = {
    Limit.fin_waits: "the end may have closed already: its FIN waits behind data that the peer does not take (kernel: LAST_ACK)",
    Limit.ack_pending: "the capture ends between a FIN and its acknowledgement: the kernel may say CLOSE_WAIT already",
    Limit.began_before: "the flow began before the capture: a FIN may have come earlier",
    Limit.not_delivered: "a FIN seen here may never have arrived: firewalls forget half-closed flows (conntrack: after 60 s)",
    Limit.orphan_expired: "the peer's FIN_WAIT_2 may be gone (Linux: 60 s after close()); the waiting end is not told of that",
    Limit.syn_cookie: "other SYNs to that port went unanswered, and nothing came since the SYN-ACK: it may be a SYN cookie, "
    "without a socket behind it",
    Limit.loss: "packets are missing that one end acknowledged: what they held is not known",
    Limit.scale_unknown: "a SYN was not seen, so the scale of the windows is not known: how much room they had, and how much was "
    "not read, is a guess",
    Limit.no_date: "no date is printed (or no time of day, only how long after another packet it was): on which day that was "
    "is not known",
    Limit.no_times: "no time is told: since when, for how long, and whether too young cannot be said",
    Limit.named: "a host or a port is printed by its name alone: the packets do not tell which address or port that is",
    Limit.not_printed: "packets of the capture are not printed, or not whole: a FIN or a RST may be among them",
}


def limits_of(facts: Facts, judgement: Judgement, rows: Ints, pressed: Ints, printouts: "Sequence[Printout | None]" = ()) -> Ints:
    """Tell which limits apply to some flows.

    Args:
        facts: of all flows.
        judgement: of all flows.
        rows: of the flows, shape (n,).
        pressed: where SYNs go unanswered, as `servers.under_pressure` gives it.
        printouts: file by file, what is known of the packets that are printed there; None: they are not.

    Returns:
        `Limit` bits, shape (n,).
    """
    bits = np.zeros(len(rows), np.int64)
    open_ended = np.flatnonzero(~np.isin(judgement.verdict[rows], _SETTLED))
    for limit, applies in _applying(facts, judgement, rows[open_ended], pressed):
        bits[open_ended[applies]] |= int(limit)
    for limit, applies in _printed(facts.flows[rows[open_ended]], printouts):
        bits[open_ended[applies]] |= int(limit)
    return bits


def _applying(facts: Facts, judgement: Judgement, rows: Ints, pressed: Ints) -> Iterator[tuple[Limit, Bools]]:
    end = judgement.client_end[rows]
    of_client, of_server = facts.ends[rows, end], facts.ends[rows, 1 - end]
    client, server = Side(of_client, of_server), Side(of_server, of_client)
    verdict, held = judgement.verdict[rows], judgement.held[rows]

    def is_one_of(*verdicts: Verdict) -> Bools:
        return np.isin(verdict, verdicts)

    blocked = np.where(judgement.waiting[rows] == CLIENT, _holds_back(client, server), _holds_back(server, client))
    yield Limit.fin_waits, is_one_of(Verdict.close_wait, Verdict.close_wait_possible) & blocked
    pending = (client.fin & ~client.fin_acked) | (server.fin & ~server.fin_acked)
    yield Limit.ack_pending, is_one_of(Verdict.open) & pending
    mid_stream = ~client.syn_seen & ~server.syn_seen
    yield Limit.began_before, is_one_of(Verdict.open, Verdict.close_wait_possible, Verdict.not_reading) & mid_stream
    yield Limit.not_delivered, is_one_of(Verdict.fin_unanswered)
    yield Limit.orphan_expired, is_one_of(Verdict.close_wait) & (held >= ORPHAN_NS)
    silent = server.has(SYN_ACK) & ~server.spoke & client.has(BARE_SYN)
    yield Limit.syn_cookie, is_one_of(Verdict.open) & silent & is_among(facts, judgement, rows, pressed)
    lost = _misses(client, server) | _misses(server, client) | judgement.in_hole[rows]
    yield Limit.loss, lost | is_one_of(Verdict.undetermined)
    unscaled = ~(client.syn_seen & server.syn_seen)
    yield Limit.scale_unknown, is_one_of(Verdict.close_wait, Verdict.close_wait_possible, Verdict.not_reading) & unscaled
    yield Limit.no_times, facts.flows["first_time"][rows] == 0


def _printed(flows: Structured, printouts: "Sequence[Printout | None]") -> Iterator[tuple[Limit, Bools]]:
    """Tell what a text cannot show of the flows of which packets are printed there."""
    for number, printout in enumerate(printouts):
        if printout is None:
            continue
        here = (flows["first_frame"] >> FRAME_BITS == number) | (flows["last_frame"] >> FRAME_BITS == number)
        if printout.dating is not Dating.FULL:
            yield Limit.no_date, here
        if not printout.is_whole:
            yield Limit.not_printed, here
        if printout.hosts or printout.services:
            yield Limit.named, here & _has_stand_in(flows, printout)


def _has_stand_in(flows: Structured, printout: "Printout") -> Bools:
    columns = [flows[name].tolist() for name in ("a_hi", "a_lo", "b_hi", "b_lo", "ports")]
    hosts, services = printout.hosts, printout.services
    return np.array(
        [
            (a_hi, a_lo) in hosts or (b_hi, b_lo) in hosts or not services.isdisjoint((ports >> 16 & 0xFFFF, ports & 0xFFFF))
            for a_hi, a_lo, b_hi, b_lo, ports in zip(*columns, strict=True)
        ],
        np.bool_,
    )


def _holds_back(me: Side, you: Side) -> Bools:
    """Whether data of an end may still be on its way, or waits for the peer's window."""
    unacknowledged = you.has(HAS_ACK) & (me.me["data_high"] > you.me["ack_high"])
    return np.asarray((me.me["bytes"] > 0) & (unacknowledged | you.has(ZERO_WINDOW)))


def _misses(me: Side, you: Side) -> Bools:
    """Whether bytes of an end were acknowledged that no frame carries."""
    unseen = you.has(HAS_ACK) & me.syn_seen & (you.me["ack_high"] > np.maximum(me.me["data_high"], 1) + me.fin)
    return np.asarray(unseen | ((me.me["hole"] >= 0) & me.syn_seen))
