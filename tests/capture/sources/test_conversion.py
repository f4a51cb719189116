"""Captures in formats of others go through editcap: the same flows, the same frame numbers, and no process left behind."""

import gzip
import io
import os
import random
import shutil
import struct
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest

from closewait_pcap import analyze
from closewait_pcap.capture.reader import CaptureReader
from closewait_pcap.capture.sniff import HEAD, is_convertible
from closewait_pcap.capture.sources.conversion import Converted
from closewait_pcap.capture.sources.opening import open_source
from closewait_pcap.errors import CaptureError, CaptureWarning
from tests.cli.running import ROOT, SAMPLES, run, sample

pytestmark = pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap is not installed (apt install tshark)")

FORMATS = {  # name of editcap's: (ours, how exact its times are in ns, whether it keeps the date)
    "snoop": ("Solaris snoop", 1_000, True),
    "netmon1": ("Microsoft Network Monitor 1", 1_000_000, True),
    "netmon2": ("Microsoft Network Monitor 2", 1_000, True),
    "ngsniffer": ("Sniffer (DOS)", 3_000, True),
    "ngwsniffer_1_1": ("Sniffer (Windows)", 3_000, True),
    "ngwsniffer_2_0": ("Sniffer (Windows)", 3_000, True),
    "5views": ("InfoVista 5View", 1_000, True),
    "lanalyzer": ("Novell LANalyzer", 3_000, False),
    "visual": ("Visual Networks", 2_000_000, True),
}
ORIGINAL = ROOT / sample("healthy_and_leaking")


def convert(source: Path, target: Path, kind: str = "snoop") -> Path:
    subprocess.run(["editcap", "-F", kind, source, target], check=True, timeout=20)
    return target


@pytest.fixture
def snoop(tmp_path: Path) -> Path:
    return convert(ORIGINAL, tmp_path / "c.snoop")


def read(source: Any) -> CaptureReader:
    with open_source(source) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        reader = CaptureReader(opened.stream, opened.name)
        for _ in reader.batches():
            pass
    return reader


def refused(source: Any) -> str:
    with pytest.raises(CaptureError) as caught:
        read(source)
    message = str(caught.value)
    assert "\n" not in message
    return message


def compare(ours: pd.DataFrame, theirs: pd.DataFrame, exact_to: int, shift: pd.Timedelta) -> None:
    """Everything alike; times and spans as far as the format keeps them."""
    for name, column in ours.items():
        other = theirs[name]
        if str(column.dtype).startswith("datetime"):
            assert ((column - other - shift).abs().dropna() <= pd.Timedelta(exact_to, "ns")).all(), name
            assert (column.isna() == other.isna()).all()
        elif str(column.dtype).startswith("timedelta"):
            assert ((column - other).abs().dropna() <= pd.Timedelta(2 * exact_to, "ns")).all(), name
        else:
            pd.testing.assert_series_equal(column, other)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_flows(kind: str, tmp_path: Path) -> None:
    label, exact_to, dated = FORMATS[kind]
    for name in SAMPLES:
        original = analyze(ROOT / sample(name))
        converted = analyze(convert(ROOT / sample(name), tmp_path / f"{name}.{kind}", kind))
        assert converted.capture.format == f"{label} (through editcap)"
        assert converted.capture.frames == original.capture.frames
        assert converted.capture.damage is None
        assert original.capture.first_time is not None
        assert converted.capture.first_time is not None
        shift = pd.Timedelta(0 if dated else original.capture.first_time - converted.capture.first_time, "ns")
        flows, same = (each.flows.drop(columns="evidence") for each in (original, converted))  # which quotes times
        compare(flows, same, exact_to, shift)


