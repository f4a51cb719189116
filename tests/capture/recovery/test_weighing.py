"""A doubtful record is held against what follows it, and is believed, or skipped; so is a file's beginning."""

import struct

import pytest

from tests.capture.conftest import Read
from tests.capture.recovery.damaging import SECOND, frames, noise, offsets
from tests.capture.writers import TIME, Frame, pcap, segment


@pytest.mark.parametrize(("field", "value"), [(0, 5), (4, 999_999_999 + 1), (8, 70_000), (8, 300_000), (12, 0)])
def test_one_field_of_a_record_header(read: Read, field: int, value: int) -> None:
    """What is odd alone is no damage where the next record is sound; a wrong length is followed by none."""
    data = bytearray(pcap(frames(600)))
    at = offsets("pcap", data)[50]
    struct.pack_into("<I", data, at + field, value)
    reading = read(bytes(data))
    lengths = field == 8
    assert len(reading.warnings) == lengths
    assert [row.seq for row in reading.rows] == [i for i in range(600) if i != 50 or not lengths]


def test_what_a_writer_does_always_is_no_damage(read: Read) -> None:
    for odd in (Frame(segment(), TIME, wirelen=0), Frame(segment(), TIME, wirelen=10), Frame(b"", TIME, wirelen=0)):
        reading = read(pcap([odd] * 3000))
        assert (reading.info.frames, reading.warnings) == (3000, [])
    wide = bytearray(pcap(frames(100)))
    wide[16:20] = struct.pack("<I", 60)  # a snap length that the frames exceed
    assert read(bytes(wide)).warnings == []
    assert len(read(pcap([Frame(segment(), TIME + i * 30 * 86_400 * SECOND) for i in range(20)])).rows) == 20


@pytest.mark.parametrize("snaplen", [0, 1, 65_535, 2**32 - 1])
def test_snap_lengths_of_the_header(read: Read, snaplen: int) -> None:
    data = bytearray(pcap([Frame(segment(bytes(60_000), seq=i), TIME) for i in range(20)]))
    data[16:20] = struct.pack("<I", snaplen)
    assert read(bytes(data)).warnings == []
    at = offsets("pcap", data)[17]
    data[at : at + 16] = noise(16)
    reading = read(bytes(data))
    assert len(reading.rows) == 19
    assert len(reading.warnings) == 1
