"""What the flows that an endpoint did not close share, and those that it closed in time do not.

Compared are flows of one endpoint whose beginning was captured. A trait is named only where `MOST` of the waiting flows have it,
at least twice as often as the closed ones, and where chance would give such a difference in fewer than `CHANCE` of cases
(Fisher's exact test, one-sided; so small because several traits are looked at).
"""

from collections.abc import Callable
from enum import IntEnum
from math import exp, lgamma
from typing import NamedTuple

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.quantities import count
from closewait_pcap.tcp.figure5 import Event
from closewait_pcap.verdicts.judge import CLIENT, SERVER, Judgement
from closewait_pcap.verdicts.sides import SECOND, Bools, Ints, Side

CHANCE = 0.001
MOST = 0.75
FEWEST = 3
"""Fewer flows of a kind are no kind."""
TIMEOUTS = (5, 10, 15, 20, 30, 60, 65, 75, 90, 120, 180, 240, 300, 350, 600, 900, 1800, 3600, 7200)
"""Idle timeouts, in seconds, that servers, load balancers and firewalls come with: Node.js 5, Tomcat 20, AWS ALB 60, nginx 75 (in
its sample configuration 65), Azure 240, AWS NLB 350, Linux' keepalive 7200."""
_TIMERS_ARE_LATE = 0.02
"""A timer may fire so much later than it says, as a share, or half a second."""


class TraitKind(IntEnum):
    """What flows may share."""

    closed_by_peer = 0
    no_request = 1
    no_reply = 2
    idle = 3
    peer = 4


class Trait(NamedTuple):
    """Something that most waiting flows of an endpoint have, and few of those that it closed."""

    kind: TraitKind
    waiting: int
    of_waiting: int
    closed: int
    of_closed: int
    what: str
    """In words, as what flows do."""

    def __str__(self) -> str:
        """Say it with the numbers."""
        same = f"{self.closed:,} of {self.of_closed:,} that it closed"
        return f"{self.waiting:,} of {count(self.of_waiting, 'waiting flow')} {self.what} ({same})"


class Manners(NamedTuple):
    """How some flows went, as columns of shape (flows,)."""

    comparable: Bools
    """Their beginning was captured."""
    closed_by_peer: Bools
    no_request: Bools
    no_reply: Bools
    idle: Ints
    """Place in `TIMEOUTS` of how long they were idle when the peer closed; -1: another time, or not known."""
    peer: Ints
    """Number of the peer's address."""
    closing: Ints
    """When the peer closed, where it did so first; else 0."""


def manners_of(facts: Facts, judgement: Judgement, rows: Ints, side: int, peer: Ints) -> Manners:
    """Look at how flows went.

    Args:
        facts: of all flows.
        judgement: of all flows.
        rows: of the flows, shape (n,).
        side: the endpoint's: CLIENT or SERVER.
        peer: a number for each flow's peer.
    """
    end = judgement.client_end[rows]
    of_client, of_server = facts.ends[rows, end], facts.ends[rows, 1 - end]
    client, server = Side(of_client, of_server), Side(of_server, of_client)
    me, you = (client, server) if side == CLIENT else (server, client)
    closer_fin = np.where(you.fin, you.me["fin_frame"], np.iinfo(np.int64).max)
    answered = (server.me["bytes"] > 0) & (server.me["first_data_frame"] < closer_fin)
    closed_by_peer = (judgement.happened[rows, side] & Event.PEER_CLOSED_FIRST) != 0
    return Manners(
        client.syn_seen | server.syn_seen,
        closed_by_peer,
        client.me["bytes"] == 0,
        (client.me["bytes"] > 0) & ~answered,
        np.where(closed_by_peer, _timeouts(me, you), -1).astype(np.int8),
        peer,
        np.where(closed_by_peer, you.me["fin_time"], 0),
    )


def _timeouts(me: Side, you: Side) -> Ints:
    """Tell at which timeout a peer closed: since the last payload of either end, or since the handshake."""
    closed = you.me["fin_time"]
    last = np.maximum(you.me["last_data_time"], np.maximum(me.me["syn_acked_time"], you.me["syn_acked_time"]))
    last = np.maximum(last, me.me["last_data_time"])
    known = (
        you.fin & (closed != 0) & (last != 0) & (last <= closed)
    )  # payload after the FIN: when the last before it came is lost
    idle = np.where(known, (closed - last) / SECOND, -1.0)
    place = np.clip(np.searchsorted(TIMEOUTS, idle, side="right") - 1, 0, len(TIMEOUTS) - 1)
    timeout = np.array(TIMEOUTS, np.float64)[place]
    late = idle - timeout
    return np.where((late >= 0) & (late <= np.minimum(timeout * _TIMERS_ARE_LATE, 0.5)), place, -1)


def shared(manners: Manners, waiting: Ints, closed: Ints, side: int, name: Callable[[int], str]) -> list[Trait]:
    """Name what the waiting flows of one endpoint share that the closed ones do not.

    Args:
        manners: of flows.
        waiting: places of those that wait, or waited.
        closed: places of those that were closed in time.
        side: the endpoint's.
        name: says the name of a peer, by its number.
    """
    waiting, closed = waiting[manners.comparable[waiting]], closed[manners.comparable[closed]]
    if min(len(waiting), len(closed)) < FEWEST:
        return []
    peer, timeout = _most_frequent(manners.peer[waiting]), _most_frequent(manners.idle[waiting])
    of_peer = (manners.peer == peer, f"have the {'client' if side == SERVER else 'server'} {name(peer)}")
    traits = {
        TraitKind.closed_by_peer: (manners.closed_by_peer, "were closed by the peer first"),
        TraitKind.no_request: (manners.no_request, "carry no request: the client sent no payload"),
        TraitKind.no_reply: (manners.no_reply, "were closed by the peer before the server had sent anything"),
        TraitKind.idle: (
            manners.idle == timeout,
            f"were closed by the peer after {TIMEOUTS[timeout]} s of silence, as by an idle timeout",
        ),
        TraitKind.peer: of_peer,
    }
    found = []
    for kind, (has, what) in traits.items():
        if kind is TraitKind.idle and timeout < 0:
            continue
        trait = Trait(kind, int(has[waiting].sum()), len(waiting), int(has[closed].sum()), len(closed), what)
        if _differs(trait):
            found.append(trait)
    return found


def _most_frequent(numbers: Ints) -> int:
    values, counts = np.unique(numbers, return_counts=True)
    return int(values[counts.argmax()])


def _differs(trait: Trait) -> bool:
    waiting, closed = trait.waiting / trait.of_waiting, trait.closed / trait.of_closed
    return trait.waiting >= FEWEST and waiting >= MOST and waiting >= 2 * closed and chance_of(trait) < CHANCE


def chance_of(trait: Trait) -> float:
    """The chance that so many of those with the trait are among the waiting, if it has nothing to do with it.

    Source: R. A. Fisher, The Design of Experiments, 1935; the hypergeometric distribution's upper tail.
    """
    having, total = trait.waiting + trait.closed, trait.of_waiting + trait.of_closed

    def ways(number: int, of: int) -> float:
        return lgamma(of + 1) - lgamma(number + 1) - lgamma(of - number + 1)

    top = min(having, trait.of_waiting)
    logs = [
        ways(number, trait.of_waiting) + ways(having - number, trait.of_closed) - ways(having, total)
        for number in range(trait.waiting, top + 1)
        if having - number <= trait.of_closed
    ]
    return min(1.0, sum(map(exp, logs)))
