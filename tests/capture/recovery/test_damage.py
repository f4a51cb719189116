"""Damaged and cut captures are read as far as they go, with a warning that says where; ``strict`` raises."""

import random
import re
import struct

import pytest

from closewait_pcap.errors import CaptureError
from tests.capture.conftest import Read
from tests.capture.reading import Reading
from tests.capture.writers import (
    PPP,
    RAW,
    SYN,
    TIME,
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
    statistics,
    tcp,
)

MIXED = [
    segment(flags=SYN),
    ethernet(struct.pack("!I", 0x00064140) + ipv4(tcp(b"x")), 0x8847),
    ethernet(ipv6(tcp(b"abc", options=b"\3\3\7\0"))),
    b"",
    ethernet(ipv4(struct.pack("!BBHI", 3, 1, 0, 0) + ipv4(tcp()), protocol=1)),
]
SMALL = {
    "pcap": pcap(MIXED),
    "pcap, big-endian, us": pcap(MIXED, order=">", ns=False),
    "pcap, patched": pcap(MIXED, patched=True),
    "pcap, PPP": pcap([b"\xff\x03\0\x21" + ipv4(tcp())] * 2, link=PPP),
    "pcapng": pcapng(MIXED),
    "pcapng, every block": b"".join(
        [
            section(),
            interface(tsresol=9, tsoffset=5),
            enhanced(MIXED[0], TIME),
            simple(MIXED[2]),
            block(0x0BAD, bytes(9)),
            interface(RAW),
            obsolete(ipv4(tcp()), 5, interface=1, drops=2),
            statistics(0, ifdrop=3, end=TIME),
            block(99, b"?"),
            section(">"),
            interface(order=">"),
            enhanced(MIXED[4], TIME, order=">"),
        ]
    ),
}
PLACE = re.compile(r"test\.pcap: damaged after frame ([\d,]+), at byte ([\d,]+): .+; the ([\d,]+) frames before it are analysed")


def place(reading: Reading) -> tuple[int, int]:
    """Frames and bytes before the damage, from the warning."""
    assert len(reading.warnings) == 1
    assert reading.info.damage == reading.warnings[0]
    match = PLACE.fullmatch(reading.warnings[0])
    assert match, reading.warnings[0]
    frames, at, again = (int(text.replace(",", "")) for text in match.groups())
    assert frames == again == reading.info.frames
    return frames, at


def broken_after(read: Read, data: bytes, what: str) -> tuple[int, int]:
    """Read damaged data in both ways; give the frames and bytes before the damage."""
    reading = read(data)
    assert what in reading.warnings[0]
    with pytest.raises(CaptureError, match=r"test\.pcap: damaged after frame .*, at byte .*leave out strict") as caught:
        read(data, strict=True)
    assert what in str(caught.value)
    return place(reading)


@pytest.mark.parametrize("name", SMALL)
def test_cut_at_every_byte(read: Read, name: str) -> None:
    data = SMALL[name]
    whole = read(data)
    assert whole.warnings == []
    assert len(whole.rows) >= 2
    clean = 0
    for size in range(28, len(data)):
        reading = read(data[:size])
        assert reading.rows == whole.rows[: len(reading.rows)]
        assert reading.info.frames <= whole.info.frames
        if reading.warnings:
            frames, at = place(reading)
            assert frames <= whole.info.frames
            assert at < size
            assert "bytes are missing" in reading.warnings[0]
            if size % 8 == 0:
                with pytest.raises(CaptureError):
                    read(data[:size], strict=True)
        else:
            clean += 1  # between two records
    assert clean <= 12


@pytest.mark.parametrize("name", SMALL)
def test_junk_behind(read: Read, name: str) -> None:
    data = SMALL[name]
    whole = read(data)
    for junk in (b"\xff" * 64, b"\xde\xad\xbe\xef" * 16, b"\xff" * 3):
        reading = read(data + junk)
        assert reading.rows == whole.rows
        frames, at = place(reading)
        assert (frames, at) == (whole.info.frames, len(data))


