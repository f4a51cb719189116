"""What mutants are made of: the samples' beginnings, and small captures with every kind of record, layer and option in them."""

import struct
from functools import cache
from pathlib import Path

from tests.capture.writers import (
    ACK,
    C_HDLC,
    ETHERNET,
    FIN,
    LOOP,
    NULL,
    PPP,
    RAW,
    RST,
    SLL,
    SLL2,
    SYN,
    TIME,
    WIRELESS,
    Frame,
    block,
    conversation,
    enhanced,
    erspan2,
    erspan3,
    ethernet,
    geneve,
    gre,
    gtp,
    interface,
    ipv4,
    ipv6,
    l2tp,
    obsolete,
    option,
    outer4,
    outer6,
    pcap,
    section,
    segment,
    simple,
    statistics,
    tcp,
    udp,
    vxlan,
)

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*/capture.pcap*"))

_BARE4, _BARE6 = ipv4(tcp(b"abc", flags=SYN, options=b"\x02\x04\x05\xb4\x01\x03\x03\x07")), ipv6(tcp(flags=SYN | ACK))
_JUMBO = ipv6(b"\x06\0\xc2\x04" + struct.pack("!I", 90_000) + tcp(), next_header=0, length=0)
_CHAIN = ipv6(b"\x2b\0" + bytes(6) + b"\x2c\0" + bytes(6) + b"\x06\0\0\0" + bytes(4) + tcp(), next_header=0)
_QUOTE = ipv4(struct.pack("!BBHI", 3, 1, 0, 0) + _BARE4, protocol=1)
_MPLS = struct.pack("!I", 0x00064140)
_PKTAP = struct.pack("<III24s16x4s20s", 108, 1, 1, b"en0", b"\7\0\0\0", b"curl").ljust(108, b"\0")


def _tunnels() -> list[bytes]:
    """One of each kind, a fragmented one, and one within another."""
    inner = ethernet(_BARE4, tags=[0x8100])
    whole = udp(vxlan(inner), 4789)
    parts = [
        outer4(whole[:64], fragment=0x2000),
        outer4(whole[64:], fragment=8),
        ethernet(ipv6(b"\x06\0\0\1\0\0\0\7" + tcp()[:16], next_header=44)),
        ethernet(ipv6(b"\x06\0\0\x10\0\0\0\7" + tcp(b"ab")[16:], next_header=44)),
    ]
    ppp = b"\xff\x03\0\x21" + _BARE4
    return [
        *parts,
        outer4(whole),
        outer6(udp(geneve(inner, options=bytes(8)), 6081)),
        outer4(udp(gtp(_BARE4, flags=0x36, more=b"\0\0\0\x85\1\0\1\x40\1\0\0\0"), 2152)),
        outer4(udp(struct.pack("!HBB", 1, 2, 3) + bytes(14) + bytes(8) + _BARE6, 3544)),
        outer4(udp(l2tp(ppp, flags=0x4A02, more=bytes(4) + b"\0\3abc"), 1701)),
        outer4(gre(_BARE4, 0x0800, key=7, checksum=True, sequence=9), 47),
        outer4(gre(ppp, 0x880B, key=77, sequence=1, flags=0x81, more=bytes(4)), 47),
        outer4(gre(erspan2(inner), 0x88BE, sequence=1), 47),
        outer6(gre(erspan3(inner, more=bytes(8)), 0x22EB, sequence=1), 47),
        outer4(udp(gtp(outer4(gre(_MPLS + _BARE4, 0x8847), 47)[14:]), 2152)),
    ]


def _frames() -> list[bytes]:
    return [
        *conversation(),
        ethernet(_BARE4, tags=[0x88A8, 0x8100]),
        ethernet(ipv4(tcp(flags=RST), options=b"\x83\x07\x04" + bytes(5))),
        ethernet(ipv4(_BARE6, protocol=41)),
        ethernet(_JUMBO),
        ethernet(_CHAIN),
        ethernet(_QUOTE),
        ethernet(_MPLS + _BARE4, 0x8847),
        ethernet(b"\x11\0\0\1\0\0\0\x21" + _BARE4, 0x8864),
        ethernet(ipv4(tcp(bytes(20), flags=FIN | ACK), fragment=0x2000)),
    ]


def samples() -> list[bytes]:
    """The samples' captures, cut to their first 4 KiB: short enough to be mutated often."""
    return [path.read_bytes()[:4096] for path in SAMPLES]


def synthetic() -> list[bytes]:
    """Sound captures of at most a few kilobytes."""
    blocks = [section(), interface(tsresol=9, tsoffset=-5), interface(RAW, tsresol=0xA0, snaplen=90)]
    blocks += [enhanced(frame, TIME) for frame in _frames()[:6]]
    blocks += [simple(_frames()[1]), obsolete(_BARE6, TIME, interface=1, drops=3), statistics(1, ifdrop=5, end=TIME)]
    blocks += [block(0x0BAD, bytes(12)), block(77, b"??"), section(">"), interface(order=">")]
    blocks += [enhanced(frame, TIME, order=">") for frame in _frames()[9:]]
    blocks += [block(0x80000001, b"\0\0\0\7" + option(2, b"curl", ">"), ">"), interface(order=">")]
    blocks += [enhanced(frame, TIME, order=">", options=option(0x8001, bytes(4), ">")) for frame in _frames()[:3]]
    wireless = struct.pack("<HH", 0x0188, 0) + bytes(20) + bytes(2) + b"\xaa\xaa\x03\0\0\0\x08\0" + _BARE4
    return [
        pcap([Frame(frame, TIME + i) for i, frame in enumerate(_frames())]),
        pcap(_frames(), order=">", ns=False),
        b"".join(blocks),
        pcap([bytes(14) + b"\x86\xdd" + _CHAIN, bytes(14) + b"\x81\0\0\1\x08\0" + _BARE4], link=SLL),
        pcap([b"\x86\xdd" + bytes(18) + _BARE6, b"\x08\0" + bytes(18) + _QUOTE], link=SLL2),
        pcap([b"\2\0\0\0" + _BARE4, b"\0\0\0\x1e" + _BARE6], link=NULL),
        pcap([b"\0\0\0\2" + _BARE4], link=LOOP),
        pcap([_BARE4, _BARE6, _JUMBO], link=RAW, patched=True),
        pcap([b"\xff\x03\0\x21" + _BARE4, b"\x02\x81" + _MPLS + _BARE6, b"\x0f\0\x08\0" + _BARE4], link=PPP),
        pcap([b"\x0f\0\x86\xdd" + _BARE6], link=C_HDLC),
        pcap([wireless], link=WIRELESS),
        pcap(_tunnels()),
        section() + interface(tsresol=9, name="eth0") + b"".join(enhanced(frame, TIME) for frame in _tunnels()),
        pcap([_PKTAP + ethernet(_BARE4), _PKTAP + outer4(_MPLS + _BARE4, 137)], link=258),
        pcap([segment(flags=SYN, seq=n) for n in range(12)], link=ETHERNET),
    ]


@cache
def seeds() -> tuple[bytes, ...]:
    """All of them."""
    return (*samples(), *synthetic())
