"""Compressed captures: recognised by content, decompressed as a stream in a thread beside the decoder, never onto the disk.

However much a few bytes swell, only a few blocks lie in memory at a time. A damaged or cut stream ends like a cut capture: what
came before is analysed, and `trouble` says what happened.
"""

import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from closewait_pcap.errors import MissingExtra

BLOCK = 1 << 21
"""Bytes decompressed at once, at most."""
RAW = 1 << 21
"""Compressed bytes read at once: each time zlib is done with some, its thread waits for the interpreter, 5 ms while Numba is
imported."""
AHEAD = 40
"""Blocks decompressed ahead of the decoder: as much as comes while Numba is imported, and no more than memory has room for."""
_PATIENCE_S = 1.0
"""How long to wait for the thread at the end."""
_MAX_WINDOW = 1 << 27
"""What zstd itself accepts without being asked for more (``zstd --long=27``)."""

Reader = Callable[[int], bytes]
"""Gives up to so many decompressed bytes, empty at the end; raises where the stream is damaged or cut."""


def _gzip(stream: BinaryIO) -> Reader:
    """Read gzip by zlib itself: GzipFile takes 8 KiB at a time, and half of the time goes into handing the interpreter over."""
    import zlib  # noqa: PLC0415 - each codec only for the captures that need it

    member = zlib.decompressobj(wbits=31)
    failure: zlib.error | None = None

    def read(count: int) -> bytes:
        nonlocal member, failure
        if failure is not None:
            raise failure
        data = member.unconsumed_tail
        while True:
            if member.eof:  # another member may follow; padding with zeros may, too
                rest = member.unused_data.lstrip(b"\0") or stream.read(RAW).lstrip(b"\0")
                if not rest:
                    return b""
                member, data = zlib.decompressobj(wbits=31), rest
            if not data:
                data = stream.read(RAW)
                if not data:
                    raise EOFError
            before = member.copy()  # 40 KiB for each MiB
            try:
                block = member.decompress(data, count)
            except zlib.error as error:
                failure, block = error, _rescued(before, data)
                if not block:
                    raise
            if block:
                return block
            data = member.unconsumed_tail

    return read


def _rescued(member: Any, data: bytes) -> bytes:
    """Get what lies before the damage in a block: zlib throws it away with the error, so ask for ever smaller pieces."""
    import zlib  # noqa: PLC0415

    pieces, size = [], 1 << 12
    while size:
        before = member.copy()
        try:
            piece = member.decompress(data, size)
        except zlib.error:
            member, size = before, size >> 4
            continue
        if not piece:
            break
        pieces.append(piece)
        data = member.unconsumed_tail
    return b"".join(pieces)


def _bzip2(stream: BinaryIO) -> Reader:
    import bz2  # noqa: PLC0415

    return bz2.BZ2File(stream).read1


def _xz(stream: BinaryIO) -> Reader:
    import lzma  # noqa: PLC0415

    return lzma.LZMAFile(stream).read1


def _zstd(stream: BinaryIO) -> Reader:
    import zstandard  # noqa: PLC0415

    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
    return decompressor.stream_reader(stream, read_across_frames=True).read1


def _lz4(stream: BinaryIO) -> Reader:
    import lz4.frame  # noqa: PLC0415

    return lz4.frame.LZ4FrameFile(stream).read1  # type: ignore[no-any-return]


CODECS: dict[bytes, tuple[str, Callable[[BinaryIO], Reader]]] = {
    b"\x1f\x8b": ("gzip", _gzip),
    b"\x28\xb5\x2f\xfd": ("zstd", _zstd),
    b"\x04\x22\x4d\x18": ("lz4", _lz4),
    b"BZh": ("bzip2", _bzip2),
    b"\xfd7zXZ\x00": ("xz", _xz),
}
"""By first bytes: the format's name, and how to read it."""
MAGIC = max(map(len, CODECS))
"""How many first bytes tell."""
SUFFIXES = (".gz", ".zst", ".lz4", ".bz2", ".xz")
"""What the programs that compress append to a name."""


def codec_of(head: bytes) -> str | None:
    """Name the compression of data that begins with ``head``; None where it is not compressed."""
    return next((name for magic, (name, _) in CODECS.items() if head.startswith(magic)), None)


def first_bytes(stream: BinaryIO, count: int) -> bytes:
    """Read the first bytes of a file, decompressed where it is compressed; fewer where it is short or damaged."""
    head = stream.read(max(count, MAGIC))
    opener = next((opener for magic, (_, opener) in CODECS.items() if head.startswith(magic)), None)
    if opener is None:
        return head[:count]
    stream.seek(-len(head), os.SEEK_CUR)
    inside = b""
    try:
        read = opener(stream)
        while len(inside) < count and (block := read(count - len(inside))):
            inside += block
    except Exception:  # each codec has its own errors
        return inside
    return inside


class Decompressed:
    """A compressed stream as a readable one, decompressed ahead in a thread.

    Args:
        stream: the compressed data.
        codec: its name, as `codec_of` gives it.

    Raises:
        MissingExtra: the codec's package is not installed.
    """

    def __init__(self, stream: BinaryIO, codec: str) -> None:
        self.codec = codec
        self.trouble: str | None = None
        """What was wrong with the compressed data, once reading has come to its end."""
        opener = next(opener for name, opener in CODECS.values() if name == codec)
        try:
            self._read = opener(stream)
        except ImportError as error:
            package = {"zstd": "zstandard"}.get(codec, codec)
            raise MissingExtra(f"reading {codec} needs a package: pip install {package}") from error
        self._blocks: queue.Queue[bytes] = queue.Queue(AHEAD)
        self._block = memoryview(b"")
        self._ended = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"decompress {codec}", daemon=True)
        self._thread.start()

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as a block goes; 0 at the end."""
        while not self._block:
            if self._ended:
                return 0
            self._block = memoryview(self._blocks.get())
            self._ended = not self._block
        count = min(len(buffer), len(self._block))
        buffer[:count] = self._block[:count]
        self._block = self._block[count:]
        return count

    def close(self) -> None:
        """Stop decompressing. A thread that waits for its input is left to it: no other can end that waiting."""
        self._closing.set()
        until = time.monotonic() + _PATIENCE_S
        while self._thread.is_alive() and time.monotonic() < until:  # the thread may be waiting for room
            try:
                self._blocks.get(timeout=0.01)
            except queue.Empty:
                continue

    def _work(self) -> None:
        try:
            while not self._closing.is_set():
                block = self._read(BLOCK)
                if not block:
                    break
                self._put(block)
        except EOFError:
            self.trouble = f"the {self.codec} data is cut short"
        except Exception as error:  # each codec has its own errors, some of them OSErrors without a number
            failed = isinstance(error, OSError) and error.strerror
            self.trouble = f"reading failed: {failed}" if failed else f"the {self.codec} data is damaged ({error})"
        self._put(b"")

    def _put(self, block: bytes) -> None:
        while not self._closing.is_set():
            try:
                self._blocks.put(block, timeout=0.1)
            except queue.Full:
                continue
            return
