"""Frame numbers, streams and fields are those of tshark."""

import random
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from closewait_pcap.engine import COMPILED, PLAIN, Mode
from closewait_pcap.errors import CaptureError
from tests.capture.writers import (
    ACK,
    FIN,
    PPP,
    RST,
    SYN,
    TIME,
    Frame,
    block,
    conversation,
    enhanced,
    ethernet,
    interface,
    ipv4,
    ipv6,
    obsolete,
    pcap,
    pcapng,
    section,
    segment,
    simple,
    tcp,
)
from tests.numbering.agreement import TSHARK, Seen, differences, ours, theirs
from tests.numbering.exchanges import random_capture

pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "samples").glob("*/capture*.pcap*"))
KTRUTH = sorted((ROOT.parent / "shared" / "ktruth").glob("*/capture*.pcap"))
CORPUS = sorted(path for path in (ROOT.parent / "shared" / "corpus").glob("*.pcap*") if path.suffix in (".pcap", ".pcapng"))


def agree(path: Path, mode: Mode = PLAIN) -> dict[int, Seen]:
    mine, other = ours(path, mode), theirs(path)
    assert differences(mine, other) == []
    return mine


def streams(tmp_path: Path, data: bytes) -> list[int]:
    """Compare with tshark; give the streams in frame order."""
    path = tmp_path / "test.pcapng"
    path.write_bytes(data)
    return [seen.stream for _, seen in sorted(agree(path).items())]


def quote(frame: bytes) -> bytes:
    return ethernet(ipv4(struct.pack("!BBHI", 3, 1, 0, 0) + frame[14:], protocol=1, addresses=("192.0.2.1", "10.0.0.1")))


S, SA, A, FA, R = (
    segment(flags=SYN, seq=99, ack=0),
    segment(turned=True, flags=SYN | ACK, seq=499, ack=100),
    segment(flags=ACK, seq=100, ack=500),
    segment(flags=FIN | ACK, seq=100, ack=500),
    segment(turned=True, flags=RST, seq=500, ack=0),
)
OTHER = segment(flags=SYN, seq=7777, ack=0)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([S, SA, A, FA], [0, 0, 0, 0]),
        ([S, S, SA], [0, 0, 0]),  # sent again
        ([S, SA, A, OTHER, SA], [0, 0, 0, 1, 1]),  # ports used again
        ([S, SA, A, R, S], [0, 0, 0, 0, 0]),  # the same number after a reset
        ([S, R, OTHER, R, S], [0, 0, 1, 1, 2]),
        ([A, FA, S], [0, 0, 0]),  # begun in the middle: the SYN's number fits
        ([A, FA, OTHER], [0, 0, 1]),
        ([SA, OTHER], [0, 1]),  # an acknowledgement alone tells the number
        ([segment(turned=True, flags=RST, seq=1), OTHER], [0, 0]),  # nothing does
        ([S, SA, segment(turned=True, flags=SYN | ACK, seq=600), segment(turned=True, flags=SYN, seq=600)], [0] * 4),
        ([S, SA, segment(turned=True, flags=SYN, seq=499, ack=0)], [0, 0, 0]),  # both open
        ([quote(S), S, OTHER], [0, 0, 1]),  # a quote takes a number, but tells none
        ([quote(A), OTHER], [0, 0]),
        ([S, quote(OTHER), SA], [0, 1, 1]),  # a quoted SYN begins a stream
        ([S, quote(SA), SA], [0, 0, 0]),
        ([ethernet(ipv4(tcp(offset=4, flags=SYN, seq=5))), S], [0, 1]),  # a header that is too short counts
        ([Frame(S[:50], wirelen=54), OTHER], [0, 1]),
        ([Frame(S[:49], wirelen=54), OTHER], [0]),
    ],
)  # fmt: skip
def test_when_a_stream_begins(tmp_path: Path, frames: list[Frame | bytes], expected: list[int]) -> None:
    assert streams(tmp_path, pcap(frames)) == expected


