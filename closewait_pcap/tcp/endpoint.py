"""One end of a connection as an observer knows it: the reference that `tcp.kernel` is held against.

Every fact is one property, worded over *all* packets of the flow ("the FIN is acknowledged since the first packet whose
acknowledgement covers it"), with no running state and no thought of speed; the states follow by playing `figure5.FIGURE_5` event by
event. There is no client here and no server: an `Endpoint` is made of what one end sent and what the other end sent, and its
`peer` is the same with the two swapped.

Numbers are offsets from the end's initial sequence number; the reference serves directions of less than 1 GiB.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from closewait_pcap.capture.packets import ACK, FIN, RST, SYN
from closewait_pcap.tcp import figure5
from closewait_pcap.tcp.figure5 import Event
from closewait_pcap.tcp.sequence import FARTHEST, Stretches, distance
from closewait_pcap.tcp.state import State

SAME_PACKET_NS = 50_000_000
"""What comes again within 50 ms is the same packet on a second tap; the least retransmission timeout is 200 ms."""
WINDOW_SLACK = 1 << 20
"""A FIN this far beyond all that its receiver ever allowed, and beyond all that was sent, is not the sender's."""
BEGINNING = figure5.SND_SYN | figure5.RCV_SYN | figure5.RCV_ACK_OF_SYN


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


class Change(NamedTuple):
    """An arc of Figure 5 that an end took: what happened, when (frame, ns since the epoch), and between which states."""

    event: Event
    frame: int
    time: int
    before: State
    after: State


