"""Captures that were put behind one another with ``cat`` are read as one, whatever their formats."""

import gzip
import io
import itertools
import warnings

import pytest

from closewait_pcap import analyze
from tests.capture.conftest import Read
from tests.capture.writers import IPV4, RAW, SYN, TIME, Frame, Frames, ipv4, pcap, pcapng, segment, tcp

FRAMES = [Frame(segment(bytes(i), seq=i, flags=SYN), TIME + i * 1_000_000) for i in range(3)]
BARE = [Frame(ipv4(tcp(bytes(i), seq=i)), TIME + i * 1_000_000) for i in range(3)]
FILES = {
    "pcap": pcap(FRAMES),
    "pcap, big-endian": pcap(FRAMES, order=">"),
    "pcap, us": pcap(FRAMES, ns=False),
    "pcap, us, big-endian": pcap(FRAMES, ns=False, order=">"),
    "pcap, patched": pcap(FRAMES, patched=True),
    "pcap, raw": pcap(BARE, link=RAW),
    "pcap, empty": pcap([]),
    "pcapng": pcapng(FRAMES),
    "pcapng, big-endian": pcapng(FRAMES, order=">"),
    "pcapng, IPv4": pcapng(BARE, link=IPV4),
}


@pytest.mark.parametrize(("first", "second"), list(itertools.product(FILES, FILES)))
def test_two_files(read: Read, first: str, second: str) -> None:
    alone = [read(FILES[name]).rows for name in (first, second)]
    reading = read(FILES[first] + FILES[second])
    assert reading.warnings == []
    assert [(row.seq, row.len) for row in reading.rows] == [(row.seq, row.len) for rows in alone for row in rows]
    assert [row.frame for row in reading.rows] == list(range(1, len(reading.rows) + 1))
    assert {row.time // 1000 for row in reading.rows} <= {frame.time // 1000 for frame in FRAMES}
    both_pcapng = "pcapng" in first and "pcapng" in second  # sections are what pcapng files consist of
    assert len(reading.info.joined) == (not both_pcapng)
    if reading.info.joined:
        name = read(FILES[second]).info.format
        assert reading.info.joined == [f"test.pcap: another {name} file begins at byte {len(FILES[first])}"]


def test_links_of_all_files_are_named(read: Read) -> None:
    assert read(FILES["pcap"] + FILES["pcap, raw"]).info.link_types == ["Ethernet", "Raw IP"]


def test_three_files_of_which_the_second_is_cut(read: Read) -> None:
    """The cut frame swallows the header; the records behind it are found nevertheless."""
    many: Frames = [Frame(segment(bytes(50), seq=100 + i), TIME + i) for i in range(50)]
    data = FILES["pcap"] + FILES["pcap"][:-3] + pcap(many)
    reading = read(data)
    assert [row.seq for row in reading.rows][:6] == [0, 1, 2, 0, 1, 2]
    assert [row.seq for row in reading.rows][-50:] == list(range(100, 150))


def test_a_file_header_behind_junk(read: Read) -> None:
    data = FILES["pcap"] + b"\xff" * 33 + FILES["pcap, us, big-endian"]
    reading = read(data)
    assert [row.seq for row in reading.rows] == [0, 1, 2, 0, 1, 2]
    assert reading.info.joined == [f"test.pcap: another pcap file begins at byte {len(FILES['pcap']) + 33}"]
    assert [hole.bytes for hole in reading.info.holes] == [33]


def test_an_empty_frame_at_a_time_that_is_a_magic_number(read: Read) -> None:
    for seconds in (0xA1B2C3D4, 0x4D3CB2A1, 0x34CDB2A1):
        when = seconds * 1_000_000_000
        reading = read(pcap([Frame(b"", when, wirelen=60), Frame(segment(), when)]))
        assert (reading.info.frames, reading.info.joined, reading.warnings) == (2, [], [])


def test_many_files(read: Read) -> None:
    reading = read(FILES["pcap"] * 500)
    assert reading.info.frames == 1500
    assert len(reading.info.joined) == 11
    assert reading.info.joined[-1] == "test.pcap: 489 more files begin after these"


def test_compressed_and_joined() -> None:
    whole = gzip.compress(FILES["pcap"]) + gzip.compress(FILES["pcap, us, big-endian"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        analysis = analyze(io.BytesIO(whole), strict=True)
    assert analysis.capture.frames == 6
    assert any("another pcap file begins at byte" in warning for warning in analysis.warnings)
