"""What a sound pcap record, or pcapng block, looks like: for finding where a damaged capture goes on."""

import struct
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from closewait_pcap.capture.headers import MAX_FRAME_BYTES, NEAR_NS, PROCESS_EVENT, SECTION_HEADER
from closewait_pcap.capture.sniff import HEAD, Format, header_of
from closewait_pcap.capture.window import Bytes

LONGEST = 1 << 18
"""Bytes captured of a frame, at most, as libpcap's own limit is: a longer one is no place to begin at."""

_SECOND = 1_000_000_000
_LONGEST_BLOCK = LONGEST + (1 << 16)
_SHORTEST = np.array([2**32, 20, 32, 16, 12, 24, 32], np.int64)
"""The least total length of the blocks 1 to 6; there is no block 0."""
_PACKETS = (2, 6)
_KINDS = (SECTION_HEADER, 1, 2, 3, 4, 5, 6, 9, 10, 0x0BAD, 0x40000BAD, 0x204, 0x216, 0x221, PROCESS_EVENT)
_LONGEST_OPTIONS = 1 << 16

Offsets = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]


class Limits(NamedTuple):
    """Beyond which a pcap record is doubtful: the fields of DECODER with these names."""

    longest: int
    excess: int
    fractions: int


class Grammar(ABC):
    """What the headers of one file look like."""

    def __init__(self, *, big: bool) -> None:
        self.big = big
        self.order = ">" if big else "<"

    header: int
    """Bytes of a record or block that tell where the next one is."""
    near: int | None = None
    """ns since the epoch that times should be near to; None: not known, or not looked at."""

    @abstractmethod
    def places(self, data: Bytes, begin: int, end: int) -> Offsets:
        """Find the plausible headers that begin in [begin, end), as offsets into the data."""

    @abstractmethod
    def next(self, data: Bytes, at: int, near: int | None) -> int:
        """Step over a record: where the next one should be; -1 where this is none; beyond the data where it is cut."""

    @abstractmethod
    def time(self, data: Bytes, at: int) -> int | None:
        """What later times should be near to, ns; None where they are not looked at."""

    def is_after(self, data: Bytes, at: int) -> bool:  # noqa: ARG002
        """Whether a header's time is not before what times should be near to, but for disorder."""
        return True

    def claimed(self, data: Bytes, at: int) -> int:  # noqa: ARG002
        """Up to where a header that is none claims to reach."""
        return at + self.header

    def is_doubtful(self, data: Bytes, at: int) -> bool:  # noqa: ARG002
        """Whether a record that the input's end cuts may have been damaged, and is not as long as it says."""
        return False

    def words(self, data: Bytes, offsets: Offsets) -> Offsets:
        """Read 32 bits at each offset."""
        parts = [data[offsets + place].astype(np.int64) for place in range(4)]
        if not self.big:
            parts.reverse()
        return ((parts[0] * 256 + parts[1]) * 256 + parts[2]) * 256 + parts[3]


