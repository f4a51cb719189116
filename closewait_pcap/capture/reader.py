"""Reads a capture once, in chunks, and yields batches of packet columns.

pcap records and pcapng packet blocks are walked by the fast decoder; the rarer pcapng blocks are read in Python. Damage never
loses what is sound: the reading goes on behind it, with a warning that says where, or ends with an error where the caller asked
for ``strict``. Files that were put behind one another are read as one.
"""

from collections.abc import Generator, Iterator
from typing import BinaryIO

from closewait_pcap.capture import headers, longtail
from closewait_pcap.capture.completion import Completion, name_processes
from closewait_pcap.capture.descriptions import Descriptions
from closewait_pcap.capture.headers import DECODER, SKIP_REASONS, SLL2
from closewait_pcap.capture.info import SAID, CaptureInfo
from closewait_pcap.capture.names import Names
from closewait_pcap.capture.packets import FRAME_BITS, PACKET
from closewait_pcap.capture.pcapng import Order, is_byte_order_magic, section_header
from closewait_pcap.capture.recovery.damage import Damages
from closewait_pcap.capture.recovery.weighing import IMPOSSIBLE_LENGTH, Scales
from closewait_pcap.capture.sniff import HEAD, Format, header_of, sniff
from closewait_pcap.capture.window import CHUNK, Cursor, Window
from closewait_pcap.engine import COMPILED, PLAIN, Mode, Record, Records, as_array
from closewait_pcap.errors import CaptureError

BATCH = 4096
"""Packets in a batch: 4 % faster than 2048, and more gains nothing."""
STEP_BACK = 1_000_000_000
"""ns from which time that goes back is a clock that was set, and not the disorder of several interfaces or queues."""

