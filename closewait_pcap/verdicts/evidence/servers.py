"""Which flows go to which server endpoints, among millions: by digests of address and port, a block at a time."""

import numpy as np

from closewait_pcap.engine import Structured
from closewait_pcap.flows.table import Facts
from closewait_pcap.verdicts.judge import CLIENT, SERVER, Judgement
from closewait_pcap.verdicts.sides import Bools, Ints
from closewait_pcap.verdicts.verdict import Verdict

_BLOCK = 1 << 18
_INCOMPLETE = (Verdict.unanswered, Verdict.half_open)
_KEY = np.dtype([("hi", np.int64), ("lo", np.int64), ("port", np.int64)])


def field(facts: Facts, judgement: Judgement, rows: Ints, name: str, side: int = SERVER) -> Ints:
    """One fact of one side's ends; not all of them, which of millions of flows would take gigabytes."""
    field: Ints = facts.ends[name][rows, judgement.client_end[rows] ^ side]
    return field


def endpoints(facts: Facts, judgement: Judgement, rows: Ints, side: int = SERVER) -> Structured:
    """One side's addresses and ports."""
    flows, is_a = facts.flows[rows], judgement.client_end[rows] == side
    keys = np.empty(len(rows), _KEY)
    keys["hi"], keys["lo"] = np.where(is_a, flows["a_hi"], flows["b_hi"]), np.where(is_a, flows["a_lo"], flows["b_lo"])
    keys["port"] = np.where(is_a, flows["ports"] >> 16, flows["ports"]) & 0xFFFF
    return keys


def flows_of(facts: Facts, judgement: Judgement, some: Ints) -> tuple[Structured, Ints, Ints]:
    """Find all flows to the endpoints that some flows go to.

    Args:
        facts: of all flows.
        judgement: of all flows.
        some: rows of those flows.

    Returns:
        The endpoints, each once; rows of their flows, and the number of each one's endpoint.
    """
    keys = endpoints(facts, judgement, some)
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
            keys = endpoints(facts, judgement, rows)
            place = np.minimum(np.searchsorted(digests, _digest(keys)), len(wanted) - 1)
            mine = wanted[place] == keys
            found.append(rows[mine])
            numbers.append(place[mine])
    return wanted, np.concatenate(found), np.concatenate(numbers)


def last_sign(facts: Facts, judgement: Judgement, wanted: Structured) -> tuple[Ints, Ints]:
    """When the host of each endpoint was last seen to be alive, on any port: it acknowledged something, or asked.

    Args:
        facts: of all flows.
        judgement: of all flows.
        wanted: the endpoints, as `flows_of` gives them.

    Returns:
        The time, ns since the epoch, the least number there is where it was never seen; and the row of the flow that shows it.
    """
    address = np.zeros(len(wanted), _KEY)
    address["hi"], address["lo"] = wanted["hi"], wanted["lo"]
    hosts, host = np.unique(_digest(address), return_inverse=True)
    signs, shown = np.full(len(hosts), np.iinfo(np.int64).min), np.full(len(hosts), -1)
    for at in range(0, len(facts.flows) if len(hosts) else 0, _BLOCK):
        rows = np.arange(at, min(at + _BLOCK, len(facts.flows)))
        for side in (CLIENT, SERVER):
            keys = endpoints(facts, judgement, rows, side)
            keys["port"] = 0
            digests = _digest(keys)
            place = np.minimum(np.searchsorted(hosts, digests), len(hosts) - 1)
            mine = hosts[place] == digests
            alone = field(facts, judgement, rows[mine], "packets", 1 - side) == 0  # then the last packet is its own
            sign = np.where(alone, facts.flows["last_time"][rows[mine]], field(facts, judgement, rows[mine], "ack_time", side))
            host_of, before = place[mine], signs.copy()
            np.maximum.at(signs, host_of, sign)
            latest = (sign == signs[host_of]) & (sign > before[host_of])
            shown[host_of[latest]] = rows[mine][latest]
    return signs[host.reshape(-1)], shown[host.reshape(-1)]


def under_pressure(facts: Facts, judgement: Judgement) -> Ints:
    """Find the servers' endpoints at which a handshake did not complete: digests, ascending, for `is_among`.

    Sorted, not made unique: that imports numpy.ma, a tenth of the time of a small report.
    """
    return np.sort(_digest(endpoints(facts, judgement, np.flatnonzero(np.isin(judgement.verdict, _INCOMPLETE)))))


def is_among(facts: Facts, judgement: Judgement, rows: Ints, digests: Ints) -> Bools:
    """Tell whether the servers' endpoints of some flows are among others."""
    if not len(digests):
        return np.zeros(len(rows), np.bool_)
    mine = _digest(endpoints(facts, judgement, rows))
    return np.asarray(digests[np.minimum(np.searchsorted(digests, mine), len(digests) - 1)] == mine)


def _digest(keys: Structured) -> Ints:
    """Numbers that are as good as unique, and sort a hundred times faster than records."""
    mixed = keys["hi"] * -7046029254386353131 + keys["lo"] * -4417276706812531889 + keys["port"] * 1609587929392839161
    return np.asarray((mixed ^ (mixed >> 31)) * -7046029288634856825)
