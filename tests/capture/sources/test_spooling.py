"""What comes through a pipe is there a second time, whatever came of the pipe, and takes no more room than there is."""

import gzip
import io
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from closewait_pcap import CaptureError, analyze
from closewait_pcap.capture.sources.opening import is_rereadable
from closewait_pcap.capture.sources.spooling import Spool, rereadable
from tests.cli.running import until_read

ROOT = Path(__file__).parents[3]
LEAK = ROOT / "samples" / "healthy_and_leaking" / "capture.pcapng"
Pipe = tuple[Spool, BinaryIO]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A spool, and the pipe's other end."""
    here, there = os.pipe()
    reading, writing = cast("BinaryIO", os.fdopen(here, "rb", buffering=0)), cast("BinaryIO", os.fdopen(there, "wb", buffering=0))
    with closing(Spool(reading, "<pipe>")) as spool, writing:
        yield spool, writing


def everything(spool: Spool) -> bytes:
    return b"".join(iter(lambda: spool.read(7), b""))


def test_it_reads_as_the_pipe_does_and_then_again(pipe: Pipe) -> None:
    spool, other = pipe
    other.write(b"hello")
    assert spool.read(100) == b"hello", "what has come, without waiting for more"
    spool.seek(2)
    assert spool.read(100) == b"llo"
    other.write(b" world")
    other.close()
    assert everything(spool) == b" world"
    for begin in (0, 5, 11):
        spool.seek(begin)
        assert everything(spool) == b"hello world"[begin:]


def test_once_it_has_ended_it_does_not_wait_for_the_pipe(pipe: Pipe) -> None:
    spool, other = pipe
    other.write(b"hello")
    assert spool.read(5) == b"hello"
    waiting = threading.Thread(target=spool.read, args=(5,))
    waiting.start()  # as a decompressing thread does
    spool.end()
    spool.seek(0)
    assert everything(spool) == b"hello"
    other.write(b"too late")
    waiting.join(10)
    assert not waiting.is_alive()
    spool.seek(0)
    assert everything(spool) == b"hello"


def test_how_long_it_is_is_not_known(pipe: Pipe) -> None:
    spool, _ = pipe
    for place in ((0, os.SEEK_END), (1, os.SEEK_SET), (0, os.SEEK_CUR)):
        with pytest.raises(io.UnsupportedOperation):
            spool.seek(*place)


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No file may become larger than 8 KB, as if the disk were full; compiled modules would be cut, and kept."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
def test_without_room_it_is_a_pipe_again(pipe: Pipe) -> None:
    spool, other = pipe
    data = LEAK.read_bytes()
    writer = threading.Thread(target=lambda: (other.write(data), other.close()))
    writer.start()
    analysis = analyze(cast("BinaryIO", spool))
    writer.join()
    assert len(analysis.close_wait) == 3
    assert spool.failure == "File too large"
    assert not is_rereadable(cast("BinaryIO", spool))
    with pytest.raises(CaptureError, match="a pipe does not allow"):
        analysis.evidence(io.BytesIO())


def test_it_takes_at_most_half_of_the_room(pipe: Pipe) -> None:
    spool, other = pipe
    spool._room = 8
    other.write(b"hello")
    assert spool.read(5) == b"hello"
    other.write(b"world")
    other.close()
    assert everything(spool) == b"world"
    assert spool.failure is not None
    assert spool.failure.startswith("it would take more than half of what is free in ")


@pytest.mark.parametrize("compressed", [False, True])
def test_ctrl_c_ends_the_pipe_and_evidence_is_of_what_was_read(compressed: bool, pipe: Pipe) -> None:
    spool, other = pipe
    data = LEAK.read_bytes()
    other.write(gzip.compress(data) if compressed else data)  # and nothing more, though it stays open
    main = threading.get_ident()

    def interrupt() -> None:
        until_read(other)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    analysis = analyze(cast("BinaryIO", spool))
    assert analysis.capture.interrupted
    spool.end()
    stream = io.BytesIO()
    assert analysis.evidence(stream).flows == 3
    assert len(analyze(io.BytesIO(stream.getvalue())).close_wait) == 3


def test_only_pipes_are_kept(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    names = (str(LEAK), str(tmp_path), "https://192.0.2.1/x.pcap", "none.pcap", "trace*.pcap", str(tmp_path / "pipe"))
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(LEAK.read_bytes()))
    writer.start()
    sources = rereadable(names)
    assert sources[:-1] == names[:-1]
    spool = sources[-1]
    assert isinstance(spool, Spool)
    with closing(spool):
        assert len(analyze(cast("BinaryIO", spool)).close_wait) == 3
    writer.join()


def test_evidence_of_a_capture_that_grows_ends_where_the_reading_did(tmp_path: Path) -> None:
    """Frames that came later are not read to the end: a ring's last file, or a capture that was interrupted."""
    path = tmp_path / "x.pcapng"
    path.write_bytes(LEAK.read_bytes())
    analysis = analyze(path)
    whole = io.BytesIO()
    analysis.evidence(whole)
    with path.open("ab") as file:
        file.write(LEAK.read_bytes() * 50)
    again = io.BytesIO()
    analysis.evidence(again)
    assert again.getvalue() == whole.getvalue()
    assert analysis._timeline.position < path.stat().st_size