class Endpoint:
    """What is known of one end of a flow.

    Args:
        sent: the segments this end sent, in the order of their frames.
        received: the segments the other end sent.
    """

    def __init__(self, sent: Sequence[Segment], received: Sequence[Segment]) -> None:
        self._captured, self._answers = list(sent), list(received)

    @cached_property
    def peer(self) -> "Endpoint":
        """The other end: the same, seen from there."""
        other = Endpoint(self._answers, self._captured)
        other.__dict__["peer"] = self
        return other

    @property
    def packets(self) -> int:
        """Frames captured from this end, copies included."""
        return len(self._captured)

    @cached_property
    def spoke(self) -> bool:
        """Whether it sent anything else than a SYN, a SYN-ACK or a RST."""
        return any(not s.flags & (SYN | RST) for s in self._captured)

    # --- numbers

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
        """What it sent as part of this connection: not a SYN-ACK of another."""
        return [s for s in self._captured if not s.flags & SYN or s.flags & RST or s.seq == self._isn % 2**32]

    # --- SYN

    @cached_property
    def syns(self) -> list[Segment]:
        """Its SYN or SYN-ACK, as often as it was captured."""
        return [s for s in self._sent if s.flags & (SYN | RST) == SYN]

    @cached_property
    def syn_acked(self) -> Segment | None:
        """The first packet of the peer that acknowledges more than nothing."""
        return next((s for number, s in self.acknowledgements if number >= 1), None)

    @cached_property
    def opened(self) -> bool:
        """Whether it opened the connection actively: by a SYN without ACK."""
        return any(not s.flags & ACK for s in self.syns)

    @cached_property
    def answered_syn(self) -> bool:
        """Whether it sent a SYN-ACK."""
        return any(s.flags & ACK for s in self.syns)

    @cached_property
    def syn_ack_again(self) -> bool:
        """Whether its SYN-ACK came again after it was acknowledged: the listener has not taken the connection."""
        acked = self.syn_acked
        return acked is not None and any(
            s.flags & ACK and s.frame > acked.frame and s.time - acked.time > SAME_PACKET_NS for s in self.syns[1:]
        )

    # --- payload and acknowledgements

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
        covered = self.acknowledged(before=segment.frame)
        return any(self._start(s) + s.len <= start < (covered or 0) for s in self._sent if s.flags & FIN)

    @cached_property
    def news(self) -> list[tuple[Segment, int]]:
        """The segments that brought payload bytes for the first time, and how many."""
        return [(s, new) for s, new in self.payload if new]

    @property
    def bytes(self) -> int:
        """Distinct payload bytes."""
        return sum(new for _, new in self.news)

    @cached_property
    def late_bytes(self) -> int:
        """Of `bytes`: sent after this end had acknowledged the peer's FIN."""
        heard = self.peer.fin_heard
        return sum(new for s, new in self.news if heard and s.frame >= heard.frame)

    @cached_property
    def data_end(self) -> int:
        """One past the highest payload byte captured."""
        return max((self._start(s) + s.len for s, _ in self.payload), default=-FARTHEST)

    def sent_end(self, before: int) -> int | None:
        """Give one past the highest number sent before that frame, SYN and FIN included, or None."""
        ends = [self._start(s) + s.len + bool(s.flags & FIN) for s in self._sent if s.frame < before and s.flags & (SYN | FIN)]
        ends += [self._start(s) + s.len for s, _ in self.payload if s.frame < before]
        return max([end for end in ends if end <= FARTHEST], default=None)

    @cached_property
    def unseen_tail(self) -> bool:
        """Whether the peer acknowledges bytes beyond all that any frame carries: this end may have closed unseen."""
        acknowledged = self.acknowledged()
        return acknowledged is not None and acknowledged > max(self.data_end, 1)

    def right_edge(self, before: int) -> int:
        """Give the highest number the peer allowed this end to send, before that frame."""
        scales = [end.syns[0].wscale if end.syns else -1 for end in (self, self.peer)]
        scale = scales[1] if min(scales) >= 0 else 0
        edges = [n + (s.window << (0 if s.flags & SYN else scale)) for n, s in self.acknowledgements if s.frame < before]
        return max(edges, default=0)

    @cached_property
    def zero_window_since(self) -> Segment | None:
        """The first packet since which every window this end advertised was zero."""
        first = None
        for s in self._sent:
            if not s.flags & (SYN | RST) and (s.window or not s.flags & FIN):
                first = (first or s) if s.window == 0 else None
        return first

    # --- FIN

    @cached_property
    def fin_number(self) -> int | None:
        """Its FIN's own number: the acknowledged one, else the last FIN with nothing beyond it."""
        numbers = [self._start(s) + s.len for s in self._sent if self._may_be_fin(s)]
        acknowledged = self.acknowledged()
        for number in numbers:
            if acknowledged == number + 1:
                return number
        least = max(self.data_end, (acknowledged if acknowledged is not None else -FARTHEST) - 1)
        return next((number for number in reversed(numbers) if number >= least), None)

    def _may_be_fin(self, s: Segment) -> bool:
        """Leave out forged ones: without ACK, before the handshake, outside of any plausible window."""
        number = self._start(s) + s.len
        if s.flags & (FIN | ACK | RST) != FIN | ACK or abs(number) > FARTHEST:
            return False
        asked = any(not t.flags & ACK and t.frame < s.frame for t in self.peer.syns)
        answered = any(t.frame <= s.frame for t in [*self.syns, *filter(None, [self.peer.syn_acked])])
        if asked and not answered:
            return False
        if self.syns and self.peer.syns and self.acknowledged(before=s.frame) is not None:
            end = max([self._start(t) + t.len for t, _ in self.payload if t.frame <= s.frame], default=1)
            return number <= max(end, self.right_edge(before=s.frame)) + WINDOW_SLACK
        return True

    @cached_property
    def fins(self) -> list[Segment]:
        """Its FIN, as often as it was captured."""
        return [s for s in self._sent if self._may_be_fin(s) and self._start(s) + s.len == self.fin_number]

    @cached_property
    def fin_again(self) -> bool:
        """Whether the FIN was sent again."""
        return any(s.time - self.fins[0].time > SAME_PACKET_NS for s in self.fins)

    @cached_property
    def fin_acked(self) -> Segment | None:
        """The first packet of the peer whose acknowledgement covers the FIN: it may come before the FIN in the file."""
        number = self.fin_number
        return next((s for n, s in self.acknowledgements if number is not None and n > number), None)

    @cached_property
    def fin_heard(self) -> Segment | None:
        """The packet since which both the FIN and its acknowledgement are known."""
        return max(self.fins[0], self.fin_acked) if self.fin_acked else None

    # --- RST

    @cached_property
    def reset(self) -> Segment | None:
        """Its RST that ended the connection, by RFC 9293 section 3.10.7.4 and RFC 5961 section 3.

        At the number the receiver expects it is believed on sight; elsewhere in the window until something refutes it.
        """
        standing = [(s, self._expected(s)) for s in self._sent if s.flags & RST and self._in_window(s) and not self._refuted(s)]
        return next((s for s, expected in sorted(standing, key=lambda pair: not pair[1])), None)

    def _in_syn_sent(self, s: Segment) -> bool:
        opened = any(not t.flags & ACK and t.frame < s.frame for t in self.peer.syns)
        return opened and not any(t.frame < s.frame for t in self.syns)

    def _expected(self, s: Segment) -> bool:
        """Whether the number is the next one to its receiver, who may be one FIN behind (Linux's allowance in CLOSE_WAIT)."""
        number, end = self._offset(s.seq), self.sent_end(before=s.frame)
        fin = [] if self.fin_number is None else [self.fin_number, self.fin_number + 1]
        caught_up = [self.sent_end(before=t.frame + 1) for t, _ in self.payload if t.frame > s.frame]
        heard = end is not None or self.acknowledged(before=s.frame) is not None
        return not heard or self._in_syn_sent(s) or number in (end, self.acknowledged(before=s.frame), *fin, *caught_up)

    def _in_window(self, s: Segment) -> bool:
        if self._in_syn_sent(s):  # judged by its acknowledgement
            before = sum(new for t, new in self.peer.news if t.frame < s.frame)
            return bool(s.flags & ACK) and 1 <= self.peer._offset(s.ack) <= 1 + before
        end, low = self.sent_end(before=s.frame), self.acknowledged(before=s.frame)
        top = max(low or 0 if end is None else end + 1, self.right_edge(before=s.frame))
        return self._expected(s) or (low or 0) <= self._offset(s.seq) <= top

    def _refuted(self, s: Segment) -> bool:
        """Whether later packets show that nothing ended: more of its sender, a SYN again, or a challenge ACK."""
        ends = [self._start(t) + t.len for t, _ in self.payload if t.frame > s.frame]
        syns = [(t, end.syns[0]) for end in (self, self.peer) for t in end.syns[1:] if not t.flags & ACK and t.frame > s.frame]
        if any(end > self._offset(s.seq) for end in ends) or any(t.time - first.time > SAME_PACKET_NS for t, first in syns):
            return True
        bare = [t for t in self.peer._sent if t.frame > s.frame and not t.len and t.flags & (SYN | FIN | RST | ACK) == ACK]
        return not self._expected(s) and any(self.peer._offset(t.seq) == self.peer.sent_end(before=t.frame) for t in bare)

    @cached_property
    def ended(self) -> Segment | None:
        """The RST of either end that ended the connection: one that comes after both ends have closed does not."""
        closed = [end.fin_acked.time for end in (self, self.peer) if end.fin_acked]
        resets = [end.reset for end in (self, self.peer) if end.reset]
        first = min(resets, key=lambda s: s.time, default=None)
        return None if first is None or (len(closed) == 2 and first.time >= max(closed)) else first

    # --- states

    def _events(self) -> Iterator[tuple[Event, Segment]]:
        """What happened to this end, under the evidence rule: a SYN or a FIN arrives when this end acknowledges it."""
        peer = self.peer
        if self.opened:
            yield Event.SND_SYN, self.syns[0]
        if self.syn_acked and not (self.syn_ack_again and not self.spoke):
            yield Event.RCV_ACK_OF_SYN, self.syn_acked
        if self.answered_syn or peer.syn_acked:
            yield Event.RCV_SYN, min(s for s in [*self.syns, peer.syn_acked] if s and s.flags & ACK)
        if peer.fin_heard:
            yield Event.RCV_FIN, peer.fin_heard
        if self.fins:
            yield Event.SND_FIN, self.fins[0]
        if self.fin_heard:
            yield Event.RCV_ACK_OF_FIN, self.fin_heard
        if self.ended:
            yield Event.RESET, self.ended

    def changes(self) -> list[Change]:
        """Play Figure 5.

        Returns:
            The arcs taken, in order. The handshake comes before the rest, whatever order the taps gave it in the file. An end
            none of whose handshake was captured was ESTABLISHED before its first packet.
        """
        state, happened, changes = self.birth, Event(0), []
        for event, s in sorted(self._events(), key=lambda e: (not e[0] & BEGINNING, e[1].frame)):
            after = figure5.step(state, event, happened)
            happened |= event
            if after is not state:
                changes.append(Change(event, s.frame, s.time, state, after))
            state = after
        return changes

    @property
    def birth(self) -> State:
        """The state before the first packet."""
        if not self.syns and (not self.peer.syns or self.spoke):
            return State.ESTABLISHED
        return State.CLOSED if self.opened else State.LISTEN

    @property
    def state(self) -> State:
        """The state after the last packet."""
        return ([self.birth, *(change.after for change in self.changes())])[-1]
