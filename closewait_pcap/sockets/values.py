"""What a socket table adds to each flow, as columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from closewait_pcap.sockets.formats import ss
from closewait_pcap.sockets.matching import Matches
from closewait_pcap.sockets.table import Socket
from closewait_pcap.tcp.state import State

Ints = np.ndarray[Any, np.dtype[np.int64]]
Texts = tuple[Ints, list[str]]
"""Codes, -1 for missing, and the texts that they stand for."""


def flow_columns(matches: Matches, rows: Ints) -> dict[str, Ints | Texts]:
    """Tell what the tables say of some flows.

    Args:
        matches: what was joined.
        rows: of the flows, shape (n,).

    Returns:
        By column name: arrays of shape (n,), -1 for missing (times: `matching.NO_TIME`); texts with their codes.
    """
    columns: dict[str, Ints | Texts] = {}
    for number, side in enumerate(("client", "server")):
        places = matches.of_side(number)[rows]
        known = np.flatnonzero(places >= 0)  # few of many flows have sockets
        told = socket_columns([matches.sockets[place] for place in places[known].tolist()])
        told["kernel_state"] = told.pop("state")
        columns |= {f"{side}_{name}": _spread(told[name], known, len(rows)) for name in FLOW_NAMES}
    listeners, place = np.unique(matches.listener[rows], return_inverse=True)
    queues = [_queue(matches, listener) for listener in listeners.tolist()]
    columns["listener_queue"] = numbers([length for length, _ in queues])[place]
    columns["listener_limit"] = numbers([limit for _, limit in queues])[place]
    columns["close_wait_first"] = matches.first_close_wait[rows]
    columns["close_wait_last"] = matches.last_close_wait[rows]
    return columns


FLOW_NAMES = ("kernel_state", "process", "pid", "fd", "holders", "inode", "uid", "recv_q", "send_q")
"""What is told of each end of a flow."""


def _spread(values: Ints | Texts, places: Ints, count: int) -> Ints | Texts:
    """Put values to their places among ``count``; the others are missing."""
    spread = np.full(count, -1, np.int64)
    spread[places] = values[0] if isinstance(values, tuple) else values
    return (spread, values[1]) if isinstance(values, tuple) else spread


def socket_columns(sockets: Sequence[Socket]) -> dict[str, Ints | Texts]:
    """Turn sockets into columns: ``state`` and those of `FLOW_NAMES`; shape (sockets,)."""
    users = [socket.users for socket in sockets]
    return {
        "state": (numbers([socket.state for socket in sockets]), [state.name for state in State]),
        "process": texts([held[0].process if held else "" for held in users]),
        "pid": numbers([held[0].pid if held else None for held in users]),
        "fd": numbers([held[0].fd if held else None for held in users]),
        "holders": numbers([len(held) or None for held in users]),
        "inode": numbers([socket.inode for socket in sockets]),
        "uid": numbers([socket.uid for socket in sockets]),
        "recv_q": numbers([socket.recv_q for socket in sockets]),
        "send_q": numbers([socket.send_q for socket in sockets]),
    }


def texts(values: Sequence[str]) -> Texts:
    """Number texts, in their own order; the empty one is missing."""
    names = sorted(set(values) - {""})
    place = {name: number for number, name in enumerate(names)} | {"": -1}
    return np.array([place[value] for value in values], np.int64), names


def numbers(values: Sequence[int | None]) -> Ints:
    """Turn numbers into a column; -1 is missing."""
    return np.array([-1 if value is None else min(value, _MOST) for value in values], np.int64)


_MOST = (1 << 63) - 1
"""A hostile table has longer numbers than any kernel."""


def _queue(matches: Matches, place: int) -> tuple[int | None, int | None]:
    """Give the length of a listener's queue, and its limit where the tool tells it."""
    if place < 0:
        return None, None
    socket, snapshot = matches.sockets[place], matches.snapshots[int(matches.snapshot_of[place])]
    return socket.recv_q, socket.send_q if snapshot.format == ss.FORMAT else None
