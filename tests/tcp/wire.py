"""Segments as PACKET records, and as a capture file written byte by byte."""

import ipaddress
import struct
from collections.abc import Iterable

from closewait_pcap.capture.packets import PACKET, SYN, address_bytes, address_words
from closewait_pcap.engine import PLAIN, Records
from closewait_pcap.tcp.sequence import Segment

LEFT_PORT, RIGHT_PORT = 40000, 8080


def address(text: str) -> tuple[int, int]:
    """The two words of an address as PACKET stores them."""
    return address_words(ipaddress.ip_address(text).packed)


def packet_records(segments: list[tuple[bool, Segment]], left: str = "10.0.0.1", right: str = "10.0.0.2") -> Records:
    """Make PACKET records of segments and of who sends them (True: the left end)."""
    ends = [(*address(left), LEFT_PORT), (*address(right), RIGHT_PORT)]
    rows = PLAIN.records(PACKET, len(segments))
    for (left_sends, segment), row in zip(segments, rows, strict=True):
        source, target = ends if left_sends else ends[::-1]
        row.src_hi, row.src_lo, row.srcport = source
        row.dst_hi, row.dst_lo, row.dstport = target
        for name in Segment._fields:
            setattr(row, name, getattr(segment, name))
    return rows


def pcap(rows: Iterable[Records]) -> bytes:
    """Write a pcap file with nanoseconds: Ethernet, IPv4 or IPv6, TCP. Short frames are padded, as Ethernet does."""
    whole = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)]
    for row in rows:
        options = bytes([3, 3, row.wscale, 1]) if row.wscale >= 0 and row.flags & SYN else b""
        offset = (20 + len(options)) // 4 << 4
        tcp = struct.pack("!HHIIBBHHH", row.srcport, row.dstport, row.seq, row.ack, offset, row.flags, row.window, 0, 0)
        tcp += options + bytes(row.len)
        source, target = address_bytes(row.src_hi, row.src_lo), address_bytes(row.dst_hi, row.dst_lo)
        if source.startswith(bytes(10) + b"\xff\xff"):
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + source[12:] + target[12:]
            kind = 0x0800
        else:
            ip = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + source + target
            kind = 0x86DD
        frame = (bytes(12) + struct.pack("!H", kind) + ip + tcp).ljust(60, b"\xee")
        seconds, ns = divmod(row.time, 1_000_000_000)
        whole.append(struct.pack("<IIII", seconds, ns, len(frame), len(frame)) + frame)
    return b"".join(whole)
