"""One end of a connection as an observer knows it: the reference that `tcp.kernel` is held against.

Every fact is one property, worded over *all* packets of the flow ("the FIN is acknowledged since the first packet whose
acknowledgement covers it"), with no running state and no thought of speed; the states follow by playing `figure5.FIGURE_5` event
by event. There is no client here and no server: an `Endpoint` is made of what one end sent and what the other end sent, and its
`peer` is the same with the two swapped.

Numbers are offsets from the end's initial sequence number; the reference serves directions of less than 1 GiB.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from closewait_pcap.capture.packets import ACK, FIN, RST, SYN
from closewait_pcap.tcp import figure5
from closewait_pcap.tcp.figure5 import Event
from closewait_pcap.tcp.sequence import FARTHEST, Segment, SequenceSpace
from closewait_pcap.tcp.state import State

SAME_PACKET_NS = 50_000_000
"""What comes again within 50 ms is the same packet on a second tap; the least retransmission timeout is 200 ms."""
WINDOW_SLACK = 1 << 20
"""A FIN this far beyond all that its receiver ever allowed, and beyond all that was sent, is not the sender's."""
BEGINNING = figure5.SND_SYN | figure5.RCV_SYN | figure5.RCV_ACK_OF_SYN


class Change(NamedTuple):
    """An arc of Figure 5 that an end took: what happened, when (frame, ns since the epoch), and between which states."""

    event: Event
    frame: int
    time: int
    before: State
    after: State


class Endpoint(SequenceSpace):
    """What is known of one end of a flow.

    Args:
        sent: the segments this end sent, in the order of their frames.
        received: the segments the other end sent.
    """

    @property
    def packets(self) -> int:
        """Frames captured from this end, copies included."""
        return len(self._captured)

    @cached_property
    def spoke(self) -> bool:
        """Whether it sent anything else than a SYN, a SYN-ACK or a RST."""
        return any(not s.flags & (SYN | RST) for s in self._sent)

    # --- SYN

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

    @cached_property
    def late_data(self) -> bool:
        """Whether it sent new payload after it had acknowledged the peer's FIN."""
        heard = self.peer.fin_heard
        return any(s.frame >= heard.frame for s, _ in self.news if heard)

    @cached_property
    def unanswered_bytes(self) -> int | None:
        """How much it acknowledged beyond what it had acknowledged with its last new payload; None without payload."""
        if not self.news:
            return None
        last = self.news[-1][0].frame
        now, then = self.peer.acknowledged(), self.peer.acknowledged(before=last + 1)
        return (now or 0) - (then or 0)

    @cached_property
    def updated_window(self) -> bool:
        """Whether a packet without payload, which acknowledged nothing new, told that its window has at least doubled."""
        for number, s in self.peer.acknowledgements:
            if s.len or s.flags & (SYN | FIN | RST) or number != self.peer.acknowledged(before=s.frame):
                continue
            before, now = (self.peer.right_edge(before=frame) - number for frame in (s.frame, s.frame + 1))
            if now > before and now >= 2 * before:
                return True
        return False

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
        resets = [s for s in self._sent if s.flags & RST and self._in_window(s) and not self._refuted(s)]
        return min(resets, key=self._believed_since, default=None)

    def _in_syn_sent(self, s: Segment) -> bool:
        opened = any(not t.flags & ACK and t.frame < s.frame for t in self.peer.syns)
        return opened and not any(t.frame < s.frame for t in self.syns) and self.acknowledged(before=s.frame) is None

    def _expected(self, s: Segment, before: int = FARTHEST) -> bool:
        """Whether the number is the next one to its receiver, as packets before that frame tell.

        The RST may have overtaken some of them. In CLOSE_WAIT Linux also takes the number of the FIN itself.
        """
        acknowledged, end = self.acknowledged(before=s.frame), self.sent_end(before=s.frame)
        heard = end is not None or acknowledged is not None
        later = [self.sent_end(before=t.frame + 1) for t in self._sent if s.frame < t.frame < before]
        fin = [self.fin_number] if self.fins and self.fins[0].frame < s.frame else []
        return not heard or self._in_syn_sent(s) or self._offset(s.seq) in (acknowledged, end, *later, *fin)

    def _believed_since(self, s: Segment) -> tuple[int, int]:
        """The frame since which the number is expected, where it ever is; then the RST's own."""
        since = [t.frame for t in self._sent if t.frame >= s.frame and self._expected(s, before=t.frame + 1)]
        return min(since, default=FARTHEST), s.frame

    def _in_window(self, s: Segment) -> bool:
        if self._in_syn_sent(s):  # judged by its acknowledgement
            before = sum(new for t, new in self.peer.news if t.frame < s.frame)
            return bool(s.flags & ACK) and 1 <= self.peer._offset(s.ack) <= 1 + before
        end, low = self.sent_end(before=s.frame), self.acknowledged(before=s.frame)
        top = max(low or 0 if end is None else end + 1, self.right_edge(before=s.frame))
        return self._expected(s) or (low or 0) <= self._offset(s.seq) <= top

    def _refuted(self, s: Segment) -> bool:
        """Whether later packets show that nothing ended: more of its sender, a SYN again, or a challenge ACK."""
        earlier = [t for t in self._sent if t.flags & RST and t.frame <= s.frame and self._in_window(t)]
        end = max(self._offset(t.seq) for t in [s, *earlier])
        if any(t.frame > s.frame and self._start(t) + t.len > end for t, _ in self.payload):
            return True
        tries = [(t, end.syns[0]) for end in (self, self.peer) for t in end.syns[1:] if not t.flags & ACK]
        if any(t.frame > s.frame and t.time - first.time > SAME_PACKET_NS for t, first in tries):
            return True
        bare = [t for t in self.peer._sent if not t.len and t.flags & (SYN | FIN | RST | ACK) == ACK and t.frame > s.frame]
        challenges = [t for t in bare if self.peer._offset(t.seq) == self.peer.sent_end(before=t.frame)]
        return any(not self._expected(s, before=t.frame) for t in challenges)

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
        if self.answered_syn or peer.syn_acked:
            received = min(s for s in [*self.syns, peer.syn_acked] if s and s.flags & ACK)
            yield Event.RCV_SYN, max([received, *(self.syns[:1] if self.opened else [])])
        if self.syn_acked and not (self.syn_ack_again and not self.spoke):
            yield Event.RCV_ACK_OF_SYN, max([self.syn_acked, *self.syns[:1]])
        if peer.fin_acked:  # by the clock or in the file before its own FIN: either may be in disorder, where a tap has queues
            earlier = [s for s in self.fins[:1] if peer.fin_acked.time < s.time]
            yield Event.RCV_FIN, min([peer.fin_acked, *earlier])
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
