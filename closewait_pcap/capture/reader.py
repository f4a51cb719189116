"""Reads a capture once, in chunks, and yields batches of packet columns.

pcap records and pcapng packet blocks are walked by the fast decoder; the rarer pcapng blocks (section headers, interface
descriptions, statistics) are read here. Damage never loses what was read before it: it ends the reading with a warning that says
where, or with an error where the caller asked for ``strict``.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from closewait_pcap.capture import headers, longtail
from closewait_pcap.capture.headers import DECODER, INTERFACE, SKIP_REASONS
from closewait_pcap.capture.packets import LONG_TAIL, NO_TIME, NOT_TCP, NUMBERING_ONLY, PACKET, QUOTED
from closewait_pcap.capture.pcapng import (
    Order,
    Section,
    interface_description,
    interface_statistics,
    is_byte_order_magic,
    section_header,
)
from closewait_pcap.capture.sniff import HEAD, sniff
from closewait_pcap.engine import COMPILED, PLAIN, Mode, Record, Records, as_array
from closewait_pcap.errors import CaptureError, CaptureWarning

CHUNK = 1 << 20
"""Bytes read at once. Measured: 512 KiB cost 10 % more for full-size frames, 256 KiB a third more; 2 MiB gain little."""
BATCH = 4096
"""Packets in a batch: 4 % faster than 2048, and more gains nothing."""

_DAMAGE = {
    headers.DAMAGED_LENGTH: "an impossible length",
    headers.DAMAGED_INTERFACE: "a packet of an interface that was never described",
    headers.DAMAGED_TRAILER: "a block whose two lengths differ",
}


@dataclass
class CaptureInfo:
    """What was learned of a capture file as a whole."""

    file: str
    format: str
    link_types: list[str] = field(default_factory=list)
    frames: int = 0
    tcp_frames: int = 0
    first_time: int | None = None
    """ns since the epoch; None where no frame has a time."""
    last_time: int | None = None
    end_time: int | None = None
    """The capture's end: the last frame, or later where the file says that the capture went on."""
    drops: int | None = None
    """Packets the capturing machine lost, as the file reports them (pcapng only); None: not reported."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Frames without a usable TCP header, by reason."""
    steps_back: int = 0
    """How often a frame's time lies before its predecessor's."""
    largest_step_back: int = 0
    """ns."""
    damage: str | None = None
    interrupted: bool = False
    """The user stopped the reading; what was read by then is analysed."""

    @property
    def files(self) -> list[str]:
        """The files the capture consists of."""
        return [self.file]

    @property
    def formats(self) -> list[str]:
        """Their formats."""
        return [self.format]


