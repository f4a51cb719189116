"""Compressed captures: by content, as a stream, and damaged ones as far as they go."""

import bz2
import gzip
import io
import lzma
import os
import random
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from closewait_pcap import Analysis, CaptureError, CaptureWarning, analyze
from closewait_pcap.capture.sources.compression import Decompressed
from closewait_pcap.capture.sources.opening import open_source
from tests.capture.reading import Reading, read
from tests.capture.writers import TIME, Frame, pcap, segment

CAPTURE = (Path(__file__).parents[3] / "samples" / "healthy_and_leaking" / "capture.pcapng").read_bytes()
CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
}


def both(analysis: Analysis) -> tuple[int, int, list[int]]:
    return analysis.capture.frames, len(analysis.flows), analysis.close_wait.index.tolist()


@pytest.mark.parametrize("codec", CODECS)
def test_same_result_as_the_capture_itself(codec: str, tmp_path: Path) -> None:
    """By content: the name says nothing."""
    path = tmp_path / "capture.pcapng"
    path.write_bytes(CODECS[codec](CAPTURE))
    assert both(analyze(path, strict=True)) == (298, 30, [6, 16, 26])
    assert len(analyze(path).packets(stream=6)) == 9


@pytest.mark.parametrize("codec", CODECS)
def test_through_a_pipe(codec: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "closewait_pcap", "-"], input=CODECS[codec](CAPTURE), capture_output=True, check=True
    )
    assert done.stdout.startswith(b"3 flows in CLOSE_WAIT")


@pytest.mark.parametrize("codec", ["gzip", "bzip2", "xz", "zstd"])
def test_several_streams_behind_one_another(codec: str) -> None:
    whole = CODECS[codec](CAPTURE[:5000]) + CODECS[codec](CAPTURE[5000:])
    assert both(analyze(io.BytesIO(whole), strict=True)) == (298, 30, [6, 16, 26])


@pytest.mark.parametrize("codec", CODECS)
def test_cut_short_anywhere(codec: str) -> None:
    """A prefix of the frames, or one clear refusal; never a traceback."""
    data = CODECS[codec](CAPTURE)
    before = 0
    for end in range(1, len(data), 97):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                analysis = analyze(io.BytesIO(data[:end]))
            except CaptureError as error:
                assert str(error).startswith("<stream>: ")
                continue
        assert analysis.capture.frames >= before
        before = analysis.capture.frames
        assert [warning.category for warning in caught] == [CaptureWarning]
        assert f"the {codec} data is cut short" in str(analysis.capture.damage)


def test_gzip_padded_with_zeros_is_whole() -> None:
    assert both(analyze(io.BytesIO(gzip.compress(CAPTURE) + bytes(512)), strict=True)) == (298, 30, [6, 16, 26])


def test_damaged_gzip_keeps_what_zlib_had_decompressed() -> None:
    """All but what one symbol covers: zlib gives nothing of a block in which it meets an error."""
    frames = [Frame(segment(random.Random(i).randbytes(200), seq=i), TIME + i) for i in range(3000)]
    data = bytearray(gzip.compress(pcap(frames), 0))  # stored: a byte of it is a byte of the capture, but for the block headers
    at = data.index((65_535).to_bytes(2, "little") + bytes(2), 300_000)  # the length of a block: its complement no longer agrees
    data[at] ^= 1
    with pytest.warns(CaptureWarning, match="the gzip data is damaged"):
        found = analyze(io.BytesIO(bytes(data))).capture.frames
    assert 0 <= (at - 40) // 270 - found <= 1


@pytest.mark.parametrize("codec", CODECS)
def test_cut_anywhere_gives_a_prefix(codec: str) -> None:
    """The same packets, and the same flows where the last packet lies before the cut."""
    whole = reading_of(CODECS[codec](CAPTURE))
    data = CODECS[codec](CAPTURE)
    for end in range(100, len(data), 53):
        try:
            reading = reading_of(data[:end])
        except CaptureError:
            continue
        assert reading.rows == whole.rows[: len(reading.rows)]


def reading_of(data: bytes) -> Reading:
    with open_source(io.BytesIO(data)) as opened:
        return read(opened.stream)


def test_a_damaged_stream_keeps_what_came_before() -> None:
    long = CAPTURE + bytes(3_000_000)  # beyond the capture: no block of it can be read, but the blocks before can
    data = bytearray(gzip.compress(long, 0))
    data[-1_000_000] ^= 0xFF  # stored data: seen by the checksum alone
    with pytest.warns(CaptureWarning):
        assert analyze(io.BytesIO(bytes(data))).capture.frames == 298


@pytest.mark.parametrize("codec", CODECS)
def test_a_bomb_swells_in_bounded_memory(codec: str) -> None:
    """300 MB of zeros behind a capture: decompressed as far as the damage they are, in little memory."""
    bomb = CODECS[codec](CAPTURE + bytes(300_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.warns(CaptureWarning):
        assert analyze(io.BytesIO(bomb)).capture.frames == 298
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 110 * 1024


@pytest.mark.parametrize("codec", CODECS)
def test_closing_does_not_wait_for_an_input_that_has_gone_silent(codec: str) -> None:
    """As ``tcpdump -w - | gzip`` does, where nothing is on the wire; somebody interrupts."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb", buffering=0) as feed, os.fdopen(reader, "rb", buffering=0) as stream:
        feed.write(CODECS[codec](CAPTURE)[:5000])
        before = time.monotonic()
        Decompressed(stream, codec).close()
        assert time.monotonic() - before < 5
