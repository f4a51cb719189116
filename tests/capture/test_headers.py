"""From the link layer to TCP, in the fast decoder; dpkt is out of sight here."""

import struct
from collections.abc import Callable

import pytest

from closewait_pcap.capture.packets import BAD_HEADER, FRAGMENT, OPTIONS_CUT, QUOTED
from tests.capture.conftest import Read
from tests.capture.writers import (
    A4,
    A6,
    ACK,
    B4,
    B6,
    ETHERNET,
    IPV4,
    IPV6,
    LOOP,
    NULL,
    RAW,
    SLL,
    SLL2,
    SYN,
    Frame,
    ethernet,
    ipv4,
    ipv6,
    pcap,
    segment,
    tcp,
)

BARE4, BARE6 = ipv4(tcp()), ipv6(tcp())
WSCALE = b"\x03\x03\x07"


def one(read: Read, frame: Frame | bytes, link: int = ETHERNET):  # type: ignore[no-untyped-def]
    return read(pcap([frame], link=link)).row


def none(read: Read, frame: Frame | bytes, link: int = ETHERNET) -> str:
    """The reason why a frame gave no packet."""
    reading = read(pcap([frame], link=link))
    assert reading.rows == []
    (reason,) = reading.info.skipped
    return reason


# ---- link layers


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    ("link", "header"),
    [
        (ETHERNET, lambda v: bytes(12) + (b"\x08\0" if v == 4 else b"\x86\xdd")),
        (SLL, lambda v: bytes(14) + (b"\x08\0" if v == 4 else b"\x86\xdd")),
        (SLL2, lambda v: (b"\x08\0" if v == 4 else b"\x86\xdd") + bytes(18)),
        (RAW, lambda _: b""),
        (12, lambda _: b""),
        (14, lambda _: b""),
        (NULL, lambda v: struct.pack("<I", 2 if v == 4 else 24)),
        (NULL, lambda v: struct.pack(">I", 2 if v == 4 else 10)),
        (NULL, lambda v: struct.pack("<I", 2 if v == 4 else 28)),
        (LOOP, lambda v: struct.pack(">I", 2 if v == 4 else 30)),
    ],
)
def test_link_types(read: Read, link: int, header: Callable[[int], bytes], version: int) -> None:
    row = one(read, header(version) + (BARE4 if version == 4 else BARE6), link)
    assert (row.src, row.dst) == ((A4, B4) if version == 4 else (A6, B6))
    assert (row.srcport, row.dstport, row.seq, row.ack, row.len) == (40000, 80, 1000, 5000, 0)


def test_link_types_of_one_ip_version(read: Read) -> None:
    assert one(read, BARE4, IPV4).src == A4
    assert one(read, BARE6, IPV6).src == A6
    assert none(read, BARE6, IPV4) == "malformed"
    assert none(read, BARE4, IPV6) == "malformed"


@pytest.mark.parametrize("tags", [[0x8100], [0x88A8, 0x8100], [0x8100, 0x8100], [0x9100, 0x8100, 0x8100], [0x8100] * 10])
def test_vlan_stacks(read: Read, tags: list[int]) -> None:
    assert one(read, ethernet(BARE4, tags=tags)).src == A4
    assert one(read, ethernet(BARE6, tags=tags)).src == A6


def test_vlan_in_linux_cooked(read: Read) -> None:
    assert one(read, bytes(14) + b"\x81\0" + b"\0\x05\x08\0" + BARE4, SLL).src == A4
    assert one(read, b"\x81\0" + bytes(18) + b"\0\x05\x86\xdd" + BARE6, SLL2).src == A6


def test_a_maze_of_tags(read: Read) -> None:
    assert none(read, ethernet(BARE4, tags=[0x8100] * 40)) == "not_ip"


def test_length_with_llc_and_snap_instead_of_a_type(read: Read) -> None:
    snap = b"\xaa\xaa\x03\0\0\0\x08\0" + BARE4
    assert one(read, ethernet(snap, len(snap))).src == A4
    assert none(read, ethernet(b"\x42\x42\x03" + bytes(43), 46)) == "not_ip"  # spanning tree
    assert none(read, ethernet(b"\xaa\xaa\x03\0\0\x0c\x08\0" + BARE4, 48)) == "not_ip"  # another organisation's type


@pytest.mark.parametrize("kind", [0x0806, 0x88CC, 0x0801, 0xFFFF])
def test_other_protocols(read: Read, kind: int) -> None:
    assert none(read, ethernet(BARE4, kind)) == "not_ip"


