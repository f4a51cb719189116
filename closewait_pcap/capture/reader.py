"""Reads a capture once, in chunks, and yields batches of packet columns.

pcap records and pcapng packet blocks are walked by the fast decoder; the rarer pcapng blocks (section headers, interface
descriptions, statistics) are read here. Damage never loses what was read before it: it ends the reading with a warning that says
where, or with an error where the caller asked for ``strict``.
"""

import warnings
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from closewait_pcap.capture import headers, longtail
from closewait_pcap.capture.fragments import Fragments
from closewait_pcap.capture.headers import DECODER, INTERFACE, SKIP_REASONS, SLL2
from closewait_pcap.capture.names import Names
from closewait_pcap.capture.packets import FLANNEL, FRAME_BITS, LONG_TAIL, NOT_TCP, NUMBERING_ONLY, PACKET, QUOTED
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

_LEFT_FOR_PYTHON = (
    "seq", "ack", "len", "window", "srcport", "vlan", "interface", "process", "tunnel", "tunnel_id",
    "outer_src_hi", "outer_src_lo", "outer_dst_hi", "outer_dst_lo",
)  # fmt: skip
"""What of a row marked LONG_TAIL means something: where to go on, and what is known of the way there."""

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
    longest_pause: int = 0
    """ns between two frames."""
    fragments_incomplete: int = 0
    """Fragmented datagrams that may hold TCP and of which some part is not in the capture."""
    flannel: int = 0
    """TCP frames in VXLAN on port 8472, which tshark does not decode by default."""
    damage: str | None = None
    interrupted: bool = False
    """The user stopped the reading; what was read by then is analysed."""
    parts: "list[CaptureInfo]" = field(default_factory=list)
    """The files that were read together, in the order of their first times; none where this is a single file."""

    @property
    def files(self) -> list[str]:
        """The files the capture consists of: in tables, a file is known by its place here."""
        return [part.file for part in self.parts or [self]]

    @property
    def formats(self) -> list[str]:
        """Their formats."""
        return [part.format for part in self.parts or [self]]


def combine(parts: list[CaptureInfo]) -> CaptureInfo:
    """Describe captures that were read together as one.

    Args:
        parts: at least one, in the order of their first times.

    Returns:
        Sums, spans and unions; the very same where there is but one.
    """
    if len(parts) == 1:
        return parts[0]

    def known(name: str) -> list[int]:
        return [value for part in parts if (value := getattr(part, name)) is not None]

    return CaptureInfo(
        file=f"{parts[0].file} ... {parts[-1].file} ({len(parts)} files)",
        format=", ".join(sorted({part.format for part in parts})),
        link_types=sorted({name for part in parts for name in part.link_types}),
        frames=sum(part.frames for part in parts),
        tcp_frames=sum(part.tcp_frames for part in parts),
        first_time=min(known("first_time"), default=None),
        last_time=max(known("last_time"), default=None),
        end_time=max(known("end_time"), default=None),
        drops=sum(known("drops")) if known("drops") else None,
        skipped=dict(sum((Counter(part.skipped) for part in parts), Counter())),
        steps_back=sum(part.steps_back for part in parts),
        largest_step_back=max(part.largest_step_back for part in parts),
        longest_pause=max(part.longest_pause for part in parts),
        fragments_incomplete=sum(part.fragments_incomplete for part in parts),
        flannel=sum(part.flannel for part in parts),
        damage="; ".join(part.damage for part in parts if part.damage) or None,
        interrupted=any(part.interrupted for part in parts),
        parts=parts,
    )


