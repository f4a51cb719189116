"""Behind a damage the reading goes on at the next sound record; junk, zeros and payload are never taken for one."""

import io
import os
import random
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from closewait_pcap.capture.info import Hole
from closewait_pcap.capture.window import SPAN
from closewait_pcap.engine import COMPILED
from closewait_pcap.errors import CaptureError
from tests.capture.conftest import Read
from tests.capture.reading import read as read_in
from tests.capture.recovery.damaging import SECOND, frames, noise, offsets, write
from tests.capture.writers import SYN, TIME, Frame, Order, block, enhanced, interface, pcap, pcapng, section, segment, simple


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
@pytest.mark.parametrize("junk", [b"\xff" * 16, bytes(16), b"\0\0\0\1" * 4, b"text, text, text", None])
def test_any_one_record_header_overwritten(read: Read, kind: str, order: Order, junk: bytes | None) -> None:
    data = write(kind, frames(40), order)
    places = offsets(kind, data, order)
    for number, at in enumerate(places):
        if number == 0 and kind == "pcap" and order == ">" and junk == b"\0\0\0\1" * 4:
            continue  # a frame of one byte, one second into 1970: see the next test
        mutant = bytearray(data)
        mutant[at : at + 16] = noise(16, number) if junk is None else junk
        reading = read(bytes(mutant))
        assert [row.seq for row in reading.rows] == [i for i in range(40) if i != number]
        assert reading.info.frames == 39
        assert len(reading.warnings) == 1
        if number < 39:
            skipped = places[number + 1] - at
            assert reading.warnings[0].startswith(f"test.pcap: damaged after frame {number}, at byte {at:,}: ")
            assert reading.warnings[0].endswith(f"; {skipped} bytes skipped, reading goes on at byte {at + skipped:,}")
            before = TIME + (number - 1 if number else 1) * SECOND
            assert reading.info.holes == [Hole(before, TIME + (number + 1) * SECOND, skipped)]
        elif junk != b"\0\0\0\1" * 4:  # a length that is possible: as if it were cut
            rest = len(data) - at
            assert f"; nothing plausible follows in the remaining {rest:,} bytes; the 39 frames before" in reading.warnings[0]
            assert reading.info.holes == [Hole(TIME + 38 * SECOND, TIME + 38 * SECOND, rest)]
        with pytest.raises(CaptureError, match=f"damaged after frame {number}, at byte {at:,}"):
            read(bytes(mutant), strict=True)


