"""Hexadecimal dumps under a printed packet (``-x``, ``-X``, ``-xx``, ``-XX``): the packet itself, where they are whole enough."""

import re
from typing import NamedTuple

_ROW = re.compile(
    r"0x([0-9a-f]{4,8}):? {1,3}((?:[0-9a-f]{2,4}(?: |$)){1,8})|([0-9a-f]{4,6}) {2,3}((?:[0-9a-f]{2}(?:  ?|$)){1,16})"
)
MOST = 1 << 18
"""Bytes kept of one packet."""
RAW, ETHERNET, SLL, SLL2, NULL = 101, 1, 113, 276, 0
_HEADERS = ((RAW, 0, None), (ETHERNET, 14, 12), (SLL, 16, 14), (SLL2, 20, 0), (NULL, 4, None))
"""Link types, how long their headers are, and where they have the EtherType."""
_IP_TYPES = (b"\x08\x00", b"\x86\xdd")
_TAGS = (b"\x81\x00", b"\x88\xa8", b"\x91\x00")


class Frame(NamedTuple):
    """A packet out of its dump."""

    link: int
    data: bytes
    wirelen: int
    source: bytes
    destination: bytes
    srcport: int
    dstport: int
    flags: int
    seq: int
    ack: int
    length: int


class Dump:
    """Collects the rows of one dump."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._broken = False

    def take(self, text: str) -> bool:
        """Take a line.

        Args:
            text: the line, cleaned.

        Returns:
            Whether it is a row of a dump.
        """
        row = _ROW.match(text)
        if row is None:
            return False
        offset = int(row[1] or row[3], 16)
        digits = (row[2] or row[4]).replace(" ", "")
        if offset != len(self._bytes) or len(digits) % 2 or offset > MOST:
            self._broken = True  # a row is missing
        if not self._broken:
            self._bytes += bytes.fromhex(digits)
        return True

    def frame(self, size: int | None) -> Frame | None:
        """Give the packet.

        Args:
            size: of the frame on the wire, where it is printed: after segmentation offload the IP header has no length.

        Returns:
            The packet; None where the dump does not hold its TCP header, begins with something unknown, or does not say how long
            it is.
        """
        data = bytes(self._bytes)
        for link, header, type_at in _HEADERS:
            at = header
            if type_at is not None:
                kind = data[type_at : type_at + 2]
                while link == ETHERNET and kind in _TAGS:
                    kind, at = data[at + 2 : at + 4], at + 4
                if kind not in _IP_TYPES:
                    continue
            if found := _decoded(link, data, at, size):
                return found
        return None


def _decoded(link: int, data: bytes, at: int, size: int | None) -> Frame | None:
    version = data[at] >> 4 if len(data) > at else 0
    if version == 4 and len(data) >= at + 40:
        tcp_at, end = at + 4 * (data[at] & 15), at + int.from_bytes(data[at + 2 : at + 4], "big")
        source, destination = data[at + 12 : at + 16], data[at + 16 : at + 20]
        whole = data[at + 9] == 6 and data[at] & 15 >= 5 and not int.from_bytes(data[at + 6 : at + 8], "big") & 0x1FFF
    elif version == 6 and len(data) >= at + 60:
        tcp_at, end = at + 40, at + 40 + int.from_bytes(data[at + 4 : at + 6], "big")
        source, destination = data[at + 8 : at + 24], data[at + 24 : at + 40]
        whole = data[at + 6] == 6
    else:
        return None
    if end in (at, at + 40) and size is not None:
        end = min(size, MOST << 6)
    tcp = data[tcp_at:]
    header = 4 * (tcp[12] >> 4) if len(tcp) >= 20 else 0
    if not whole or header < 20 or len(tcp) < header or end < tcp_at + header:
        return None
    return Frame(
        link, data, max(end, len(data)), source, destination,
        int.from_bytes(tcp[:2], "big"), int.from_bytes(tcp[2:4], "big"), tcp[13],
        int.from_bytes(tcp[4:8], "big"), int.from_bytes(tcp[8:12], "big"), end - tcp_at - header,
    )  # fmt: skip
