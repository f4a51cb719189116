"""The pcapng blocks that are not packets: section headers, interface descriptions, interface statistics, processes.

Source: draft-ietf-opsawg-pcapng, and Apple's pcap-ng.h for processes. Every block is 32-bit aligned; options are type, length,
value, padded to 4 bytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from closewait_pcap.capture.headers import MAX_SECONDS, NEAR_NS, ticks_to_ns
from closewait_pcap.capture.info import MAX_HOLES
from closewait_pcap.engine import Records

Order = Literal["big", "little"]
LEAST_PAUSE = 1_000_000_000
"""ns: what is shorter could hide no wait that counts as stuck."""

_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL, _IF_TSOFFSET = 2, 3, 9, 14
_ISB_STARTTIME, _ISB_ENDTIME, _ISB_IFDROP, _ISB_OSDROP = 2, 3, 5, 7
_PIB_NAME = 2


@dataclass
class Section:
    """What the statistics blocks of a file said: drops add up over interfaces and sections, the end is the latest."""

    drops: int = 0
    reported: bool = False
    ends: list[int] = field(default_factory=list)
    pauses: list[tuple[int, int]] = field(default_factory=list)
    """Where a section's statistics leave time between its interfaces, in which none of them captured."""
    watched: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """From when until when interfaces captured, by the numbers of their names, where a section tells it of all of them."""
    told: bool = False
    """Whether all interfaces of the section that ended last say from when until when they captured."""
    _of_interface: dict[int, int] = field(default_factory=dict)
    _watched: dict[int, tuple[int, int]] = field(default_factory=dict)

    def report(self, interface: int, drops: int | None, start: int | None, end: int | None) -> None:
        """Take one statistics block; counts are totals since the capture's begin, so the last one of an interface holds."""
        if start is not None and end is not None:
            self._watched[interface] = start, end
        if drops is not None:
            self.reported = True
            self._of_interface[interface] = drops
        if end is not None:
            self.ends = [max([end, *self.ends])]

    @property
    def total(self) -> int:
        """Drops of all sections, of the one that has not ended, too."""
        return self.drops + sum(self._of_interface.values())

    def close(self, names: list[int]) -> None:
        """End the section, whose interfaces have these names: their numbers start anew."""
        self.drops = self.total
        self._of_interface.clear()
        self.told = 0 < len(self._watched) == len(names)
        if self.told and len(self.pauses) < MAX_HOLES:  # of others it is not known
            self.pauses += pauses(self._watched.values())
            for number, span in self._watched.items():
                self.watched.setdefault(names[number], []).append(span)
        self._watched.clear()


def pauses(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Find the time between spans that none of them covers, where it is more than `LEAST_PAUSE`."""
    found, until = [], None
    for start, end in sorted(spans):
        if until is not None and start - until > LEAST_PAUSE:
            found.append((until, start))
        until = end if until is None else max(until, end)
    return found


def section_header(buffer: bytearray, at: int, big: bool) -> bool:
    """Tell the byte order from here on: a section header's own, else what it was."""
    if bytes(buffer[at : at + 4]) == b"\x0a\x0d\x0d\x0a":
        return bytes(buffer[at + 8 : at + 12]) == b"\x1a\x2b\x3c\x4d"
    return big


def is_byte_order_magic(buffer: bytearray, at: int) -> bool:
    """Whether a section header says in which byte order it is."""
    return bytes(buffer[at + 8 : at + 12]) in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a")


def interface_description(body: bytes, order: Order) -> dict[str, Any] | None:
    """Read an interface description.

    Args:
        body: the block without type, lengths.
        order: the section's byte order.

    Returns:
        link, snaplen, units, shift and offset, as INTERFACE has them, and the name as text, else the description; None where the
        block is too short or its timestamp resolution is beyond attoseconds.
    """
    if len(body) < 8:
        return None
    units, shift, offset = 1_000_000, 0, 0
    texts = {_IF_NAME: "", _IF_DESCRIPTION: ""}
    for code, value in _options(body[8:], order):
        if code == _IF_TSRESOL and value:
            shift = value[0] & 0x7F
            if value[0] & 0x80:
                units = 0
                if shift > 62:
                    return None
            else:
                if shift > 18:
                    return None
                units, shift = 10**shift, 0
        elif code in texts:
            texts[code] = value.rstrip(b"\0").decode("utf-8", "replace")
        elif code == _IF_TSOFFSET and len(value) == 8:
            offset = int.from_bytes(value, order, signed=True)
    return {
        "link": int.from_bytes(body[:2], order),
        "snaplen": int.from_bytes(body[4:8], order),
        "units": units,
        "shift": shift,
        "offset": max(min(offset, MAX_SECONDS), -MAX_SECONDS),
        "name": texts[_IF_NAME] or texts[_IF_DESCRIPTION],
    }


def interface_statistics(body: bytes, order: Order, section: Section, interfaces: Records, count: int, near: int) -> None:
    """Read an interface statistics block into the section's sums; one of an unknown interface is passed over.

    Args:
        body: the block without type and lengths.
        order: the section's byte order.
        section: what is known of it.
        interfaces: INTERFACE records.
        count: how many of them there are.
        near: the latest time of a frame, ns since the epoch; 0: none has one.
    """
    if len(body) < 12:
        return
    number = int.from_bytes(body[:4], order)
    if number >= count:
        return
    drops: int | None = None
    times: dict[int, int] = {}
    for code, value in _options(body[12:], order):
        if code in (_ISB_IFDROP, _ISB_OSDROP) and len(value) == 8:
            drops = (drops or 0) + int.from_bytes(value, order)
        elif code in (_ISB_STARTTIME, _ISB_ENDTIME) and len(value) == 8:
            high, low = int.from_bytes(value[:4], order), int.from_bytes(value[4:], order)
            times[code] = _in_ns(int(ticks_to_ns(high, low, _plain(interfaces[number]))), near)
    section.report(number, drops, times.get(_ISB_STARTTIME), times.get(_ISB_ENDTIME))


def _in_ns(time: int, near: int) -> int:
    """Mend a time in µs among frames with times in ns.

    Source: dumpcap 4.0.17 writes statistics so, whatever resolution it gives the interface.
    """
    wrong = near and abs(time - near) >= NEAR_NS and abs(time * 1000 - near) < NEAR_NS
    return time * 1000 if wrong else time


def process_event(body: bytes, order: Order) -> str:
    """Read a block in which macOS describes a process.

    Args:
        body: the block without type, lengths.
        order: the section's byte order.

    Returns:
        Name and number, as in ``curl[123]``; empty where there is no name.
    """
    number = int.from_bytes(body[:4], order)
    for code, value in _options(body[4:], order):
        if code == _PIB_NAME and (name := value.split(b"\0")[0].decode("utf-8", "replace")):
            return f"{name}[{number}]"
    return ""


@dataclass
class _Resolution:
    units: int
    shift: int
    offset: int


def _plain(interface: Any) -> _Resolution:
    """Give plain integers, which do not overflow, in either engine mode."""
    return _Resolution(int(interface.units), int(interface.shift), int(interface.offset))


def _options(data: bytes, order: Order) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        code = int.from_bytes(data[at : at + 2], order)
        length = int.from_bytes(data[at + 2 : at + 4], order)
        if code == 0 or at + 4 + length > len(data):
            return
        yield code, data[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4
