"""Keeps what comes through a pipe, so that it can be read a second time: in a file without a name, gone with the process."""

import io
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, BinaryIO, cast

from closewait_pcap.capture.sources.opening import CaptureSource, is_url

_SHARE = 2
"""One part in so many of the room that is free there may be taken: others need the disk, too."""

_BLOCK = 1 << 20


class Spool:
    """A stream that is kept while it is read, and can then be read again.

    Args:
        stream: read from where it stands; a raw one, which gives what has come.
        name: for messages.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self.failure: str | None = None
        """Why it can be read but once after all: there is no room."""
        self._stream = stream
        folder = tempfile.gettempdir()
        self._file = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115 - it lives as long as this
        self._room = shutil.disk_usage(folder).free // _SHARE
        self._full = f"it would take more than half of what is free in {folder}; TMPDIR names another place"
        self._kept = self._at = 0
        self._ended = False
        self._lock = threading.Lock()  # a decompressing thread may still wait for the pipe when the second reading begins

    def read(self, count: int = -1) -> bytes:
        """Read, for who has no buffer."""
        buffer = bytearray(count if count >= 0 else _BLOCK)
        return bytes(buffer[: self.readinto(buffer) or 0])

    def readinto(self, buffer: Any) -> int | None:
        """Fill a buffer with what is kept, or else as far as one read of the stream goes."""
        view = memoryview(buffer)
        with self._lock:
            if self._at < self._kept:
                count = os.preadv(self._file.fileno(), [view], self._at)
                self._at += count
                return count
            if self._ended:
                return 0
        got: int | None = self._stream.readinto(view)  # type: ignore[attr-defined]
        with self._lock:
            if self._ended:
                return 0
            self._ended = got == 0
            if got and self.failure is None:
                self._keep(view[:got])
        return got

    def _keep(self, block: memoryview) -> None:
        try:
            if self._kept + len(block) > self._room:
                raise OSError(self._full)
            written = 0
            while written < len(block):
                written += os.pwrite(self._file.fileno(), block[written:], self._kept + written)
        except OSError as error:
            self.failure = error.strerror or str(error)
            self._file.close()  # which gives the room back
            self._kept = self._at = 0
        else:
            self._kept += len(block)
            self._at = self._kept

    def end(self) -> None:
        """Take nothing more from the stream: there is what has been read."""
        with self._lock:
            self._ended = True

    def close(self) -> None:
        """Give the room back, and close the stream."""
        self.end()
        self._file.close()
        self._stream.close()

    def seekable(self) -> bool:
        """Whether it can be read again."""
        return self.failure is None

    def tell(self) -> int:
        """Say where the reading stands."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go back; how long it is cannot be known."""
        if whence != os.SEEK_SET or not 0 <= offset <= self._kept:
            raise io.UnsupportedOperation("only what has been read can be gone back to")
        self._at = offset
        return offset


def rereadable(captures: tuple[str, ...]) -> tuple[CaptureSource, ...]:
    """Make captures that can be read but once ready for a second reading.

    Args:
        captures: paths, URLs, or ``-`` for standard input.

    Returns:
        The same, a `Spool` in place of each pipe.
    """
    spools: dict[str, CaptureSource] = {}
    return tuple(spools.setdefault(name, _kept(name)) if name not in spools else spools[name] for name in captures)


def _kept(name: str) -> CaptureSource:
    try:
        if name == "-":
            stdin = cast("BinaryIO", getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))
            return stdin if stdin.seekable() else cast("BinaryIO", Spool(stdin, "<stdin>"))
        path = Path(name)
        if not is_url(name) and path.exists() and not path.is_file() and not path.is_dir():
            return cast("BinaryIO", Spool(path.open("rb", buffering=0), name))
    except (OSError, ValueError):  # who opens it says what is wrong
        pass
    return name
