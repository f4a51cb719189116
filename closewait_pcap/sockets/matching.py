"""Joins socket tables to flows by addresses and ports: which rows are a flow's client, its server, and the listener behind it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.sockets.listening import find_listeners
from closewait_pcap.sockets.pairing import Pairs, is_partial, named_pairs, partial_pairs, whole_pairs
from closewait_pcap.sockets.placing import SLACK, Placement, best_first, place
from closewait_pcap.sockets.table import Snapshot, Socket
from closewait_pcap.tcp.records import BARE_SYN, SPOKE, SYN_ACK
from closewait_pcap.tcp.state import State

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Small = np.ndarray[Any, np.dtype[np.int8]]
NO_TIME = np.iinfo(np.int64).min
_LATEST = np.iinfo(np.int64).max
_OPENING = (State.SYN_SENT, State.SYN_RECEIVED)


@dataclass
class Matches:
    """Which socket is which end of which flow."""

    snapshots: list[Snapshot]
    placements: list[Placement]
    """What the time of each snapshot is good for."""
    order: list[int]
    """The snapshots' numbers, from the one that fits the capture's end best: see `placing.best_first`."""
    sockets: list[Socket]
    """The rows of all snapshots, one after the other. What one that is joined does not tell (its process, say) is taken from
    another table's row of the same socket in the same state, taken at the same time."""
    snapshot_of: Ints
    """Which snapshot each socket is from, shape (sockets,)."""
    flow_of: Ints
    """The row of the flow that each socket is an end of, or -1, shape (sockets,)."""
    end_of: Ints
    """Which of that flow's END records it is, 0 or 1, or -1, shape (sockets,)."""
    client: Ints
    """The socket that is each flow's client, or -1, shape (flows,); of several tables, of the one that fits best."""
    server: Ints
    """The same for the server."""
    listener: Ints
    """The LISTEN row behind each flow's server, or -1, shape (flows,)."""
    first_close_wait: Ints
    """Time of the first table in which an end of the flow stood in CLOSE_WAIT, ns or NO_TIME, shape (flows,)."""
    last_close_wait: Ints
    """Time of the last such table."""

    def of_side(self, side: int) -> Ints:
        """The sockets of one side of all flows, 0 client, 1 server: shape (flows,)."""
        return self.server if side else self.client

    @property
    def joined(self) -> Ints:
        """Rows of the flows of which a socket is known."""
        return np.flatnonzero((self.client >= 0) | (self.server >= 0))

    @property
    def partial(self) -> int:
        """How many sockets have an end that is cut, or only a name, and are joined to no flow."""
        return sum(1 for socket, flow in zip(self.sockets, self.flow_of.tolist(), strict=True) if flow < 0 and is_partial(socket))


def match(
    snapshots: Sequence[Snapshot],
    facts: Facts,
    client_end: Small,
    *,
    begin: int | None,
    end: int | None,
    hosts: Collection[tuple[int, int]] = (),
) -> Matches:
    """Join socket tables to flows.

    A socket belongs to the flow of its addresses and ports (v4-mapped IPv6 is IPv4; zones are left out) that lived when its
    table was taken. Where several used them in turn, that is the newest that had begun by then and that this end has answered.
    A socket whose addresses the tool has cut is joined where only flows of one pair of addresses fit it; likewise one with the
    ports of a flow whose packets tell a host by name alone.

    Args:
        snapshots: the tables.
        facts: of all flows.
        client_end: which END record is the client's, 0 or 1, shape (flows,).
        begin: time of the capture's first frame, ns since the epoch; None where it has no times.
        end: of the capture.
        hosts: addresses, as two words, that stand for names.

    Returns:
        The joins, both ways.
    """
    placements = [place(snapshot, begin, end) for snapshot in snapshots]
    order = best_first(placements, end)
    sockets = [socket for snapshot in snapshots for socket in snapshot.sockets]
    snapshot_of = np.repeat(np.arange(len(snapshots)), [len(snapshot.sockets) for snapshot in snapshots])
    moments = np.array([NO_TIME if moment is None else moment for moment, _ in placements], np.int64)[snapshot_of]
    flow_of, end_of = np.full(len(sockets), -1, np.int64), np.full(len(sockets), -1, np.int64)
    for pairs in (whole_pairs(sockets, facts.flows), partial_pairs(sockets, facts.flows)):
        chosen = _living(pairs, sockets, moments, facts)
        flow_of[chosen.socket], end_of[chosen.socket] = chosen.flow, chosen.end
    if hosts:
        left = np.flatnonzero(flow_of < 0)
        named = named_pairs([sockets[place] for place in left.tolist()], facts.flows, hosts)
        chosen = _living(named._replace(socket=left[named.socket]), sockets, moments, facts)
        flow_of[chosen.socket], end_of[chosen.socket] = chosen.flow, chosen.end
    of_server = end_of != np.append(client_end, 0)[flow_of]  # of those joined to none: the one appended
    client, server = _by_flow(sockets, snapshot_of, flow_of, of_server, order, len(facts.flows))
    listener = find_listeners(sockets, snapshot_of, facts.flows, client_end, server, order)
    times = _close_wait_times(sockets, flow_of, moments, len(facts.flows))
    matches = Matches(list(snapshots), placements, order, sockets, snapshot_of, flow_of, end_of, client, server, listener, *times)
    _complete(matches)
    return matches


