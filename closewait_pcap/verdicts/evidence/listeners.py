"""What connections to one listening endpoint tell together: which of them were served, which not, and whether its queue was full.

accept() sends nothing. But the kernel's accept queue is first in, first out, by the time at which a handshake was completed: what
an application answers tells where in the queue it is. And Linux leaves a SYN unanswered where the queue is full.

Source: Linux net/ipv4/tcp_input.c (tcp_conn_request), include/net/sock.h (sk_acceptq_is_full).
"""

from dataclasses import dataclass, fields

import numpy as np

from closewait_pcap.engine import Structured
from closewait_pcap.flows.records import HAS_FIN, HAS_RST, SYN_ACK_AGAIN
from closewait_pcap.flows.table import Facts
from closewait_pcap.verdicts.judge import SERVER, Judgement
from closewait_pcap.verdicts.sides import Bools, Ints
from closewait_pcap.verdicts.verdict import WAITED, Verdict

PATIENCE = 900_000_000
"""A SYN that stays unanswered for so long was not overlooked by the capture's end: it is sent again after a second."""
_BLOCK = 1 << 18
_INCOMPLETE = (Verdict.unanswered, Verdict.half_open)
_KEY = np.dtype([("hi", np.int64), ("lo", np.int64), ("port", np.int64)])


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
    first_unanswered: Ints
    """Row of the first flow with such a SYN, or -1."""
    queue: Ints
    """How many flows waited to be accepted when that happened: the limit given to listen(), plus one. -1 where it never did."""
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

    def places(self, rows: Ints) -> Ints:
        """Find flows in `rows`; -1 where a flow is not there."""
        if not len(self.rows):
            return np.full(len(rows), -1, np.int64)
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[place] == rows, place, -1)


def gather(facts: Facts, judgement: Judgement) -> Listeners:
    """Gather what is known of the listeners behind which a silent end waits.

    Args:
        facts: of all flows.
        judgement: of all flows.

    Returns:
        The listeners; none where no silent server end waits.
    """
    waits = np.flatnonzero(np.isin(judgement.verdict, WAITED) & (judgement.waiting == SERVER))
    silent = waits[_server_field(facts, judgement, waits, "bytes") == 0]
    unheard = np.flatnonzero(judgement.verdict == Verdict.unanswered)
    unheard = unheard[facts.flows["last_time"][unheard] - facts.flows["first_time"][unheard] >= PATIENCE]
    wanted, rows, listener = _flows_of(facts, judgement, _keys(facts, judgement, np.concatenate([silent, unheard])))

    def server(name: str) -> Ints:
        return _server_field(facts, judgement, rows, name)

    verdict = judgement.verdict[rows]
    acked, flags = server("syn_acked_frame"), server("flags")
    complete = (server("syn_frame") != 0) & (acked != 0) & (verdict != Verdict.half_open)
    first, last = facts.flows["first_time"][rows], facts.flows["last_time"][rows]
    count = len(wanted)
    alive = _last_sign(facts, judgement, wanted)
    refused = (verdict == Verdict.unanswered) & (last - first >= PATIENCE) & (first <= alive[listener])
    full_at = np.full(count, np.iinfo(np.int64).min)
    np.maximum.at(full_at, listener[refused], last[refused])
    repeated = (flags & SYN_ACK_AGAIN) != 0

    done = np.flatnonzero(complete)
    completed = server("syn_acked_time")[done]
    in_order = np.lexsort((acked[done], completed, listener[done]))
    done, completed = done[in_order], completed[in_order]
    # an application had it that wrote, or closed: sockets that nobody has accepted are reset, never closed
    group, served = listener[done], (server("bytes")[done] > 0) | ((flags[done] & HAS_FIN) != 0)
    unserved = ~served & ((flags[done] & HAS_RST) == 0)
    begins = np.searchsorted(group, np.arange(count))
    position = np.arange(len(done))
    last_served = np.full(count, -1)
    np.maximum.at(last_served, group[served], position[served])
    later = np.where(last_served[group] > position, last_served[group], -1)
    unserved_before = np.cumsum(unserved) - unserved
    start = np.where(last_served >= 0, last_served, 0)
    after = unserved_before - unserved_before[start][group] if len(done) else position
    queued = unserved & (later < 0) & (completed <= full_at[group])
    standing = np.cumsum(queued) - queued
    ahead = standing - standing[begins[group]] if len(done) else position
    order = np.argsort(rows[done])
    first_refused = _first(listener[refused], rows[refused], first[refused], count)
    waiting = unserved & (last_served[group] < position)
    behind = waiting & (last_served[group] >= 0)

    def number(which: Ints) -> Ints:
        return np.bincount(which, minlength=count)

    found = Listeners(
        address=np.stack([wanted["hi"], wanted["lo"]], axis=1),
        port=wanted["port"],
        handshakes=number(group),
        served=number(group[served]),
        unserved=number(group[unserved]),
        last_served=np.where(last_served >= 0, _at(rows[done], last_served), -1),
        first_unserved=_first(group[waiting], rows[done][waiting], position[waiting], count),
        unanswered=number(listener[refused]),
        repeated=number(listener[repeated]),
        first_unanswered=first_refused,
        queue=np.where(first_refused >= 0, number(group[queued]), -1),
        rows=rows[done][order],
        listener=group[order],
        later_served=np.where(later >= 0, _at(rows[done], later), -1)[order],
        before=np.where(behind, after, -1)[order],
        queued=np.where(queued, ahead, -1)[order],
    )
    waited_for = np.isin(np.arange(count), listener[np.isin(rows, silent)])
    return _keep(found, waited_for | (found.queue > 0))