_DAMAGE = {
    headers.DAMAGED_LENGTH: IMPOSSIBLE_LENGTH,
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
        self.number = number
        """Of this capture among those that are read together."""
        self._window.fill(HEAD)
        if self._window.failure:
            raise CaptureError(f"{name}: {self._window.failure}")
        if not self._window.filled and (trouble := self._window.trouble):
            raise CaptureError(f"{name}: {trouble}; nothing of it could be read")
        self._describe = getattr(stream, "describe", None)
        self.format = sniff(bytes(self._window.buffer[: min(HEAD, self._window.filled)]), name)
        self.info = CaptureInfo(name, getattr(stream, "converted_from", None) or self.format.name)
        self._damages = Damages(self.info, strict=strict, quiet=quiet)
        self._decoder: Record = mode.records(DECODER, 1)[0]
        self._decoder.frames = number << FRAME_BITS
        self._cursor = Cursor(self._window, self._decoder)
        self._described = Descriptions(mode, self.names)
        self._skips = mode.counters([0] * len(SKIP_REASONS))
        self._batch: Records = mode.records(PACKET, BATCH)
        self._completion = Completion(self.names)
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
        self._described.end_section(decoder)
        self._scales = Scales(self._cursor, file)
        if not file.pcapng:
            begin = int(decoder.at) + file.record_header
            self._window.fill(begin + 12)
            longtail.refuse_user_link(file.link, bytes(self._window.buffer[begin : begin + 12]), self.info.file)
            self._described.add_interface(decoder, link=file.link)

    @property
    def position(self) -> int:
        """Bytes of the input that are dealt with."""
        return self._cursor.position

    @property
    def _frames(self) -> int:
        """Frames seen so far."""
        return int(self._decoder.frames) - (self.number << FRAME_BITS)

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
        self._decoder = self._cursor.decoder = decoder[0]
        self._described.compile()
        self._skips = COMPILED.counters(self._skips)
        self._batch = COMPILED.records(PACKET, BATCH)

    def frame(self, offset: int, caplen: int) -> bytes:
        """Give the captured bytes of a frame of the batch in hand.

        Args:
            offset: as in the PACKET record.
            caplen: likewise.

        Returns:
            The frame, from its link layer's header on.
        """
        return bytes(self._window.buffer[offset : offset + caplen])

    def interrupt(self) -> None:
        """End the reading where it stands: what was read counts."""
        self.info.interrupted = True
        self._finish()

    def batches(self) -> Generator[tuple[Records, int]]:
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
            mode, window, decoder, batch, skips = self._mode, self._window, self._decoder, self._batch, self._skips
            decode = mode.kernel(headers.decode)
            decode(mode.buffer(window.buffer), window.filled, self._described.interfaces, batch, skips, decoder)
            self._damages.end_hole(decoder)
            stop, rows = int(decoder.stop), int(decoder.rows)
            if decoder.tails:
                self._completion.decode_long_tail(mode, batch, rows, window.buffer, skips, decoder)
            if SLL2 in self._described.links:
                self._completion.name_interfaces(mode, batch, rows)
            if self._described.processes:
                name_processes(mode, batch, rows, self._described.processes)
            yield rows
            if stop != headers.FULL:
                goes_on = self._more(int(self._decoder.need)) if stop == headers.MORE else self._look(stop)
        self._finish()

    def _look(self, stop: int) -> bool:
        """Deal with what the decoder cannot; False where the reading ends."""
        if stop == headers.BLOCK:
            return self._read_block()
        if stop == headers.DOUBTFUL:
            problem = self._scales.weigh()
            return problem is None or self._damaged(problem)
        if stop == headers.JOINED:
            if not self._join():
                self._decoder.trusted = self._decoder.at
            return True
        return self._damaged(_DAMAGE[stop])

    def _more(self, need: int) -> bool:
        """Get the rest of the record at ``decoder.at``; False at the input's end."""
        if self._cursor.get(need):
            return True
        return self._cut(need) if self._scales.is_cut() else self._damaged(IMPOSSIBLE_LENGTH)

    def _read_block(self) -> bool:
        """Read a pcapng block that the kernel leaves to Python; False where the input ends or is damaged."""
        decoder = self._decoder
        if not self._cursor.get(12):
            return self._cut(12)
        at = int(decoder.at)
        if bytes(self._window.buffer[at : at + 4]) == b"\x0a\x0d\x0d\x0a" and not self._cursor.get(28):
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
            problem = IMPOSSIBLE_LENGTH
        if problem:
            return self._damaged(problem)
        if not self._cursor.get(total):
            return self._more(total)
        at, buffer = int(decoder.at), self._window.buffer
        body = bytes(buffer[at + 8 : at + total - 4])
        if int.from_bytes(buffer[at + total - 4 : at + total], order) != total:
            problem = _DAMAGE[headers.DAMAGED_TRAILER]
        else:
            problem = self._described.take_block(decoder, kind, body, order)
        if problem:
            return self._damaged(problem)
        decoder.at = at + total
        return True

    def _join(self) -> bool:
        """Read on by the header of another file, where one begins here."""
        self._cursor.get(HEAD)
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

    def _damaged(self, what: str) -> bool:
        """Go on behind a damage; False where nothing follows."""
        if self._join():
            return True
        decoder = self._decoder
        frames, begin, file_begin = self._frames, self.position, self._cursor.begin
        self._damages.refuse(frames, begin, what)
        found = self._scales.search()
        self._described.lose_count()
        skipped = self.position - begin
        after = f"{skipped:,} bytes skipped, reading goes on at byte {self.position:,}"
        if found is None:
            after = f"nothing plausible follows in the remaining {skipped:,} bytes; the {frames:,} frames before it are analysed"
        elif skipped < 0:
            skipped = self.position - file_begin
            after = f"the frames before that are of another time than all others; reading goes back to byte {self.position:,}"
        self._damages.say(frames, begin, what, after)
        self._damages.begin_hole(decoder, skipped)
        if found is None:
            return self._cut(0)
        if found.format is not None and not (found.format.pcapng and self.format.pcapng):
            self._note_file(found.format, self.position)
            self._begin_file(found.format)
        return True

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
        info.link_types = [longtail.link_name(link) for link in sorted(self._described.links)]
        info.untimed = int(decoder.untimed)
        info.drops = self._described.drops(decoder)
        self._described.end_section(decoder)
        if decoder.timed:
            info.first_time, info.last_time = int(decoder.first_time), int(decoder.last_time)
            info.end_time = max([info.last_time, *self._described.ends])
            told = self._described.told_end
            newest = int(decoder.previous_time)
            # a time far from all frames is no end of theirs
            if told is not None and abs(told - info.last_time) < headers.NEAR_NS:
                newest = told
                info.pauses, info.watched = self._described.pauses, self._described.watched
            if info.last_time - newest >= STEP_BACK:  # spans up to the latest time would be too long by the step
                info.end_time = newest
        info.skipped = {SKIP_REASONS[i]: int(n) for i, n in enumerate(self._skips) if n}
        info.fragments_incomplete, info.flannel = self._completion.fragments.incomplete, int(decoder.flannel)
        info.steps_back, info.largest_step_back = int(decoder.backwards), int(decoder.largest_step_back)
        info.longest_pause = int(decoder.longest_pause)
        if self._joined > SAID:
            info.joined.append(f"{info.file}: {self._joined - SAID:,} more files begin after these")
        if self._describe is not None:  # of packets that were printed as text
            self._describe(info)
