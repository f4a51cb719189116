"""Bad inputs get one clear error each; good ones may come from anywhere."""

import gzip
import io
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from closewait_pcap import CaptureWarning, analyze
from closewait_pcap.capture.reader import CaptureReader
from closewait_pcap.capture.sniff import HEAD, sniff
from closewait_pcap.capture.sources.opening import is_rereadable, open_source
from closewait_pcap.errors import CaptureError
from tests.capture.reading import read
from tests.capture.writers import Frame, conversation, pcap, pcapng, segment

CAPTURE = pcap(conversation())


def refused(data: bytes) -> str:
    with pytest.raises(CaptureError) as caught:
        read(data)
    message = str(caught.value)
    assert message.startswith("test.pcap: ")
    assert "\n" not in message
    return message


# ---- what is no capture


def test_empty_file() -> None:
    assert "empty (0 bytes)" in refused(b"")


@pytest.mark.parametrize(
    ("data", "what", "remedy"),
    [
        (b"hello, this is a text file\nof two lines\n", "text", "tcpdump -w"),
        ("12:00:00 IP höst".encode(), "text", "tcpdump -w"),
        (b"PK\x03\x04" + bytes(40), "a ZIP archive", "unzip"),
        (b"snoop\0\0\0" + bytes(40), "snoop", "editcap"),
        (b"GMBU" + bytes(40), "Network Monitor", "editcap"),
        (b"\x7fELF" + bytes(40), "a program", "give it a pcap"),
    ],
)
def test_other_formats_are_named_with_a_remedy(data: bytes, what: str, remedy: str) -> None:
    message = refused(data)
    assert what in message
    assert remedy in message


@pytest.mark.parametrize("size", range(1, 24))
def test_cut_pcap_header(size: int) -> None:
    message = refused(CAPTURE[:size])
    if size >= 4:
        assert f"ends inside the pcap header, at byte {size} of 24" in message


@pytest.mark.parametrize("size", range(4, 28))
def test_cut_section_header(size: int) -> None:
    assert f"section header, at byte {size} of 28" in refused(pcapng([])[:size])


def test_section_header_without_byte_order() -> None:
    data = bytearray(pcapng([]))
    data[8:12] = b"\1\2\3\4"
    assert "byte-order magic 01 02 03 04" in refused(bytes(data))


@pytest.mark.parametrize("seed", range(50))
def test_random_bytes(seed: int) -> None:
    refused(b"\x00" + random.Random(seed).randbytes(500))


def test_the_error_says_with_what_it_begins() -> None:
    assert "begins with 00 de ad be" in refused(b"\x00\xde\xad\xbe\xef" + bytes(50))


def test_sniff_needs_no_more_than_its_head() -> None:
    for data in (CAPTURE, pcapng([])):
        assert sniff(data[:HEAD], "x") == sniff(data, "x")


# ---- paths


def opened(source: Any) -> CaptureReader:
    with open_source(source) as o:
        reader = CaptureReader(o.stream, o.name)
        for _ in reader.batches():
            pass
    return reader


def error_of(source: Any) -> str:
    with pytest.raises(CaptureError) as caught:
        opened(source)
    return str(caught.value)


def test_path_and_string(tmp_path: Path) -> None:
    path = tmp_path / "a capture.pcap"
    path.write_bytes(CAPTURE)
    assert opened(path).info.frames == opened(str(path)).info.frames == 9
    assert opened(path).info.file == str(path)


def test_missing_file(tmp_path: Path) -> None:
    assert error_of(tmp_path / "no.pcap") == f"{tmp_path / 'no.pcap'}: no such file"


def test_directory(tmp_path: Path) -> None:
    message = error_of(tmp_path)
    assert message.startswith(f"{tmp_path}: ")
    assert "this is a directory" in message


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, ""])
def test_names_that_cannot_be(name: str) -> None:
    assert error_of(name)


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert "Not a directory" in error_of(tmp_path / "file" / "capture.pcap")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.pcap"
    path.write_bytes(CAPTURE)
    path.chmod(0)
    assert "no permission" in error_of(path)


def test_no_permission_for_somebody_else(tmp_path: Path) -> None:
    """Root's own tests ask as nobody."""
    if os.geteuid():
        pytest.skip("only root can become nobody")
    path = tmp_path / "secret.pcap"
    path.write_bytes(CAPTURE)
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o5 != 0o5 and folder.is_relative_to(tmp_path.parents[2]):
            folder.chmod(folder.stat().st_mode | 0o5)
    code = (
        "import os, sys; from closewait_pcap.capture.sources.opening import open_source; "
        "from closewait_pcap.errors import CaptureError\n"
        "os.setuid(65534)\n"
        "try:\n    open_source(sys.argv[1]).__enter__()\nexcept CaptureError as e:\n    print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert "no permission to read it" in done.stdout, done.stderr


def test_unreadable_device() -> None:
    """Reading fails, though opening did not."""
    if not Path("/proc/self/mem").exists():
        pytest.skip("no /proc")
    assert "reading failed at byte 0" in error_of("/proc/self/mem")


def test_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(CAPTURE))
    writer.start()
    assert opened(path).info.frames == 9
    writer.join()
    assert not is_rereadable(path)


# ---- streams


