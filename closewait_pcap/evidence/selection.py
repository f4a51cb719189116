"""Which flows go into the evidence: as many of the flagged ones as there is room for, and those that their causes rest on.

Causes are not all read off a flow alone: a queue is full because another flow's SYN went unanswered, a flow was passed over
because a later one was served. All such flows are chosen, too; so are those that used the same addresses and ports before or
after, since packets are told apart by what both flows know.
"""

from dataclasses import dataclass

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.verdicts.evidence.servers import field, flows_of
from closewait_pcap.verdicts.judge import SERVER
from closewait_pcap.verdicts.verdict import Verdict

HEAD, TAIL, EVERY = 200, 800, 997
"""Of flows of more packets: so many of the first, so many of the last, and each 997th in between (so that numbers cannot run
further than a receiver would follow them), beside those in which something was learned."""
MOST_REFUSED = 100
"""SYNs of a listener that went unanswered, beside the first and the last."""
_PER_FRAME, _PER_FLOW = 92, 700
"""Bytes in the file: measured with time stamps; and for a flow's comments."""
_BLOCK = 1 << 18
_KEY = np.dtype([("a_hi", np.int64), ("a_lo", np.int64), ("b_hi", np.int64), ("b_lo", np.int64), ("ports", np.int64)])


@dataclass(frozen=True)
class Selection:
    """Flows chosen, as rows, int64."""

    flagged: Values
    """Those that were asked for, in the order given."""
    supporting: Values
    """Those that the causes of these rest on, ascending."""
    left_out: int
    """How many that were asked for found no room."""

    @property
    def rows(self) -> Values:
        """All of them, ascending."""
        return np.union1d(self.flagged, self.supporting)


def select(result: Result, wanted: Values, room: int, *, payload: bool) -> Selection:
    """Choose flows.

    Args:
        result: an analysis.
        wanted: rows of the flagged flows, those that matter most first, shape (n,).
        room: bytes that the file may have.
        payload: whether payload is kept.

    Returns:
        As many of the first as fit, with all that they need; at least one.
    """
    low, high = min(1, len(wanted)), len(wanted)
    fits = Selection(wanted[:low], _supporting(result, wanted[:low]), len(wanted) - low)
    while low < high:
        middle = (low + high + 1) // 2
        chosen = Selection(wanted[:middle], _supporting(result, wanted[:middle]), len(wanted) - middle)
        if _size(result.facts, chosen.rows, payload=payload) <= room:
            low, fits = middle, chosen
        else:
            high = middle - 1
    return fits


def _size(facts: Facts, rows: Values, *, payload: bool) -> int:
    """Estimate how many bytes flows take in the file."""
    packets, bytes_ = facts.ends["packets"][rows].sum(axis=1), facts.ends["bytes"][rows].sum(axis=1)
    frames = np.where(packets > HEAD + TAIL, HEAD + TAIL + packets // EVERY, packets)
    each = _PER_FRAME + (bytes_ / np.maximum(packets, 1) if payload else 0)
    return int((frames * each).sum()) + _PER_FLOW * len(rows)


def _supporting(result: Result, flagged: Values) -> Values:
    """Find the flows that the verdicts and causes of some rest on."""
    if not len(flagged):
        return flagged
    rows = np.unique(np.concatenate([flagged, _of_listeners(result, flagged)]))
    return np.setdiff1d(_with_same_ends(result.facts, rows), flagged)


def _of_listeners(result: Result, flagged: Values) -> Values:
    """Find what the causes of silent servers cite: see `never_accepted` and `not_closed`."""
    facts, judgement, listeners = result.facts, result.judgement, result.listeners
    waits = flagged[judgement.waiting[flagged] == SERVER]
    silent = waits[field(facts, judgement, waits, "bytes") == 0]
    place = listeners.places(silent)
    place = place[place >= 0]
    behind = np.unique(listeners.listener[place])
    last_before = np.full(len(listeners.port), -1)
    np.maximum.at(last_before, listeners.listener[place], listeners.before[place])
    queued = np.zeros(len(listeners.port), np.bool_)
    queued[listeners.listener[place[listeners.queued[place] >= 0]]] = True
    row = (listeners.before >= 0) & (listeners.before <= last_before[listeners.listener])
    row |= (listeners.queued >= 0) & queued[listeners.listener]
    full = np.flatnonzero(queued)
    found = [
        listeners.rows[row],
        listeners.later_served[place],
        listeners.last_served[behind],
        *(column[full] for column in (listeners.first_refused, listeners.last_refused, listeners.alive)),
        _refused(result, listeners.first_refused[full]),
    ]
    chosen = np.concatenate([flagged, *found])
    deciding = place[(listeners.before[place] >= 0) | (listeners.queued[place] >= 0)]
    occupying = [_occupying(result, listener, deciding, chosen) for listener in np.unique(listeners.listener[deciding]).tolist()]
    rows = np.concatenate([*found, *occupying])
    return rows[rows >= 0]


def _occupying(result: Result, listener: int, deciding: Values, chosen: Values) -> Values:
    """Find flows that show how many more a server could have had in hand than it had in the end: `never_accepted` asks for that.

    Not all of them, which may be thousands: those that it had in hand both at its busiest and in the end make no difference, and
    more room than there are flows before the flagged ones makes none, either.
    """
    listeners = result.listeners
    here = np.flatnonzero(listeners.listener == listener)
    kind, rows = listeners.occupying[here], listeners.rows[here]
    of_it = deciding[listeners.listener[deciding] == listener]
    most = int(max(listeners.before[of_it].max(), listeners.queued[of_it].max()))
    spare = int(listeners.at_once[listener] - listeners.in_hand[listener])
    known = np.isin(rows, chosen)
    in_the_end = rows[(kind == 3) & ~known][:1] if not (known & (kind >= 2)).any() else rows[:0]
    passing = rows[kind == 1]
    passing = passing[np.argsort(result.facts.flows["last_time"][passing], kind="stable")]
    return np.concatenate([in_the_end, passing[: int((known & (kind == 2)).sum()) + min(spare, most + 1)]])


def _refused(result: Result, first: Values) -> Values:
    """Find more flows that went unanswered at the listeners of some that did."""
    _, rows, listener = flows_of(result.facts, result.judgement, first)
    unanswered = np.flatnonzero(result.judgement.verdict[rows] == Verdict.unanswered)
    unanswered = unanswered[np.lexsort((rows[unanswered], listener[unanswered]))]
    group = listener[unanswered]
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    return np.asarray(rows[unanswered[rank < MOST_REFUSED]])


def keys_of(facts: Facts, rows: Values) -> Values:
    """Give the ends of flows, as records that can be compared and sorted."""
    flows = facts.flows[rows]
    keys = np.empty(len(rows), _KEY)
    for name in _KEY.names or ():
        keys[name] = flows[name]
    return keys


def _with_same_ends(facts: Facts, rows: Values) -> Values:
    """Add the flows that had the same addresses and ports at another time."""
    ports = np.unique(facts.flows["ports"][rows])
    keys, found = np.unique(keys_of(facts, rows)), [rows]
    for at in range(0, len(facts.flows), _BLOCK):
        block = facts.flows["ports"][at : at + _BLOCK]
        likely = at + np.flatnonzero(ports[np.minimum(np.searchsorted(ports, block), len(ports) - 1)] == block)
        mine = keys_of(facts, likely)
        place = np.minimum(np.searchsorted(keys, mine), len(keys) - 1)
        found.append(likely[(keys[place] == mine) & (facts.flows["first_frame"][likely] != 0)])
    return np.unique(np.concatenate(found))
