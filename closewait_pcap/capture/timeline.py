"""One or several captures as one timeline: their packets in the order in which mergecap would write them.

Files are read in the order of their first times, and side by side only while they overlap. Where several have a packet to offer,
the one whose time is earliest comes first (that of the file named last, where two are equal), as in mergecap; so flows have the
numbers that Wireshark gives them in the merged file. A file in which time goes backwards keeps its own order.
"""

import os
import warnings
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import numpy as np

from closewait_pcap import engine
from closewait_pcap.capture.names import Names
from closewait_pcap.capture.packets import FRAME_BITS, PACKET
from closewait_pcap.capture.reader import CaptureReader
from closewait_pcap.capture.sources.opening import CaptureSource, is_rereadable, open_source
from closewait_pcap.engine import COMPILED, PLAIN, Mode, Records, as_array
from closewait_pcap.errors import CaptureError, CaptureWarning, NoPackets

if TYPE_CHECKING:
    from closewait_pcap.capture.info import CaptureInfo

_PEEK = 1 << 16
"""Bytes read at once of a file to see when it begins."""
_AT_ONCE = -1 << 63
"""Before any time: what cannot be looked at first is opened first."""
Values = np.ndarray[Any, np.dtype[np.int64]]
Batch = tuple[Records, int]
"""PACKET records, and how many of them are filled."""


@dataclass
class _Part:
    """One capture of the timeline."""

    source: CaptureSource
    place: int
    """Among the captures as they were named."""
    alone: bool
    begin: int = 0
    """Where the capture begins in a file object."""
    first_time: int = _AT_ONCE
    """ns since the epoch; of a stream that can be read but once, and where no frame has a time: `_AT_ONCE`."""
    size: int | None = None
    at_least: int = 0

    def rewind(self) -> None:
        """Go back to the beginning of a file object."""
        if not isinstance(self.source, (str, os.PathLike)) and is_rereadable(self.source):
            self.source.seek(self.begin)


class _Lane:
    """A capture that is being read: its reader, and those packets of its current batch that have not had their turn."""

    def __init__(self, reader: CaptureReader, place: int, stack: ExitStack) -> None:
        self.reader = reader
        self.place = place
        self._stack = stack
        self._batches = reader.batches()
        self._rows: Records = None
        self._at = self._count = 0
        self._keys: Values | None = None
        self._latest = _AT_ONCE

    def refill(self) -> bool:
        """Make sure that there is a packet; False at the capture's end."""
        if self._at == self._count:
            self._rows, self._count = next(self._batches, (None, 0))
            self._at, self._keys = 0, None
        return self._count > 0

    def close(self) -> int:
        """Close the capture; tells how many of its bytes were dealt with."""
        self._batches.close()
        self._stack.close()
        return self.reader.position

    def compile(self) -> None:
        """Go over to compiled kernels."""
        self.reader.compile()
        if self._rows is not None:
            self._rows = as_array(self._rows, PACKET, self._count)

    @property
    def keys(self) -> Values:
        """What the packets in hand are merged by: the latest time so far in their file."""
        if self._keys is None:
            rows = self._rows[: self._count]
            times = rows["time"] if isinstance(rows, np.ndarray) else np.array([row.time for row in rows], np.int64)
            self._keys = np.maximum(np.maximum.accumulate(times), self._latest)
            self._latest = int(self._keys[-1])
        return self._keys[self._at :]

    def take(self, count: int) -> Records:
        """Hand out some packets."""
        self._at += count
        return self._rows[self._at - count : self._at]

    def take_before(self, limit: int | None) -> Batch:
        """Hand out the packets before a time; None: all there are in hand."""
        count = self._count - self._at if limit is None else int(np.searchsorted(self.keys, limit))
        return (self._rows, self.take_all()) if not self._at and count == self._count else (self.take(count), count)

    def take_all(self) -> int:
        """Hand out the whole batch; tells how many packets it has."""
        self._at = self._count
        return self._count


