"""Fragmented datagrams count at the frame that completes them, as tshark has it by default."""

import itertools
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from closewait_pcap.capture import fragments
from closewait_pcap.capture.packets import FRAGMENT, QUOTED, TUNNELS
from tests.capture.conftest import Read
from tests.capture.writers import (
    A4,
    B4,
    OUTER4,
    SYN,
    Frame,
    Frames,
    ethernet,
    gre,
    ipv4,
    ipv6,
    outer4,
    pcap,
    tcp,
    udp,
    vxlan,
)
from tests.numbering.agreement import TSHARK, differences, ours, theirs

DATAGRAM = tcp(bytes(range(100)))


def split4(
    payload: bytes, cuts: Sequence[int], *, ident: int = 7, protocol: int = 6, addresses: tuple[str, str] = (A4, B4),
    options: bytes = b"", tags: Sequence[int] = (),
) -> list[bytes]:  # fmt: skip
    """Frames of an IPv4 datagram's fragments."""
    edges, frames = [0, *cuts, len(payload)], []
    for begin, end in itertools.pairwise(edges):
        position = begin // 8 | (0x2000 if end < len(payload) else 0)
        packet = ipv4(payload[begin:end], protocol=protocol, fragment=position, addresses=addresses, options=options)
        frame = ethernet(packet[:4] + struct.pack("!H", ident) + packet[6:])
        frames.append(frame[:12] + b"".join(struct.pack("!HH", 0x8100, tag) for tag in tags) + frame[12:])
    return frames


def split6(payload: bytes, cuts: Sequence[int], *, next_header: int = 6, before: bytes = b"", first: int = 44) -> list[bytes]:
    """Frames of an IPv6 datagram's fragments."""
    edges, frames = [0, *cuts, len(payload)], []
    for begin, end in itertools.pairwise(edges):
        header = struct.pack("!BBHI", next_header, 0, begin | (end < len(payload)), 77)
        frames.append(ethernet(ipv6(before + header + payload[begin:end], next_header=first)))
    return frames


F, G = split4(DATAGRAM, [40, 80]), split6(DATAGRAM, [40, 80])
TWO = split4(DATAGRAM, [40])
OTHER_HEADER = ethernet(ipv4(tcp(bytes(20), ports=(1, 2)), fragment=0x2000))
LARGE = tcp(bytes(60_000))
IN_VXLAN = udp(vxlan(ethernet(ipv4(DATAGRAM))), 4789)
QUOTE = struct.pack("!BBHI", 3, 1, 0, 0)
TWICE = [  # a datagram in fragments, each of them in VXLAN, in fragments again
    part
    for number, frame in enumerate(split4(tcp(bytes(3000)), [1480, 2960]))
    for part in split4(udp(vxlan(frame), 4789), [1000] if number < 2 else [56], ident=20 + number, protocol=17, addresses=OUTER4)
]


def cut(frame: bytes, size: int) -> Frame:
    return Frame(frame[:size], wirelen=len(frame))