@pytest.mark.parametrize("name", SMALL)
def test_zeros_behind(read: Read, name: str) -> None:
    """A crash, or a full disk, leaves them: they are no frames."""
    whole = read(SMALL[name])
    reading = read(SMALL[name] + bytes(48))
    assert reading.rows == whole.rows
    assert place(reading) == (whole.info.frames, len(SMALL[name]))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("length", [(64 << 20) + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_pcap_record_of_absurd_length(read: Read, order: str, length: int) -> None:
    data = pcap([segment()], order=order)
    bad = struct.pack(order + "IIII", 1, 1, length, length) + bytes(100)
    assert broken_after(read, data + bad, "an impossible length") == (1, len(data))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 2, 3, 5, 6, 99, 0x0A0D0D0A])
@pytest.mark.parametrize("length", [0, 4, 8, 11, 13, 14, 15, 33, (64 << 20) + 4, 0x7FFFFFFC, 0xFFFFFFFC, 0xFFFFFFFF])
def test_block_of_absurd_length(read: Read, order: str, kind: int, length: int) -> None:
    data = pcapng([segment()], order=order)
    magic = struct.pack(order + "I", 0x1A2B3C4D)
    bad = struct.pack(order + "II", kind, length) + magic + bytes(100)
    assert broken_after(read, data + bad, "an impossible length") == (1, len(data))


@pytest.mark.parametrize(("kind", "length"), [(6, 12), (6, 28), (2, 12), (2, 28), (3, 12), (0x0A0D0D0A, 12), (0x0A0D0D0A, 24)])
def test_block_too_short_for_its_kind(read: Read, kind: int, length: int) -> None:
    data = pcapng([segment()])
    body = struct.pack("<I", 0x1A2B3C4D) + bytes(40)
    bad = struct.pack("<II", kind, length) + body[: length - 12] + struct.pack("<I", length)
    if kind == 0x0A0D0D0A and length == 12:
        bad = struct.pack("<IIIII", kind, length, 0x1A2B3C4D, 0, 0) + bytes(40)
    assert broken_after(read, data + bad + bytes(40), "an impossible length") == (1, len(data))


def test_interface_description_too_short(read: Read) -> None:
    data = pcapng([segment()])
    assert broken_after(read, data + block(1, bytes(4)), "an interface description that cannot be read") == (1, len(data))


@pytest.mark.parametrize("kind", [1, 2, 3, 5, 6, 99, 0x0BAD])
def test_two_lengths_that_differ(read: Read, kind: int) -> None:
    data = pcapng([segment()])
    bad = bytearray(block(kind, bytes(60)))
    bad[-4] ^= 4
    assert broken_after(read, data + bad, "a block whose two lengths differ") == (1, len(data))


def test_section_header_within_the_file_without_byte_order(read: Read) -> None:
    data = pcapng([segment()])
    bad = bytearray(section())
    bad[8] ^= 0xFF
    assert broken_after(read, data + bad, "a section header without its byte-order magic") == (1, len(data))


@pytest.mark.parametrize("number", [1, 2, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
def test_packet_of_an_unknown_interface(read: Read, number: int) -> None:
    data = pcapng([segment()])
    for bad in (enhanced(segment(), 0, interface=number), obsolete(segment(), 0, interface=number & 0xFFFF)):
        assert broken_after(read, data + bad, "an interface that was never described") == (1, len(data))


def test_packet_longer_than_its_block(read: Read) -> None:
    data = pcapng([segment()])
    for make in (enhanced, obsolete):
        bad = bytearray(make(segment(), TIME))
        struct.pack_into("<I", bad, 20, 100)
        assert broken_after(read, data + bad, "an impossible length") == (1, len(data))


def test_damage_beyond_the_first_chunk(read: Read) -> None:
    data = pcap([segment(bytes(1000), seq=i) for i in range(3000)])
    reading = read(data + b"\xff" * 20)
    assert place(reading) == (3000, len(data))
    assert len(reading.rows) == 3000
    reading = read(data[:-1])
    assert place(reading) == (2999, len(data) - 16 - 1054)
    assert "1 bytes are missing" in reading.warnings[0]


def test_strict_reads_a_sound_capture(read: Read) -> None:
    assert read(pcap(conversation()), strict=True) == read(pcap(conversation()))


@pytest.mark.parametrize("seed", range(30))
def test_random_bytes_behind_a_header(read: Read, seed: int) -> None:
    noise = random.Random(seed).randbytes(3000)
    for head in (pcap([]), pcap([], order=">"), pcapng([]), pcap([], link=PPP)):
        assert len(read(head + noise).warnings) <= 1
