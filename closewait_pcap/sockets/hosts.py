"""Which addresses the host of a table has: a flow's end can only be missed in the table of its own host."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from closewait_pcap.capture.packets import address_words
from closewait_pcap.engine import Structured
from closewait_pcap.sockets.pairing import Hashes, hash_ends
from closewait_pcap.sockets.placing import SLACK
from closewait_pcap.sockets.table import Socket

if TYPE_CHECKING:
    from closewait_pcap.sockets.addresses import Address
    from closewait_pcap.sockets.matching import Matches

Ints = np.ndarray[Any, np.dtype[np.int64]]


def host_hashes(sockets: Sequence[Socket], snapshot_of: Ints) -> Iterator[tuple[int, Hashes]]:
    """Give each table's number with the hashes (of port 0) of the addresses that its host has."""
    known: dict[int, set[Address]] = {int(table): set() for table in np.unique(snapshot_of)}
    for table, socket in zip(snapshot_of.tolist(), sockets, strict=True):
        if socket.local.address is not None:
            known[table].add(socket.local.address)
    for table, addresses in known.items():
        words = np.array([address_words(address.packed) for address in addresses], np.int64).reshape(-1, 2)
        yield table, hash_ends(words[:, 0], words[:, 1], 0 * words[:, 1])


def missing_sockets(matches: "Matches", flows: Structured, rows: Ints, end: Ints) -> Ints:
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