class CaptureReader:
    """One pass over one capture.

    Args:
        stream: a binary stream, read from where it stands.
        name: for messages.
        strict: raise on damage instead of warning.
        mode: how to run the decoder, to begin with.

    Raises:
        CaptureError: the stream holds no capture.
    """

    def __init__(self, stream: BinaryIO, name: str, *, strict: bool = False, mode: Mode = PLAIN) -> None:
        self._stream = stream
        self._name = name
        self._strict = strict
        self._mode = mode
        self._buffer = bytearray(CHUNK)
        self._filled = 0
        self._consumed = 0
        self._ended = False
        self._fill(HEAD)
        if not self._filled and (trouble := getattr(stream, "trouble", None)):
            raise CaptureError(f"{name}: {trouble}; nothing of it could be read")
        self.format = sniff(bytes(self._buffer[: min(HEAD, self._filled)]), name)
        self.info = CaptureInfo(name, getattr(stream, "converted_from", None) or self.format.name)
        self._section = Section()
        self._decoder: Record = mode.records(DECODER, 1)[0]
        self._decoder.at = self.format.header
        self._decoder.big = int(self.format.big_endian)
        self._decoder.pcapng = int(self.format.pcapng)
        self._decoder.record_header = self.format.record_header
        self._decoder.nanoseconds = self.format.nanoseconds
        self._interfaces: Records = mode.records(INTERFACE, 8)
        self._links: set[int] = set()
        self._skips = mode.counters([0] * len(SKIP_REASONS))
        self._batch: Records = mode.records(PACKET, BATCH)
        if not self.format.pcapng:
            self._add_interface(link=self.format.link)

    @property
    def position(self) -> int:
        """Bytes of the input that are dealt with."""
        return self._consumed + int(self._decoder.at)

    def compile(self) -> None:
        """Go over to compiled kernels, between two batches."""
        self._mode = COMPILED
        decoder = as_array([self._decoder], DECODER, 1)
        self._decoder = decoder[0]
        self._interfaces = as_array(self._interfaces, INTERFACE, len(self._interfaces))
        self._skips = COMPILED.counters(self._skips)
        self._batch = COMPILED.records(PACKET, BATCH)

    def interrupt(self) -> None:
        """End the reading where it stands: what was read counts."""
        self.info.interrupted = True
        self._finish()

    def frame_bytes(self, row: Record) -> memoryview:
        """The captured bytes of a packet of the current batch; valid until the next one."""
        offset = int(row.offset)
        return memoryview(self._buffer)[offset : offset + int(row.caplen)]

    def batches(self) -> Iterator[tuple[Records, int]]:
        """Read to the end.

        Yields:
            A table of PACKET records, reused, and how many of them are filled. Rows marked NOT_TCP are to be passed over.

        Raises:
            CaptureError: the capture is damaged and ``strict`` was asked for.
        """
        decoder = self._decoder
        while True:
            decode = self._mode.kernel(headers.decode)
            decode(self._mode.buffer(self._buffer), self._filled, self._interfaces, self._batch, self._skips, decoder)
            stop = int(decoder.stop)
            if decoder.tails:
                self._decode_long_tail(int(decoder.rows))
            if decoder.rows:
                yield self._batch, int(decoder.rows)
                decoder = self._decoder
            if stop == headers.FULL:
                continue
            if stop == headers.MORE:
                if not self._more(int(decoder.need)):
                    break
            elif stop == headers.BLOCK:
                if not self._read_block():
                    break
            else:
                self._damaged(_DAMAGE[stop])
                break
        self._finish()

    def _more(self, need: int) -> bool:
        """Get the rest of the record at ``decoder.at``; False at the input's end."""
        at = int(self._decoder.at)
        left = self._filled - at
        self._buffer[:left] = self._buffer[at : self._filled]
        self._consumed += at
        self._filled = left
        self._decoder.at = 0
        self._fill(need)
        if self._filled >= need:
            return True
        trouble = getattr(self._stream, "trouble", None)  # of a decompressor
        if trouble:
            self._damaged(trouble)
        elif self._filled:
            self._damaged(f"its end: the file was cut inside a record, {need - self._filled} bytes are missing")
        return False

    def _fill(self, need: int) -> None:
        """Read until ``need`` bytes are there, or the input ends."""
        while len(self._buffer) < need and not self._ended:  # doubling: memory follows what is there, not what is claimed
            self._read_into(len(self._buffer))
            if self._filled == len(self._buffer):
                self._buffer = self._buffer + bytearray(len(self._buffer))
        self._read_into(max(need, 1) if need > self._filled else self._filled)

    def _read_into(self, enough: int) -> None:
        view = memoryview(self._buffer)
        while self._filled < enough and not self._ended:
            try:
                got = self._stream.readinto(view[self._filled :])  # type: ignore[attr-defined]
            except CaptureError:
                raise
            except Exception as error:  # a file object raises whatever it likes: OSError, ValueError, EOFError, zlib.error...
                reason = getattr(error, "strerror", None) or error
                raise CaptureError(f"{self._name}: reading failed at byte {self._consumed + self._filled:,}: {reason}") from error
            if got is None:
                raise CaptureError(f"{self._name}: a non-blocking stream; give one that waits for its data")
            if not got:
                self._ended = True
            else:
                self._filled += got

    def _decode_long_tail(self, rows: int) -> None:
        batch = self._batch
        marked = range(rows) if not self._mode.compiled else np.flatnonzero(batch["quality"][:rows] & LONG_TAIL).tolist()
        scratch = PLAIN.records(PACKET, 1)[0]
        for number in marked:
            row = batch[number]
            if not int(row.quality) & LONG_TAIL:
                continue
            scratch.quality = int(row.quality) & NO_TIME
            frame = bytes(self.frame_bytes(row))
            outcome = longtail.decode(frame, int(row.wirelen), int(row.link), scratch)
            if outcome != headers.TCP:
                self._skips[outcome] += 1
                row.quality = NOT_TCP
                continue
            for name in ("frame", "time", "offset", "caplen", "wirelen", "link"):
                setattr(scratch, name, int(getattr(row, name)))
            self._mode.assign(row, scratch)
            if not scratch.quality & NUMBERING_ONLY:
                self._decoder.tcp_frames = self._decoder.tcp_frames + 1
            else:
                self._skips[headers.NOT_TCP if scratch.quality & QUOTED else headers.MALFORMED] += 1

    def _read_block(self) -> bool:
        """Read a pcapng block that the kernel leaves to Python; False where the input ends or is damaged."""
        at = int(self._decoder.at)
        if self._filled - at < 28 and bytes(self._buffer[at : at + 4]) == b"\x0a\x0d\x0d\x0a":
            if not self._more(28):
                return False
            at = 0
        self._decoder.big = int(section_header(self._buffer, at, bool(self._decoder.big)))
        order: Order = "big" if self._decoder.big else "little"
        kind = int.from_bytes(self._buffer[at : at + 4], order)
        total = int.from_bytes(self._buffer[at + 4 : at + 8], order)
        problem = None
        if kind == headers.SECTION_HEADER and not is_byte_order_magic(self._buffer, at):
            problem = "a section header without its byte-order magic"
        elif total < (28 if kind == headers.SECTION_HEADER else 12) or total % 4 or total > headers.MAX_FRAME_BYTES:
            problem = _DAMAGE[headers.DAMAGED_LENGTH]
        if problem:
            self._damaged(problem)
            return False
        if self._filled - at < total:
            if not self._more(total):
                return False
            at = 0
        body = bytes(self._buffer[at + 8 : at + total - 4])
        if int.from_bytes(self._buffer[at + total - 4 : at + total], order) != total:
            problem = _DAMAGE[headers.DAMAGED_TRAILER]
        else:
            problem = self._take_block(kind, body, order)
        if problem:
            self._damaged(problem)
            return False
        self._decoder.at = at + total
        return True

    def _take_block(self, kind: int, body: bytes, order: Order) -> str | None:
        if kind == headers.SECTION_HEADER:
            self._section.close()
            self._decoder.interfaces = 0
        elif kind == headers.INTERFACE_DESCRIPTION:
            description = interface_description(body, order)
            if description is None:
                return "an interface description that cannot be read"
            self._add_interface(**description)
        else:
            interface_statistics(body, order, self._section, self._interfaces, int(self._decoder.interfaces))
        return None

    def _add_interface(self, link: int, snaplen: int = 0, units: int = 1_000_000, shift: int = 0, offset: int = 0) -> None:
        number = int(self._decoder.interfaces)
        if number == len(self._interfaces):
            self._interfaces = self._mode.grow(self._interfaces, INTERFACE, 2 * number)
        row = self._interfaces[number]
        row.link, row.snaplen, row.units, row.shift, row.offset = link, snaplen, units, shift, offset
        self._decoder.interfaces = number + 1
        self._links.add(link)

    def _damaged(self, what: str) -> None:
        frames = int(self._decoder.frames)
        message = (
            f"{self.info.file}: damaged after frame {frames:,}, at byte {self.position:,}: {what}; "
            f"the {frames:,} frames before it are analysed"
        )
        self.info.damage = message
        if self._strict:
            self._finish()
            raise CaptureError(message.split("; the ", 1)[0] + "; leave out strict to analyse what is before it")
        warnings.warn(message, CaptureWarning, stacklevel=4)

    def _finish(self) -> None:
        decoder, info = self._decoder, self.info
        info.frames, info.tcp_frames = int(decoder.frames), int(decoder.tcp_frames)
        info.link_types = [longtail.link_name(link) for link in sorted(self._links)]
        if decoder.timed:
            info.first_time, info.last_time = int(decoder.first_time), int(decoder.last_time)
            info.end_time = max([info.last_time, *self._section.ends])
        self._section.close()
        dropped = self._section.drops + int(decoder.drops)
        info.drops = dropped if self._section.reported or decoder.drops else None
        info.skipped = {SKIP_REASONS[i]: int(n) for i, n in enumerate(self._skips) if n}
        info.steps_back, info.largest_step_back = int(decoder.backwards), int(decoder.largest_step_back)
