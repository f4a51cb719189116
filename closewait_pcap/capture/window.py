"""The part of the input that lies in memory, read in chunks, moved on as it is dealt with; and where the reading stands in it."""

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from closewait_pcap.engine import Record
from closewait_pcap.errors import CaptureError

SPAN = 1 << 17
"""A run of records of this many bytes does not lie within one frame: segments that carry a capture are at most 64 KiB."""
Bytes = np.ndarray[Any, np.dtype[np.uint8]]

CHUNK = 1 << 20
"""Bytes read at once. Measured: 512 KiB cost 10 % more for full-size frames, 256 KiB a third more; 2 MiB gain little."""


class Window:
    """A buffer that slides over a stream.

    Args:
        stream: a binary stream, read from where it stands.
        name: for messages.
        chunk: bytes read at once.
    """

    def __init__(self, stream: BinaryIO, name: str, chunk: int = CHUNK) -> None:
        self._stream = stream
        self._name = name
        self.buffer = bytearray(chunk)
        self.filled = 0
        """Bytes of the buffer that hold input."""
        self.passed = 0
        """Bytes of the input before the buffer's first."""
        self.ended = False
        """The input has no more."""
        self.failure: str | None = None
        """Why reading failed, where it did: the input ends there."""

    @property
    def trouble(self) -> str | None:
        """What is wrong with the input's end: reading failed, or what a decompressor has to say about its data."""
        return self.failure or getattr(self._stream, "trouble", None)

    def drop(self, count: int) -> None:
        """Forget the first bytes, which are dealt with."""
        left = self.filled - count
        self.buffer[:left] = self.buffer[count : self.filled]
        self.passed += count
        self.filled = left

    def fill(self, need: int) -> bool:
        """Read until ``need`` bytes are there, or the input ends.

        Args:
            need: bytes wanted in the buffer.

        Returns:
            Whether they are there.

        Raises:
            CaptureError: the stream is none that can be read at all. Where reading fails on the way, the input ends.
        """
        while len(self.buffer) < need and not self.ended:  # doubling: memory follows what is there, not what is claimed
            self._read_into(len(self.buffer))
            if self.filled == len(self.buffer):
                self.buffer = self.buffer + bytearray(len(self.buffer))
        self._read_into(max(need, 1) if need > self.filled else self.filled)
        return self.filled >= need

    def _read_into(self, enough: int) -> None:
        view = memoryview(self.buffer)
        while self.filled < enough and not self.ended:
            try:
                got = self._stream.readinto(view[self.filled :])  # type: ignore[attr-defined]
            except CaptureError:
                raise
            except Exception as error:  # a file object raises whatever it likes: OSError, ValueError, EOFError, zlib.error...
                reason = getattr(error, "strerror", None) or error
                self.failure, self.ended = f"reading failed at byte {self.passed + self.filled:,}: {reason}", True
                return
            if got is None:
                raise CaptureError(f"{self._name}: a non-blocking stream; give one that waits for its data")
            if not got:
                self.ended = True
            else:
                self.filled += got


@dataclass
class Cursor:
    """Where the reading stands: the window, and the decoder's state, whose offsets move as the window does."""

    window: Window
    decoder: Record
    """A DECODER record."""
    begin: int = 0
    """The position of the file's first record. Until more than a frame can hold was read of it, the window keeps it all: should
    that turn out to be junk, the reading goes back."""

    @property
    def position(self) -> int:
        """Bytes of the input that are dealt with."""
        return self.window.passed + int(self.decoder.at)

    @property
    def young(self) -> bool:
        """Whether what was read of the file so far may be junk, since it may lie within a frame."""
        return self.position - self.begin < SPAN

    @property
    def data(self) -> Bytes:
        """The input in memory; to be let go before more is read."""
        return np.frombuffer(self.window.buffer, np.uint8, self.window.filled)

    def get(self, need: int) -> bool:
        """Get so many bytes from ``decoder.at`` on; False where the input ends before."""
        if self.window.filled - int(self.decoder.at) < need:
            self.forget()
            return self.window.fill(int(self.decoder.at) + need)
        return True

    def forget(self) -> None:
        """Let the window move on to ``decoder.at``, or to the beginning of a young file."""
        count = int(self.decoder.at)
        if self.young:
            count = min(count, max(self.begin - self.window.passed, 0))
        self.window.drop(count)
        self.decoder.at = int(self.decoder.at) - count
        self.decoder.trusted = max(int(self.decoder.trusted) - count, -1)