class CaptureReader:
    """One pass over one capture.

    Args:
        stream: a binary stream, read from where it stands.
        name: for messages.
        strict: raise on damage instead of warning.
        mode: how to run the decoder, to begin with.
        number: of this capture among those that are read together.
        quiet: do not warn of damage; `info` still tells.
        chunk: bytes read at once.
        names: what the numbers in the columns ``interface`` and ``process`` stand for; to be given where several captures are to
            share one table.

    Raises:
        CaptureError: the stream holds no capture, or one of a link type that only its author knows.
    """

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        *,
        strict: bool = False,
        mode: Mode = PLAIN,
        number: int = 0,
        names: Names | None = None,
        quiet: bool = False,
        chunk: int = CHUNK,
    ) -> None:
        self.names = Names() if names is None else names
        self._stream = stream
        self._name = name
        self._strict = strict
        self._mode = mode
        self._number = number
        self._quiet = quiet
        self._buffer = bytearray(chunk)
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
        self._decoder.frames = number << FRAME_BITS
        self._decoder.big = int(self.format.big_endian)
        self._decoder.pcapng = int(self.format.pcapng)
        self._decoder.record_header = self.format.record_header
        self._decoder.nanoseconds = self.format.nanoseconds
        self._interfaces: Records = mode.records(INTERFACE, 8)
        self._links: set[int] = set()
        self._skips = mode.counters([0] * len(SKIP_REASONS))
        self._batch: Records = mode.records(PACKET, BATCH)
        self._fragments = Fragments()
        if not self.format.pcapng:
            if self.format.link in longtail.USER_LINKS and not longtail.is_pktap(self._first_bytes(12)):
                raise CaptureError(
                    f"{name}: link type {self.format.link}, {longtail.link_name(self.format.link)}: only who made the capture "
                    "knows what it holds; if that is Ethernet: editcap -T ether FILE out.pcap"
                )
            self._add_interface(link=self.format.link)

    @property
    def position(self) -> int:
        """Bytes of the input that are dealt with."""
        return self._consumed + int(self._decoder.at)

    @property
    def _frames(self) -> int:
        """Frames seen so far."""
        return int(self._decoder.frames) - (self._number << FRAME_BITS)

    def first_time(self) -> int | None:
        """Read until a frame has a time.

        Returns:
            ns since the epoch; None where no frame has one.
        """
        self._batch = self._mode.records(PACKET, 1)  # not one frame more than need be
        for _ in self._steps():
            if self._decoder.timed:
                return int(self._decoder.first_time)
        return None

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

    def batches(self) -> Generator[tuple[Records, int]]:
        """Read to the end.

        Yields:
            A table of PACKET records, reused, and how many of them are filled. Rows marked NOT_TCP are to be passed over.

        Raises:
            CaptureError: the capture is damaged and ``strict`` was asked for.
        """
        for rows in self._steps():
            if rows:
                yield self._batch, rows

    def _steps(self) -> Iterator[int]:
        """Decode step by step; yields how many rows of the batch are filled after each."""
        while True:
            decode = self._mode.kernel(headers.decode)
            decode(self._mode.buffer(self._buffer), self._filled, self._interfaces, self._batch, self._skips, self._decoder)
            stop = int(self._decoder.stop)
            if self._decoder.tails:
                self._decode_long_tail(int(self._decoder.rows))
            if SLL2 in self._links:
                self._name_interfaces(int(self._decoder.rows))
            yield int(self._decoder.rows)
            if stop == headers.FULL:
                continue
            if stop == headers.MORE:
                if not self._more(int(self._decoder.need)):
                    break
            elif stop == headers.BLOCK:
                if not self._read_block():
                    break
            else:
                self._damaged(_DAMAGE[stop])
                break
        self._finish()

    def _first_bytes(self, count: int) -> bytes:
        """The begin of the first frame (pcap)."""
        begin = self.format.header + self.format.record_header
        self._fill(begin + count)
        return bytes(self._buffer[begin : min(begin + count, self._filled)])

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
            scratch.quality = int(row.quality) & ~LONG_TAIL
            for name in _LEFT_FOR_PYTHON:
                setattr(scratch, name, int(getattr(row, name)))
            outcome = longtail.decode(bytes(self.frame_bytes(row)), scratch, self._fragments, self.names)
            if outcome != headers.TCP:
                self._skips[outcome] += 1
                row.quality = NOT_TCP
                continue
            for name in ("frame", "time", "offset", "caplen", "wirelen", "link"):
                setattr(scratch, name, int(getattr(row, name)))
            self._mode.assign(row, scratch)
            if not scratch.quality & NUMBERING_ONLY:
                self._decoder.tcp_frames = self._decoder.tcp_frames + 1
                self._decoder.flannel = self._decoder.flannel + (scratch.quality & FLANNEL != 0)
            else:
                self._skips[headers.NOT_TCP if scratch.quality & QUOTED else headers.MALFORMED] += 1

    def _name_interfaces(self, rows: int) -> None:
        """Give Linux cooked v2's interface numbers, which the decoder leaves as negative ones, their place among the names."""
        if self._mode.compiled:
            column = self._batch["interface"][:rows]
            for index in np.unique(column[column < 0]).tolist():
                column[column == index] = self.names.number(f"ifindex {-index}")
            return
        for row in self._batch[:rows]:
            if row.interface < 0:
                row.interface = self.names.number(f"ifindex {-row.interface}")

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

    def _add_interface(
        self, link: int, snaplen: int = 0, units: int = 1_000_000, shift: int = 0, offset: int = 0, name: str = ""
    ) -> None:
        number = int(self._decoder.interfaces)
        if number == len(self._interfaces):
            self._interfaces = self._mode.grow(self._interfaces, INTERFACE, 2 * number)
        row = self._interfaces[number]
        row.link, row.snaplen, row.units, row.shift, row.offset = link, snaplen, units, shift, offset
        row.name = self.names.number(name)
        self._decoder.interfaces = number + 1
        self._links.add(link)

    def _damaged(self, what: str) -> None:
        frames = self._frames
        message = (
            f"{self.info.file}: damaged after frame {frames:,}, at byte {self.position:,}: {what}; "
            f"the {frames:,} frames before it are analysed"
        )
        self.info.damage = message
        if self._strict:
            self._finish()
            raise CaptureError(message.split("; the ", 1)[0] + "; leave out strict to analyse what is before it")
        if not self._quiet:
            warnings.warn(message, CaptureWarning, stacklevel=6)

    def _finish(self) -> None:
        decoder, info = self._decoder, self.info
        info.frames, info.tcp_frames = self._frames, int(decoder.tcp_frames)
        info.link_types = [longtail.link_name(link) for link in sorted(self._links)]
        if decoder.timed:
            info.first_time, info.last_time = int(decoder.first_time), int(decoder.last_time)
            info.end_time = max([info.last_time, *self._section.ends])
        self._section.close()
        dropped = self._section.drops + int(decoder.drops)
        info.drops = dropped if self._section.reported or decoder.drops else None
        info.skipped = {SKIP_REASONS[i]: int(n) for i, n in enumerate(self._skips) if n}
        info.fragments_incomplete, info.flannel = self._fragments.incomplete, int(decoder.flannel)
        info.steps_back, info.largest_step_back = int(decoder.backwards), int(decoder.largest_step_back)
        info.longest_pause = int(decoder.longest_pause)