CASES: dict[str, tuple[Frames, dict[int, int]]] = {  # frames; by frame number, the payload's length
    **{f"IPv4, order {order}": ([F[i] for i in order], {3: 100}) for order in itertools.permutations(range(3))},
    **{f"IPv6, order {order}": ([G[i] for i in order], {3: 100}) for order in itertools.permutations(range(3))},
    "each twice": ([frame for frame in F for _ in range(2)], {5: 100}),
    "all twice": ([*F, *F, *G, *G], {3: 100, 6: 100, 9: 100, 12: 100}),
    "overlapping": ([TWO[0], split4(DATAGRAM, [32])[1]], {2: 100}),
    "overlapping, IPv6": ([split6(DATAGRAM, [40])[0], split6(DATAGRAM, [32])[1]], {2: 100}),
    "overlapping with another header": ([TWO[0], OTHER_HEADER, TWO[1]], {3: 100}),
    "the last is missing": ([*F[:2], *G[:2]], {}),
    "the first is missing": ([*F[1:], *G[1:]], {}),
    "beyond the end": ([F[0], F[2], split4(tcp(bytes(200)), [40])[1], F[1]], {3: 100}),
    "two ends": ([F[2], split4(tcp(bytes(60)), [40])[1], F[0], F[1]], {3: 100}),
    "8 bytes": (split4(DATAGRAM, [8]) + split6(DATAGRAM, [8])[::-1], {2: 100, 4: 100}),
    "no bytes": ([ethernet(ipv4(b"", fragment=0x2000)), *F], {4: 100}),
    "no length": ([ethernet(ipv4(DATAGRAM[:40], fragment=0x2000, total=0)), *F[1:]], {3: 100}),
    "padding": ([frame.ljust(100, b"\xee") for frame in F], {3: 100}),
    "options": (split4(DATAGRAM, [40], options=b"\1" * 8), {2: 100}),
    "another number": ([F[0], split4(DATAGRAM, [40, 80], ident=9)[1], F[2], F[1]], {4: 100}),
    "another direction": ([F[0], split4(DATAGRAM, [40, 80], addresses=(B4, A4))[1], F[2], F[1]], {4: 100}),
    "another protocol": ([TWO[0], split4(DATAGRAM, [40], protocol=17)[1]], {}),
    "another VLAN": ([split4(DATAGRAM, [40], tags=[5])[0], split4(DATAGRAM, [40], tags=[6])[1], TWO[1]], {}),
    "another inner VLAN": ([split4(DATAGRAM, [40], tags=[5, 7])[0], split4(DATAGRAM, [40], tags=[5, 8])[1]], {2: 100}),
    "another outer VLAN": ([split4(DATAGRAM, [40], tags=[5, 7])[0], split4(DATAGRAM, [40], tags=[6, 7])[1]], {}),
    "a first one cut by the snap length": ([cut(F[0], 60), *F[1:]], {1: 20}),
    "a first one cut, IPv6": ([cut(G[0], 90), *G[1:]], {}),
    "a later one cut": ([F[0], cut(F[1], 60), F[2], G[0], cut(G[1], 70), G[2]], {}),
    "a first one cut in the TCP header": ([cut(F[0], 49)], {}),
    "hop-by-hop options before": (split6(DATAGRAM, [40], before=b"\x2c\0\1\4\0\0\0\0", first=0), {2: 100}),
    "destination options inside": (split6(b"\6\0\1\4\0\0\0\0" + DATAGRAM, [40], next_header=60), {2: 100}),
    "authentication header inside": (split4(b"\6\4" + bytes(22) + DATAGRAM, [40], protocol=51), {2: 100}),
    "64 KiB": (split4(LARGE, range(1480, len(LARGE), 1480))[::-1], {41: 60_000}),
    "other UDP": (split4(udp(bytes(100), 53), [40], protocol=17), {}),
    "VXLAN": (split4(IN_VXLAN, [64, 96], protocol=17, addresses=OUTER4)[::-1], {3: 100}),
    "VXLAN over IPv6": (split6(IN_VXLAN, [64, 96], next_header=17), {3: 100}),
    "IP in IP": (split4(ipv4(DATAGRAM), [64], protocol=4, addresses=OUTER4), {2: 100}),
    "GRE": (split4(gre(ipv4(DATAGRAM), 0x0800), [64], protocol=47, addresses=OUTER4), {2: 100}),
    "in VXLAN": ([outer4(udp(vxlan(frame), 4789)) for frame in F], {3: 100}),
    "in VXLAN and outside": ([outer4(udp(vxlan(F[0]), 4789)), *F[1:]], {3: 100}),
    "in VXLAN, beyond UDP's length": ([outer4(udp(vxlan(F[0]), 4789, length=8 + len(F[0]))), *F[1:]], {1: 20}),
    "in MPLS": ([ethernet(struct.pack("!I", 0x00064140) + frame[14:], 0x8847) for frame in F], {3: 100}),
    "in fragments of fragments": (TWICE, {6: 3000}),
    "in fragments of fragments, backwards": (TWICE[::-1], {6: 3000}),
}  # fmt: skip
NAMED = pytest.mark.parametrize(("frames", "lengths"), CASES.values(), ids=CASES.keys())


@NAMED
def test_where_a_datagram_counts(read: Read, frames: Frames, lengths: dict[int, int]) -> None:
    reading = read(pcap(frames))
    assert {row.frame: row.len for row in reading.rows} == lengths
    assert {(row.srcport, row.dstport, row.seq) for row in reading.rows} <= {(40000, 80, 1000)}
    assert reading.info.tcp_frames + sum(reading.info.skipped.values()) == len(frames)


@NAMED
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_tshark_says_the_same(tmp_path: Path, frames: Frames, lengths: dict[int, int]) -> None:
    path = tmp_path / "fragments.pcap"
    path.write_bytes(pcap(frames))
    mine = ours(path)
    assert differences(mine, theirs(path)) == []
    assert mine.keys() == lengths.keys()


def test_quality_and_counts(read: Read) -> None:
    assert read(pcap(F)).row.quality == 0
    assert read(pcap(F)).info.skipped == {"fragment": 2}
    assert read(pcap([cut(F[0], 60)])).row.quality == FRAGMENT
    assert read(pcap([*F[:2], *G[1:], *split4(DATAGRAM, [40], ident=8)])).info.fragments_incomplete == 2


def test_options_of_a_datagram_in_pieces(read: Read) -> None:
    assert read(pcap(split4(tcp(flags=SYN, options=b"\2\4\5\xb4\1\3\3\7"), [24]))).row.wscale == 7


def test_the_tunnel_of_a_datagram_in_pieces(read: Read) -> None:
    row = read(pcap(split4(IN_VXLAN, [64, 96], protocol=17, addresses=OUTER4))).row
    assert (TUNNELS[row.tunnel], row.tunnel_id, row.outer) == ("VXLAN", 42, OUTER4)


def test_an_error_in_pieces_quotes(read: Read) -> None:
    assert read(pcap(split4(QUOTE + ipv4(DATAGRAM), [40], protocol=1))).row.quality == QUOTED
    assert read(pcap([ethernet(ipv4(QUOTE + F[0][14:54], protocol=1))])).row.quality == QUOTED | FRAGMENT


def test_memory_is_bounded(read: Read) -> None:
    first = [split4(DATAGRAM, [40], ident=number)[0] for number in range(fragments.MOST_DATAGRAMS + 1)]
    last = [split4(DATAGRAM, [40], ident=number)[1] for number in (1, 0)]
    reading = read(pcap([*first, *last]))
    assert [row.frame for row in reading.rows] == [len(first) + 1]  # of the second; the oldest had left
    assert reading.info.fragments_incomplete == fragments.MOST_DATAGRAMS + 1  # it counts, and so does its last fragment, alone
    holes = split4(tcp(bytes(8000)), range(8, 8016, 8))[::2]
    assert read(pcap(holes)).info.fragments_incomplete > 1
