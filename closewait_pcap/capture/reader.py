"""Reads a capture once, in chunks, and yields batches of packet columns.

pcap records and pcapng packet blocks are walked by the fast decoder; the rarer pcapng blocks (section headers, interface
descriptions, statistics) are read here. Damage never loses what is sound: the reading goes on behind it, with a warning that says
where, or ends with an error where the caller asked for ``strict``. Files that were put behind one another are read as one.
"""

import struct
from collections import Counter
from collections.abc import Generator, Iterator
from typing import BinaryIO

import numpy as np

from closewait_pcap.capture import headers, longtail
from closewait_pcap.capture.fragments import Fragments
from closewait_pcap.capture.headers import DECODER, INTERFACE, SKIP_REASONS, SLL2
from closewait_pcap.capture.info import SAID, CaptureInfo
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
from closewait_pcap.capture.recovery.damage import Damages
from closewait_pcap.capture.recovery.plausible import LONGEST, Blocks, Bytes, Grammar, Limits, Records, limits_of
from closewait_pcap.capture.recovery.resync import LOOKAHEAD, Found, continues, find
from closewait_pcap.capture.sniff import HEAD, Format, header_of, sniff
from closewait_pcap.capture.window import CHUNK, Window
from closewait_pcap.engine import COMPILED, PLAIN, Mode, Record, as_array
from closewait_pcap.engine import Records as Table
from closewait_pcap.errors import CaptureError

BATCH = 4096
"""Packets in a batch: 4 % faster than 2048, and more gains nothing."""
MOST_INTERFACES = 1 << 16
"""Interfaces kept of a section: a few bytes of a compressed file may describe many millions. Packets of more are damage."""
HABIT = 16
"""What is odd so often, and yet followed by a sound record, is how this file's writer does it, and no longer looked at."""
STEP_BACK = 1_000_000_000
"""ns from which time that goes back is a clock that was set, and not the disorder of several interfaces or queues."""

_LEFT_FOR_PYTHON = (
    "seq", "ack", "len", "window", "srcport", "vlan", "interface", "process", "tunnel", "tunnel_id",
    "outer_src_hi", "outer_src_lo", "outer_dst_hi", "outer_dst_lo",
)  # fmt: skip
"""What of a row marked LONG_TAIL means something: where to go on, and what is known of the way there."""
_DAMAGE = {
    headers.DAMAGED_LENGTH: "an impossible length",
    headers.DAMAGED_INTERFACE: "a packet of an interface that was never described",
    headers.DAMAGED_TRAILER: "a block whose two lengths differ",
    headers.DAMAGED_ZEROS: "zeros in place of a record",
}