class Dribble(io.RawIOBase):
    """Gives few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size, self._at = data, size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._data[self._at : self._at + min(self._size, len(buffer))]
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)


@pytest.mark.parametrize("size", [1, 2, 7, 100])
@pytest.mark.parametrize("data", [CAPTURE, pcapng(conversation())])
def test_short_reads(data: bytes, size: int) -> None:
    assert read(Dribble(data, size)) == read(data)


def test_file_object_is_left_open_and_read_from_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "c.pcap"
    path.write_bytes(b"something else" + CAPTURE)
    with path.open("rb") as stream:
        stream.seek(14)
        with open_source(stream) as o:
            assert (o.name, o.size) == (str(path), len(CAPTURE))
        assert opened(stream).info.frames == 9
        assert not stream.closed


class ReadOnly:
    """Has nothing but ``read``."""

    def __init__(self, data: Any) -> None:
        self._stream = io.StringIO(data) if isinstance(data, str) else io.BytesIO(data)

    def read(self, size: int) -> Any:
        return self._stream.read(size)


def test_file_object_with_read_alone() -> None:
    assert opened(ReadOnly(CAPTURE)).info.frames == 9
    assert not is_rereadable(ReadOnly(CAPTURE))


def test_text_stream(tmp_path: Path) -> None:
    assert "mode 'rb'" in error_of(ReadOnly("text"))
    path = tmp_path / "c.txt"
    path.write_text("text")
    with path.open() as stream:
        assert "mode 'rb'" in error_of(stream)


@pytest.mark.parametrize("source", [None, 5, b"bytes", ["list"], object()])
def test_things_that_are_no_source(source: object) -> None:
    assert "give a path or a binary file object" in error_of(source)


def test_closed_file(tmp_path: Path) -> None:
    path = tmp_path / "c.pcap"
    path.write_bytes(CAPTURE)
    with path.open("rb") as stream:
        pass
    assert "closed file" in error_of(stream)


class Failing(io.RawIOBase):
    """Fails after some bytes, as a disk does."""

    def __init__(self, data: bytes, error: Exception) -> None:
        self._inner, self._error = io.BytesIO(data), error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        got = self._inner.readinto(buffer)
        if not got:
            raise self._error
        return got


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("odd"), EOFError("Compressed file ended")])
def test_reading_fails_on_the_way(error: Exception) -> None:
    """What was read is kept, as of a file that was cut; unless that is nothing."""
    reason = str(error).rpartition("] ")[2]
    for data in (CAPTURE, CAPTURE[:-3], pcapng(conversation())):
        with pytest.warns(
            CaptureWarning, match=f"reading failed at byte {len(data):,}: {reason}; the . frames before it are anal"
        ):
            analysis = analyze(Failing(data, error))
        assert analysis.capture.frames == 9 - (data == CAPTURE[:-3])
        with pytest.raises(CaptureError, match=f"reading failed at byte {len(data):,}: {reason}; leave out strict"):
            analyze(Failing(data, error), strict=True)
    for size in (0, 5, 24, 26, 50):
        assert error_of(Failing(CAPTURE[:size], error)) == f"<stream>: reading failed at byte {size}: {reason}"


def test_reading_something_compressed_fails_on_the_way() -> None:
    data = gzip.compress(CAPTURE * 100, 0)  # stored
    with pytest.warns(CaptureWarning, match="reading failed: Input/output error; the .* frames before it are analysed"):
        analysis = analyze(Failing(data[:70_000], OSError(5, "Input/output error")))
    assert analysis.capture.frames > 700


def test_one_of_several_that_fails_on_the_way_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "sound.pcap").write_bytes(CAPTURE)
    with pytest.warns(CaptureWarning, match="reading failed at byte"):
        analysis = analyze([Failing(CAPTURE[:-3], OSError(5, "Input/output error")), tmp_path / "sound.pcap"])
    assert sorted(part.frames for part in analysis.capture.parts) == [8, 9]
    with pytest.warns(CaptureWarning):
        analysis = analyze([Failing(CAPTURE[:50], OSError(5, "Input/output error")), tmp_path / "sound.pcap"])
    assert analysis.unreadable == ["<stream>: reading failed at byte 50: Input/output error"]
    assert analysis.capture.frames == 9


def test_non_blocking_stream_without_data() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with os.fdopen(reader, "rb", buffering=0) as stream, os.fdopen(writer, "wb"):
        assert "non-blocking" in error_of(stream)


def test_decompressing_file_object(tmp_path: Path) -> None:
    path = tmp_path / "c.pcap.gz"
    path.write_bytes(gzip.compress(CAPTURE))
    with gzip.open(path) as stream:
        assert opened(stream).info.frames == 9


def test_standard_input() -> None:
    code = (
        "from tests.capture.sources.test_sniff_and_source import opened\n"
        "info = opened('-').info; print(info.file, info.frames, info.tcp_frames)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], input=CAPTURE, capture_output=True, cwd=root, check=True)
    assert done.stdout.split() == [b"<stdin>", b"9", b"9"]


def test_a_pipe_that_ends_in_the_middle() -> None:
    reading = read(Dribble(pcap([Frame(segment())] * 3)[:-5], 11))
    assert [row.frame for row in reading.rows] == [1, 2]
    assert "5 bytes are missing" in reading.warnings[0]
