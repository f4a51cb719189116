"""Which addresses the host of a table has."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from closewait_pcap.capture.packets import address_words
from closewait_pcap.sockets.pairing import Hashes, hash_ends
from closewait_pcap.sockets.table import Socket

if TYPE_CHECKING:
    from closewait_pcap.sockets.addresses import Address

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
