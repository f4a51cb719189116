"""Wireshark's rows of what TCP carries (HTTP, TLS): they tell hosts and the frame's length, and neither ports nor numbers.

Which flow such a row belongs to follows from the rows around it: its payload is as long as the frame without its headers, whose
length that end's other rows tell; it begins where that end's numbers stand; and a later row tells that they went so far. Where
that holds for one flow between the two hosts alone, the row is a segment of it; and where it holds for several, of the one whose
numbers are there before the next such row comes, which might have taken them there. All others stay what they are: packets of
which nothing is known.
"""

from typing import NamedTuple

from closewait_pcap.capture.packets import ACK, PSH, SYN
from closewait_pcap.capture.printed.ahead import Ahead
from closewait_pcap.capture.printed.packets import Packet
from closewait_pcap.capture.printed.summary import Kind, Summary

_LOOK = 60
"""Rows looked at for one that tells how far a flow went."""
_FLOWS = 64
"""Flows between two hosts that are considered: those heard of last."""
_ALL = 0xFFFFFFFF

_Way = tuple[str, str]
"""A flow's direction: source and destination, as printed."""


class _Fit(NamedTuple):
    """A flow that a row may belong to."""

    way: _Way
    begin: int
    length: int
    beyond: int
    """Bytes that its numbers go further than the row takes them, as they are told next."""
    row: int
    """How many rows later that is."""


class Places:
    """Knows where the ends of flows stand, in the numbers that are printed."""

    def __init__(self) -> None:
        self.placed = 0
        """Rows that were given a flow."""
        self._next: dict[_Way, int] = {}
        self._acked: dict[_Way, int] = {}
        self._headers: dict[_Way, int] = {}
        self._between: dict[tuple[str, str], dict[_Way, None]] = {}

    def note(self, told: Summary) -> None:
        """Take note of a row that tells all."""
        way = told.source, told.destination
        known = self._between.setdefault((told.source.rpartition(".")[0], told.destination.rpartition(".")[0]), {})
        known.pop(way, None)
        known[way] = None
        if len(known) > _FLOWS:
            self._forget(known)
        seq, length = told.seq or 0, told.length or 0
        if told.flags & SYN:
            self._next[way] = seq + 1
        elif way not in self._next or (seq + length - self._next[way]) & _ALL < 1 << 31:
            self._next[way] = (seq + length) & _ALL
        if told.flags & ACK and told.ack is not None:
            self._acked[way] = told.ack
        if told.size is not None and not told.flags & SYN:
            self._headers[way] = told.size - length

    def place(self, told: Summary, ahead: Ahead[Packet]) -> Summary | None:
        """Find the flow that a row belongs to.

        Args:
            told: the row.
            ahead: the packets that follow.

        Returns:
            The row with what follows of it: ends, flags, numbers and length; None where that is not certain.
        """
        fits = []
        if told.size is None:
            return None
        told_ahead, next_row = self._numbers_ahead(told, ahead)
        for way in self._between.get((told.source, told.destination), ()):
            length = told.size - self._headers.get(way, told.size)
            begin = self._next.get(way)
            if length <= 0 or begin is None or way not in told_ahead or way not in self._acked:
                continue
            end = (begin + length) & _ALL
            number, row = told_ahead[way]
            beyond = (number - end) & _ALL
            if beyond < 1 << 31:
                fits.append(_Fit(way, begin, length, beyond, row))
        left = [fit for fit in fits if fit.beyond == 0] or fits
        if len(left) > 1:
            left = [fit for fit in fits if fit.row < next_row]
            if sum(fit.beyond for fit in left):
                return None
        if len(left) != 1:
            return None
        way, begin, length, _, _ = left[0]
        end = (begin + length) & _ALL
        self._next[way] = end
        self.placed += 1
        return told._replace(
            kind=Kind.tcp, source=way[0], destination=way[1], six=way[0].count(":") > 1, flags=PSH | ACK, seq=begin,
            ack=self._acked[way], length=length,
        )  # fmt: skip

    def _numbers_ahead(self, here: Summary, ahead: Ahead[Packet]) -> tuple[dict[_Way, tuple[int, int]], int]:
        """Tell where each direction stands next, as later rows say: its own numbers, or the other end's acknowledgements.

        Returns:
            By direction that number, and how many rows later it is told; and how many rows later the next one stands of which
            no more is known than of this one.
        """
        found: dict[_Way, tuple[int, int]] = {}
        next_row = _LOOK
        for row, packet in enumerate(ahead.peek(_LOOK)):
            told = packet.summary
            if told.kind is Kind.quiet and (told.source, told.destination) == (here.source, here.destination):
                next_row = min(next_row, row)
            if told.kind is not Kind.tcp or not told.wireshark or told.flags & SYN:
                continue
            way, back = (told.source, told.destination), (told.destination, told.source)
            for one, number in ((way, told.seq), (back, told.ack)):
                if number is not None and number != self._next.get(one):  # else it tells of no more than is known
                    found.setdefault(one, (number, row))
        return found, next_row

    def _forget(self, known: dict[_Way, None]) -> None:
        """Forget the flow that was heard of longest ago."""
        oldest = next(iter(known))
        del known[oldest]
        for numbers in (self._next, self._acked, self._headers):
            numbers.pop(oldest, None)
