"""What connections to one listening endpoint tell together: which of them were served, which not, and whether its queue was full.

accept() sends nothing. But the kernel's accept queue is first in, first out, by the time at which a handshake was completed: what
an application answers tells where in the queue it is. And where the queue is full, Linux leaves a SYN unanswered, or does not
take the handshake's last ACK and sends its SYN-ACK again.

Source: Linux net/ipv4/tcp_input.c (tcp_conn_request), tcp_ipv4.c (tcp_v4_syn_recv_sock), include/net/sock.h (sk_acceptq_is_full).
With TCP_DEFER_ACCEPT Linux does not take the last ACK either, as long as no data comes, and sends its SYN-ACK again, once
(inet_connection_sock.c, syn_ack_recalc): that shows no full queue.
Measured beside ss: of 189 listeners that were seen to be full, all were (one had room again at the end); the limit was right in
105, higher by 1 in 58, by 2 to 4 in 25 (connections that were accepted in silence), and never lower.
"""

from dataclasses import dataclass, fields

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.tcp.records import HAS_FIN, HAS_RST, SPOKE, SYN_ACK_AGAIN
from closewait_pcap.verdicts.evidence.occupancy import Flows, flows_at, in_hand, unanswered_at
from closewait_pcap.verdicts.evidence.servers import field, flows_of, last_sign
from closewait_pcap.verdicts.judge import CLIENT, SERVER, Judgement
from closewait_pcap.verdicts.sides import SECOND, Bools, Ints
from closewait_pcap.verdicts.verdict import WAITED, Verdict

PATIENCE = 900_000_000
"""A SYN that stays unanswered for so long was not overlooked by the capture's end: it is sent again after a second."""
_NEVER, _LATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@dataclass
class Listeners:
    """Endpoints behind which a silent server end waits, or whose queue was full; and where the flows to them stand in it.

    Arrays of shape (listeners,), and, from `rows` on, of shape (flows,).
    """

    address: Ints
    """Shape (listeners, 2): two words each."""
    port: Ints
    handshakes: Ints
    """Flows whose handshake was seen to complete."""
    served: Ints
    """Of them: those to which the server sent payload, or a FIN."""
    unserved: Ints
    """Of them: those to which it sent neither, and no RST."""
    last_served: Ints
    """Row of the served flow whose handshake was completed last, or -1."""
    first_unserved: Ints
    """Row of the first flow after that which was not, or -1."""
    unanswered: Ints
    """Flows whose SYN was sent again and never answered, while the server was alive."""
    repeated: Ints
    """Flows whose SYN-ACK was sent again after it had been acknowledged."""
    first_refused: Ints
    """Row of the first flow that the full queue kept out, or -1."""
    last_refused: Ints
    """Row of the one of them that tried longest, or -1."""
    alive: Ints
    """Row of the flow that shows last that the server's host was alive; -1 where nobody asked for it."""
    queue: Ints
    """How many flows the server had not answered when that happened: those in the queue, which are its limit plus one, and those
    accepted in silence. -1 where it never did."""
    at_once: Ints
    """How many flows the application was seen to have in hand at once: answered, or accepted in silence, and not yet closed."""
    in_hand: Ints
    """How many of them it had when the capture ended."""
    rows: Ints
    """Of the flows whose handshake was completed, in ascending order."""
    listener: Ints
    """Which listener each of them is behind."""
    later_served: Ints
    """For each of them: row of a flow served although its handshake was completed later, or -1."""
    before: Ints
    """For each of them: how many unserved ones stand between the last served flow and it; -1: it came before that one."""
    queued: Ints
    """For each of them: how many stood before it in the queue when that was seen full; -1: it stood not in it."""
    occupying: Ints
    """For each of them: whether it is one of those that make up ``at_once`` (1), ``in_hand`` (2), or both (3)."""

    def places(self, rows: Ints) -> Ints:
        """Find flows in `rows`; -1 where a flow is not there."""
        if not len(self.rows):
            return np.full(len(rows), -1, np.int64)
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[place] == rows, place, -1)


_OF_FLOWS = {"rows", "listener", "later_served", "before", "queued", "occupying"}