class CaptureReader:
    """One pass over one capture.

    Args:
        stream: a binary stream, read from where it stands.
        name: for messages.
        strict: raise on damage instead of warning.
        mode: how to run the decoder, to begin with.
        number: of this capture among those that are read together.
        names: what the numbers in the columns ``interface`` and ``process`` stand for; to be given where several captures are to
            share one table.
        quiet: do not warn of damage; `info` still tells.
        chunk: bytes read at once.

    Raises:
        CaptureError: the stream cannot be read, or holds no capture, or one of a link type that only its author knows.
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
        self._window = Window(stream, name, chunk)
        self._mode = mode
        self._number = number
        self._window.fill(HEAD)
        if self._window.failure:
            raise CaptureError(f"{name}: {self._window.failure}")
        if not self._window.filled and (trouble := self._window.trouble):
            raise CaptureError(f"{name}: {trouble}; nothing of it could be read")
        self.format = sniff(bytes(self._window.buffer[: min(HEAD, self._window.filled)]), name)
        self.info = CaptureInfo(name, getattr(stream, "converted_from", None) or self.format.name)
        self._strict = strict
        self._damages = Damages(self.info, strict=strict, quiet=quiet)
        self._section = Section()
        self._decoder: Record = mode.records(DECODER, 1)[0]
        self._decoder.frames = number << FRAME_BITS
        self._interfaces: Table = mode.records(INTERFACE, 8)
        self._links: set[int] = set()
        self._skips = mode.counters([0] * len(SKIP_REASONS))
        self._batch: Table = mode.records(PACKET, BATCH)
        self._fragments = Fragments()
        self._joined = 0
        self._begin_file(self.format)

    def _begin_file(self, file: Format) -> None:
        """Read from ``decoder.at`` on by the header that is there."""
        self.format = file
        decoder = self._decoder
        decoder.at = decoder.at + file.header
        decoder.big = int(file.big_endian)
        decoder.pcapng = int(file.pcapng)
        decoder.record_header = file.record_header
        decoder.nanoseconds = file.nanoseconds
        decoder.interfaces = 0
        decoder.trusted = -1
        self._before_file = int(decoder.frames)
        self._odd: Counter[str] = Counter()
        if not file.pcapng:
            self._refuse_user_link(file)
            decoder.longest, decoder.excess, decoder.fractions = limits_of(file)
            self._add_interface(link=file.link)

    @property
    def position(self) -> int:
        """Bytes of the input that are dealt with."""
        return self._window.passed + int(self._decoder.at)

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
        return memoryview(self._window.buffer)[offset : offset + int(row.caplen)]

    def batches(self) -> Generator[tuple[Table, int]]:
        """Read to the end.

        Yields:
            A table of PACKET records, reused, and how many of them are filled. Rows marked NOT_TCP are to be passed over.

        Raises:
            CaptureError: the capture is damaged and ``strict`` was asked for, or reading failed before the first frame.
        """
        for rows in self._steps():
            if rows:
                yield self._batch, rows

    def _steps(self) -> Iterator[int]:
        """Decode step by step; yields how many rows of the batch are filled after each."""
        goes_on = True
        while goes_on:
            decode, window, decoder = self._mode.kernel(headers.decode), self._window, self._decoder
            decode(self._mode.buffer(window.buffer), window.filled, self._interfaces, self._batch, self._skips, decoder)
            self._damages.end_hole(decoder)
            stop = int(decoder.stop)
            if decoder.tails:
                self._decode_long_tail(int(decoder.rows))
            if SLL2 in self._links:
                self._name_interfaces(int(decoder.rows))
            yield int(decoder.rows)
            if stop != headers.FULL:
                goes_on = self._more(int(self._decoder.need)) if stop == headers.MORE else self._look(stop)
        self._finish()

    def _refuse_user_link(self, file: Format) -> None:
        """Refuse a link type that only its author knows."""
        begin = int(self._decoder.at) + file.record_header
        self._window.fill(begin + 12)
        if file.link in longtail.USER_LINKS and not longtail.is_pktap(bytes(self._window.buffer[begin : begin + 12])):
            raise CaptureError(
                f"{self.info.file}: link type {file.link}, {longtail.link_name(file.link)}: only who made the capture "
                "knows what it holds; if that is Ethernet: editcap -T ether FILE out.pcap"
            )

    def _look(self, stop: int) -> bool:
        """Deal with what the decoder cannot; False where the reading ends."""
        if stop == headers.BLOCK:
            return self._read_block()
        if stop == headers.DOUBTFUL:
            return self._weigh()
        if stop == headers.JOINED:
            if not self._join():
                self._decoder.trusted = self._decoder.at
            return True
        return self._damaged(_DAMAGE[stop])

    def _get(self, need: int) -> bool:
        """Get so many bytes from ``decoder.at`` on; False where the input ends before."""
        if self._window.filled - int(self._decoder.at) < need:
            self._drop(int(self._decoder.at))
            return self._window.fill(need)
        return True

    def _drop(self, count: int) -> None:
        """Forget the buffer's first bytes."""
        decoder = self._decoder
        self._window.drop(count)
        decoder.at = max(int(decoder.at) - count, 0)
        decoder.trusted = max(int(decoder.trusted) - count, -1)

    def _data(self) -> Bytes:
        return np.frombuffer(self._window.buffer, np.uint8, self._window.filled)

    def _more(self, need: int) -> bool:
        """Get the rest of the record at ``decoder.at``; False at the input's end."""
        if self._get(need):
            return True
        doubtful = self._grammar().is_doubtful(self._data(), int(self._decoder.at)) and self._goes_on()
        return self._damaged(_DAMAGE[headers.DAMAGED_LENGTH]) if doubtful else self._cut(need)

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
        decoder = self._decoder
        if not self._get(12):
            return self._cut(12)
        at = int(decoder.at)
        if bytes(self._window.buffer[at : at + 4]) == b"\x0a\x0d\x0d\x0a" and not self._get(28):
            return self._cut(28)
        at, buffer = int(decoder.at), self._window.buffer
        decoder.big = int(section_header(buffer, at, bool(decoder.big)))
        order: Order = "big" if decoder.big else "little"
        kind = int.from_bytes(buffer[at : at + 4], order)
        total = int.from_bytes(buffer[at + 4 : at + 8], order)
        problem = None
        if kind == headers.SECTION_HEADER and not is_byte_order_magic(buffer, at):
            problem = "a section header without its byte-order magic"
        elif total < (28 if kind == headers.SECTION_HEADER else 12) or total % 4 or total > headers.MAX_FRAME_BYTES:
            problem = _DAMAGE[headers.DAMAGED_LENGTH]
        if problem:
            return self._damaged(problem)
        if not self._get(total):
            return self._more(total)
        at, buffer = int(decoder.at), self._window.buffer
        body = bytes(buffer[at + 8 : at + total - 4])
        if int.from_bytes(buffer[at + total - 4 : at + total], order) != total:
            problem = _DAMAGE[headers.DAMAGED_TRAILER]
        else:
            problem = self._take_block(kind, body, order)
        if problem:
            return self._damaged(problem)
        decoder.at = at + total
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
        if number == MOST_INTERFACES:
            return
        if number == len(self._interfaces):
            self._interfaces = self._mode.grow(self._interfaces, INTERFACE, 2 * number)
        row = self._interfaces[number]
        row.link, row.snaplen, row.units, row.shift, row.offset = link, snaplen, units, shift, offset
        row.name = self.names.number(name)
        self._decoder.interfaces = number + 1
        self._links.add(link)

    def _join(self) -> bool:
        """Read on by the header of another file, where one begins here."""
        self._get(HEAD)
        at, place = int(self._decoder.at), self.position
        file = header_of(bytes(self._window.buffer[at : min(at + HEAD, self._window.filled)]))
        if file is None or (file.pcapng and self.format.pcapng):  # a section is no other file
            return False
        self._note_file(file, place)
        self._begin_file(file)
        return True

    def _note_file(self, file: Format, place: int) -> None:
        self._joined += 1
        if self._joined <= SAID:
            self.info.joined.append(f"{self.info.file}: another {file.name} file begins at byte {place:,}")
        self._section.close()

    def _grammar(self) -> Grammar:
        """What plausible headers look like, as things stand."""
        decoder = self._decoder
        if decoder.pcapng:
            return Blocks(big=bool(decoder.big), interfaces=int(decoder.interfaces))
        limits = Limits(int(decoder.longest), int(decoder.excess), int(decoder.fractions))
        known = decoder.frames - self._before_file >= 2  # a damaged first record must not say what times are plausible
        near = int(decoder.previous_time) if known else None
        return Records(self.format, limits, near=near, untimed=decoder.untimed > 0)

    def _damaged(self, what: str) -> bool:
        """Go on behind a damage; False where nothing follows."""
        if self._join():
            return True
        decoder = self._decoder
        frames, begin = self._frames, self.position
        self._damages.refuse(frames, begin, what)
        found = self._search()
        skipped = self.position - begin
        after = f"{skipped:,} bytes skipped, reading goes on at byte {self.position:,}"
        if found is None:
            after = f"nothing plausible follows in the remaining {skipped:,} bytes; the {frames:,} frames before it are analysed"
        self._damages.say(frames, begin, what, after)
        self._damages.begin_hole(decoder, skipped)
        if found is None:
            return self._cut(0)
        if found.format is not None and not (found.format.pcapng and self.format.pcapng):
            self._note_file(found.format, self.position)
            self._begin_file(found.format)
        return True

    def _search(self) -> Found | None:
        """Go to where the capture goes on, or to the input's end."""
        grammar, window, begin = self._grammar(), self._window, int(self._decoder.at) + 1
        while True:
            if not window.ended and window.filled - begin < LOOKAHEAD + 1:
                self._drop(begin)
                begin = 0
                window.fill(2 * LOOKAHEAD)
            found = find(self._data(), begin, grammar, ended=window.ended)
            if isinstance(found, Found):
                self._decoder.at, self._decoder.trusted = found.at, -1 if found.format else found.at
                return found
            self._decoder.at = begin = found
            if window.ended and begin >= window.filled:
                return None

    def _goes_on(self) -> bool:
        """Whether the capture goes on somewhere in what is left of the input, all of which is in the buffer."""
        return isinstance(find(self._data(), int(self._decoder.at) + 1, self._grammar(), ended=True), Found)

    def _weigh(self) -> bool:
        """Hold a doubtful record against the one behind it: believe it, or take it for damage."""
        decoder, size = self._decoder, int(self._decoder.record_header)
        order = ">" if decoder.big else "<"
        seconds, fraction, caplen, wirelen = struct.unpack_from(order + "IIII", self._window.buffer, int(decoder.at))
        if not self._get(size + caplen):
            return self._damaged(_DAMAGE[headers.DAMAGED_LENGTH]) if self._goes_on() else self._cut(size + caplen)
        self._get(3 * size + caplen + LONGEST)
        odd = {
            "longest": caplen > decoder.longest,
            "excess": caplen - wirelen > decoder.excess or wirelen == 0,
            "fractions": fraction >= decoder.fractions,
        }
        behind = int(decoder.at) + size + caplen
        if not self._is_followed(behind, seconds * 1_000_000_000, odd):
            return self._damaged(_DAMAGE[headers.DAMAGED_LENGTH] if any(odd.values()) else "an impossible time")
        decoder.trusted = decoder.at
        self._odd.update(name for name, is_odd in odd.items() if is_odd)
        for name in odd:
            if self._odd[name] == HABIT:
                setattr(decoder, name, headers.MAX_OFFSET)
        return True

    def _is_followed(self, behind: int, own: int, odd: dict[str, bool]) -> bool:
        """Whether sound records follow a doubtful one of the time ``own``."""
        data, ended, grammar = self._data(), self._window.ended, self._grammar()
        assert isinstance(grammar, Records)
        grammar.tolerate(**odd)  # where it is the writer's habit, the next one is as odd
        if continues(data, behind, grammar, int(self._decoder.previous_time) or None, ended=ended):
            return True
        if any(odd.values()):
            return continues(data, behind, grammar, own, ended=ended)
        # the clock was set, or it is a capture of a frame a month: two must follow, of which the first is no earlier
        grammar.near = own + 1_000_000_000
        if behind + grammar.header > len(data):
            return ended
        then = grammar.next(data, behind, None) if grammar.is_after(data, behind) else -1
        return then >= 0 and continues(data, then, grammar, None, ended=ended)

    def _cut(self, need: int) -> bool:
        """End the reading, with a sentence where the input ends too early."""
        frames, left = self._frames, self._window.filled - int(self._decoder.at)
        what = self._window.trouble  # of a decompressor
        if not what and left:
            what = f"its end: the file was cut inside a record, {need - left} bytes are missing"
        if self._window.failure and not frames:  # a file that was cut may have none; of a medium that fails, say just that
            raise CaptureError(f"{self.info.file}: {self._window.failure}")
        if what:
            self._damages.say(frames, self.position, what, f"the {frames:,} frames before it are analysed")
        return False

    def _finish(self) -> None:
        decoder, info = self._decoder, self.info
        self._damages.finish(decoder)
        info.frames, info.tcp_frames = self._frames, int(decoder.tcp_frames)
        info.link_types = [longtail.link_name(link) for link in sorted(self._links)]
        info.untimed = int(decoder.untimed)
        if decoder.timed:
            info.first_time, info.last_time = int(decoder.first_time), int(decoder.last_time)
            info.end_time = max([info.last_time, *self._section.ends])
            if info.last_time - decoder.previous_time >= STEP_BACK:  # spans up to the latest time would be too long by the step
                info.end_time = int(decoder.previous_time)
        self._section.close()
        dropped = self._section.drops + int(decoder.drops)
        info.drops = dropped if self._section.reported or decoder.drops else None
        info.skipped = {SKIP_REASONS[i]: int(n) for i, n in enumerate(self._skips) if n}
        info.fragments_incomplete, info.flannel = self._fragments.incomplete, int(decoder.flannel)
        info.steps_back, info.largest_step_back = int(decoder.backwards), int(decoder.largest_step_back)
        info.longest_pause = int(decoder.longest_pause)
        if self._joined > SAID:
            info.joined.append(f"{info.file}: {self._joined - SAID:,} more files begin after these")
