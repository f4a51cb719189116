"""Captures written byte by byte: pcap records, pcapng blocks, and the frames in them."""

import ipaddress
import struct
from collections.abc import Sequence
from typing import Literal, NamedTuple

Order = Literal["<", ">"]

TIME = 1_700_000_000_123_456_789
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERNET, PPP, RAW, C_HDLC, WIRELESS, LOOP, SLL, RADIOTAP, PPI, IPV4, IPV6, SLL2 = (
    1, 9, 101, 104, 105, 108, 113, 127, 192, 228, 229, 276,
)  # fmt: skip
NULL = 0


class Frame(NamedTuple):
    """A frame as a capture holds it."""

    data: bytes
    time: int = TIME
    wirelen: int | None = None
    """Bytes on the wire; None: all were captured."""

    @property
    def on_wire(self) -> int:
        return len(self.data) if self.wirelen is None else self.wirelen


Frames = Sequence[Frame | bytes]


def as_frames(frames: Frames) -> list[Frame]:
    return [frame if isinstance(frame, Frame) else Frame(frame, TIME + 1_000_000 * i) for i, frame in enumerate(frames)]


# ---- pcap


def pcap(frames: Frames, *, link: int = ETHERNET, order: Order = "<", ns: bool = True, patched: bool = False) -> bytes:
    """A pcap file; ``patched``: with Kuznetzov's longer record headers."""
    magic = 0xA1B2CD34 if patched else 0xA1B23C4D if ns else 0xA1B2C3D4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for frame in as_frames(frames):
        seconds, fraction = divmod(frame.time, 1_000_000_000)
        fraction //= 1 if ns and not patched else 1000
        parts.append(struct.pack(order + "IIII", seconds, fraction, len(frame.data), frame.on_wire))
        parts.append(struct.pack(order + "IHBB", 2, 8, 0, 0) if patched else b"")
        parts.append(frame.data)
    return b"".join(parts)


# ---- pcapng


def block(kind: int, body: bytes, order: Order = "<") -> bytes:
    """A block with both its lengths; the body is padded to 32 bits."""
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def option(code: int, value: bytes, order: Order = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: Order = "<", options: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def interface(
    link: int = ETHERNET, *, snaplen: int = 0, tsresol: int | None = None, tsoffset: int | None = None, order: Order = "<",
    name: str = "", description: str = "",
) -> bytes:  # fmt: skip
    options = option(2, name.encode(), order) if name else b""
    options += option(3, description.encode(), order) if description else b""
    options += b"" if tsresol is None else option(9, bytes([tsresol]), order)
    options += b"" if tsoffset is None else option(14, struct.pack(order + "q", tsoffset), order)
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options + (option(0, b"", order) if options else b""), order)


def enhanced(frame: Frame | bytes, ticks: int, *, interface: int = 0, order: Order = "<", options: bytes = b"") -> bytes:
    frame = as_frames([frame])[0]
    head = struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data), frame.on_wire)
    return block(6, head + frame.data + bytes(-len(frame.data) % 4) + options, order)


def simple(frame: Frame | bytes, order: Order = "<") -> bytes:
    frame = as_frames([frame])[0]
    return block(3, struct.pack(order + "I", frame.on_wire) + frame.data, order)


def obsolete(frame: Frame | bytes, ticks: int, *, interface: int = 0, drops: int = 0xFFFF, order: Order = "<") -> bytes:
    frame = as_frames([frame])[0]
    head = struct.pack(order + "HHIIII", interface, drops, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data), frame.on_wire)
    return block(2, head + frame.data, order)


def statistics(
    interface: int = 0,
    *,
    ifdrop: int | None = None,
    osdrop: int | None = None,
    start: int | None = None,
    end: int | None = None,
    order: Order = "<",
) -> bytes:
    """An interface statistics block; ``start`` and ``end`` in ticks."""
    options = b"" if start is None else option(2, struct.pack(order + "II", start >> 32, start & 0xFFFFFFFF), order)
    options += b"" if end is None else option(3, struct.pack(order + "II", end >> 32, end & 0xFFFFFFFF), order)
    options += b"" if ifdrop is None else option(5, struct.pack(order + "Q", ifdrop), order)
    options += b"" if osdrop is None else option(7, struct.pack(order + "Q", osdrop), order)
    return block(5, struct.pack(order + "III", interface, 0, 0) + options + option(0, b"", order), order)


def pcapng(frames: Frames, *, link: int = ETHERNET, order: Order = "<") -> bytes:
    """A pcapng file of one section and one interface with ns."""
    packets = [enhanced(frame, frame.time, order=order) for frame in as_frames(frames)]
    return b"".join([section(order), interface(link, tsresol=9, order=order), *packets])


# ---- frames

A4, B4 = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def tcp(
    payload: bytes = b"", *, ports: tuple[int, int] = (40000, 80), seq: int = 1000, ack: int = 5000, flags: int = ACK,
    window: int = 512, options: bytes = b"", offset: int | None = None,
) -> bytes:  # fmt: skip
    options += bytes(-len(options) % 4)
    words = (20 + len(options)) // 4 if offset is None else offset
    return struct.pack("!HHIIBBHHH", *ports, seq, ack, words << 4, flags, window, 0, 0) + options + payload


