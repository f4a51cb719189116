"""Sequence numbers: 32 bits that wrap, and what lies where in the sequence space of one end.

The lower half of the reference (`endpoint`). Source: RFC 9293, section 3.4 (numbers are compared modulo 2**32).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, Self

from closewait_pcap.capture.packets import ACK, FIN, RST, SYN

MODULUS = 1 << 32
FARTHEST = 1 << 30
"""The largest window there can be (RFC 7323, section 2.3): numbers further away are no part of a connection."""


def distance(number: int, origin: int) -> int:
    """Say how far ``number`` lies after ``origin``, the shorter way round.

    Args:
        number: a sequence number; only its low 32 bits count.
        origin: another one.

    Returns:
        From -2**31 to 2**31 - 1.
    """
    return (number - origin + MODULUS // 2) % MODULUS - MODULUS // 2


class Stretches:
    """A set of sequence numbers, kept as disjoint stretches in ascending order."""

    def __init__(self) -> None:
        self._stretches: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> int:
        """Put in all numbers from ``start`` up to, not including, ``end``; return how many of them are new."""
        before = len(self)
        apart = [s for s in self._stretches if s[1] < start or s[0] > end]
        touching = [s for s in self._stretches if s not in apart]
        whole = (min([start, *(s[0] for s in touching)]), max([end, *(s[1] for s in touching)]))
        self._stretches = sorted([*apart, whole])
        return len(self) - before

    def __len__(self) -> int:
        return sum(end - start for start, end in self._stretches)


class Segment(NamedTuple):
    """A TCP segment as captured; the fields are those of `capture.packets.PACKET`."""

    frame: int
    time: int
    seq: int
    ack: int
    len: int
    window: int
    wscale: int
    flags: int


class SequenceSpace:
    """The numbers of one end: what it sent, and what the other end acknowledged and allowed of that.

    Numbers are offsets from the initial sequence number.

    Args:
        sent: the segments this end sent, in the order of their frames.
        received: the segments the other end sent.
    """

    def __init__(self, sent: Sequence[Segment], received: Sequence[Segment]) -> None:
        self._captured, self._answers = list(sent), list(received)

    @cached_property
    def peer(self) -> Self:
        """The other end: the same, seen from there."""
        other = type(self)(self._answers, self._captured)
        other.__dict__["peer"] = self
        return other

    @cached_property
    def _isn(self) -> int:
        """The initial number: the acknowledged SYN's, else the last SYN's; else one before the first number that was heard."""
        acknowledged = {s.ack for s in self._answers if s.flags & ACK}
        syns = [s.seq for s in self._captured if s.flags & (SYN | RST) == SYN]
        for seq in [*(seq for seq in syns if (seq + 1) % 2**32 in acknowledged), *syns[-1:]]:
            return seq
        heard = [(s.frame, s.seq) for s in self._captured if s.len > 1 or s.flags & (FIN | RST)]
        heard += [(s.frame, s.ack) for s in self._answers if s.flags & ACK]
        return min(heard, default=(0, 1))[1] - 1

    def _offset(self, number: int) -> int:
        return distance(number, self._isn)

    def _start(self, segment: Segment) -> int:
        """The number of a segment's first byte: a SYN takes one before it."""
        return self._offset(segment.seq) + bool(segment.flags & SYN)

    @cached_property
    def _sent(self) -> list[Segment]:
        """What it sent as part of this connection, not of another with the same ports.

        That is another's whose SYN-ACK has another number, or which acknowledges, or resets, what was before a SYN.
        """
        return [s for s in self._captured if not self._is_anothers(s)]

    def _is_anothers(self, s: Segment) -> bool:
        if s.flags & (SYN | RST) == SYN:
            return s.seq != self._isn % 2**32
        end, number = (self, s.seq + 1) if s.flags & RST else (self.peer, s.ack)
        syn_seen = any(t.flags & SYN and t.seq == end._isn % 2**32 and t.frame < s.frame for t in end._captured)
        return syn_seen and bool(s.flags & (RST | ACK)) and end._offset(number) < 1

    @cached_property
    def syns(self) -> list[Segment]:
        """Its SYN or SYN-ACK, as often as it was captured."""
        return [s for s in self._sent if s.flags & (SYN | RST) == SYN]

    @cached_property
    def acknowledgements(self) -> list[tuple[int, Segment]]:
        """The peer's acknowledgements, as this end's numbers. Those on a RST count only for a FIN that was seen before."""
        fins = [s.frame for s in self._sent if s.flags & FIN]
        segments = [s for s in self.peer._sent if s.flags & ACK and (not s.flags & RST or (fins and fins[0] < s.frame))]
        return [(n, s) for n, s in ((self._offset(s.ack), s) for s in segments) if abs(n) <= FARTHEST]

    def acknowledged(self, before: int = FARTHEST) -> int | None:
        """Give the highest number the peer acknowledged before that frame, or None."""
        return max((number for number, s in self.acknowledgements if s.frame < before), default=None)

    @cached_property
    def payload(self) -> list[tuple[Segment, int]]:
        """The segments with payload, each with how many of its bytes no earlier frame had."""
        seen, found = Stretches(), []
        for s in self._sent:
            start = self._start(s)
            if s.len and not s.flags & RST and abs(start) <= FARTHEST and not self._is_probe(s, start):
                found.append((s, seen.add(start, start + s.len)))
        return found

    def _is_probe(self, segment: Segment, start: int) -> bool:
        """Whether a payload is none: a keepalive's byte lies below what is acknowledged, or on the FIN's own number."""
        if segment.len == 1 and not self.syns and not segment.flags & FIN:
            known = [s for s in self._captured if s.frame < segment.frame and (s.len > 1 or s.flags & (FIN | RST))]
            acknowledged = self.acknowledged(before=segment.frame)
            if acknowledged == start + 1 or (acknowledged is None and not known):
                return True
        covered = self.acknowledged(before=segment.frame) or 0
        fins = [self._start(s) + s.len for s in self._sent if s.flags & FIN and s.frame < segment.frame]
        return any(fin <= start and (fin < covered or (segment.len == 1 and fin == start)) for fin in fins)

    @cached_property
    def news(self) -> list[tuple[Segment, int]]:
        """The segments that brought payload bytes for the first time, and how many."""
        return [(s, new) for s, new in self.payload if new]

    @property
    def bytes(self) -> int:
        """Distinct payload bytes."""
        return sum(new for _, new in self.news)

    @cached_property
    def data_end(self) -> int:
        """One past the highest payload byte captured."""
        return max((self._start(s) + s.len for s, _ in self.payload), default=-FARTHEST)

    def sent_end(self, before: int) -> int | None:
        """Give one past the highest number sent before that frame, SYN and FIN included, or None."""
        ends = [self._start(s) + s.len + bool(s.flags & FIN) for s in self._sent if s.frame < before and s.flags & (SYN | FIN)]
        ends += [self._start(s) + s.len for s, _ in self.payload if s.frame < before]
        return max([end for end in ends if end <= FARTHEST], default=None)

    def right_edge(self, before: int) -> int:
        """Give the highest number the peer allowed this end to send, before that frame."""
        scales = [end.syns[0].wscale if end.syns else -1 for end in (self, self.peer)]
        scale = scales[1] if min(scales) >= 0 else 0
        edges = [n + (s.window << (0 if s.flags & SYN else scale)) for n, s in self.acknowledgements if s.frame < before]
        return max(edges, default=0)
