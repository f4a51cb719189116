"""Client or server, and how we know.

A SYN or a SYN-ACK says it. Without one it is guessed, and `roles_from` says that it is a guess: a port below the ephemeral range
(RFC 6335: 49152; Linux begins at 32768) against one inside it is the service's; else whoever was heard first is called the
client.
"""

from enum import IntEnum
from typing import Any

import numpy as np

from closewait_pcap.engine import Structured
from closewait_pcap.tcp.records import BARE_SYN, SYN_ACK

EPHEMERAL = 32768


class RolesFrom(IntEnum):
    """How client and server were told apart."""

    syn = 0
    syn_ack = 1
    port = 2
    first_packet = 3


def assign_roles(
    flows: Structured, ends: Structured
) -> tuple[np.ndarray[Any, np.dtype[np.int8]], np.ndarray[Any, np.dtype[np.int8]]]:
    """Tell each flow's client from its server.

    Args:
        flows: FLOW records, shape (n,).
        ends: END records, shape (n, 2).

    Returns:
        The client's end (0 or 1) and the `RolesFrom` number, both int8, shape (n,).
    """
    flags = ends["flags"]
    syn = (flags & BARE_SYN) != 0
    syn_ack = (flags & SYN_ACK) != 0
    port = np.stack([flows["ports"] >> 16 & 0xFFFF, flows["ports"] & 0xFFFF], axis=1)
    service = port < EPHEMERAL
    both_syn = syn.all(axis=1)  # simultaneous open: the first one; of files side by side, the first file's
    first_syn = (ends["syn_frame"][:, 1] < ends["syn_frame"][:, 0]).astype(np.int8)
    how = np.select(
        [syn.any(axis=1), syn_ack.any(axis=1), service[:, 0] != service[:, 1]],
        [RolesFrom.syn, RolesFrom.syn_ack, RolesFrom.port],
        RolesFrom.first_packet,
    )
    client = np.select(
        [both_syn, how == RolesFrom.syn, how == RolesFrom.syn_ack, how == RolesFrom.port],
        [first_syn, syn[:, 1], syn_ack[:, 0], service[:, 0]],
        flows["opener"],
    )
    return client.astype(np.int8), how.astype(np.int8)
