"""Ends of flows that have no socket: one can only be missed in the table of its own host."""

from typing import Any

import numpy as np

from closewait_pcap.engine import Structured
from closewait_pcap.sockets.hosts import host_hashes
from closewait_pcap.sockets.matching import Matches
from closewait_pcap.sockets.pairing import hash_ends
from closewait_pcap.sockets.placing import SLACK

Ints = np.ndarray[Any, np.dtype[np.int64]]


def missing_sockets(matches: Matches, flows: Structured, rows: Ints, end: Ints) -> Ints:
    """Find the ends without a socket whose host's table is there, and is no mere selection of one state.

    Args:
        matches: what was joined.
        flows: FLOW records, shape (flows,).
        rows: of flows one of whose ends has no socket, shape (n,).
        end: that end, 0 or 1, shape (n,).

    Returns:
        Those of ``rows`` that had begun when the best table of that host was taken.
    """
    second = end == 1
    hi, lo = (np.where(second, flows[f"b_{half}"][rows], flows[f"a_{half}"][rows]) for half in ("hi", "lo"))
    hashes = hash_ends(hi, lo, 0 * lo)
    table_of = np.full(len(rows), -1, np.int64)
    known = dict(host_hashes(matches.sockets, matches.snapshot_of))
    for table in reversed(matches.order):
        if table in known and len({socket.state for socket in matches.snapshots[table].sockets}) > 1:
            table_of[np.isin(hashes, known[table])] = table
    moments = np.array([np.iinfo(np.int64).max if moment is None else moment for moment, _ in matches.placements], np.int64)
    found: Ints = rows[(table_of >= 0) & (flows["first_time"][rows] <= moments[table_of] - SLACK)] if len(moments) else rows[:0]
    return found