@pytest.mark.parametrize("seed", range(4))
def test_random_exchanges(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "random.pcap"
    frames, cases = random_capture(1500, random.Random(seed))
    path.write_bytes(pcap(frames))
    mine, other = ours(path, COMPILED if seed % 2 else PLAIN), theirs(path)
    for case in cases:  # first by pair of ends, so that the first difference shows what it is
        numbers = range(case.first, case.first + len(case.packets))
        patterns = []
        for seen in (mine, other):
            begun: dict[int, int] = {}
            patterns.append([begun.setdefault(seen[n].stream, len(begun)) if n in seen else None for n in numbers])
        assert patterns[0] == patterns[1], "\n".join(case.packets)
    assert differences(mine, other) == []
    assert len({seen.stream for seen in mine.values()}) > 1500


@pytest.mark.parametrize(
    "kind", [0, 4, 5, 7, 8, 10, 11, 0x0BAD, 0x40000BAD, 0x204, 0x208, 0x210, 0x216, 0x21B, 0x220, 0x221, 0x222, 0x80000001]
)
def test_which_blocks_are_frames(tmp_path: Path, kind: int) -> None:
    data = section() + interface(tsresol=9) + block(kind, struct.pack("<I", 32473) + bytes(60)) + enhanced(segment(), TIME)
    path = tmp_path / "test.pcapng"
    path.write_bytes(data)
    assert len(agree(path)) == 1


def test_journal_entries_are_frames(tmp_path: Path) -> None:
    path = tmp_path / "test.pcapng"
    entry = block(9, b"__REALTIME_TIMESTAMP=1700000000000000\n")
    path.write_bytes(section() + interface(tsresol=9) + entry + enhanced(segment(), TIME))
    assert set(agree(path)) == {2}


def test_sections_interfaces_and_resolutions(tmp_path: Path) -> None:
    data = section() + interface(tsresol=9, tsoffset=-100) + interface(PPP) + interface(101, tsresol=0x9E) + interface(tsresol=3)
    data += enhanced(segment(), TIME) + obsolete(b"\xff\x03\0\x21" + ipv4(tcp()), TIME // 1000, interface=1)
    data += enhanced(ipv6(tcp(b"x")), 1_700_000_000 << 30 | 1 << 29, interface=2)
    data += enhanced(segment(), TIME // 1_000_000, interface=3)
    data += section(">") + interface(order=">") + enhanced(segment(), TIME // 1000, order=">")
    assert streams(tmp_path, data) == [0, 0, 1, 0, 0]


def test_simple_packets(tmp_path: Path) -> None:
    """tshark gives them no time."""
    assert streams(tmp_path, section() + interface() + b"".join(simple(frame) for frame in conversation())) == [0] * 9


def odd_frames() -> list[bytes]:
    snap = b"\xaa\xaa\x03\0\0\0\x08\0" + ipv4(tcp(b"s"))
    return [
        ethernet(ipv4(tcp(b"abc"), options=b"\1" * 8), tags=[0x88A8, 0x8100]),
        ethernet(snap, len(snap)),
        ethernet(struct.pack("!I", 0x00064140) + ipv4(tcp(b"m")), 0x8847, tags=[0x8100]),
        ethernet(b"\x11\0\0\1\0\x2b\0\x21" + ipv4(tcp(b"p")), 0x8864),
        ethernet(ipv4(struct.pack("!BBHII", 6, 4, 0, 1, 1) + bytes(12) + tcp(b"ah"), protocol=51)),
        ethernet(ipv6(b"\x2c\0\1\4\0\0\0\0\x06\0\0\0" + bytes(4) + tcp(b"ext"), next_header=0)),
        ethernet(ipv4(ipv6(tcp(b"6in4")), protocol=41)),
        ethernet(ipv4(tcp(), total=30) + bytes(20)),
        ethernet(ipv4(tcp()).ljust(46, b"\xee")),
        ethernet(ipv4(tcp(flags=0xFF, options=b"\3\3\7\0"))),
        ethernet(ipv4(tcp(bytes(9)), total=0)),
        ethernet(ipv4(tcp(bytes(64)), fragment=185)),
    ]


def test_odd_frames(tmp_path: Path) -> None:
    path = tmp_path / "odd.pcap"
    path.write_bytes(pcap(odd_frames()))
    assert set(agree(path)) == set(range(1, 12)) - {8}
    path.write_bytes(pcap(odd_frames(), order=">", ns=False))
    agree(path, COMPILED)


@pytest.mark.parametrize("extra", ["-F pcap", "-F nsecpcap", "-F pcapng", "-F modpcap", "-s 52", "-s 60 -F pcap"])
def test_captures_written_by_editcap(tmp_path: Path, extra: str) -> None:
    source, path = tmp_path / "in.pcapng", tmp_path / "out"
    source.write_bytes(pcapng([*conversation(), *odd_frames()]))
    subprocess.run(["editcap", *extra.split(), str(source), str(path)], check=True, capture_output=True)
    assert len(agree(path)) >= 12


def test_captures_merged_by_mergecap(tmp_path: Path) -> None:
    """Two link types in one file."""
    one, two, path = tmp_path / "one", tmp_path / "two", tmp_path / "both.pcapng"
    one.write_bytes(pcap(conversation()))
    two.write_bytes(pcap([Frame(frame[14:], TIME + 500_000 + i * 1_000_000) for i, frame in enumerate(conversation())], link=101))
    subprocess.run(["mergecap", "-w", str(path), str(one), str(two)], check=True, capture_output=True)
    assert len(agree(path)) == 18


def test_captures_written_by_tcpdump(tmp_path: Path) -> None:
    source, path = tmp_path / "in.pcap", tmp_path / "out.pcap"
    source.write_bytes(pcap([*conversation(), ethernet(bytes(28), 0x0806)], ns=False))
    done = subprocess.run(["tcpdump", "-r", str(source), "-w", str(path), "tcp"], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("tcpdump cannot be run here")
    assert len(agree(path)) == 9


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_samples(path: Path) -> None:
    assert agree(path)


@pytest.mark.skipif(not KTRUTH, reason="no shared/ktruth beside the checkout")
@pytest.mark.parametrize("path", KTRUTH, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_captures_recorded_beside_the_kernel(path: Path) -> None:
    assert agree(path, COMPILED)


# ---- other people's captures

KNOWN = {
    "SOCKS, which makes tshark take extra numbers": "00382cda 1a39186b 5d6db412",
    "sFlow samples, the same": "17f2b890 283a89bd",
    "source-routed IPv4, the same": "6d7d2971",
    "compressed payload (IPComp)": "42170099 575eb659",
    "ARCNET": "2b1394e9 432406fa 4a65a81b 53528e9e",
    "an IPv4 length beyond the frame's own: tshark takes the frame's": (
        "25cf50e5 347fbce8 349305b9 361377e9 3fe11b01 461054b8 626801c5 67eb5f0c 6d8b2177"
    ),
    "a time whose fraction is more than a second": "1e2aa4ad 56a08e94 5f112038",
    "a jumbogram that tshark takes for malformed": "40a5ddf6 521d17ce 5a83b275 5c2345b6",
    "an IPv4 option at which tshark gives up": "085fa153",
}
"""What differs and why; the files by the first eight letters of their names."""
_EXCUSED = {name for names in KNOWN.values() for name in names.split()}


def excused(path: Path) -> bool:
    return path.name[:8] in _EXCUSED


def compare(path: Path) -> list[str]:
    try:
        mine = ours(path)
    except CaptureError:
        return []
    return differences(mine, theirs(path))


@pytest.mark.skipif(not CORPUS, reason="no shared/corpus beside the checkout")
@pytest.mark.parametrize("part", range(3))
def test_a_few_of_other_peoples_captures(part: int) -> None:
    """About one in a hundred, the same ones each time."""
    chosen = [path for path in CORPUS if not excused(path) and zlib.crc32(path.name.encode()) % 300 == part]
    assert chosen
    assert {path.name: found for path in chosen if (found := compare(path))} == {}


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS, reason="no shared/corpus beside the checkout")
def test_all_of_other_peoples_captures() -> None:
    found = {path.name: compare(path) for path in CORPUS}
    assert {path.name: found[path.name] for path in CORPUS if found[path.name] and not excused(path)} == {}
