"""A capture full of what must not get out: the same word wherever a capture has room for one."""

import io
import struct
from typing import TYPE_CHECKING

from closewait_pcap import Analysis, analyze
from closewait_pcap.evidence.writing import EvidenceSummary
from tests.capture.writers import (
    A4,
    ACK,
    B4,
    FIN,
    PSH,
    SYN,
    Frame,
    block,
    enhanced,
    ethernet,
    ipv4,
    ipv6,
    option,
    outer4,
    section,
    statistics,
    tcp,
    udp,
    vxlan,
)  # fmt: skip

if TYPE_CHECKING:
    from pathlib import Path

SECRET = b"XYZZY"
"""Six bytes at least are between two of them in no header that may be shown."""
MAC = SECRET + b"!"
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def _tcp_options() -> bytes:
    """All that is on the list, and Fast Open, MD5, Multipath TCP and an option of nobody's with the word."""
    known = bytes.fromhex("020405b4 0402 080a00000001 00000000 01 030307")
    unknown = b"".join(bytes([kind, 2 + len(SECRET)]) + SECRET for kind in (34, 30, 19, 253))
    return known + unknown[:16]


def frames() -> list[bytes]:
    """A connection that the server does not close, with the word in every place; then, through a tunnel, another."""

    def between(
        payload: bytes = b"", *, turned: bool = False, ports: tuple[int, int] = (40000, 80), **fields: int | bytes
    ) -> bytes:
        addresses = (B4, A4) if turned else (A4, B4)
        mine = ports[::-1] if turned else ports
        packet = tcp(payload, ports=mine, **fields)
        return ipv4(packet, addresses=addresses, options=b"\x94" + bytes([2 + len(SECRET)]) + SECRET)

    def framed(packet: bytes) -> bytes:
        return MAC + MAC + b"\x81\x00\x00\x2a\x08\x00" + packet + SECRET * 3  # a VLAN, padding, a trailer

    def conversation(ports: tuple[int, int]) -> list[bytes]:
        return [
            between(SECRET * 4, flags=SYN, seq=999, ack=0, options=_tcp_options(), ports=ports),
            between(turned=True, flags=SYN | ACK, seq=4999, ack=1000, ports=ports),
            between(SECRET * 9, flags=ACK | PSH, seq=1000, ports=ports),
            between(SECRET * 30, turned=True, seq=5000, ack=1045, flags=ACK | PSH, ports=ports),
            between(flags=ACK | FIN, seq=1045, ack=5150, ports=ports),
            between(turned=True, seq=5150, ack=1046, ports=ports),
        ]

    plain = [framed(packet) for packet in conversation((40000, 80))]
    tunnelled = [outer4(udp(vxlan(ethernet(packet), 0x58595A), 4789)) for packet in conversation((40001, 80))]
    others = [ethernet(ipv4(udp(SECRET * 5, 53), protocol=17)), ethernet(ipv6(SECRET * 5, next_header=58))]
    return [*plain, *tunnelled, *others]


def capture() -> bytes:
    """Those frames in a pcapng file whose options and blocks have the word, too."""
    names = b"".join(option(code, SECRET) for code in (1, 2, 3, 11, 12, 15))
    head = section(options=option(1, SECRET) + option(2, SECRET) + option(3, SECRET) + option(4, SECRET))
    described = block(1, struct.pack("<HHI", 1, 0, 0) + option(9, b"\x09") + option(6, MAC) + names + option(0, b""))
    resolution = block(4, struct.pack("<HH", 1, 4 + 6) + b"\x0a\0\0\x01" + SECRET + b"\0\0\0" + bytes(4))
    packets = [
        enhanced(Frame(data), START + number * SECOND // 100, options=option(1, SECRET) + option(0, b""))
        for number, data in enumerate(frames())
    ]
    end = statistics(end=START + 60 * SECOND)
    return head + described + resolution + b"".join(packets) + end


def evidence(of: "Analysis | Path | str | bytes", **options: bool | int) -> tuple[bytes, EvidenceSummary]:
    """The file, and what is said of it."""
    analysis = of if isinstance(of, Analysis) else analyze(io.BytesIO(of) if isinstance(of, bytes) else of)
    stream = io.BytesIO()
    summary = analysis.evidence(stream, **options)
    return stream.getvalue(), summary
