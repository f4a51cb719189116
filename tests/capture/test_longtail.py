"""What the fast decoder passes on: MPLS, PPPoE, PPP, 802.11 and the rarer link layers."""

import struct
from pathlib import Path

import pytest

from closewait_pcap import CaptureError, analyze
from closewait_pcap.capture.names import MOST, Names
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
from tests.numbering.agreement import TSHARK, differences, ours, theirs

BARE4, BARE6 = ipv4(tcp(b"abc")), ipv6(tcp(b"abc"))
LAST, INNER = 0x00064140, 0x00065040  # MPLS labels: with and without the bottom-of-stack bit
SNAP = b"\xaa\xaa\x03\0\0\0"


def labels(*stack: int) -> bytes:
    return b"".join(struct.pack("!I", label) for label in stack)


def pppoe(payload: bytes, protocol: bytes) -> bytes:
    return struct.pack("!BBHH", 0x11, 0, 1, len(protocol + payload)) + protocol + payload


def wireless(payload: bytes, control: int = 0x0108, extra: bytes = b"") -> bytes:
    return struct.pack("<HH", control, 0) + bytes(18) + b"\x10\0" + extra + SNAP + payload


def pktap(payload: bytes, link: int = ETHERNET, *, size: int = 108, process: bytes = b"curl", interface: bytes = b"en0") -> bytes:
    head = struct.pack("<III24sIIIIi20sIHHi20s", size, 1, link, interface, 0, 2, 14, 0, 123, process, 0, 6, 0, 123, process)
    return head.ljust(size, b"\0") + payload