class Pipe:
    """Gives what comes, as standard input does."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._data.read(min(size, 1000))


@pytest.mark.parametrize("way", ["path", "pipe", "bytes", "gzip", "file object", "within a file"])
def test_every_way_in(way: str, snoop: Path) -> None:
    data = snoop.read_bytes()
    if way == "gzip":
        snoop.write_bytes(gzip.compress(data))
    if way == "within a file":
        snoop.write_bytes(b"something else" + data)
    if way in ("file object", "within a file"):
        with snoop.open("rb", buffering=0) as stream:
            stream.seek(14 if way == "within a file" else 0)
            info = read(stream).info
            assert not stream.closed
    else:
        info = read({"pipe": Pipe(data), "bytes": io.BytesIO(data)}.get(way, snoop)).info
    assert (info.format, info.frames, info.tcp_frames) == ("Solaris snoop (through editcap)", 298, 297)


def test_small_pieces_are_the_whole(snoop: Path) -> None:
    def pieces(size: int) -> bytes:
        with open_source(snoop) as opened:
            block, whole = bytearray(size), b""
            while got := cast("Converted", opened.stream).readinto(block):
                whole += block[:got]
        return whole

    assert pieces(100) == pieces(1 << 20)


def test_packets_read_it_again(snoop: Path) -> None:
    ours, theirs = analyze(ORIGINAL).packets(6), analyze(snoop).packets(6)
    assert theirs["frame"].tolist() == ours["frame"].tolist()


def test_the_command(snoop: Path) -> None:
    for done in (run(str(snoop)), run("-", stdin=snoop.read_bytes())):
        assert done.returncode == 0
        assert done.stderr == b""
        assert b"3 flows in CLOSE_WAIT" in done.stdout
        assert b"Solaris snoop (through editcap), Ethernet; 298 frames" in done.stdout


def test_a_format_without_a_signature(tmp_path: Path) -> None:
    """ERF has none: editcap tells it by its records."""
    frame = bytes(64)
    record = (
        struct.pack("<Q", 1_700_000_000 << 32) + struct.pack(">BBHHH", 2, 4, 18 + len(frame), 0, len(frame)) + bytes(2) + frame
    )
    (tmp_path / "c.erf").write_bytes(record * 5)
    info = read(tmp_path / "c.erf").info
    assert (info.format, info.frames) == ("other format (through editcap)", 5)


# ---- what is wrong with it


def test_a_cut_one_is_read_as_far_as_it_goes(snoop: Path) -> None:
    data = snoop.read_bytes()
    snoop.write_bytes(data[: len(data) // 2])
    for source in (snoop, Pipe(snoop.read_bytes())):
        info = read(source).info
        assert 100 < info.frames < 200
        assert "cut short in the middle of a packet" in str(info.damage)
    with pytest.raises(CaptureError, match="cut short"):
        analyze(snoop, strict=True)


def test_one_without_packets(snoop: Path) -> None:
    snoop.write_bytes(snoop.read_bytes()[:16])
    info = read(snoop).info
    assert (info.format, info.frames, info.damage) == ("Solaris snoop (through editcap)", 0, None)
    snoop.write_bytes(snoop.read_bytes()[:10])
    assert "cut short" in refused(snoop)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "magic", [b"snoop\0\0\0", b"snoop\0\0\0\0\0\0\2\0\0\0\4", b"GMBU", b"TRSNIFF data    \x1a", b"XCP\0", b"RTSS"]
)
def test_junk_that_looks_like_a_capture(magic: bytes, seed: int) -> None:
    """One line, whatever editcap thinks of it; or the packets that editcap found."""
    data = magic + random.Random(seed).randbytes(400)
    try:
        assert read(io.BytesIO(data)).info.frames
    except CaptureError as error:
        assert "this looks like a capture in" in str(error)
        assert "\n" not in str(error)


def test_other_binary_files_are_what_they_were() -> None:
    assert "begins with 00 de ad be" in refused(io.BytesIO(b"\x00\xde\xad\xbe\xef" + bytes(50)))
    assert "begins with 89 50 4e 47" in refused(io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(50)))


@pytest.mark.parametrize(
    "head",
    [
        b"12:00:00.000000 IP 192.0.2.1.1 > 192.0.2.2.2: Flags [S]",
        b"PK\x03\x04" + bytes(40),
        b"\x7fELF" + bytes(40),
        b"\x00\xde\xad",
    ],
)
def test_what_never_starts_a_process(head: bytes) -> None:
    assert not is_convertible(head[:HEAD])


def test_a_format_that_cannot_be_converted(tmp_path: Path) -> None:
    message = refused(convert(ORIGINAL, tmp_path / "c.nettl", "nettl"))
    assert "this looks like a capture in HP-UX nettl format, but editcap says: " in message


def test_a_format_that_must_be_a_file(tmp_path: Path) -> None:
    """Small ones fit into a buffer; of larger ones the table at the end is out of reach."""
    large = tmp_path / "large.pcap"
    data = (ROOT / sample("echo_never_closes")).read_bytes()
    large.write_bytes(data[:24] + data[24:] * 2000)
    netmon = convert(large, tmp_path / "c.cap", "netmon2")
    assert read(netmon).info.frames == 20_000
    assert "save it to a file, not compressed" in refused(Pipe(netmon.read_bytes()))
    outer = tmp_path / "outer"  # where it would look for its table in the file around it
    outer.write_bytes(b"something else" + netmon.read_bytes())
    with outer.open("rb", buffering=0) as stream:
        stream.seek(14)
        assert "save it to a file, not compressed" in refused(stream)


@pytest.mark.parametrize("head", [b"snoop\0\0\0", b"\x00\xde\xad\xbe"])
def test_without_editcap(head: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install tshark" in refused(io.BytesIO(head + bytes(50)))


class Breaking(io.RawIOBase):
    """Fails after some bytes, as a disk does."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        got = self._inner.readinto(buffer)
        if not got:
            raise OSError(5, "Input/output error")
        return got


