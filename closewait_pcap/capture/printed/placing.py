"""Wireshark's rows of what TCP carries (HTTP, TLS): they tell hosts and the frame's length, and neither ports nor numbers.

Which flow such a row belongs to follows from the rows around it: its payload is as long as the frame without its headers, whose
length that end's other rows tell; it begins where that end's numbers stand; and a later row tells that they went so far. Where
that holds for one flow between the two hosts alone, the row is a segment of it. All others stay what they are: packets of which
nothing is known.
"""

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
        told_ahead = self._numbers_ahead(ahead)
        for way in self._between.get((told.source, told.destination), ()):
            length = told.size - self._headers.get(way, told.size)
            begin = self._next.get(way)
            if length <= 0 or begin is None or way not in told_ahead or way not in self._acked:
                continue
            end = (begin + length) & _ALL
            beyond = (told_ahead[way] - end) & _ALL
            if beyond < 1 << 31:
                fits.append((beyond, way, begin, end, length))
        exact = [fit for fit in fits if fit[0] == 0]
        if len(exact or fits) != 1:
            return None
        _, way, begin, end, length = (exact or fits)[0]
        self._next[way] = end
        self.placed += 1
        return told._replace(
            kind=Kind.tcp, source=way[0], destination=way[1], six=way[0].count(":") > 1, flags=PSH | ACK, seq=begin,
            ack=self._acked[way], length=length,
        )  # fmt: skip

    def _numbers_ahead(self, ahead: Ahead[Packet]) -> dict[_Way, int]:
        """Tell where each direction stands next, as later rows say: its own numbers, or the other end's acknowledgements."""
        found: dict[_Way, int] = {}
        for packet in ahead.peek(_LOOK):
            told = packet.summary
            if told.kind is not Kind.tcp or not told.wireshark or told.flags & SYN:
                continue
            way, back = (told.source, told.destination), (told.destination, told.source)
            for one, number in ((way, told.seq), (back, told.ack)):
                if number is not None and number != self._next.get(one):  # else it tells of no more than is known
                    found.setdefault(one, number)
        return found

    def _forget(self, known: dict[_Way, None]) -> None:
        """Forget the flow that was heard of longest ago."""
        oldest = next(iter(known))
        del known[oldest]
        for numbers in (self._next, self._acked, self._headers):
            numbers.pop(oldest, None)