MACS = bytes.fromhex("001b21000001001b21000002")
ROUTED = MACS[:6] + b"\x80" + MACS[7:] + b"\x06\x30\0\x12\0\x20"
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
    ("token ring", 6, b"\x10\x40" + MACS + SNAP + b"\x08\0" + BARE4, 4),
    ("token ring, source route", 6, b"\x10\x40" + ROUTED + SNAP + b"\x86\xdd" + BARE6, 6),
    ("FDDI", 10, b"\x50" + MACS + SNAP + b"\x08\0" + BARE4, 4),
    ("LLC over ATM", 11, SNAP + b"\x08\0" + BARE4, 4),
    ("Frame Relay", 107, b"\x18\x41\3\xcc" + BARE4, 4),
    ("Frame Relay, padded", 107, b"\x18\x41\3\0\x80\0\0\0\x86\xdd" + BARE6, 6),
    ("OpenBSD IPsec", 109, struct.pack("<I", 2) + bytes(8) + BARE4, 4),
    ("IP over IEEE 1394", 138, bytes(16) + b"\x86\xdd" + BARE6, 6),
    ("PPP with direction", 204, b"\1\xff\3\0\x21" + BARE4, 4),
    ("PKTAP", 258, pktap(ethernet(BARE4, tags=[0x8100])), 4),
    ("PKTAP, raw", 258, pktap(BARE6, 12, size=156), 6),
    ("PKTAP, null", 258, pktap(b"\2\0\0\0" + BARE4, 0), 4),
    ("PKTAP before it had a link type", 149, pktap(ethernet(BARE4)), 4),
    ("Linux cooked with two tags", SLL, bytes(14) + b"\x88\xa8\0\5\x81\0\0\6\x08\0" + BARE4, 4),
    ("Linux cooked, SNAP", SLL, bytes(14) + b"\0\4" + SNAP + b"\x08\0" + BARE4, 4),
    ("Ethernet in Ethernet", ETHERNET, MACS + b"\x65\x58" + ethernet(BARE4), 4),
    ("FabricPath", ETHERNET, MACS + b"\x89\x03\x12\x60" + ethernet(BARE4), 4),
    ("AVS by Prism's number", 119, struct.pack(">II", 0x80211001, 64) + bytes(56) + wireless(b"\x08\0" + BARE4), 4),
    ("802.11, high throughput", WIRELESS, wireless(b"\x08\0" + BARE4, 0x8188, bytes(6)), 4),
    ("802.11, aggregated", WIRELESS, wireless(b"\x08\0" + BARE4, 0x0188, b"\x80\0" + MACS + b"\0\x33"), 4),
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


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize(("link", "frame"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_tshark_finds_the_same(tmp_path: Path, link: int, frame: bytes) -> None:
    """Of Ethernet below MPLS it asks whether it knows the addresses' manufacturers."""
    path = tmp_path / "test.pcap"
    path.write_bytes(pcap([frame.replace(bytes.fromhex("020000000002020000000001"), MACS)], link=link))
    mine = ours(path)
    assert [seen.len for seen in mine.values()] == [3]
    assert differences(mine, theirs(path)) == []


@pytest.mark.parametrize(("link", "frame"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_cut_at_every_byte(read: Read, link: int, frame: bytes) -> None:
    """Never a crash, never another packet than the whole frame's."""
    whole = read(pcap([frame], link=link)).row
    reading = read(pcap([Frame(frame[:size], TIME, wirelen=len(frame)) for size in reversed(range(len(frame)))], link=link))
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


# ---- names


def test_pktap_names_interface_and_process(read: Read) -> None:
    reading = read(pcap([pktap(segment()), pktap(segment(), process=b"", interface=b"lo0"), pktap(segment())], link=258))
    named = [(reading.names[row.interface], reading.names[row.process]) for row in reading.rows]
    assert named == [("en0", "curl[123]"), ("lo0", ""), ("en0", "curl[123]")]
    assert reading.names == ["", "en0", "curl[123]", "lo0"]


def test_pktap_that_is_too_short(read: Read) -> None:
    frame = pktap(segment())
    assert read(pcap([struct.pack("<I", 92) + frame[4:]], link=258)).info.skipped == {"not_ip": 1}
    assert read(pcap([frame[:107]], link=258)).info.skipped == {"header_cut": 1}


def test_interface_names_of_pcapng(read: Read) -> None:
    data = section() + interface(tsresol=9, name="eth0", description="LAN") + interface(tsresol=9, description="Wi-Fi")
    data += interface(tsresol=9) + interface(PPP, tsresol=9, name="eth0")
    data += b"".join(enhanced(segment(), TIME, interface=number) for number in (0, 1, 2))
    reading = read(data + enhanced(b"\0\x21" + BARE4, TIME, interface=3) + enhanced(segment(), TIME, interface=1))
    assert [reading.names[row.interface] for row in reading.rows] == ["eth0", "Wi-Fi", "", "eth0", "Wi-Fi"]


def test_interface_numbers_of_linux_cooked(read: Read) -> None:
    frames = [b"\x08\0\0\0" + struct.pack("!I", index) + bytes(12) + BARE4 for index in (3, 0, 3, 70, 0xFFFFFFFF)]
    tail = b"\x88\x47\0\0" + struct.pack("!I", 3) + bytes(12) + labels(LAST) + BARE4
    reading = read(pcap([*frames, tail], link=276))
    assert [reading.names[row.interface] for row in reading.rows] == [
        "ifindex 3", "", "ifindex 3", "ifindex 70", "ifindex 2147483647", "ifindex 3",
    ]  # fmt: skip


def test_names_are_bounded() -> None:
    names = Names()
    assert [names.number(str(number)) for number in range(MOST)] == [*range(1, MOST), 0]
    assert (len(names), names.number("5"), names.number("another")) == (MOST, 6, 0)


# ---- link types that only the capture's author knows


@pytest.mark.parametrize("link", [147, 149, 162])
def test_user_defined_link_type(read: Read, link: int) -> None:
    with pytest.raises(CaptureError, match=rf"link type {link}, user-defined {link - 147}: only who made.*editcap -T ether"):
        read(pcap([segment()], link=link))
    with pytest.raises(CaptureError, match="user-defined"):
        read(pcap([], link=link))
    with pytest.raises(CaptureError, match="user-defined"):
        read(pcap([struct.pack("<III", 108, 7, 1) + bytes(200)], link=link))


def test_user_defined_link_type_of_one_interface(read: Read, tmp_path: Path) -> None:
    data = section() + interface(150, tsresol=9) + interface(tsresol=9)
    data += enhanced(segment(), TIME) * 2 + enhanced(segment(), TIME, interface=1)
    reading = read(data)
    assert (reading.info.tcp_frames, reading.info.skipped) == (1, {"user_defined_link": 2})
    path = tmp_path / "user.pcapng"
    path.write_bytes(data)
    (warning,) = analyze(path).warnings
    assert "2 frames are of a user-defined link type" in warning
    assert "editcap -T ether" in warning
