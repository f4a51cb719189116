"""What the fast decoder passes on: MPLS, PPPoE, PPP, 802.11 and the rarer link layers."""

import struct

import pytest

from tests.capture.conftest import Read
from tests.capture.writers import (
    A4,
    A6,
    C_HDLC,
    ETHERNET,
    PPI,
    PPP,
    RADIOTAP,
    SLL,
    TIME,
    WIRELESS,
    Frame,
    conversation,
    enhanced,
    ethernet,
    interface,
    ipv4,
    ipv6,
    pcap,
    section,
    segment,
    tcp,
)

BARE4, BARE6 = ipv4(tcp(b"abc")), ipv6(tcp(b"abc"))
LAST, INNER = 0x00064140, 0x00065040  # MPLS labels: with and without the bottom-of-stack bit
SNAP = b"\xaa\xaa\x03\0\0\0"


def labels(*stack: int) -> bytes:
    return b"".join(struct.pack("!I", label) for label in stack)


def pppoe(payload: bytes, protocol: bytes) -> bytes:
    return struct.pack("!BBHH", 0x11, 0, 1, len(protocol + payload)) + protocol + payload


def wireless(payload: bytes, control: int = 0x0108, extra: bytes = b"") -> bytes:
    return struct.pack("<HH", control, 0) + bytes(18) + b"\x10\0" + extra + SNAP + payload


CASES = [
    ("MPLS", ETHERNET, ethernet(labels(LAST) + BARE4, 0x8847), 4),
    ("MPLS, two labels", ETHERNET, ethernet(labels(INNER, LAST) + BARE4, 0x8847), 4),
    ("MPLS, IPv6", ETHERNET, ethernet(labels(LAST) + BARE6, 0x8847), 6),
    ("MPLS, IPv4 with options", ETHERNET, ethernet(labels(LAST) + ipv4(tcp(b"abc"), options=b"\1" * 8), 0x8847), 4),
    ("MPLS, multicast type", ETHERNET, ethernet(labels(LAST) + BARE4, 0x8848), 4),
    ("MPLS below a VLAN tag", ETHERNET, ethernet(labels(LAST) + BARE4, 0x8847, tags=[0x8100]), 4),
    ("MPLS, Ethernet pseudowire", ETHERNET, ethernet(labels(LAST) + bytes(4) + ethernet(BARE4), 0x8847), 4),
    ("MPLS in Linux cooked", SLL, bytes(14) + b"\x88\x47" + labels(LAST) + BARE4, 4),
    ("PPPoE", ETHERNET, ethernet(pppoe(BARE4, b"\0\x21"), 0x8864), 4),
    ("PPPoE, IPv6", ETHERNET, ethernet(pppoe(BARE6, b"\0\x57"), 0x8864), 6),
    ("PPPoE below two VLAN tags", ETHERNET, ethernet(pppoe(BARE4, b"\0\x21"), 0x8864, tags=[0x88A8, 0x8100]), 4),
    ("PPPoE, protocol of one byte", ETHERNET, ethernet(pppoe(BARE4, b"\x21"), 0x8864), 4),
    ("PPP", PPP, b"\xff\x03\0\x21" + BARE4, 4),
    ("PPP without address", PPP, b"\0\x57" + BARE6, 6),
    ("PPP, protocol of one byte", PPP, b"\x57" + BARE6, 6),
    ("PPP, MPLS", PPP, b"\xff\x03\x02\x81" + labels(LAST) + BARE4, 4),
    ("PPP over serial", 50, b"\xff\x03\0\x21" + BARE4, 4),
    ("PPP that is Cisco's", PPP, b"\x0f\0\x08\0" + BARE4, 4),
    ("Cisco HDLC", C_HDLC, b"\x0f\0\x86\xdd" + BARE6, 6),
    ("PPPoE link type", 51, pppoe(BARE4, b"\0\x21"), 4),
    ("IP over InfiniBand", 242, bytes(40) + b"\x08\0\0\0" + BARE4, 4),
    ("802.11 to the station", WIRELESS, wireless(b"\x08\0" + BARE4, 0x0208), 4),
    ("802.11 to the access point", WIRELESS, wireless(b"\x08\0" + BARE4, 0x0108), 4),
    ("802.11 with quality of service", WIRELESS, wireless(b"\x86\xdd" + BARE6, 0x0188, b"\0\0"), 6),
    ("802.11 with radiotap", RADIOTAP, struct.pack("<BBHI", 0, 0, 12, 0) + bytes(4) + wireless(b"\x08\0" + BARE4), 4),
    ("802.11 with Prism", 119, struct.pack("<II", 68, 144) + bytes(136) + wireless(b"\x08\0" + BARE4), 4),
    ("802.11 with AVS", 163, struct.pack(">II", 1, 64) + bytes(56) + wireless(b"\x08\0" + BARE4), 4),
    ("PPI, 802.11", PPI, struct.pack("<BBHI", 0, 0, 8, 105) + wireless(b"\x08\0" + BARE4), 4),
    ("PPI, Ethernet", PPI, struct.pack("<BBHI", 0, 0, 8, 1) + ethernet(BARE4), 4),
    ("pflog", 117, b"\x3d\x02" + bytes(62) + BARE4, 4),
    ("NFLOG", 239, b"\x02\0\0\0" + b"\x08\0\x01\0" + bytes(4) + struct.pack("<HH", 4 + len(BARE4), 9) + BARE4, 4),
    ("NFLOG, IPv6", 239, b"\x0a\0\0\0" + b"\x05\0\x0a\0\0\0\0\0" + struct.pack("<HH", 4 + len(BARE6), 9) + BARE6, 6),
]  # fmt: skip