def ipv4(
    payload: bytes, *, protocol: int = 6, addresses: tuple[str, str] = (A4, B4), total: int | None = None, fragment: int = 0,
    options: bytes = b"",
) -> bytes:  # fmt: skip
    options += bytes(-len(options) % 4)
    size = 20 + len(options)
    total = size + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH", 0x40 + size // 4, 0, total, 7, fragment, 64, protocol, 0)
    return head + packed(addresses[0]) + packed(addresses[1]) + options + payload


def ipv6(payload: bytes, *, next_header: int = 6, addresses: tuple[str, str] = (A6, B6), length: int | None = None) -> bytes:
    length = len(payload) if length is None else length
    return struct.pack("!IHBB", 6 << 28, length, next_header, 64) + packed(addresses[0]) + packed(addresses[1]) + payload


def ethernet(payload: bytes, ethertype: int | None = None, *, tags: Sequence[int] = ()) -> bytes:
    """An Ethernet frame; without ``ethertype`` by the IP version; ``tags``: the ethertypes of VLAN tags, outermost first."""
    if ethertype is None:
        ethertype = 0x86DD if payload[:1] and payload[0] >> 4 == 6 else 0x0800
    types = [*tags, ethertype]
    head = bytes.fromhex("020000000002020000000001") + struct.pack("!H", types[0])
    return head + b"".join(struct.pack("!HH", 100 + i, kind) for i, kind in enumerate(types[1:])) + payload


def segment(payload: bytes = b"", *, turned: bool = False, **fields: int) -> bytes:
    """An Ethernet frame with a TCP segment between the two usual ends; ``turned``: from the second to the first."""
    ports, addresses = ((80, 40000), (B4, A4)) if turned else ((40000, 80), (A4, B4))
    return ethernet(ipv4(tcp(payload, ports=ports, **fields), addresses=addresses))


def conversation() -> list[bytes]:
    """A whole connection: handshake, data, the close by the client, answered."""
    return [
        segment(flags=SYN, seq=999, ack=0),
        segment(turned=True, flags=SYN | ACK, seq=4999, ack=1000),
        segment(),
        segment(b"GET /", flags=ACK | PSH),
        segment(turned=True, seq=5000, ack=1005),
        segment(turned=True, payload=b"OK" * 100, seq=5000, ack=1005, flags=ACK | PSH),
        segment(flags=ACK | FIN, seq=1005, ack=5200),
        segment(turned=True, flags=ACK | FIN, seq=5200, ack=1006),
        segment(seq=1006, ack=5201),
    ]


# ---- tunnels; what they carry follows

OUTER4 = ("192.0.2.1", "192.0.2.2")
OUTER6 = ("2001:db8:ffff::1", "2001:db8:ffff::2")


def outer4(payload: bytes, protocol: int = 17, **fields: int) -> bytes:
    """An Ethernet frame with an outer IPv4 header."""
    return ethernet(ipv4(payload, protocol=protocol, addresses=OUTER4, **fields))


def outer6(payload: bytes, protocol: int = 17) -> bytes:
    """An Ethernet frame with an outer IPv6 header."""
    return ethernet(ipv6(payload, next_header=protocol, addresses=OUTER6))


def udp(payload: bytes, port: int, *, source: int = 50000, length: int | None = None) -> bytes:
    """A UDP datagram to ``port``."""
    return struct.pack("!HHHH", source, port, 8 + len(payload) if length is None else length, 0) + payload


def vxlan(payload: bytes, vni: int = 42, *, flags: int = 8, reserved: int = 0) -> bytes:
    """RFC 7348."""
    return struct.pack("!II", flags << 24 | reserved, vni << 8) + payload


def geneve(payload: bytes, kind: int = 0x6558, vni: int = 42, *, options: bytes = b"") -> bytes:
    """RFC 8926."""
    return struct.pack("!BBHI", len(options) // 4, 0, kind, vni << 8) + options + payload


def gre(
    payload: bytes, kind: int, *, key: int | None = None, checksum: bool = False, sequence: int | None = None, more: bytes = b"",
    flags: int = 0,
) -> bytes:  # fmt: skip
    """RFC 2784 and 2890."""
    flags |= checksum << 15 | (key is not None) << 13 | (sequence is not None) << 12
    head = struct.pack("!HH", flags, kind) + bytes(4 * checksum)
    head += b"" if key is None else struct.pack("!I", key)
    head += b"" if sequence is None else struct.pack("!I", sequence)
    return head + more + payload


def erspan2(payload: bytes, session: int = 7) -> bytes:
    """Type II, draft-foschiano-erspan; without GRE."""
    return struct.pack("!HHI", 0x1005, session, 3) + payload


def erspan3(payload: bytes, session: int = 7, *, kind: int = 0, more: bytes = b"") -> bytes:
    """Type III; ``more``: the platform's own part."""
    return struct.pack("!HHIHH", 0x2005, session, 99, 0, kind << 10 | bool(more)) + more + payload


def gtp(payload: bytes, teid: int = 0x1234, *, flags: int = 0x30, kind: int = 255, more: bytes = b"") -> bytes:
    """GTP-U, 3GPP TS 29.281; ``more``: sequence number, N-PDU number and extension headers."""
    return struct.pack("!BBHI", flags, kind, len(more + payload), teid) + more + payload


def l2tp(payload: bytes, *, flags: int = 2, more: bytes = b"", tunnel: int = 5, session: int = 6) -> bytes:
    """RFC 2661; ``more``: sequence numbers and offset."""
    length = struct.pack("!H", 8 + len(more + payload)) if flags & 0x4000 else b""
    return struct.pack("!H", flags) + length + struct.pack("!HH", tunnel, session) + more + payload