def test_null_with_another_family(read: Read) -> None:
    assert none(read, struct.pack("<I", 7) + BARE4, NULL) == "not_ip"
    assert none(read, b"\x02\0\0\x02" + BARE4, NULL) == "not_ip"


# ---- IPv4


@pytest.mark.parametrize("size", [4, 8, 12, 20, 36, 40])
def test_ipv4_options(read: Read, size: int) -> None:
    row = one(read, ethernet(ipv4(tcp(b"abc"), options=b"\x01" * size)))
    assert (row.len, row.srcport, row.src) == (3, 40000, A4)


def test_ipv4_header_shorter_than_it_may_be(read: Read) -> None:
    assert none(read, ethernet(b"\x44" + BARE4[1:])) == "malformed"
    assert none(read, ethernet(b"\x40" + BARE4[1:])) == "malformed"


def test_ipv4_total_shorter_than_its_header(read: Read) -> None:
    assert none(read, ethernet(ipv4(tcp(), total=19))) == "malformed"


def test_ipv4_version_that_the_link_layer_denies(read: Read) -> None:
    assert none(read, ethernet(BARE6, 0x0800)) == "malformed"
    assert none(read, b"\x00" + BARE4[1:], RAW) == "not_ip"


def test_first_fragment_is_marked_and_its_length_is_its_own(read: Read) -> None:
    frame = ethernet(ipv4(tcp(bytes(100)), fragment=0x2000))
    row = one(read, Frame(frame[:100], wirelen=len(frame)))
    assert (row.quality, row.len) == (FRAGMENT, 100)
    assert none(read, frame) == "fragment"  # the rest may come


def test_dont_fragment_is_no_fragment(read: Read) -> None:
    assert one(read, ethernet(ipv4(tcp(), fragment=0x4000))).quality == 0


def test_later_fragments_hold_no_header(read: Read) -> None:
    assert none(read, ethernet(ipv4(tcp(bytes(100)), fragment=0x2001))) == "fragment"
    assert none(read, ethernet(ipv4(tcp(bytes(100)), fragment=185))) == "fragment"
    assert none(read, ethernet(ipv4(tcp(), fragment=185, protocol=17))) == "fragment"  # of a tunnel, perhaps
    assert none(read, ethernet(ipv4(tcp(), fragment=185, protocol=50))) == "not_tcp"


def test_total_length_zero_is_segmentation_offload(read: Read) -> None:
    assert one(read, ethernet(ipv4(tcp(bytes(30000)), total=0))).len == 30000
    assert one(read, Frame(ethernet(ipv4(tcp(), total=0)), wirelen=14 + 40 + 200_000)).len == 200_000


def test_ethernet_padding_is_no_payload(read: Read) -> None:
    assert one(read, ethernet(BARE4).ljust(60, b"\xee")).len == 0
    assert one(read, ethernet(ipv4(tcp(b"ab"))).ljust(60, b"\xee")).len == 2
    assert one(read, ethernet(BARE6).ljust(90, b"\xee")).len == 0


def test_padding_is_no_header_either(read: Read) -> None:
    """The datagram ends inside the TCP header; the bytes that follow are none of it."""
    assert none(read, ethernet(ipv4(tcp()[:15]) + bytes(40))) == "header_cut"
    assert none(read, ethernet(ipv6(tcp()[:15]) + bytes(40))) == "header_cut"


def test_options_end_with_the_datagram(read: Read) -> None:
    whole = tcp(flags=SYN, options=b"\1\1" + WSCALE)
    row = one(read, ethernet(ipv4(whole, total=40) + bytes(20)))
    assert (row.wscale, row.quality) == (-1, OPTIONS_CUT)


@pytest.mark.parametrize("protocol", [17, 2, 50, 89, 132, 255])
def test_other_protocols_over_ip(read: Read, protocol: int) -> None:
    assert none(read, ethernet(ipv4(tcp(), protocol=protocol))) == "not_tcp"
    assert none(read, ethernet(ipv6(tcp(), next_header=protocol))) == "not_tcp"


def test_authentication_header(read: Read) -> None:
    header = struct.pack("!BBHII", 6, 4, 0, 1, 1) + bytes(12)
    assert one(read, ethernet(ipv4(header + tcp(b"abc"), protocol=51))).len == 3
    assert one(read, ethernet(ipv6(header + tcp(b"abc"), next_header=51))).len == 3


# ---- IPv6