class Timeline:
    """Captures to be read together, as often as their sources allow.

    Args:
        sources: the captures. One that cannot be read is passed over and named in `unreadable`, as long as another can.
        strict: raise on damage, and on what cannot be read, instead of warning.
        zone: of the times that packets have which were printed as text.

    Raises:
        CaptureError: none of the captures can be read.
    """

    def __init__(self, sources: Sequence[CaptureSource], *, strict: bool = False, zone: tzinfo = UTC) -> None:
        self._strict = strict
        self._zone = zone
        self.unreadable: list[str] = []
        """Why which source could not be read."""
        self.texts: dict[str, NoPackets] = {}
        """Texts without packets in which socket tables may be, by name."""
        parts = [_Part(source, place, alone=len(sources) == 1) for place, source in enumerate(sources)]
        self._parts = [part for part in parts if self._look_at(part)]
        self._parts.sort(key=lambda part: part.first_time)
        self.names = Names()
        """What the numbers in the columns ``interface`` and ``process`` stand for."""
        self.mode: Mode = PLAIN
        """How the kernels are run at present."""
        self.infos: list[CaptureInfo] = []
        """What was learned of each capture, in the timeline's order: complete after reading."""
        self._lanes: list[_Lane] = []
        self._done = 0
        self._readings = 0

    @property
    def size(self) -> int | None:
        """Bytes of all captures; None where that cannot be known."""
        sizes = [part.size for part in self._parts]
        return None if None in sizes else sum(filter(None, sizes))

    @property
    def position(self) -> int:
        """Bytes dealt with in this reading."""
        return self._done + sum(lane.reader.position for lane in self._lanes)

    @property
    def is_rereadable(self) -> bool:
        """Whether everything can be read a second time."""
        return all(is_rereadable(part.source) for part in self._parts)

    def batches(self) -> Generator[Batch]:
        """Read everything from the beginning. Before each batch `mode` may change, once, from plain to compiled.

        Yields:
            PACKET records and how many of them are filled, as `CaptureReader.batches` does. Frames carry the number of their
            capture (see `packets.FRAME_BITS`).

        Raises:
            CaptureError: a capture is damaged and ``strict`` was asked for, or none can be read.
        """
        self.mode, self._done, self._lanes, self.infos = PLAIN, 0, [], []
        self._readings += 1
        waiting = list(self._parts)[::-1]
        try:
            while True:
                while waiting and (not self._lanes or waiting[-1].first_time <= min(lane.keys[0] for lane in self._lanes)):
                    self._open(waiting.pop())
                if not self._lanes:
                    break
                self._consider_compiling()
                limit = waiting[-1].first_time if waiting else None
                yield self._lanes[0].take_before(limit) if len(self._lanes) == 1 else _merge(self._lanes, limit)
                self._refill()
        finally:
            self._close_all()
        if not self.infos and self.texts and not self.unreadable:
            both = {name: lines for error in self.texts.values() for name, lines in error.texts.items()}
            raise NoPackets("; ".join(map(str, self.texts.values())), both)
        if not self.infos:
            raise CaptureError("; ".join(self.unreadable))

    def frame(self, frame: int, offset: int, caplen: int) -> bytes:
        """Give the captured bytes of a frame.

        Args:
            frame: as in a PACKET record of the batch that `batches` yielded last, before the next one is asked for.
            offset: likewise.
            caplen: likewise.

        Returns:
            The frame, from its link layer's header on.
        """
        lanes = self._lanes
        if len(lanes) > 1:
            lanes = [lane for lane in lanes if lane.reader.number == frame >> FRAME_BITS]
        return lanes[0].reader.frame(offset, caplen)

    def interrupt(self) -> None:
        """End the reading where it stands: what was read counts."""
        for lane in self._lanes:
            lane.reader.interrupt()

    def _look_at(self, part: _Part) -> bool:
        """Find out when a capture begins; one that is alone, or can be read but once, is not looked at."""
        if not is_rereadable(part.source):
            return True
        part.begin = 0 if isinstance(part.source, (str, os.PathLike)) else part.source.tell()
        if part.alone:
            return True
        try:
            with open_source(part.source, self._zone) as opened:
                reader = CaptureReader(opened.stream, opened.name, chunk=_PEEK, quiet=True)
                first_time = reader.first_time()
                part.first_time = _AT_ONCE if first_time is None else first_time
                part.size, part.at_least = opened.size, opened.at_least
        except CaptureError as error:
            self._pass_over(error, alone=False)
            return False
        part.rewind()
        return True

    def _open(self, part: _Part) -> None:
        """Begin to read a capture."""
        with ExitStack() as stack:
            try:
                part.rewind()
                opened = stack.enter_context(open_source(part.source, self._zone))
                part.size, part.at_least = opened.size, opened.at_least
                self._consider_compiling()
                number = len(self.infos)
                taken = [info.file for info in self.infos]
                names = chain([opened.name], (f"{opened.name} ({again})" for again in count(2)))
                name = next(name for name in names if name not in taken)  # file objects need not have names
                reader = CaptureReader(
                    opened.stream,
                    name,
                    strict=self._strict,
                    mode=self.mode,
                    number=number,
                    names=self.names,
                    quiet=self._readings > 1,
                )
            except CaptureError as error:
                self._parts.remove(part)  # a second reading need not try again, nor say so again
                self._pass_over(error, alone=part.alone)
                return
            self.infos.append(reader.info)
            lane = _Lane(reader, part.place, stack.pop_all())
        self._lanes.append(lane)  # first, so that who interrupts now finds it
        try:
            lane.refill()
        except CaptureError as error:  # reading failed before the first frame, or the first ones are damaged, and strict
            self._lanes.remove(lane)
            self._parts.remove(part)
            self.infos.pop()
            lane.close()
            self._pass_over(error, alone=part.alone)
        self._refill()
        self._lanes.sort(key=lambda lane: -lane.place)

    def _pass_over(self, error: CaptureError, *, alone: bool) -> None:
        if isinstance(error, NoPackets) and not alone and any(error.texts.values()):
            self.texts |= dict.fromkeys(error.texts, error)
            return
        if self._strict or alone:
            raise error
        self.unreadable.append(str(error))
        warnings.warn(str(error), CaptureWarning, stacklevel=6)

    def _refill(self) -> None:
        for lane in [lane for lane in self._lanes if not lane.refill()]:
            self._lanes.remove(lane)
            self._done += lane.close()

    def _close_all(self) -> None:
        for lane in self._lanes:
            lane.close()

    def _consider_compiling(self) -> None:
        """Go over to compiled kernels where there is more to read than plain Python should, or has been."""
        large = sum(part.at_least for part in self._parts) > engine.WORTH_COMPILING or self.position > engine.WORTH_COMPILING
        if self.mode is PLAIN and large and engine.numba_available():
            self.mode = COMPILED
            for lane in self._lanes:
                lane.compile()


def _merge(lanes: list[_Lane], limit: int | None) -> Batch:
    """Merge the packets that captures have in hand, before a time, and as far as none of them could still bring an earlier one.

    The lanes stand in the order in which packets of the same time come. One whose packets are used up at some time may bring more
    of that very time: those of the lanes behind it have to wait.
    """
    horizon = min(int(lane.keys[-1]) for lane in lanes)
    last = min(number for number, lane in enumerate(lanes) if lane.keys[-1] == horizon)
    if limit is not None and limit <= horizon:
        horizon, last = limit, -1
    keys, rows = [], []
    for number, lane in enumerate(lanes):
        count = int(np.searchsorted(lane.keys, horizon, "right" if number <= last else "left"))
        if count:
            keys.append(lane.keys[:count])
            rows.append(lane.take(count))
    if len(rows) == 1:
        return rows[0], len(rows[0])
    order = np.argsort(np.concatenate(keys), kind="stable")
    if isinstance(rows[0], np.ndarray):
        return np.concatenate(rows)[order].view(rows[0].dtype), len(order)
    together = [row for some in rows for row in some]
    return [together[place] for place in order.tolist()], len(order)
