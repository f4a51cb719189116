"""Addresses as two words, as text, and as the numbers of those that are the same."""

import ipaddress

import numpy as np

from closewait_pcap.capture.packets import address_bytes, address_words
from closewait_pcap.results.values import Values

MAPPED_HI, _LO = address_words(bytes(4))
MAPPED_LO = _LO >> 32
"""How the words of an IPv4 address begin: ::ffff:0:0/96."""


def is_ipv4(hi: int, lo: int) -> bool:
    """Whether two words are an IPv4 address."""
    return hi == MAPPED_HI and lo >> 32 == MAPPED_LO


def address_text(hi: int, lo: int) -> str:
    """Write an address as Wireshark does: IPv4 dotted, IPv6 compressed."""
    if is_ipv4(hi, lo):
        return f"{lo >> 24 & 255}.{lo >> 16 & 255}.{lo >> 8 & 255}.{lo & 255}"
    return str(ipaddress.IPv6Address(address_bytes(hi, lo)))


def address_codes(words: Values) -> tuple[Values, Values]:
    """Number addresses.

    Args:
        words: int64, shape (n, 2).

    Returns:
        Codes, int64, shape (n,), and the address of each code, int64, shape (codes, 2), in the addresses' own order.
    """
    if not len(words):
        return np.empty(0, np.int64), words
    order = np.lexsort((words[:, 1], words[:, 0]))
    ordered = words[order]
    new = np.ones(len(words), np.bool_)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    codes = np.empty(len(words), np.int64)
    codes[order] = np.cumsum(new) - 1
    return codes, ordered[new]