def extension(next_header: int, size: int = 8) -> bytes:
    return bytes([next_header, size // 8 - 1]) + bytes(size - 2)


@pytest.mark.parametrize("kinds", [[0], [60], [43], [0, 60, 43, 60], [135], [139], [140], [0] * 8])
@pytest.mark.parametrize("size", [8, 64, 2048])
def test_extension_headers(read: Read, kinds: list[int], size: int) -> None:
    body = tcp(b"abc")
    for following in reversed([*kinds[1:], 6]):
        body = extension(following, size) + body
    row = one(read, ethernet(ipv6(body, next_header=kinds[0])))
    assert (row.src, row.srcport, row.len) == (A6, 40000, 3)


def test_a_maze_of_extension_headers(read: Read) -> None:
    body = extension(0) * 40 + tcp()
    assert none(read, ethernet(ipv6(body, next_header=0))) == "nested_too_deep"


def test_extension_header_that_is_cut(read: Read) -> None:
    assert none(read, ethernet(ipv6(extension(6, 64)[:20], next_header=0, length=100))) == "header_cut"
    assert none(read, ethernet(ipv6(b"\x06\0", next_header=0, length=100))) == "header_cut"


def fragment_header(offset: int, more: int, next_header: int = 6) -> bytes:
    return struct.pack("!BBHI", next_header, 0, offset << 3 | more, 77)


def test_ipv6_fragments(read: Read) -> None:
    frame = ethernet(ipv6(fragment_header(0, 1) + tcp(bytes(100)), next_header=44))
    assert none(read, Frame(frame[:100], wirelen=len(frame))) == "fragment"
    assert none(read, frame) == "fragment"  # the rest may come
    assert one(read, ethernet(ipv6(fragment_header(0, 0) + tcp(), next_header=44))).quality == 0  # an atomic one
    assert none(read, ethernet(ipv6(fragment_header(5, 1) + tcp(), next_header=44))) == "fragment"
    assert none(read, ethernet(ipv6(fragment_header(5, 0, 50) + tcp(), next_header=44))) == "not_tcp"


def test_later_fragment_behind_another_extension_header(read: Read) -> None:
    """dpkt reads such a one as TCP."""
    body = extension(44) + fragment_header(5, 1) + tcp()
    assert none(read, ethernet(ipv6(body, next_header=0))) == "fragment"


def test_jumbogram(read: Read) -> None:
    size = 8 + 20 + 80_000
    jumbo = b"\x06\0\xc2\x04" + struct.pack("!I", size)
    frame = ethernet(ipv6(jumbo + tcp(), next_header=0, length=0))
    assert one(read, Frame(frame, wirelen=14 + 40 + size)).len == 80_000
    assert one(read, Frame(frame, wirelen=14 + 40 + size + 4)).len == 80_000  # not the trailer


def test_ipv6_length_zero_without_jumbo_is_segmentation_offload(read: Read) -> None:
    assert one(read, Frame(ethernet(ipv6(tcp(), length=0)), wirelen=14 + 60 + 90_000)).len == 90_000


# ---- IP in IP


@pytest.mark.parametrize(
    "frame",
    [
        ipv4(BARE4, protocol=4, addresses=("192.0.2.1", "192.0.2.2")),
        ipv6(BARE4, next_header=4),
        ipv4(ipv4(BARE4, protocol=4), protocol=4, addresses=("192.0.2.1", "192.0.2.2")),
    ],
)
def test_the_innermost_addresses_count(read: Read, frame: bytes) -> None:
    row = one(read, ethernet(frame))
    assert (row.src, row.dst, row.len) == (A4, B4, 0)


def test_ipv6_in_ipv4(read: Read) -> None:
    assert one(read, ethernet(ipv4(BARE6, protocol=41))).src == A6


def test_nested_too_deep(read: Read) -> None:
    frame = BARE4
    for _ in range(20):
        frame = ipv4(frame, protocol=4)
    assert none(read, ethernet(frame)) == "nested_too_deep"


# ---- TCP


@pytest.mark.parametrize("size", range(55))
def test_frame_cut_by_the_snap_length(read: Read, size: int) -> None:
    """Ports, numbers, flags and window are the header's first 16 bytes."""
    frame = Frame(segment(bytes(700), seq=7)[:size], wirelen=754)
    if size < 14 + 20 + 16:
        assert none(read, frame) == "header_cut"
    else:
        row = one(read, frame)
        assert (row.len, row.seq, row.window, row.quality & OPTIONS_CUT) == (700, 7, 512, int(size < 54))


@pytest.mark.parametrize("captured", range(20, 33))
def test_options_cut_by_the_snap_length(read: Read, captured: int) -> None:
    whole = ethernet(ipv4(tcp(flags=SYN, options=b"\x02\x04\x05\xb4\x01" + WSCALE + b"\x04\x02\x00\x00")))
    row = one(read, Frame(whole[: 34 + captured], wirelen=len(whole)))
    assert row.quality == (OPTIONS_CUT if captured < 32 else 0)
    assert row.wscale == (7 if captured >= 28 else -1)
    assert row.len == 0


@pytest.mark.parametrize(
    ("options", "wscale"),
    [
        (b"", -1),
        (WSCALE, 7),
        (b"\x03\x03\x00", 0),
        (b"\x03\x03\x0e", 14),
        (b"\x03\x03\xff", 14),  # RFC 7323: 14 is meant
        (b"\x01" * 37 + WSCALE, 7),
        (b"\x08\x0a" + bytes(8) + b"\x01" + WSCALE, 7),
        (b"\x00" + WSCALE, -1),  # behind the end of options
        (b"\x03\x02\x07", -1),  # of another length
        (b"\x03\x00\x07" + WSCALE, -1),  # a length of 0 must not go round for ever
        (b"\x02\x01" + WSCALE, -1),
        (b"\x02\xff\x05\xb4" + WSCALE, -1),  # beyond the header
        (b"\x01\x01\x03\x03", -1),
        (b"\x01\x01\x01\x03", -1),
    ],
)
def test_window_scale(read: Read, options: bytes, wscale: int) -> None:
    assert one(read, ethernet(ipv4(tcp(flags=SYN, options=options)))).wscale == wscale
    assert one(read, ethernet(ipv4(tcp(flags=SYN | ACK, options=options)))).wscale == wscale
    assert one(read, ethernet(ipv4(tcp(flags=ACK, options=options)))).wscale == -1


@pytest.mark.parametrize("words", range(5, 16))
def test_payload_begins_behind_the_options(read: Read, words: int) -> None:
    row = one(read, ethernet(ipv4(tcp(b"abcde", options=b"\x01" * (4 * words - 20)))))
    assert row.len == 5


@pytest.mark.parametrize("words", range(5))
def test_header_shorter_than_it_may_be_only_takes_part_in_numbering(read: Read, words: int) -> None:
    reading = read(pcap([ethernet(ipv4(tcp(offset=words)))]))
    assert reading.row.quality == BAD_HEADER
    assert reading.info.tcp_frames == 0
    assert reading.info.skipped == {"malformed": 1}


def test_header_longer_than_the_segment(read: Read) -> None:
    row = one(read, ethernet(ipv4(tcp(offset=15))))
    assert (row.len, row.quality) == (0, OPTIONS_CUT)


# ---- quoted in ICMP errors


def icmp4(kind: int, quoted: bytes) -> bytes:
    return ipv4(struct.pack("!BBHI", kind, 1, 0, 0) + quoted, protocol=1, addresses=("192.0.2.9", A4))


def icmp6(kind: int, quoted: bytes) -> bytes:
    return ipv6(struct.pack("!BBHI", kind, 1, 0, 0) + quoted, next_header=58, addresses=("2001:db8::9", A6))


@pytest.mark.parametrize("frame", [*(icmp4(k, BARE4) for k in (3, 4, 5, 11, 12)), *(icmp6(k, BARE6) for k in (1, 2, 3, 4))])
def test_quoted_segments_are_marked_and_no_packets(read: Read, frame: bytes) -> None:
    reading = read(pcap([ethernet(frame)]))
    assert reading.row.quality == QUOTED
    assert reading.row.src in (A4, A6)
    assert reading.info.tcp_frames == 0
    assert reading.info.skipped == {"not_tcp": 1}


@pytest.mark.parametrize(
    "frame",
    [
        icmp4(8, BARE4),  # an echo request's payload
        icmp4(0, BARE4),
        icmp4(3, b""),
        icmp6(128, BARE6),
        icmp6(0, BARE6),
        icmp6(135, BARE6),
        icmp4(3, icmp4(3, BARE4)),  # errors are not answered with errors
        icmp4(3, ipv4(tcp(), protocol=17)),
    ],
)
def test_other_icmp_quotes_nothing(read: Read, frame: bytes) -> None:
    assert none(read, ethernet(frame)) == "not_tcp"


def test_quote_of_eight_bytes_has_no_numbers_to_go_by(read: Read) -> None:
    assert none(read, ethernet(icmp4(3, ipv4(tcp()[:8], total=40)))) == "header_cut"


def test_quote_ends_with_the_datagram_that_quotes(read: Read) -> None:
    frame = ipv4(struct.pack("!BBHI", 3, 1, 0, 0) + BARE4, protocol=1, total=25)
    assert none(read, ethernet(frame)) == "not_tcp"