def gather(facts: Facts, judgement: Judgement) -> Listeners:
    """Gather what is known of the listeners behind which a silent end waits, or that kept flows out.

    Args:
        facts: of all flows.
        judgement: of all flows.

    Returns:
        The listeners.
    """
    waits = np.flatnonzero(np.isin(judgement.verdict, WAITED) & (judgement.waiting == SERVER))
    silent = waits[field(facts, judgement, waits, "bytes") == 0]
    kept_out = _kept_out(facts, judgement)
    wanted, rows, listener = flows_of(facts, judgement, np.concatenate([silent, kept_out]))
    queue = _Queue(facts, judgement, rows, listener, len(wanted))
    alive, sign = np.full(len(wanted), _NEVER), np.full(len(wanted), -1)
    if len(kept_out):
        alive, sign = last_sign(facts, judgement, wanted)
    unanswered, not_taken, repeated = _refusals(facts, judgement, rows, alive[listener], queue.last_taken[listener])
    refused = unanswered | not_taken
    full_until = np.full(len(wanted), _NEVER)
    np.maximum.at(full_until, listener[refused], facts.flows["last_time"][rows[refused]])
    first_refused = _first(listener[refused], rows[refused], facts.flows["first_time"][rows[refused]], len(wanted))
    queued = queue.unserved & (queue.later_served < 0) & (queue.completed <= full_until[queue.listener])
    flows = flows_at(facts, judgement, queue.rows, queue.listener)
    at_once, at_end, occupying = in_hand(flows, queue.unserved & (queue.later_served >= 0), len(wanted))
    found = Listeners(
        address=np.stack([wanted["hi"], wanted["lo"]], axis=1),
        port=wanted["port"],
        handshakes=queue.count(queue.served | ~queue.served),
        served=queue.count(queue.served),
        unserved=queue.count(queue.unserved),
        last_served=np.where(queue.last_served >= 0, _at(queue.rows, queue.last_served), -1),
        first_unserved=queue.first_unserved,
        unanswered=np.bincount(listener[unanswered], minlength=len(wanted)),
        repeated=np.bincount(listener[repeated], minlength=len(wanted)),
        first_refused=first_refused,
        last_refused=_first(listener[refused], rows[refused], -facts.flows["last_time"][rows[refused]], len(wanted)),
        alive=sign,
        queue=_length(facts, judgement, rows, listener, flows, refused, len(wanted)),
        at_once=at_once,
        in_hand=at_end,
        rows=queue.rows,
        listener=queue.listener,
        later_served=queue.later_served,
        before=queue.before,
        queued=np.where(queued, queue.ahead(queued), -1),
        occupying=occupying,
    )
    waited_for = np.isin(np.arange(len(wanted)), listener[np.isin(rows, silent)])
    return _pick(found, waited_for | (found.queue > 0))


def _refusals(facts: Facts, judgement: Judgement, rows: Ints, alive: Ints, last_taken: Ints) -> tuple[Bools, Bools, Bools]:
    """Tell which flows a full queue kept out.

    Args:
        facts: of all flows.
        judgement: of all flows.
        rows: of the flows.
        alive: when the server of each was last seen to live.
        last_taken: when the last flow to the same endpoint completed its handshake whose packets the server has taken.

    Returns:
        Those whose SYN was never answered; those whose handshake was not taken, although more came than its ACK, or the server
        asked twice for it; those whose SYN-ACK was sent again, for whatever reason.
    """
    verdict, first, last = judgement.verdict[rows], facts.flows["first_time"][rows], facts.flows["last_time"][rows]
    unanswered = (verdict == Verdict.unanswered) & (last - first >= PATIENCE) & (first - SECOND <= alive)
    repeated = (field(facts, judgement, rows, "flags") & SYN_ACK_AGAIN) != 0
    sent = (field(facts, judgement, rows, "bytes", CLIENT) > 0) | (field(facts, judgement, rows, "flags", CLIENT) & HAS_FIN != 0)
    asked, answers = field(facts, judgement, rows, "packets"), field(facts, judgement, rows, "packets", CLIENT)
    asked_twice = (asked > 2) & (answers == asked + 1)  # a SYN, and an ACK each time: on a second tap there would be more
    tries = [field(facts, judgement, rows, "syn_acked_time")]
    tries += [field(facts, judgement, rows, name, CLIENT) for name in ("last_data_time", "fin_time")]
    not_taken = repeated & (sent | asked_twice) & (verdict == Verdict.half_open) & (np.max(tries, axis=0) > last_taken)
    return unanswered, not_taken, repeated


def _length(facts: Facts, judgement: Judgement, rows: Ints, listener: Ints, flows: Flows, refused: Bools, listeners: int) -> Ints:
    """Count for each endpoint the flows without an answer when its queue was full: the least of all that were refused.

    A SYN may have been lost, not refused, the first time or the last; the larger count of both holds in any case. Where silent
    flows began before the capture, others may have that it does not show: then the queue's length is not known.
    """
    kept_out, where = rows[refused], listener[refused]
    last = facts.flows["last_frame"][kept_out]
    since = np.where(judgement.verdict[kept_out] == Verdict.unanswered, facts.flows["first_frame"][kept_out], last)
    count = np.maximum(unanswered_at(flows, where, since), unanswered_at(flows, where, last))
    least = np.full(listeners, _LATEST)
    np.minimum.at(least, where, count)
    before = (field(facts, judgement, rows, "syn_frame") == 0) & ~refused
    before &= (field(facts, judgement, rows, "flags") & SPOKE != 0) & (field(facts, judgement, rows, "bytes") == 0)
    least[listener[before]] = _LATEST
    return np.where(least == _LATEST, -1, least)


