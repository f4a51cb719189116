"""Who waits only because somebody else does: a proxy that closes one leg when the other one is closed.

X has acknowledged a FIN on one leg, and within milliseconds sent its own FIN on another, where none came back: X is in CLOSE_WAIT
on the one leg, in FIN_WAIT_2 on the other. X is the messenger; who does not close is at the other end of that other
leg. Claimed only where nearly all of an endpoint's waits have such a partner, and more than chance would give.
"""

from math import comb
from typing import NamedTuple

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.verdicts.judge import CLIENT, Judgement
from closewait_pcap.verdicts.sides import Ints
from closewait_pcap.verdicts.verdict import Verdict

AT_ONCE = 50_000_000
"""ns from the FIN that a proxy is sent to the one that it sends: it hands an event on, and waits for nothing."""
NEARLY_ALL = 0.8
CHANCE = 0.001
_RESOLUTION = 1_000_000
"""ns; the times of different interfaces are hardly more exact."""


class Link(NamedTuple):
    """An endpoint that waits because another one does."""

    messenger: int
    """The endpoint's number."""
    behind: int
    """That of the one that it waits for."""
    flows: int
    """So many of its waits have a partner there."""
    typical: int
    """ns from FIN to FIN, the median."""


def find_links(facts: Facts, judgement: Judgement, rows: Ints, endpoints: Ints, addresses: Ints, watched: int) -> list[Link]:
    """Find the endpoints that wait for others.

    Args:
        facts: of all flows.
        judgement: of all flows.
        rows: the flows in CLOSE_WAIT, shape (n,).
        endpoints: the number of the endpoint that waits, shape (n,).
        addresses: numbers of the addresses of the waiting end and of its peer, shape (n, 2).
        watched: ns that the capture covers.
    """
    peer_end = judgement.client_end[rows] ^ (judgement.waiting[rows] == CLIENT)
    closed = facts.ends["fin_time"][rows, peer_end]
    # on one host, an application that ends closes all that it has at once: that looks the same
    usable = np.flatnonzero((judgement.verdict[rows] == Verdict.close_wait) & (closed > 0) & (addresses[:, 0] != addresses[:, 1]))
    usable = usable[judgement.since[rows[usable]] != NO_TIME]
    closed, endpoints, addresses = closed[usable], endpoints[usable], addresses[usable]
    first, second = _pairs(closed, addresses)
    keep = endpoints[first] != endpoints[second]
    first, second = first[keep], second[keep]
    if not len(first):
        return []
    legs, of_pair, numbers = np.unique(
        np.stack([endpoints[first], endpoints[second]], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    delays, sizes = closed[second] - closed[first], np.bincount(endpoints)
    links: list[Link] = []
    for leg in np.argsort(-numbers, kind="stable").tolist():
        messenger, behind = legs[leg].tolist()
        mine, both = int(sizes[messenger]), int(numbers[leg])
        of_leg = delays[of_pair.reshape(-1) == leg]
        alone = min(int(sizes[behind]) * max(int(of_leg.max()), _RESOLUTION) / max(watched, 1), 1.0)
        known = any(messenger == each.messenger for each in links)
        if not known and both >= NEARLY_ALL * mine and _chance_of(both, mine, alone) < CHANCE:
            links.append(Link(messenger, behind, both, int(np.median(of_leg))))
    return links


def _pairs(closed: Ints, addresses: Ints) -> tuple[Ints, Ints]:
    """Pair each FIN that an address sent with the last one that it had been sent until then, each once.

    Returns:
        Places of the flows that wait, and of those on which the waiting address had sent its FIN.
    """
    nothing = np.empty(0, np.int64)
    if not len(closed):
        return nothing, nothing
    order = np.lexsort((closed, addresses[:, 0]))
    start = int(closed.min())
    width = int(closed.max()) - start + 1
    if (int(addresses.max()) + 1) * width >= 1 << 62:  # clocks years apart: nothing is at once
        return nothing, nothing
    sent_to, sent_by = (addresses[:, place] * width + closed - start for place in (0, 1))
    place = np.searchsorted(sent_to[order], sent_by, side="right") - 1
    before = order[np.maximum(place, 0)]
    delay = sent_by - sent_to[before]
    fits = np.flatnonzero((place >= 0) & (delay >= 0) & (delay <= AT_ONCE) & (addresses[before, 0] == addresses[:, 1]))
    fits = fits[np.argsort(delay[fits], kind="stable")]
    _, once = np.unique(before[fits], return_index=True)
    return before[fits][once], fits[once]


def _chance_of(hits: int, tries: int, alone: float) -> float:
    """The chance of so many hits, where each try has one of its own: the binomial distribution's upper tail."""
    if alone >= 1:
        return 1.0
    # the first term bounds the rest: each further one is smaller by at least this factor
    factor = (tries - hits) * alone / ((hits + 1) * (1 - alone))
    try:
        first = comb(tries, hits) * alone**hits
    except OverflowError:
        return 1.0
    return 1.0 if factor >= 1 else first / (1 - factor)
