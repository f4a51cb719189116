"""Fragments of IP datagrams, put together as far as the TCP header and the lengths need.

As tshark does by default: a datagram counts at the frame that completes it, in whatever order its fragments come; a fragment
whose bytes were not all captured is put together with nothing, and a first one of this kind, in IPv4, is decoded alone. Of a
datagram only its first bytes are kept, and which parts of it have been seen.

Source: RFC 791, section 3.2; RFC 8200, section 4.5.
"""

from dataclasses import dataclass, field

from closewait_pcap.capture.packets import FRAGMENT
from closewait_pcap.engine import Record

MOST_DATAGRAMS = 1024
"""Datagrams waiting for fragments; the oldest one leaves. Linux keeps 4 MiB of them, about as many."""
KEPT_BYTES = 512
"""Of a datagram's payload: two tunnels, the longest TCP header and room."""
MOST_PARTS = 128
"""Parts of a datagram that do not touch one another; 64 KiB in frames of 1,500 bytes are 45."""

Whole = tuple[bytes, int, bool]
"""A datagram's IP header and first bytes, its whole length, and whether all of that was captured."""


@dataclass
class _Datagram:
    """What is known of a datagram."""

    first: bytearray = field(default_factory=lambda: bytearray(KEPT_BYTES))
    parts: list[tuple[int, int]] = field(default_factory=list)
    """What was seen: begins and ends, in order, apart from one another."""
    size: int = -1
    """Of its payload; -1: the last fragment has not come yet."""

    def add(self, begin: int, data: memoryview, size: int, more: bool) -> None:
        """Take one fragment; what came first stays where two overlap."""
        end = begin + size
        if not more and self.size < 0:
            self.size = end
        at = begin
        for known_begin, known_end in [*self.parts, (KEPT_BYTES, KEPT_BYTES)]:
            stop = min(known_begin, begin + len(data), KEPT_BYTES)
            if at < stop:
                self.first[at:stop] = data[at - begin : stop - begin]
            at = max(at, known_end)
        apart = [part for part in self.parts if part[1] < begin or part[0] > end]
        touching = [part for part in self.parts if part[1] >= begin and part[0] <= end]
        joined = (min([begin, *(part[0] for part in touching)]), max([end, *(part[1] for part in touching)]))
        self.parts = sorted([*apart, joined])

    @property
    def complete(self) -> bool:
        return self.size >= 0 and self.parts[0][0] == 0 and self.parts[0][1] >= self.size


class Fragments:
    """The datagrams of a capture that wait for fragments."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[bytes, int, int, int], _Datagram] = {}
        self._given_up = 0

    @property
    def incomplete(self) -> int:
        """Datagrams of which some fragment never came, so far."""
        return self._given_up + len(self._waiting)

    def take(self, frame: bytes, row: Record, complete: bool) -> Whole | None:
        """Take a fragment.

        Args:
            frame: the captured bytes.
            row: in which `headers.decode_ip` left where the fragment is. A first fragment that is to be decoded alone is marked
                there (FRAGMENT).
            complete: whether all bytes were captured, though ``frame`` has only the first of them.

        Returns:
            What to decode: the datagram where it is complete now, a first fragment alone where its bytes were not all captured;
            None: nothing.
        """
        ip, payload, payload_end = row.seq, row.srcport, row.window
        size = payload_end - payload
        head = bytearray(frame[ip : ip + 20]) if frame[ip] >> 4 == 4 else bytearray(frame[ip : ip + 40])
        if len(head) == 20:
            position = int.from_bytes(head[6:8], "big")
            begin, more = (position & 0x1FFF) * 8, bool(position & 0x2000)
            key = (
                bytes(head[12:20]),
                int.from_bytes(head[4:6], "big"),
                head[9],
                row.vlan >> 12 or row.vlan,
            )  # the outer tag, as in tshark
            head[0], head[2:4], head[6:8] = 0x45, bytes(2), bytes(2)  # without options; a length of 0: as long as it is
        else:
            position = int.from_bytes(frame[payload - 6 : payload - 4], "big")
            begin, more = position & 0xFFF8, bool(position & 1)
            key = bytes(head[8:40]), int.from_bytes(frame[payload - 4 : payload], "big"), 0, 0
            head[4:6], head[6] = bytes(2), frame[payload - 8]
        if size <= 0 or (payload_end > len(frame) and not complete):
            if begin or len(head) > 20:
                return None
            row.quality |= FRAGMENT
            return bytes(head) + frame[payload:], len(head) + max(size, 0), False
        datagram = self._waiting.get(key)
        if datagram is None:
            if len(self._waiting) >= MOST_DATAGRAMS:
                del self._waiting[next(iter(self._waiting))]
                self._given_up += 1
            datagram = self._waiting[key] = _Datagram()
        datagram.add(begin, memoryview(frame)[payload:payload_end], size, more)
        if datagram.complete:
            del self._waiting[key]
            return bytes(head) + bytes(datagram.first[: datagram.size]), len(head) + datagram.size, True
        if len(datagram.parts) > MOST_PARTS:
            del self._waiting[key]
            self._given_up += 1
        return None