class _Queue:
    """Flows whose handshake was completed, endpoint by endpoint, in the order of that: the order of the accept queue.

    Args:
        facts: of all flows.
        judgement: of all flows.
        rows: of the flows to some endpoints.
        listener: the endpoint of each.
        listeners: how many endpoints there are.
    """

    def __init__(self, facts: Facts, judgement: Judgement, rows: Ints, listener: Ints, listeners: int) -> None:
        acked = field(facts, judgement, rows, "syn_acked_frame")
        seen = (field(facts, judgement, rows, "syn_frame") != 0) & (acked != 0)
        done = np.flatnonzero(seen & (judgement.verdict[rows] != Verdict.half_open))
        completed = field(facts, judgement, rows[done], "syn_acked_time")
        order = np.lexsort((acked[done], completed, listener[done]))
        self._listeners = listeners
        self._position = np.arange(len(done))
        self.rows, self.listener, self.completed = rows[done[order]], listener[done[order]], completed[order]
        flags = field(facts, judgement, self.rows, "flags")
        # an application had it that wrote, or closed: sockets that nobody has accepted are reset, never closed
        self.served: Bools = (field(facts, judgement, self.rows, "bytes") > 0) | ((flags & HAS_FIN) != 0)
        self.unserved: Bools = ~self.served & ((flags & HAS_RST) == 0)
        self.last_served = np.full(listeners, -1)
        """For each endpoint, a place."""
        np.maximum.at(self.last_served, self.listener[self.served], self._position[self.served])
        self.last_taken = np.full(listeners, _NEVER)
        """For each endpoint: when the last flow completed its handshake whose packets the server has taken."""
        taken = (flags & SPOKE) != 0
        np.maximum.at(self.last_taken, self.listener[taken], self.completed[taken])

    def count(self, which: Bools) -> Ints:
        """Count flows for each endpoint."""
        return np.bincount(self.listener[which], minlength=self._listeners)

    def ahead(self, which: Bools) -> Ints:
        """For each flow: how many of some come before it at its endpoint."""
        running: Ints = np.cumsum(which) - which
        begins = np.searchsorted(self.listener, np.arange(self._listeners))
        return running - running[begins[self.listener]] if len(running) else running

    @property
    def later_served(self) -> Ints:
        """For each flow: row of the last served one, where that completed its handshake later, else -1."""
        last = self.last_served[self.listener]
        return np.where(last > self._position, _at(self.rows, last), -1)

    @property
    def _after_served(self) -> Bools:
        return self.unserved & (self.last_served[self.listener] < self._position)

    @property
    def before(self) -> Ints:
        """For each flow: how many unserved ones stand between the last served one and it; -1: it is not behind one."""
        after = self._after_served & (self.last_served[self.listener] >= 0)
        return np.where(after, self.ahead(after), -1)

    @property
    def first_unserved(self) -> Ints:
        """For each endpoint: row of the first flow after the last served one."""
        after = self._after_served
        return _first(self.listener[after], self.rows[after], self._position[after], self._listeners)


def _kept_out(facts: Facts, judgement: Judgement) -> Ints:
    """Rows of flows that a full queue may have kept out."""
    rows = np.flatnonzero((judgement.verdict == Verdict.unanswered) | (judgement.verdict == Verdict.half_open))
    tried = facts.flows["last_time"][rows] - facts.flows["first_time"][rows] >= PATIENCE
    return np.asarray(rows[tried])


def _pick(listeners: Listeners, picked: Bools) -> Listeners:
    """Leave out some listeners: a scan finds thousands of closed ports. The flows are put into the order of their rows."""
    flows = np.flatnonzero(picked[listeners.listener])
    flows = flows[np.argsort(listeners.rows[flows])]
    names = [column.name for column in fields(Listeners)]
    columns = {name: getattr(listeners, name)[flows if name in _OF_FLOWS else picked] for name in names}
    number = np.cumsum(picked) - 1
    return Listeners(**columns | {"listener": number[columns["listener"]]})


def _at(values: Ints, places: Ints) -> Ints:
    """Take values; of places below 0, any."""
    return values[np.maximum(places, 0)] if len(values) else np.full(len(places), -1)


def _first(group: Ints, rows: Ints, by: Ints, count: int) -> Ints:
    """Give for each group its first row, by some measure; -1 where it has none."""
    found = np.full(count, -1)
    order = np.argsort(by, kind="stable")[::-1]
    found[group[order]] = rows[order]
    return found
