"""Hostile captures: nothing but CaptureError comes out, memory follows what is there, and no mode knows better."""

import io
import os
import random
import struct
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closewait_pcap import engine
from closewait_pcap.capture.names import Names
from closewait_pcap.capture.reader import CaptureReader
from closewait_pcap.engine import COMPILED, PLAIN
from closewait_pcap.errors import CaptureError
from tests.capture.conftest import Read
from tests.capture.reading import read as read_in
from tests.capture.writers import TIME, Frame, block, enhanced, interface, pcap, pcapng, section, segment
from tests.fuzz.digest import digest
from tests.fuzz.mutants import mutate
from tests.fuzz.seeds import seeds

MIB = 1 << 20


def peak_of(data: bytes) -> int:
    """Bytes of memory that reading takes at most, beside the input."""
    stream = io.BytesIO(data)
    tracemalloc.start()
    try:
        reader = CaptureReader(stream, "test.pcap", mode=COMPILED)
        for _ in reader.batches():
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("claimed", [60 * MIB, 64 * MIB])
def test_memory_follows_what_is_there_and_not_what_is_claimed(claimed: int, read: Read) -> None:
    bad = pcap([segment()]) + struct.pack("<IIII", 1, 1, claimed, claimed) + bytes(1000)
    assert f"{claimed - 1000} bytes are missing" in read(bad).warnings[0]
    ng = pcapng([segment()]) + struct.pack("<II", 6, claimed) + bytes(1000)
    assert f"{claimed - 1008} bytes are missing" in read(ng).warnings[0]


def test_peak_of_a_claim() -> None:
    read_in(pcap([segment()]), COMPILED)
    bad = pcap([segment()]) + struct.pack("<IIII", 1, 1, 60 * MIB, 60 * MIB) + bytes(3 * MIB)
    with pytest.warns(UserWarning, match="bytes are missing"):
        assert peak_of(bad) < 14 * MIB


def test_memory_does_not_grow_with_the_number_of_packets() -> None:
    read_in(pcap([segment()]), COMPILED)
    small, large = (peak_of(pcap([segment()] * count)) for count in (20_000, 200_000))
    assert large < small + MIB // 4


def test_a_frame_as_large_as_allowed(read: Read) -> None:
    head = segment()
    data = pcap([segment(seq=1)]) + struct.pack("<IIII", 1, 1, 60 * MIB, 60 * MIB) + head + bytes(60 * MIB - len(head))
    reading = read(data + pcap([segment(seq=3)])[24:])
    assert [row.seq for row in reading.rows] == [1, 1000, 3]


@pytest.mark.parametrize("mode", [PLAIN, COMPILED])
def test_a_hundred_thousand_tiny_blocks(mode: Any) -> None:
    data = section() + interface(tsresol=9) + block(99, b"") * 100_000 + enhanced(segment(), TIME)
    before = time.monotonic()
    assert [row.frame for row in read_in(data, mode).rows] == [1]
    assert time.monotonic() - before < 5


def test_interfaces_are_bounded(read: Read) -> None:
    """Of many in one section the first 65,536 count, and packets of others are damage."""
    data = pcapng([segment(seq=1)]) + interface(tsresol=9) * 70_000
    known, unknown = (enhanced(segment(seq=2), TIME, interface=number) for number in (65_535, 65_536))
    data += known + unknown
    reading = read(data)
    assert [row.seq for row in reading.rows] == [1, 2]
    assert ["an interface that was never described" in warning for warning in reading.warnings] == [True]


def test_names_are_kept_short() -> None:
    names = Names()
    assert names.number("x" * 65_535) == names.number("x" * 65_534) == 1
    assert names[1] == "x" * 256


def test_ten_thousand_sections(read: Read) -> None:
    reading = read((section() + interface(tsresol=9) + enhanced(segment(), TIME)) * 5000)
    assert len(reading.rows) == 5000


def test_a_hundred_thousand_empty_frames(read: Read) -> None:
    info = read(pcap([Frame(b"", TIME + i) for i in range(100_000)])).info
    assert (info.frames, info.skipped, info.damages) == (100_000, {"header_cut": 100_000}, [])


@given(st.integers(0, 2**64), st.integers(0, len(seeds()) - 1))
@settings(max_examples=400)
def test_mutants(seed: int, number: int) -> None:
    mutant = mutate(seeds()[number], random.Random(seed), seeds())
    try:
        reading = read_in(mutant)
    except CaptureError:
        return
    info = reading.info
    numbered = len({row.frame for row in reading.rows})
    assert numbered == len(reading.rows)
    assert info.tcp_frames <= numbered <= info.frames
    assert all(row.len >= 0 and 0 <= row.flags <= 255 and -1 <= row.wscale <= 14 for row in reading.rows)


@given(st.binary(max_size=400), st.integers(0, 3))
@settings(max_examples=200)
def test_random_records(noise: bytes, kind: int) -> None:
    head = (b"", pcap([]), pcap([], order=">"), pcapng([]))[kind]
    try:
        read_in(head + noise)
    except CaptureError:
        assert len(head + noise) < 28 or kind == 0


def test_mutants_are_read_alike_in_both_modes() -> None:
    assert digest(600, 1, compiled=False) == digest(600, 1, compiled=True)


def test_mutants_with_bounds_checking() -> None:
    """In a process of its own: whether bounds are checked is chosen when Numba is imported."""
    command = [sys.executable, str(Path(__file__).parents[1] / "fuzz" / "digest.py"), "600"]
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == digest(600, 1, compiled=True)


def test_large_capture_where_compiling_is_switched_off(tmp_path: Path) -> None:
    """What would be compiled runs as plain Python then, and says the same."""
    path = tmp_path / "large.pcap"
    path.write_bytes(pcap([segment(bytes(40), seq=i) for i in range(40_000)]))
    assert path.stat().st_size > engine.WORTH_COMPILING
    code = (
        "import sys; from closewait_pcap import analyze, engine; a = analyze(sys.argv[1]);"
        "print(engine.numba_available(), a.capture.frames, a.capture.tcp_frames, len(a.flows))"
    )
    for switch, available in (("1", "False"), ("0", "True")):
        environment = os.environ | {"NUMBA_DISABLE_JIT": switch}
        command = [sys.executable, "-c", code, str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.stdout.split() == [available, "40000", "40000", "1"], done.stderr
