"""Captures in formats that are not ours: Wireshark's editcap turns them into pcapng, as a stream.

editcap comes with tshark and uses the same library. Measured on 2 million packets of snoop: 0.7 s and 7 MB, where tshark takes
2.1 s and 160 MB; on a small file 5 ms against 200 ms, for it loads no dissectors. It reads from its standard input: the file
itself where there is one (some formats need to seek), otherwise a pipe that a thread fills.
"""

import io
import os
import sys
import threading
from typing import Any, BinaryIO

from closewait_pcap.capture.sniff import foreign, sniff
from closewait_pcap.errors import CaptureError

_BLOCK = 1 << 18
_LOOK = 1 << 20
"""Converted bytes in which a first packet must be."""
_PACKET_BLOCKS = (2, 3, 6)
_PATIENCE_S = 1.0
"""How long to wait for a thread that waits for its input."""


def converter() -> str | None:
    """Find editcap; None where it is not installed."""
    import shutil  # noqa: PLC0415 - for foreign formats only, as all that is imported here

    return shutil.which("editcap")


class Converted:
    """A capture in a foreign format as pcapng.

    Args:
        program: editcap's path.
        stream: the capture, read from where it stands.
        head: its first bytes, which are read again.
        name: for messages.

    Raises:
        CaptureError: editcap knows no such format, or cannot convert this capture.
    """

    def __init__(self, program: str, stream: BinaryIO, head: bytes, name: str) -> None:
        import subprocess  # noqa: PLC0415
        import tempfile  # noqa: PLC0415

        kind = foreign(head)
        self.converted_from = f"{kind or 'other format'} (through editcap)"
        """What to say of the capture's format."""
        self.trouble: str | None = None
        """What went wrong, once reading has come to its end."""
        self._stream = stream
        self._failure: str | None = None
        self._pump: threading.Thread | None = None
        itself = isinstance(stream, io.FileIO) and stream.seekable() and stream.tell() == 0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the rest
        self.process = subprocess.Popen(
            [program, "-F", "pcapng", "-", "-"],
            stdin=stream.fileno() if itself else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            bufsize=0,
        )
        """editcap."""
        try:
            if not itself:
                self._pump = threading.Thread(target=self._work, name="feed editcap", daemon=True)
                self._pump.start()
            self._left = self._first_packet()
            if not _has_packet(self._left):
                self._refuse(kind, head, name)
        except BaseException:
            self.close()
            raise

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as it goes; 0 at the end."""
        if self._left:
            count = min(len(buffer), len(self._left))
            buffer[:count], self._left = self._left[:count], self._left[count:]
            return count
        return self._read(buffer)

    def close(self) -> None:
        """Stop editcap, and wait until it has gone."""
        self.process.kill()
        self.process.wait()
        if self._pump is not None:
            self._pump.join(_PATIENCE_S)
        for stream in (self.process.stdout, self._said):
            if stream is not None:
                stream.close()

    def _read(self, buffer: Any) -> int:
        got: int = self.process.stdout.readinto(buffer)  # type: ignore[union-attr]
        if not got and self.trouble is None:
            self._ended()
        return got

    def _first_packet(self) -> bytes:
        """Read until a packet is there, or the end."""
        converted, block = b"", bytearray(_BLOCK)
        while len(converted) < _LOOK and not _has_packet(converted) and (got := self._read(block)):
            converted += block[:got]
        return converted

    def _ended(self) -> None:
        """Find out how it went; editcap's status is 0 also for a file that was cut."""
        status = self.process.wait()
        if self._pump is not None:
            self._pump.join(_PATIENCE_S)
        self._said.seek(0)
        said = " ".join(self._said.read(2000).decode("utf-8", "replace").split()).removeprefix("editcap: ").rstrip(".")
        if self._failure or getattr(self._stream, "trouble", None):
            self.trouble = self._failure or self._stream.trouble  # type: ignore[attr-defined]
        elif status < 0:
            self.trouble = f"editcap was ended by signal {-status}"
        elif said or status:
            self.trouble = f"editcap says: {said or f'status {status}'}"

    def _refuse(self, kind: str | None, head: bytes, name: str) -> None:
        """Say why there is no packet; a capture of a known format may have none."""
        if kind is None:
            sniff(head, name)  # raises what it raises without editcap
        if self.trouble is None:
            return
        remedy = ""
        if "Illegal seek" in self.trouble:
            remedy = "; this format cannot be read through a pipe: save it to a file, not compressed"
        elif "can't be written" in self.trouble:
            remedy = "; convert it with the program that wrote it"
        raise CaptureError(f"{name}: this looks like a capture in {kind} format, but {self.trouble}{remedy}")

    def _work(self) -> None:
        """Feed editcap."""
        stdin, block = self.process.stdin, bytearray(_BLOCK)
        if stdin is None:
            return
        with stdin:
            try:
                while got := self._stream.readinto(block):  # type: ignore[attr-defined]
                    rest = memoryview(block)[:got]
                    while rest:
                        rest = rest[os.write(stdin.fileno(), rest) :]
            except BrokenPipeError:  # editcap wants no more; it says itself why
                return
            except Exception as error:  # a file object raises whatever it likes
                self._failure = f"reading failed: {getattr(error, 'strerror', None) or error}"


def _has_packet(pcapng: bytes) -> bool:
    """Whether a packet block begins in these blocks."""
    at = 0
    while at + 8 <= len(pcapng):
        kind, total = (
            int.from_bytes(pcapng[i : i + 4], sys.byteorder) for i in (at, at + 4)
        )  # editcap writes the machine's order
        if kind in _PACKET_BLOCKS:
            return True
        at += max(total, 12)
    return False