@pytest.mark.parametrize(("link", "frame", "version"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_found(read: Read, link: int, frame: bytes, version: int) -> None:
    reading = read(pcap([frame], link=link))
    row = reading.row
    assert row.src == (A4 if version == 4 else A6)
    assert (row.srcport, row.dstport, row.seq, row.ack, row.len) == (40000, 80, 1000, 5000, 3)
    assert (row.frame, row.time, row.quality, row.stream) == (1, TIME, 0, 0)
    assert (reading.info.tcp_frames, reading.info.skipped) == (1, {})


@pytest.mark.parametrize(("link", "frame"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_cut_at_every_byte(read: Read, link: int, frame: bytes) -> None:
    """Never a crash, never another packet than the whole frame's."""
    whole = read(pcap([frame], link=link)).row
    reading = read(pcap([Frame(frame[:size], TIME, wirelen=len(frame)) for size in range(len(frame))], link=link))
    for row in reading.rows:
        assert row._replace(frame=1, quality=0) == whole
    assert reading.info.tcp_frames + sum(reading.info.skipped.values()) == len(frame)


@pytest.mark.parametrize(
    ("link", "frame", "reason"),
    [
        (ETHERNET, ethernet(pppoe(b"\1\2\0\4", b"\xc0\x21"), 0x8864), "not_ip"),  # link control
        (ETHERNET, ethernet(labels(LAST) + bytes(4) + ethernet(BARE4, 0x0806), 0x8847), "not_ip"),
        (ETHERNET, ethernet(labels(*[INNER] * 5000), 0x8847), "header_cut"),  # no bottom
        (WIRELESS, wireless(b"\x08\0" + BARE4, 0x4108), "not_ip"),  # encrypted
        (WIRELESS, struct.pack("<H", 0x0080) + bytes(60), "not_ip"),  # a beacon
        (PPI, struct.pack("<BBHI", 0, 0, 8, 192) * 10, "unknown_to_decoder"),  # PPI in PPI
        (239, b"\x02\0\0\0" + bytes(40), "header_cut"),  # an entry of no length
        (220, bytes(64), "unknown_to_decoder"),
    ],
)
def test_not_found(read: Read, link: int, frame: bytes, reason: str) -> None:
    reading = read(pcap([frame, frame], link=link))
    assert reading.rows == []
    assert reading.info.skipped == {reason: 2}
    assert reading.info.frames == 2


def test_pseudowires_in_pseudowires(read: Read) -> None:
    frame = ethernet(BARE4)
    for _ in range(5000):
        frame = ethernet(labels(LAST) + bytes(4) + frame, 0x8847)
    assert read(pcap([frame])).info.skipped == {"nested_too_deep": 1}


def test_between_other_frames_the_order_stays(read: Read) -> None:
    plain = conversation()
    mixed = [frame if i % 2 else ethernet(labels(LAST) + frame[14:], 0x8847) for i, frame in enumerate(plain)]
    assert read(pcap(mixed)).rows == read(pcap(plain)).rows


def test_by_interface(read: Read) -> None:
    data = section() + interface(PPP, tsresol=9) + interface(ETHERNET, tsresol=9)
    data += enhanced(b"\xff\x03\0\x21" + BARE4, TIME) + enhanced(segment(), TIME + 1, interface=1)
    reading = read(data)
    assert [(row.frame, row.time, row.len) for row in reading.rows] == [(1, TIME, 3), (2, TIME + 1, 0)]
    assert reading.info.link_types == ["Ethernet", "PPP"]


def test_a_header_with_zero_addresses_is_found_where_it_is(read: Read) -> None:
    """Its bytes also occur before it."""
    frame = ethernet(labels(INNER & 0xFF, LAST) + ipv6(tcp(), addresses=("::", "::")), 0x8847)
    row = read(pcap([frame])).row
    assert (row.src, row.srcport) == ("::", 40000)