@pytest.mark.parametrize(("order", "junk"), [("<", b"\1\0\0\0" * 4), (">", b"\0\0\0\1" * 4)])
def test_a_first_record_header_overwritten_with_a_possible_one(read: Read, order: Order, junk: bytes) -> None:
    """A frame of one byte, one second into 1970. Big-endian, what follows is by chance another one of 1970."""
    data = bytearray(write("pcap", frames(40), order))
    data[24:40] = junk
    reading = read(bytes(data))
    assert [row.seq for row in reading.rows] == list(range(1, 40))
    assert len(reading.warnings) == 1
    assert (reading.info.first_time, reading.info.steps_back) == (TIME + SECOND, 0)


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
@pytest.mark.parametrize("size", [1, 7, 60, 5000, 3_000_001])
@pytest.mark.parametrize("what", ["zeros", "noise", "text"])
def test_a_stretch_of_junk_between_records(read: Read, kind: str, size: int, what: str) -> None:
    """Of any size, so that what follows need not lie at a multiple of four, nor in the same chunk."""
    junk = {"zeros": bytes(size), "noise": noise(size), "text": b"GET / HTTP/1.1\r\n" * (size // 16 + 1)}[what][:size]
    data = write(kind, frames(60))
    at = offsets(kind, data)[30]
    reading = read(data[:at] + junk + data[at:])
    assert [row.seq for row in reading.rows] == list(range(60))
    assert [hole.bytes for hole in reading.info.holes] == [size]
    assert reading.info.holes[0][:2] == (TIME + 29 * SECOND, TIME + 30 * SECOND)
    assert (reading.info.steps_back, reading.info.first_time, reading.info.end_time) == (0, TIME, TIME + 59 * SECOND)


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_zeros_over_whole_frames(read: Read, kind: str) -> None:
    """As a crash leaves them: from within one frame to within another."""
    data = bytearray(write(kind, frames(2000)))
    places = offsets(kind, data)
    begin, end = places[500] + 40, places[900] + 30
    data[begin:end] = bytes(end - begin)
    seqs = [row.seq for row in read(bytes(data)).rows]
    assert [seq for seq in seqs if seq not in (0, 500)] == [*range(1, 500), *range(901, 2000)]


def test_several_damages(read: Read) -> None:
    data = bytearray(pcap(frames(300)))
    places = offsets("pcap", data)
    for number in range(10, 300, 10):
        data[places[number] : places[number] + 16] = noise(16, number)
    reading = read(bytes(data))
    assert [row.seq for row in reading.rows] == [i for i in range(300) if i == 0 or i % 10]
    assert len(reading.info.holes) == 29
    assert len(reading.info.damages) == 11
    assert reading.info.damages[-1] == "test.pcap: damaged in 19 more places after these"
    assert reading.info.damages == reading.warnings
    assert reading.info.damage == reading.warnings[0]


def transfer(inner: bytes, mss: int) -> list[Frame]:
    """A transfer of a file, twice."""
    parts = [inner[at : at + mss] for at in range(0, len(inner), mss)] * 2
    return [Frame(segment(part, seq=i), TIME + 600 * SECOND + i * 1_000_000) for i, part in enumerate(parts)]


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
@pytest.mark.parametrize("inside", ["pcap", "pcapng"])
@pytest.mark.parametrize("mss", [536, 1448, 20_000])
def test_payload_that_is_a_capture_itself(kind: str, inside: str, mss: int) -> None:
    """Its records are sound, and follow one another to the end of the segment; they are not this capture's.

    A pcapng file's last segment ends where its last block does: in a pcapng file, where times are not looked at, that cannot be
    told, so it is left out here.
    """
    outer = transfer(write(inside, frames(400)), mss)
    data = write(kind, outer)
    places = offsets(kind, data)
    wrong = 0
    for number in range(0, len(outer) - 1, max(len(outer) // 60, 1)):
        if kind == inside == "pcapng" and number == len(outer) // 2 - 1:
            continue
        mutant = bytearray(data)
        mutant[places[number] : places[number] + 16] = noise(16, number)
        reading = read_in(bytes(mutant), COMPILED)
        wrong += [row.seq for row in reading.rows] != [i for i in range(len(outer)) if i != number]
    assert wrong == 0


def test_noise_of_100_megabytes_holds_no_record() -> None:
    """And none of it is taken for one; nor does it take long."""
    rng = random.Random(3)

    class Noise(io.RawIOBase):
        left = 100
        head = pcap(frames(5))

        def readinto(self, buffer: Any) -> int:
            if self.head:
                self.head, block = b"", self.head
            else:
                self.left -= 1
                block = rng.randbytes(min(1 << 20, len(buffer))) if self.left >= 0 else b""
            buffer[: len(block)] = block
            return len(block)

    reading = read_in(Noise(), COMPILED)
    assert reading.info.frames == 5
    assert "nothing plausible follows" in reading.warnings[0]


def test_a_gigabyte_of_zeros_through_a_pipe() -> None:
    """In bounded memory, and at no less than 100 MB/s (on a machine that has nothing else to do: a third of it here)."""
    begin, end = pcap(frames(10)), pcap(frames(10, 10))[24:]
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(begin)
            for _ in range(1024):
                pipe.write(bytes(1 << 20))
            pipe.write(end)

    thread = threading.Thread(target=feed)
    thread.start()
    code = (
        "from closewait_pcap import analyze; a = analyze('-');"  # not ru_maxrss, which this process bequeaths
        "peak = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'));"
        "print(a.capture.frames, a.capture.holes[0].bytes, peak)"
    )
    before = time.monotonic()
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, stdin=reader, capture_output=True, text=True, check=True)
    thread.join()
    os.close(reader)
    found, skipped, peak = map(int, done.stdout.split())
    assert (found, skipped) == (20, 1 << 30)
    assert peak < 400 * 1024
    assert time.monotonic() - before < 32


def test_a_section_header_is_welcome_anywhere(read: Read) -> None:
    """Also one of the other byte order, and not at a multiple of four."""
    first, second = pcapng(frames(10)), pcapng(frames(40, 10), order=">")
    reading = read(first[:-30] + noise(101) + second)
    assert [row.seq for row in reading.rows] == [i for i in range(50) if i != 9]
    assert len(reading.warnings) == 1


def test_packets_of_an_interface_that_was_lost_are_passed_over(read: Read) -> None:
    lost = b"".join(enhanced(segment(seq=i), TIME, interface=1) for i in range(500))
    data = section() + interface(tsresol=9) + enhanced(segment(seq=1), TIME) + lost + enhanced(segment(seq=2), TIME + 5)
    reading = read(data)
    assert [row.seq for row in reading.rows] == [1, 2]
    assert len(reading.warnings) == 1


def test_blocks_of_all_kinds_behind_a_damage(read: Read) -> None:
    head = section() + interface(tsresol=9) + enhanced(segment(seq=1, flags=SYN), TIME) + noise(40)
    for follows in (interface() + simple(segment(seq=2)), simple(segment(seq=2)), block(5, bytes(12)) + simple(segment(seq=2))):
        assert [row.seq for row in read(head + follows).rows] == [1, 2]


def test_a_hole_without_a_frame_behind_it_that_has_a_time(read: Read) -> None:
    data = section() + interface(tsresol=9) + enhanced(segment(seq=1), TIME) + noise(40) + simple(segment(seq=2))
    info = read(data).info
    assert info.holes == [Hole(TIME, TIME, 40)]
    assert (info.first_time, info.last_time, info.end_time) == (TIME, TIME, TIME)


def test_time_that_goes_back_over_a_hole_is_counted(read: Read) -> None:
    data = pcap([Frame(segment(), TIME + 100 * SECOND)]) + noise(50) + pcap([Frame(segment(), TIME)])[24:]
    info = read(data).info
    assert (info.steps_back, info.largest_step_back) == (1, 100 * SECOND)
    assert info.holes == [Hole(TIME + 100 * SECOND, TIME, 50)]
    assert (info.last_time, info.end_time) == (TIME + 100 * SECOND, TIME)


def test_a_run_longer_than_any_frame_ends_the_search(read: Read) -> None:
    some = [Frame(segment(noise(1400, i), seq=i), TIME + i) for i in range(4 * SPAN // 1500)]
    data = bytearray(pcap(some))
    data[24:40] = noise(16)
    assert [row.seq for row in read(bytes(data)).rows] == list(range(1, len(some)))
