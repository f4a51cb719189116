"""Text from anywhere: refused or passed over, in time and memory that it does not decide."""

import io
import random
import time
import tracemalloc
from contextlib import suppress
from datetime import UTC
from typing import Any

import pytest

from closewait_pcap import analyze
from closewait_pcap.capture.printed.lines import LONGEST
from closewait_pcap.capture.printed.packets import parse
from closewait_pcap.capture.printed.stream import Printed
from closewait_pcap.errors import CaptureError, NoPackets
from tests.capture.printed.printing import LISTING, read_text

LINES = LISTING.splitlines()


class Endless(io.RawIOBase):
    """A long line that takes no memory to make."""

    def __init__(self, size: int, before: bytes, block: bytes) -> None:
        self._before = before
        self._block, self._left = block, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._before:
            count = min(len(buffer), len(self._before))
            buffer[:count], self._before = self._before[:count], self._before[count:]
            return count
        count = min(len(buffer), self._left, len(self._block))
        buffer[:count] = self._block[:count]
        self._left -= count
        return count


@pytest.mark.parametrize("block", [b"x" * 65536, b"a > b: " * 9000, b"10.0.0.1.1 > " * 5000, b"11:02:55.1 IP " * 5000])
def test_a_line_of_a_hundred_megabytes(block: bytes) -> None:
    stream = Endless(100 << 20, LISTING.encode(), block)
    tracemalloc.start()
    began = time.monotonic()
    analysis = analyze(stream)
    took, (_, peak) = time.monotonic() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert analysis.flows["verdict"].to_list() == ["close_wait"]
    assert took < 20
    assert peak < 16 << 20
    assert any("too long to be a packet, and cut: 1 line" in warning for warning in analysis.warnings)


def test_text_without_packets_is_refused_in_one_line() -> None:
    with pytest.raises(NoPackets) as caught:
        analyze(io.BytesIO(b"no packets here\n" * 100_000))
    assert "\n" not in str(caught.value)
    assert "tcpdump -w" in str(caught.value)


def test_zeros_and_broken_letters_between_packets() -> None:
    data = b"".join(b"\0\xff\xfe\x80" * 9 + b"\n" + line.encode() + b"\n" for line in LINES)
    assert len(read_text(data).rows) == 6
    inside = LISTING.encode().replace(b" IP ", b" \0IP\0 ").replace(b"win", b"wi\xffn")
    assert len(read_text(inside).rows) == 6


def test_lines_are_parsed_in_time_that_grows_no_faster_than_they_do() -> None:
    """Whatever is repeated: the patterns have no way to try one line over and over."""
    pieces = [
        "a", " ", ".", ":", ">", " > ", "1", "0:", "(", "[", "[|tcp]", ", ", "seq 1", "IP ", "IP6 (", "In ", "vlan 1 ", "<",
        "→ ", "x.y",
        "11:02:55.1 ", "aa:bb:cc:dd:ee:ff ", ": Flags [S]", "`", "- ", "1. ", "TCP 1 ", "1 → 2 [SYN] ", "&gt;",
        "0x0000: ", "tos 0x0",
    ]  # fmt: skip
    heads = ["", "11:02:55.146737 IP ", "11:02:55.146737 IP a.1 > b.2: Flags [", "1 0.000 10.0.0.1 → 10.0.0.2 TCP 66 ", "IP "]
    for head in heads:
        for piece in pieces:
            began = time.process_time()
            parse(head + piece * (LONGEST // len(piece)))
            assert time.process_time() - began < 0.5, (head, piece)


def test_random_damage_never_does_harm() -> None:
    chance = random.Random(7)
    whole = LISTING.encode() * 2
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            at = chance.randrange(len(data))
            kind = chance.randrange(4)
            if kind == 0:
                data[at] = chance.randrange(256)
            elif kind == 1:
                del data[at : at + chance.randint(1, 40)]
            elif kind == 2:
                data[at:at] = data[: chance.randint(1, 200)]
            else:
                data[at:at] = chance.choice(
                    [b"\n", b"> ", b"[", b"] ", b" > ", b"seq 99999999999", b": Flags [", b"\t0x0000:  45"]
                )
        printed, made = Printed(io.BytesIO(data), "ticket.txt", UTC), bytearray(1 << 16)
        with suppress(CaptureError):
            while printed.readinto(made):
                pass
        assert len(printed.learned.lines) <= 40


def test_reading_that_fails_on_the_way_keeps_what_was_read() -> None:
    class Failing(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            got = super().readinto(buffer)
            if not got:
                raise OSError(5, "Input/output error")
            return got

    with pytest.warns(UserWarning, match="Input/output error"):
        analysis = analyze(Failing(LISTING.encode()))
    assert analysis.capture.frames == 6


def test_twenty_megabytes_take_less_than_ten_seconds() -> None:
    lines = [line.replace("46098", str(1024 + number % 60_000)) for number in range(6_800) for line in LINES]
    data = "\n".join(lines).encode()
    took = []
    for _ in range(2):  # the first time, the fast path is loaded or even compiled
        began = time.process_time()
        analyze(io.BytesIO(data))
        took.append(time.process_time() - began)
    assert min(took) * (20 << 20) / len(data) < 10
