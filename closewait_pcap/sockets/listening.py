"""Finds the listener behind each flow's server: the row whose queue the connection went through."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from closewait_pcap.capture.packets import address_words
from closewait_pcap.engine import Structured
from closewait_pcap.sockets.hosts import host_hashes
from closewait_pcap.sockets.pairing import hash_ends
from closewait_pcap.sockets.table import Socket
from closewait_pcap.tcp.state import State

Ints = np.ndarray[Any, np.dtype[np.int64]]
Small = np.ndarray[Any, np.dtype[np.int8]]


def find_listeners(
    sockets: Sequence[Socket], snapshot_of: Ints, flows: Structured, client_end: Small, server: Ints, order: Sequence[int]
) -> Ints:
    """Find the LISTEN row behind each flow's server.

    A listener of that very address comes before one of all addresses; the latter counts only in a table of the server's own
    host: one in which a socket has the server's address, or the flow's server itself stands. Of several that share the port
    (SO_REUSEPORT, or one for IPv4 and one for IPv6) the one with the longest queue is taken: tables do not tell whose a
    connection is.

    Args:
        sockets: of all tables.
        snapshot_of: the table of each, shape (sockets,).
        flows: FLOW records, shape (flows,).
        client_end: which end is the client's, shape (flows,).
        server: the socket that is each flow's server, or -1, shape (flows,).
        order: the tables, the best first.

    Returns:
        The socket, or -1, shape (flows,).
    """
    found = np.full(len(flows), -1, np.int64)
    listening = [place for place, socket in enumerate(sockets) if socket.state is State.LISTEN and socket.local.port is not None]
    if not listening:
        return found
    ports = np.where(client_end == 1, flows["ports"] >> 16, flows["ports"]) & 0xFFFF
    rows = np.flatnonzero(np.isin(ports, [sockets[place].local.port or 0 for place in listening]) & (flows["first_frame"] != 0))
    swapped, ports = client_end[rows] == 1, ports[rows]
    hi, lo = (np.where(swapped, flows[f"a_{half}"][rows], flows[f"b_{half}"][rows]) for half in ("hi", "lo"))
    by_port = np.argsort(ports, kind="stable")
    own = np.where(server[rows] >= 0, snapshot_of[np.maximum(server[rows], 0)], -1)
    on_host = {
        table: np.isin(hash_ends(hi, lo, 0 * lo), known) | (own == table) for table, known in host_hashes(sockets, snapshot_of)
    }
    best = np.full(len(rows), -1, np.int64)
    for place in _worst_first(sockets, snapshot_of, listening, order):
        local = sockets[place].local
        mine = by_port[slice(*np.searchsorted(ports, np.array([0, 1]) + (local.port or 0), sorter=by_port))]
        if local.address is None:
            here = on_host[int(snapshot_of[place])][mine]
        else:
            its_hi, its_lo = address_words(local.address.packed)
            here = (hi[mine] == its_hi) & (lo[mine] == its_lo)
        best[mine[here]] = place
    found[rows] = best
    return found


def _worst_first(sockets: Sequence[Socket], snapshot_of: Ints, listening: list[int], order: Sequence[int]) -> Iterator[int]:
    """Put the best last: of the best table, of the very address, with the longest queue."""
    rank = {table: number for number, table in enumerate(order)}

    def worth(place: int) -> tuple[int, bool, int]:
        socket = sockets[place]
        return -rank[int(snapshot_of[place])], socket.local.address is not None, socket.recv_q or 0

    return iter(sorted(listening, key=worth))