class Records(Grammar):
    """pcap records.

    Args:
        file: what the file's header says.
        limits: what is plausible in it, where the file has shown more than its header says.
        near: ns since the epoch that times should be near to; None: they may be any, but are near to one another.
        untimed: whether frames with the time 0 are to be expected.
    """

    def __init__(self, file: Format, limits: "Limits | None" = None, *, near: int | None = None, untimed: bool = False) -> None:
        super().__init__(big=file.big_endian)
        self.header = file.record_header
        self.near = near
        self.untimed = untimed
        limits = limits or limits_of(file)
        self.longest, self.fractions = min(limits.longest, LONGEST), limits.fractions
        self.any_wire_length = limits.excess > 0
        self._record = struct.Struct(self.order + "IIII")

    def places(self, data: Bytes, begin: int, end: int) -> Offsets:  # noqa: D102
        end = min(end, len(data) - self.header + 1)
        if end <= begin:
            return np.empty(0, np.int64)
        high, low = (0, 2) if self.big else (3, 1)  # first by single bytes, which is quick: of 65,536 random places 1 is left
        mask = column(data, begin, end, 8 + high) == 0
        if not self.any_wire_length:
            mask &= column(data, begin, end, 12 + high) <= MAX_FRAME_BYTES >> 24
        if self.near is not None:
            first, last = (max(self.near + step, 0) // _SECOND >> 24 for step in (-NEAR_NS, NEAR_NS))
            tops = column(data, begin, end, high)
            fits = (tops >= min(first, 255)) & (tops <= min(last, 255))
            mask &= fits | (tops == 0) if self.untimed else fits
        length = [column(data, begin, end, 8 + place) for place in (3 - high, low, 3 - low)]
        mask &= (length[0] | length[1] | length[2]) != 0
        offsets = np.flatnonzero(mask) + begin
        return offsets[self._plausible(data, offsets)] if len(offsets) else offsets

    def is_after(self, data: Bytes, at: int) -> bool:  # noqa: D102
        return self.near is None or self._record.unpack_from(data.data, at)[0] + 1 >= self.near // _SECOND

    def tolerate(self, *, longest: bool, excess: bool, fractions: bool) -> None:
        """Leave out of account what a doubtful record has that is odd."""
        self.longest = LONGEST if longest else self.longest
        self.any_wire_length |= excess
        self.fractions = 2**32 if fractions else self.fractions

    def _plausible(self, data: Bytes, offsets: Offsets) -> Bools:
        seconds, fraction, caplen, wirelen = (self.words(data, offsets + place) for place in (0, 4, 8, 12))
        fine = (caplen > 0) & (caplen <= self.longest) & (fraction < self.fractions)
        if not self.any_wire_length:
            fine &= (caplen <= wirelen) & (wirelen <= MAX_FRAME_BYTES)
        if self.near is not None:
            near = (self.near > 0) & (np.abs(seconds - self.near // _SECOND) <= NEAR_NS // _SECOND)
            fine &= near | ((seconds == 0) & (fraction == 0)) if self.untimed else near
        return fine

    def next(self, data: Bytes, at: int, near: int | None) -> int:  # noqa: D102
        seconds, fraction, caplen, wirelen = self._record.unpack_from(data.data, at)
        if caplen > self.longest or fraction >= self.fractions:
            return -1
        if caplen == 0 and wirelen == 0 and (seconds == 0 or not self.any_wire_length):
            return -1
        if not self.any_wire_length and not caplen <= wirelen <= MAX_FRAME_BYTES:
            return -1
        timed = seconds or fraction or not self.untimed
        if timed and near is not None and (abs(seconds * _SECOND - near) > NEAR_NS or not near):
            return -1
        return int(at + self.header + caplen)

    def time(self, data: Bytes, at: int) -> int | None:  # noqa: D102
        return self.near if self.near is not None else self._record.unpack_from(data.data, at)[0] * _SECOND or None


class Blocks(Grammar):
    """pcapng blocks.

    Args:
        big: the section's byte order.
        interfaces: how many it has described; packets of others are no place to begin at, since they cannot be read.
    """

    header = 12

    def __init__(self, *, big: bool, interfaces: int) -> None:
        super().__init__(big=big)
        self.interfaces = interfaces

    def places(self, data: Bytes, begin: int, end: int) -> Offsets:  # noqa: D102
        end = min(end, len(data) - self.header + 1)
        if end <= begin:
            return np.empty(0, np.int64)
        kind, length = (3, 7) if self.big else (0, 4)
        mask = (column(data, begin, end, kind) - np.uint8(1) < 6) & (column(data, begin, end, length) & 3 == 0)
        for zero in (0, 1, 2, 4) if self.big else (1, 2, 3, 7):
            mask &= column(data, begin, end, zero) == 0
        offsets = np.flatnonzero(mask) + begin
        return offsets[self._plausible(data, offsets)] if len(offsets) else offsets

    def _plausible(self, data: Bytes, offsets: Offsets) -> Bools:
        kind, total = self.words(data, offsets), self.words(data, offsets + 4)
        fine = (total >= _SHORTEST[kind]) & (total <= _LONGEST_BLOCK) & (offsets + total <= len(data))
        inside = offsets[fine]
        fine[fine] = self.words(data, inside + total[fine] - 4) == total[fine]
        packets = fine & np.isin(kind, _PACKETS)
        at = offsets[packets]
        number = self.words(data, at + 8)
        number16 = number >> 16 if self.big else number & 0xFFFF  # obsolete packet blocks: the other half counts drops
        number = np.where(kind[packets] == _PACKETS[0], number16, number)
        fine[packets] = (self.words(data, at + 20) <= total[packets] - 32) & (number < self.interfaces)
        if not self.interfaces:
            fine &= kind != 3
        return fine

    def next(self, data: Bytes, at: int, near: int | None) -> int:  # noqa: ARG002, D102 - blocks need no help from times
        order = self.order
        if (format_ := _section(data, at)) is not None:
            self.order = order = ">" if format_.big_endian else "<"
        total: int
        (total,) = struct.unpack_from(order + "I", data.data, at + 4)
        if total < 12 or total % 4 or total > MAX_FRAME_BYTES:
            return -1
        if at + total <= len(data) and struct.unpack_from(order + "I", data.data, at + total - 4) != (total,):
            return -1
        return at + total

    def time(self, data: Bytes, at: int) -> int | None:  # noqa: ARG002, D102
        return None

    def claimed(self, data: Bytes, at: int) -> int:  # noqa: D102
        total = struct.unpack_from(self.order + "I", data.data, at + 4)[0]
        return at + int(total if 12 <= total <= _LONGEST_BLOCK and total % 4 == 0 else self.header)

    def is_doubtful(self, data: Bytes, at: int) -> bool:  # noqa: D102
        if len(data) - at < 12:
            return False
        kind, total, number = struct.unpack_from(self.order + "III", data.data, at)
        if kind != 6:
            return bool(kind not in _KINDS or total > _LONGEST_BLOCK)
        if number >= self.interfaces:
            return True
        if len(data) - at < 28:
            return False
        caplen, wirelen = struct.unpack_from(self.order + "II", data.data, at + 20)
        return bool(not total - 32 - _LONGEST_OPTIONS <= caplen <= total - 32 or caplen > wirelen)


def limits_of(file: Format) -> Limits:
    """Say what is plausible in a pcap file with this header; a snap length of 0, and an absurd one, says nothing."""
    return Limits(min(file.snaplen or LONGEST, LONGEST), 0, _SECOND // file.nanoseconds)


def column(data: Bytes, begin: int, end: int, place: int) -> Bytes:
    """The byte at ``place`` of a header, for headers at each of [begin, end)."""
    return data[begin + place : end + place]


def _section(data: Bytes, at: int) -> Format | None:
    if data[at] != SECTION_HEADER & 0xFF or data[at + 1] != 0x0D:
        return None
    header = header_of(data[at : at + HEAD].tobytes())
    return header if header is not None and header.pcapng else None