def under_pressure(facts: Facts, judgement: Judgement) -> Ints:
    """Find the servers' endpoints at which a handshake did not complete: digests, ascending, for `is_among`."""
    return np.unique(_digest(_keys(facts, judgement, np.flatnonzero(np.isin(judgement.verdict, _INCOMPLETE)))))


def is_among(facts: Facts, judgement: Judgement, rows: Ints, digests: Ints) -> Bools:
    """Tell whether the servers' endpoints of some flows are among others."""
    if not len(digests):
        return np.zeros(len(rows), np.bool_)
    mine = _digest(_keys(facts, judgement, rows))
    return np.asarray(digests[np.minimum(np.searchsorted(digests, mine), len(digests) - 1)] == mine)


def _keep(listeners: Listeners, kept: Bools) -> Listeners:
    """Leave out some listeners: a scan finds thousands of closed ports."""
    if kept.all():
        return listeners
    number = np.cumsum(kept) - 1
    flows = kept[listeners.listener]
    of_flows = {"rows", "listener", "later_served", "before", "queued"}
    columns = {
        column.name: getattr(listeners, column.name)[flows if column.name in of_flows else kept] for column in fields(Listeners)
    }
    return Listeners(**columns | {"listener": number[columns["listener"]]})


def _last_sign(facts: Facts, judgement: Judgement, wanted: Structured) -> Ints:
    """When the host of each endpoint last acknowledged something on any port."""
    address = np.zeros(len(wanted), _KEY)
    address["hi"], address["lo"] = wanted["hi"], wanted["lo"]
    hosts, host = np.unique(_digest(address), return_inverse=True)
    signs = np.full(len(hosts), np.iinfo(np.int64).min)
    for at in range(0, len(facts.flows) if len(hosts) else 0, _BLOCK):
        rows = np.arange(at, min(at + _BLOCK, len(facts.flows)))
        keys = _keys(facts, judgement, rows)
        keys["port"] = 0
        digests = _digest(keys)
        place = np.minimum(np.searchsorted(hosts, digests), len(hosts) - 1)
        mine = hosts[place] == digests
        np.maximum.at(signs, place[mine], _server_field(facts, judgement, rows[mine], "ack_time"))
    return np.asarray(signs[host.reshape(-1)])


def _at(values: Ints, places: Ints) -> Ints:
    """Take values where the place is known."""
    return values[np.maximum(places, 0)] if len(values) else np.full(len(places), -1)


def _first(group: Ints, rows: Ints, by: Ints, count: int) -> Ints:
    """Give for each group its first row, by some measure; -1 where it has none."""
    found = np.full(count, -1)
    order = np.argsort(by, kind="stable")[::-1]
    found[group[order]] = rows[order]
    return found


def _server_field(facts: Facts, judgement: Judgement, rows: Ints, name: str) -> Ints:
    """One fact of the servers' ends; not all of them, which of millions of flows would take gigabytes."""
    field: Ints = facts.ends[name][rows, 1 - judgement.client_end[rows]]
    return field


def _keys(facts: Facts, judgement: Judgement, rows: Ints) -> Structured:
    """The servers' addresses and ports."""
    flows, is_a = facts.flows[rows], judgement.client_end[rows] == 1
    keys = np.empty(len(rows), _KEY)
    keys["hi"], keys["lo"] = np.where(is_a, flows["a_hi"], flows["b_hi"]), np.where(is_a, flows["a_lo"], flows["b_lo"])
    keys["port"] = np.where(is_a, flows["ports"] >> 16, flows["ports"]) & 0xFFFF
    return keys


def _digest(keys: Structured) -> Ints:
    """Numbers that are as good as unique, and sort a hundred times faster than records."""
    mixed = keys["hi"] * -7046029254386353131 + keys["lo"] * -4417276706812531889 + keys["port"] * 1609587929392839161
    return np.asarray((mixed ^ (mixed >> 31)) * -7046029288634856825)


def _flows_of(facts: Facts, judgement: Judgement, keys: Structured) -> tuple[Structured, Ints, Ints]:
    """Find all flows to some endpoints.

    Returns:
        The endpoints, each once; rows of their flows, and the number of each one's endpoint.
    """
    digests, first = np.unique(_digest(keys), return_index=True)
    wanted = keys[first]
    found, numbers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    if len(wanted):
        ports = np.zeros(1 << 16, np.bool_)
        ports[wanted["port"]] = True
        for at in range(0, len(facts.flows), _BLOCK):
            block = facts.flows[at : at + _BLOCK]
            likely = (block["first_frame"] != 0) & (ports[block["ports"] & 0xFFFF] | ports[block["ports"] >> 16 & 0xFFFF])
            rows = at + np.flatnonzero(likely)
            keys = _keys(facts, judgement, rows)
            place = np.minimum(np.searchsorted(digests, _digest(keys)), len(wanted) - 1)
            mine = wanted[place] == keys
            found.append(rows[mine])
            numbers.append(place[mine])
    return wanted, np.concatenate(found), np.concatenate(numbers)
