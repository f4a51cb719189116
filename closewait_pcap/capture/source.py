"""Where a capture comes from: a path, ``-`` for standard input, or an open binary file."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from closewait_pcap.errors import CaptureError

CaptureSource = str | os.PathLike[str] | BinaryIO


class Opened(NamedTuple):
    """An input, ready to be read once."""

    stream: BinaryIO
    name: str
    size: int | None
    """In bytes; None where it cannot be known ahead (a pipe)."""


@contextmanager
def open_source(source: CaptureSource) -> Iterator[Opened]:
    """Open an input for one pass over its bytes.

    Args:
        source: a path, ``-`` for standard input, or a binary file object (which stays open afterwards).

    Yields:
        The stream, its name for messages, and its size where known.

    Raises:
        CaptureError: there is no such file, it may not be read, or it is a directory.
    """
    if not isinstance(source, (str, os.PathLike)):
        if not hasattr(source, "read"):
            raise CaptureError(f"cannot read a capture from {type(source).__name__}: give a path or a binary file object")
        name = str(getattr(source, "name", "<stream>"))
        stream = source if hasattr(source, "readinto") else cast("BinaryIO", _ByRead(source, name))
        yield Opened(stream, name, _size_left(source))
        return
    if source == "-":
        yield Opened(sys.stdin.buffer, "<stdin>", None)
        return
    path = Path(source)
    try:
        stream = path.open("rb", buffering=0)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise CaptureError(f"{path}: {_reason(error)}") from error
    with stream:
        status = os.fstat(stream.fileno())
        yield Opened(stream, str(path), status.st_size if stat.S_ISREG(status.st_mode) else None)


class _ByRead:
    """A file object that has ``read`` alone, as one that has ``readinto``."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def readinto(self, buffer: memoryview) -> int | None:
        block = self._stream.read(len(buffer))
        if isinstance(block, str):
            raise CaptureError(f"{self._name}: this file object gives text; open it with mode 'rb'")
        if block is None:
            return None
        buffer[: len(block)] = block
        return len(block)


def is_rereadable(source: CaptureSource) -> bool:
    """Whether the input can be opened a second time (a regular file, or a seekable file object)."""
    if isinstance(source, (str, os.PathLike)):
        return source != "-" and Path(source).is_file()
    return bool(getattr(source, "seekable", lambda: False)())


def _size_left(stream: BinaryIO) -> int | None:
    try:
        if not stream.seekable():
            return None
        here = stream.tell()
        end = stream.seek(0, os.SEEK_END)
        stream.seek(here)
    except (OSError, AttributeError, ValueError):
        return None
    return end - here


def _reason(error: OSError | ValueError) -> str:
    reasons = {
        errno.ENOENT: "no such file",
        errno.EACCES: "no permission to read it (try sudo, or: sudo chown $USER FILE)",
        errno.EISDIR: "this is a directory; give the capture files in it by name",
    }
    number = getattr(error, "errno", None)
    return reasons.get(number or 0) or (os.strerror(number) if number else str(error))
