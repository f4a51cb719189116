"""Where a capture comes from: a path, ``-`` for standard input, a URL, or an open binary file; compressed or not."""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from closewait_pcap.capture.sniff import HEAD, is_convertible, is_text
from closewait_pcap.capture.sources.compression import MAGIC, Decompressed, codec_of
from closewait_pcap.errors import CaptureError

CaptureSource = str | os.PathLike[str] | BinaryIO


class Opened(NamedTuple):
    """An input, ready to be read once."""

    stream: BinaryIO
    name: str
    size: int | None
    """In bytes; None where it cannot be known ahead (a pipe, a compressed file)."""
    at_least: int
    """Bytes there are at least; 0 where that cannot be known."""


@contextmanager
def open_source(source: CaptureSource, zone: tzinfo = UTC) -> Iterator[Opened]:
    """Open an input for one pass over its bytes: decompressed on the way, and converted from other formats, or printed text.

    Args:
        source: a path, ``-`` for standard input, a URL, or a binary file object (which stays open afterwards).
        zone: of the times that a text has.

    Yields:
        The stream, its name for messages, and its size where known.

    Raises:
        CaptureError: there is no such file, it may not be read, it is a directory, or its format cannot be converted.
        MissingExtra: the package that reads this compression, or fetches this URL, is not installed.
    """
    with _open_raw(source) as opened, _decompressed(opened) as plain, _converted(plain, zone) as capture:
        yield capture


@contextmanager
def _decompressed(opened: Opened) -> Iterator[Opened]:
    first = _First(opened, MAGIC)
    codec = codec_of(first.head)
    if codec is None:
        yield opened._replace(stream=cast("BinaryIO", first.unread()))
        return
    decompressed = Decompressed(cast("BinaryIO", first), codec)
    try:
        yield Opened(cast("BinaryIO", decompressed), opened.name, None, opened.at_least)
    finally:
        decompressed.close()


@contextmanager
def _converted(opened: Opened, zone: tzinfo) -> Iterator[Opened]:
    """Turn what is not ours to read into pcapng, where the program that can is installed."""
    first = _First(opened, HEAD)
    stream = cast("BinaryIO", first.unread())
    if is_text(first.head) and not is_convertible(first.head):
        from closewait_pcap.capture.printed.stream import Printed  # noqa: PLC0415 - most captures are no text

        printed = Printed(stream, opened.name, zone)
        yield Opened(cast("BinaryIO", printed), opened.name, None, opened.at_least)
        return
    if not is_convertible(first.head):
        yield opened._replace(stream=stream)
        return
    from closewait_pcap.capture.sources.conversion import Converted, converter  # noqa: PLC0415 - most captures need none

    program = converter()
    if program is None:
        yield opened._replace(stream=stream)
        return
    converted = Converted(program, stream, first.head, opened.name)
    try:
        yield Opened(cast("BinaryIO", converted), opened.name, None, opened.at_least)
    finally:
        converted.close()


@contextmanager
def _open_raw(source: CaptureSource) -> Iterator[Opened]:
    if not isinstance(source, (str, os.PathLike)):
        if not hasattr(source, "read"):
            raise CaptureError(f"cannot read a capture from {type(source).__name__}: give a path or a binary file object")
        name = str(getattr(source, "name", "<stream>"))
        stream = source if hasattr(source, "readinto") else cast("BinaryIO", _ByRead(source, name))
        size = _size_left(source)
        yield Opened(stream, name, size, size or 0)
        return
    if source == "-":
        # the raw stream gives what has come; the buffered one waits until all that was asked for is there
        yield Opened(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), "<stdin>", None, 0)
        return
    if is_url(source):
        from closewait_pcap.capture.sources.remote import open_url, shown  # noqa: PLC0415 - most captures are files

        with open_url(os.fspath(source)) as remote:
            yield Opened(remote, shown(os.fspath(source)), None, 0)
        return
    path = Path(source)
    try:
        stream = path.open("rb", buffering=0)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise CaptureError(f"{path}: {_reason(error)}") from error
    with stream:
        status = os.fstat(stream.fileno())
        size = status.st_size if stat.S_ISREG(status.st_mode) else None
        yield Opened(stream, str(path), size, size or 0)


class _First:
    """A stream whose first bytes were looked at; they are read again as if nothing had happened."""

    def __init__(self, opened: Opened, count: int) -> None:
        self._stream = opened.stream
        self._seekable = opened.size is not None
        self._failure: Exception | None = None
        self.head = b""
        try:
            while len(self.head) < count and (block := self._from_stream(count - len(self.head))):
                self.head += block
        except Exception as error:  # raised again where the reader reads, who can say at which byte
            self._failure = error
        self._left = self.head

    @property
    def trouble(self) -> str | None:
        """What the stream itself says was wrong with it."""
        return getattr(self._stream, "trouble", None)

    def unread(self) -> "BinaryIO | _First":
        """Give the stream as it was: the very same one where it can go back."""
        if self._seekable and self._failure is None:
            self._stream.seek(-len(self._left), os.SEEK_CUR)
            return self._stream
        return self

    def readinto(self, buffer: memoryview) -> int | None:
        """Fill a buffer, as far as one read of the stream goes."""
        if self._left:
            count = min(len(buffer), len(self._left))
            buffer[:count], self._left = self._left[:count], self._left[count:]
            return count
        if self._failure is not None:
            raise self._failure
        return self._stream.readinto(buffer)  # type: ignore[attr-defined, no-any-return]

    def read(self, count: int = -1) -> bytes:
        """Read, for the codecs."""
        if self._left:
            block, self._left = (self._left, b"") if count < 0 else (self._left[:count], self._left[count:])
            return block
        return self._from_stream(count if count >= 0 else 1 << 20)

    def _from_stream(self, count: int) -> bytes:
        buffer = bytearray(count)
        got = self._stream.readinto(memoryview(buffer))  # type: ignore[attr-defined]
        return bytes(buffer[: got or 0])


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
    """Whether the input can be opened a second time (a regular file, a URL, or a seekable file object)."""
    if isinstance(source, (str, os.PathLike)):
        return is_url(source) or (source != "-" and Path(source).is_file())
    return bool(getattr(source, "seekable", lambda: False)())


def is_url(source: CaptureSource) -> bool:
    """Whether the input is to be fetched from elsewhere."""
    return isinstance(source, str) and "://" in source


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