def test_an_input_that_fails_on_the_way(snoop: Path) -> None:
    data = snoop.read_bytes()
    info = read(Breaking(data[: len(data) // 2])).info
    assert 100 < info.frames < 200
    assert "reading failed: Input/output error" in str(info.damage)


def test_damaged_compression_keeps_its_own_words(snoop: Path) -> None:
    data = gzip.compress(snoop.read_bytes())
    snoop.write_bytes(data[: len(data) // 2])
    info = read(snoop).info
    assert info.frames
    assert "the gzip data is cut short" in str(info.damage)


# ---- processes


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """30,000 packets: more than editcap can write ahead."""
    data = (ROOT / sample("echo_never_closes")).read_bytes()
    path = tmp_path / "large.pcap"
    path.write_bytes(data[:24] + data[24:] * 3000)
    return convert(path, tmp_path / "large.snoop")


def batches(source: Any) -> Iterator[tuple[CaptureReader, Converted]]:
    with open_source(source) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        reader = CaptureReader(opened.stream, opened.name)
        for _ in reader.batches():
            yield reader, cast("Converted", opened.stream)
        yield reader, cast("Converted", opened.stream)


@pytest.mark.parametrize("pipe", [False, True])
def test_editcap_is_killed_on_the_way(pipe: bool, large: Path) -> None:
    reading = batches(Pipe(large.read_bytes()) if pipe else large)
    reader, converted = next(reading)
    converted.process.kill()
    for _ in reading:
        pass
    assert 0 < reader.info.frames < 30_000
    assert "editcap was ended by signal 9" in str(reader.info.damage)


@pytest.mark.parametrize("pipe", [False, True])
def test_reading_that_stops_early_leaves_no_process(pipe: bool, large: Path) -> None:
    reading = batches(Pipe(large.read_bytes()) if pipe else large)
    _, converted = next(reading)
    assert converted.process.poll() is None
    reading.close()  # type: ignore[attr-defined]
    assert converted.process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(converted.process.pid, 0)


def test_an_input_that_never_ends_can_be_left(large: Path) -> None:
    """As live captures are: its writer stays, and sends nothing more."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as stream, os.fdopen(writer, "wb", buffering=0) as into:
        into.write(large.read_bytes()[:60_000])
        with open_source(stream) as opened:
            converted = cast("Converted", opened.stream)
            assert converted.readinto(bytearray(1000)) == 1000
        assert converted.process.returncode is not None
        into.write(b"more")  # lets the thread see that nobody listens