def _living(pairs: Pairs, sockets: list[Socket], moments: Ints, facts: Facts) -> Pairs:
    """Choose for each socket, of the flows that it may be an end of, the one that lived when its table was taken."""
    moment = moments[pairs.socket]
    flags = facts.ends["flags"][pairs.flow]
    first = facts.flows["first_time"][pairs.flow]
    began_before = ((flags & (BARE_SYN | SYN_ACK)) == 0).all(axis=1)
    alive = (moment == NO_TIME) | (first <= moment + SLACK) | began_before
    mine = flags[np.arange(len(flags)), pairs.end]
    opening = np.array([sockets[place].state in _OPENING for place in pairs.socket.tolist()], np.bool_)
    answered = opening | ((mine & (BARE_SYN | SYN_ACK | SPOKE)) != 0)
    known = np.flatnonzero(alive)
    last = known[np.lexsort((pairs.flow[known], first[known], answered[known], pairs.socket[known]))]
    socket = pairs.socket[last]
    newest = last[np.append(socket[1:] != socket[:-1], np.ones(min(len(socket), 1), np.bool_))]
    return Pairs(pairs.socket[newest], pairs.flow[newest], pairs.end[newest])


def _by_flow(
    sockets: list[Socket], snapshot_of: Ints, flow_of: Ints, of_server: Bools, order: Sequence[int], flows: int
) -> tuple[Ints, Ints]:
    """Choose for each side of each flow the socket to compare it with: of the best table, and rather not one in TIME_WAIT.

    A row in TIME_WAIT may be what an older use of the same addresses has left.
    """
    rank = np.empty(len(order), np.int64)
    rank[list(order)] = np.arange(len(order))
    joined = np.flatnonzero(flow_of >= 0)
    past = np.array([sockets[place].state is State.TIME_WAIT for place in joined.tolist()], np.bool_)
    best_last = joined[np.lexsort((joined, ~past, -rank[snapshot_of[joined]]))]
    columns = np.full((2, flows), -1, np.int64)
    columns[of_server[best_last].astype(np.int64), flow_of[best_last]] = best_last  # of equals, the last one written stays
    return columns[0], columns[1]


def _close_wait_times(sockets: list[Socket], flow_of: Ints, moments: Ints, flows: int) -> tuple[Ints, Ints]:
    """Give the first and the last time at which an end of each flow stood in CLOSE_WAIT."""
    waits = np.array([socket.state is State.CLOSE_WAIT for socket in sockets], np.bool_)
    places = np.flatnonzero(waits & (flow_of >= 0) & (moments != NO_TIME))
    first, last = np.full(flows, _LATEST, np.int64), np.full(flows, NO_TIME, np.int64)
    np.minimum.at(first, flow_of[places], moments[places])
    np.maximum.at(last, flow_of[places], moments[places])
    return np.where(first == _LATEST, NO_TIME, first), last


def _complete(matches: Matches) -> None:
    """Fill in what a joined row does not tell, from rows of the same socket in the same state that were taken with it."""
    if len(matches.snapshots) < 2:
        return
    rows: dict[tuple[int, int], list[int]] = {}
    for number, (flow, end) in enumerate(zip(matches.flow_of.tolist(), matches.end_of.tolist(), strict=True)):
        if flow >= 0:
            rows.setdefault((flow, end), []).append(number)
    times = [snapshot.time for snapshot in matches.snapshots]
    for number in np.concatenate([matches.client[matches.client >= 0], matches.server[matches.server >= 0]]).tolist():
        time = times[matches.snapshot_of[number]]
        for other in rows[int(matches.flow_of[number]), int(matches.end_of[number])]:
            then = times[matches.snapshot_of[other]]
            if other != number and (time == then or (time is not None and then is not None and abs(time - then) <= SLACK)):
                matches.sockets[number] = _completed(matches.sockets[number], matches.sockets[other])


def _completed(socket: Socket, other: Socket) -> Socket:
    if socket.state is not other.state or (socket.inode is not None and other.inode is not None and socket.inode != other.inode):
        return socket
    return socket._replace(
        users=socket.users or other.users,
        recv_q=_either(socket.recv_q, other.recv_q),
        send_q=_either(socket.send_q, other.send_q),
        inode=_either(socket.inode, other.inode),
        uid=_either(socket.uid, other.uid),
        owner=socket.owner or other.owner,
    )


def _either(mine: int | None, other: int | None) -> int | None:
    return other if mine is None else mine
