"""A doubtful record is held against what follows it, and is believed, or skipped; so is a file's beginning."""

import io
import struct
from typing import Any

import pytest

from tests.capture.conftest import Read
from tests.capture.reading import read as read_in
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


def beginning_in_payload(inner: int, outer: int) -> bytes:
    """A file whose first frame carries ``inner`` records of another year, and whose first header leads into them.

    ``outer`` frames follow.
    """
    old = pcap([Frame(segment(noise(200, i), seq=10_000 + i), TIME - 400 * 86_400 * SECOND + i) for i in range(inner)])[24:]
    whole = pcap([Frame(segment(bytes(50) + old + noise(40), seq=0), TIME), *frames(outer, 1)])
    data = bytearray(whole)
    struct.pack_into("<IIII", data, 24, (TIME // SECOND) - 400 * 86_400, 0, len(segment()) + 50, len(segment()) + 50)
    return bytes(data)


@pytest.mark.parametrize("step", [1 << 20, 4096, 100])
def test_a_false_beginning_is_outvoted_by_what_follows(step: int) -> None:
    """Records that lie in the first frame's payload say when they were; the many behind them are of another time."""

    class Slow(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            return super().readinto(memoryview(buffer)[:step])

    reading = read_in(Slow(beginning_in_payload(10, 60)))
    assert [row.seq for row in reading.rows][-60:] == list(range(1, 61))
    (warning,) = reading.warnings
    assert "damaged after frame 11, at byte " in warning
    assert (reading.info.first_time, reading.info.last_time) == (TIME + SECOND, TIME + 60 * SECOND)
    assert (reading.info.steps_back, reading.info.longest_pause) == (0, SECOND)


def test_a_beginning_is_not_outvoted_by_less_than_itself(read: Read) -> None:
    """A last frame that carries a capture, and whose header is damaged, is no place to go on at: its records are too few."""
    old = pcap([Frame(segment(seq=10_000 + i), TIME - 400 * 86_400 * SECOND + i) for i in range(10)])[24:]
    data = bytearray(pcap([*frames(40), Frame(segment(old, seq=40), TIME + 40 * SECOND)]))
    at = offsets("pcap", data)[40]
    data[at : at + 16] = noise(16)
    reading = read(bytes(data))
    assert [row.seq for row in reading.rows] == list(range(40))
    assert "nothing plausible follows" in reading.warnings[0]


def test_two_damages_at_the_begin(read: Read) -> None:
    """What was read so far is of the right time, and what follows the damage, too: nothing in a payload outvotes that."""
    data = bytearray(pcap(frames(60)))
    places = offsets("pcap", data)
    for number in (2, 5):
        data[places[number] : places[number] + 16] = noise(16, number)
    reading = read(bytes(data))
    assert [row.seq for row in reading.rows] == [i for i in range(60) if i not in (2, 5)]
    assert (reading.info.first_time, len(reading.info.holes)) == (TIME, 2)
