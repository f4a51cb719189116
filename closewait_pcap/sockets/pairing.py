"""Finds the flows that a socket may be an end of, among millions: by hashes of their ends, and then exactly."""

import os
from collections.abc import Container, Iterator
from ipaddress import ip_address
from typing import Any, NamedTuple

import numpy as np

from closewait_pcap.capture.packets import address_bytes, address_words
from closewait_pcap.engine import Structured
from closewait_pcap.sockets.addresses import Endpoint, plain
from closewait_pcap.sockets.table import Socket
from closewait_pcap.tcp.state import State

Ints = np.ndarray[Any, np.dtype[np.int64]]
Hashes = np.ndarray[Any, np.dtype[np.uint64]]

_BLOCK = 1 << 18
"""Flows looked at together, so that columns stay small however many flows there are."""
_MOST_PARTIAL = 1000
"""A socket whose addresses are cut is compared with so many flows of its ports; where there are more, it would tell nothing."""
_SEED = int.from_bytes(os.urandom(8)) | 1
"""Nobody can prepare flows whose hashes are alike."""
_MASK = (1 << 64) - 1
_FACTORS = tuple(np.uint64((_SEED * odd) & _MASK) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


class Pairs(NamedTuple):
    """Sockets and the flows they may be an end of, as columns of shape (pairs,)."""

    socket: Ints
    flow: Ints
    end: Ints
    """Which END record is the socket's own, 0 or 1."""


class _Half(NamedTuple):
    """One end of a flow of which a host is known by name alone."""

    row: int
    end: int
    mine: Endpoint | None
    """The end itself; None: it is known by name alone."""
    other: Endpoint | None
    words: tuple[int, ...]
    """Both addresses of the flow."""

    def may_be(self, socket: Socket) -> bool:
        """Whether what is known of both ends fits a socket with the same ports."""
        known = (self.mine, socket.local), (self.other, socket.peer)
        return all(end is None or _may_be(its, end) for end, its in known)


def is_whole(socket: Socket) -> bool:
    """Say whether both ends are known exactly."""
    local, peer = socket.local, socket.peer
    known = local.address is not None and peer.address is not None and local.port is not None and peer.port is not None
    return known and not (local.truncated or peer.truncated)


def is_partial(socket: Socket) -> bool:
    """Say whether an end is cut to its column, or has a service's name that nobody knows here, or is the name of a host."""
    return socket.state is not State.LISTEN and bool(socket.local.text or socket.peer.text) and not is_whole(socket)


def whole_pairs(sockets: list[Socket], flows: Structured) -> Pairs:
    """Find the flows of the sockets whose ends are known exactly.

    Args:
        sockets: all of them.
        flows: FLOW records, shape (flows,).

    Returns:
        Each such socket with every flow of its addresses and ports.
    """
    place = np.array([number for number, socket in enumerate(sockets) if is_whole(socket)], np.int64)
    local = end_columns([sockets[number].local for number in place.tolist()])
    peer = end_columns([sockets[number].peer for number in place.tolist()])
    socket, flow = _equal_pairs(hash_ends(*local) + hash_ends(*peer), flows)
    first = [flows[name][flow] for name in ("a_hi", "a_lo")] + [flows["ports"][flow] >> 16 & 0xFFFF]
    second = [flows[name][flow] for name in ("b_hi", "b_lo")] + [flows["ports"][flow] & 0xFFFF]
    straight, turned = np.ones(len(flow), np.bool_), np.ones(len(flow), np.bool_)
    for mine, its, one, other in zip(local, peer, first, second, strict=True):
        straight &= (mine[socket] == one) & (its[socket] == other)
        turned &= (mine[socket] == other) & (its[socket] == one)
    fits = straight | turned
    return Pairs(place[socket[fits]], flow[fits], np.where(straight[fits], 0, 1))


def partial_pairs(sockets: list[Socket], flows: Structured) -> Pairs:
    """Find the flows of sockets of which an end is cut or has an unknown port: those whose known parts agree.

    Args:
        sockets: all of them.
        flows: FLOW records, shape (flows,).

    Returns:
        Each such socket with every flow that it fits. One that fits flows of different addresses or ports is left out.
    """
    found: list[tuple[int, int, int]] = []
    for number, rows in _rows_by_port(sockets, flows):
        socket, fitting, ends = sockets[number], [], set()
        for row in rows:
            flow = flows[row]
            first, second = _end(flow["a_hi"], flow["a_lo"], flow["ports"] >> 16), _end(flow["b_hi"], flow["b_lo"], flow["ports"])
            if _may_be(socket.local, first) and _may_be(socket.peer, second):
                fitting.append((number, row, 0))
                ends.add((first, second))
            elif _may_be(socket.local, second) and _may_be(socket.peer, first):
                fitting.append((number, row, 1))
                ends.add((first, second))
        if len(ends) == 1:
            found += fitting
    return Pairs(*np.array(found, np.int64).reshape(-1, 3).T)


def named_pairs(sockets: list[Socket], flows: Structured, hosts: Container[tuple[int, int]]) -> Pairs:
    """Find the flows of sockets where packets tell hosts by name alone: those of the same two ports, if they are of one flow's.

    Args:
        sockets: those that are joined to no flow so far.
        flows: FLOW records, shape (flows,).
        hosts: addresses, as two words, that stand for names.

    Returns:
        Each such socket with every flow that it fits, as `partial_pairs`.
    """
    by_ports: dict[tuple[int, int], list[_Half]] = {}
    columns = [flows[name].tolist() for name in ("a_hi", "a_lo", "b_hi", "b_lo", "ports", "first_frame")]
    for row, (a_hi, a_lo, b_hi, b_lo, ports, frame) in enumerate(zip(*columns, strict=True)):
        first_named, second_named = (a_hi, a_lo) in hosts, (b_hi, b_lo) in hosts
        if not frame or not (first_named or second_named):
            continue
        first = None if first_named else _end(a_hi, a_lo, ports >> 16)
        second = None if second_named else _end(b_hi, b_lo, ports)
        one, other, words = ports >> 16 & 0xFFFF, ports & 0xFFFF, (a_hi, a_lo, b_hi, b_lo)
        by_ports.setdefault((one, other), []).append(_Half(row, 0, first, second, words))
        by_ports.setdefault((other, one), []).append(_Half(row, 1, second, first, words))
    found: list[tuple[int, int, int]] = []
    for number, socket in enumerate(sockets):
        if socket.state is State.LISTEN or socket.local.port is None or socket.peer.port is None:
            continue
        fitting = [half for half in by_ports.get((socket.local.port, socket.peer.port), ()) if half.may_be(socket)]
        if len({(half.end, half.words) for half in fitting}) == 1:
            found += [(number, half.row, half.end) for half in fitting]
    return Pairs(*np.array(found, np.int64).reshape(-1, 3).T)


def end_columns(ends: list[Endpoint]) -> tuple[Ints, Ints, Ints]:
    """Turn ends that are known exactly into columns: both words of the address, and the port; all int64."""
    words: dict[Any, tuple[int, int]] = {}
    rows = []
    for end in ends:
        if end.address not in words:
            assert end.address is not None  # as is_whole says
            words[end.address] = address_words(end.address.packed)
        rows.append((*words[end.address], end.port))
    columns = np.array(rows, np.int64).reshape(-1, 3)
    return columns[:, 0], columns[:, 1], columns[:, 2]


def hash_ends(hi: Ints, lo: Ints, port: Ints) -> Hashes:
    """Hash ends; the sum of both ends' hashes is that of the pair, whichever stands first."""
    mixed = hi.astype(np.uint64) * _FACTORS[0] + lo.astype(np.uint64)
    mixed = (mixed ^ mixed >> np.uint64(32)) * _FACTORS[1] + port.astype(np.uint64)
    mixed = (mixed ^ mixed >> np.uint64(29)) * _FACTORS[2]
    return np.asarray(mixed ^ mixed >> np.uint64(32))


def _equal_pairs(hashes: Hashes, flows: Structured) -> tuple[Ints, Ints]:
    """Find the flows whose hash is that of a socket: places in ``hashes``, and rows."""
    order = np.argsort(hashes)
    wanted = hashes[order]
    sockets, rows = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for at in range(0, len(flows) if len(wanted) else 0, _BLOCK):
        block = flows[at : at + _BLOCK]
        ports = block["ports"]
        mine = hash_ends(block["a_hi"], block["a_lo"], ports >> 16 & 0xFFFF) + hash_ends(
            block["b_hi"], block["b_lo"], ports & 0xFFFF
        )
        first = np.searchsorted(wanted, mine)
        hit = np.flatnonzero((wanted[np.minimum(first, len(wanted) - 1)] == mine) & (block["first_frame"] != 0))
        first, last = first[hit], np.searchsorted(wanted, mine[hit], "right")
        several = last - first
        begin = np.repeat(first - np.cumsum(several) + several, several)
        sockets.append(order[begin + np.arange(len(begin))])
        rows.append(np.repeat(hit + at, several))
    return np.concatenate(sockets), np.concatenate(rows)


def _rows_by_port(sockets: list[Socket], flows: Structured) -> Iterator[tuple[int, list[int]]]:
    """Give each socket of which a part is missing, with the flows that have the ports it tells."""
    keys = {number: _port_key(socket) for number, socket in enumerate(sockets) if is_partial(socket)}
    for both in (True, False):  # a key of two ports, or of one
        wanted = np.unique(np.array([key for key in keys.values() if key >= 0 and (key >= _ONE_PORT) != both], np.int64))
        if not len(wanted):
            continue
        low, high = _sorted_ports(flows["ports"])
        columns = [low << 16 | high] if both else [_ONE_PORT | low, _ONE_PORT | high]
        hits = [np.flatnonzero(np.isin(column, wanted) & (flows["first_frame"] != 0)) for column in columns]
        rows = np.concatenate(hits)
        values = np.concatenate([column[hit] for column, hit in zip(columns, hits, strict=True)])
        order = np.lexsort((rows, values))
        rows, values = rows[order], values[order]
        for number, key in keys.items():
            if key < 0 or (key >= _ONE_PORT) == both:
                continue
            begin, end = np.searchsorted(values, [key, key + 1])
            if begin < end <= begin + _MOST_PARTIAL:
                yield number, sorted(set(rows[begin:end].tolist()))


_ONE_PORT = 1 << 32


def _port_key(socket: Socket) -> int:
    """Number the ports that a socket tells: of two, in their order, or of one; -1: it tells none, or an end is but a name."""
    for end in (socket.local, socket.peer):
        if end.text and end.address is None and not end.truncated:
            return -1
    ports = sorted(port for port in (socket.local.port, socket.peer.port) if port is not None)
    if len(ports) == 2:
        return ports[0] << 16 | ports[1]
    return _ONE_PORT | ports[0] if ports else -1


def _sorted_ports(ports: Ints) -> tuple[Ints, Ints]:
    first, second = ports >> 16 & 0xFFFF, ports & 0xFFFF
    return np.minimum(first, second), np.maximum(first, second)


def _end(hi: int, lo: int, port: int) -> Endpoint:
    return Endpoint(plain(ip_address(address_bytes(hi, lo))), int(port) & 0xFFFF)


def _may_be(mine: Endpoint, other: Endpoint) -> bool:
    assert other.address is not None  # flows have addresses
    assert other.port is not None
    if mine.truncated:
        return mine.fits(other.address, other.port)
    return mine.address == other.address and mine.port in (None, other.port)
