"""Writes printed packets as the pcapng that a capture of them would be: headers with what the lines say, and no payload."""

import struct

from closewait_pcap.capture.packets import SYN
from closewait_pcap.capture.printed.ends import End
from closewait_pcap.capture.printed.hexdump import ETHERNET, RAW

_NS = 9
_TSRESOL, _NAME, _DROPPED = 9, 2, 5
_TCP, _UDP = 6, 17
_DONT_FRAGMENT = 0x4000
_TTL = 64
_LONGEST = 0xFFFF

SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
"""The header that a file begins with."""


def interface(link: int, name: str) -> bytes:
    """Write the description of an interface whose times are in ns."""
    body = struct.pack("<HHI", link, 0, 0) + _option(_TSRESOL, bytes([_NS]))
    if name:
        body += _option(_NAME, name.encode("utf-8", "replace"))
    return _block(1, body + _option(0, b""))


def packet(number: int, time: int, frame: bytes, wirelen: int) -> bytes:
    """Write a packet.

    Args:
        number: of its interface.
        time: ns since the epoch.
        frame: its bytes, as far as they are known.
        wirelen: how many it has.
    """
    return _block(6, struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, len(frame), wirelen) + frame)


def statistics(number: int, drops: int) -> bytes:
    """Write how many packets an interface has lost."""
    return _block(5, struct.pack("<III", number, 0, 0) + _option(_DROPPED, struct.pack("<Q", drops)) + _option(0, b""))


def segment(
    source: End, destination: End, flags: int, seq: int, ack: int, window: int, length: int, wscale: int | None
) -> tuple[bytes, int]:
    """Write the headers of a TCP segment.

    Returns:
        The bytes from the IP header on, and how many they are with the payload.
    """
    options = struct.pack("BBBB", 1, 3, 3, wscale) if wscale is not None and flags & SYN else b""
    header = 20 + len(options)
    ports = struct.pack(">HHII", source[1], destination[1], seq, ack)
    tcp = ports + struct.pack(">BBHHH", header // 4 << 4, flags & 0xFF, window, 0, 0) + options
    network = _network(source[0], destination[0], _TCP, header + length)
    return network + tcp, len(network) + header + length


OTHER = struct.pack(">BBHHHBBH8x", 0x45, 0, 20, 0, 0, _TTL, _UDP, 0), 20
"""What stands for a packet of which only the time counts: an empty datagram from and to nowhere."""


def tagged(network: bytes, vlans: tuple[int, ...]) -> tuple[int, bytes]:
    """Put a link layer with VLAN tags before a packet, where it has some.

    Returns:
        The link type, and the frame.
    """
    if not vlans:
        return RAW, network
    kind = b"\x86\xdd" if network[0] >> 4 == 6 else b"\x08\x00"
    tags = b"".join(b"\x81\x00" + struct.pack(">H", vlan) for vlan in vlans)
    return ETHERNET, bytes(12) + tags + kind + network


def _network(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """Write an IP header; what is longer than its field can say has 0 there, as after segmentation offload."""
    if len(source) == 4 and len(destination) == 4:
        total = 20 + length if 20 + length <= _LONGEST else 0
        return struct.pack(">BBHHHBBH", 0x45, 0, total, 0, _DONT_FRAGMENT, _TTL, protocol, 0) + source + destination
    told = length if length <= _LONGEST else 0
    return struct.pack(">IHBB", 6 << 28, told, protocol, _TTL) + _sixteen(source) + _sixteen(destination)


def _sixteen(address: bytes) -> bytes:
    return address if len(address) == 16 else bytes(10) + b"\xff\xff" + address


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
