"""Random exchanges that two real ends could have had, and what a tap may make of them."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from closewait_pcap.capture.packets import ACK, FIN, RST, SYN
from closewait_pcap.tcp.sequence import Segment

EPOCH = 1_780_000_000_000_000_000
MS = 1_000_000
LEFT, RIGHT = True, False
Captured = list[tuple[bool, Segment]]
"""Who sent it (True: the left end), and what."""

ACTIONS = (
    *("data", "data", "data", "data", "fin", "fin", "fin", "rst", "resend", "resend"),
    *("deliver", "ack", "lose", "zero", "probe", "byte_probe", "wait", "pause", "pause"),
)


@dataclass
class Host:
    """A TCP end with just enough sense to send what RFC 9293 allows. Numbers are offsets from its initial one."""

    isn: int
    next: int = 0
    acked: int = 0
    heard: int | None = None
    """The next number it expects of the other."""
    fin: int | None = None
    closed_by_peer: bool = False
    dead: bool = False
    window: int = 501

    @property
    def synchronized(self) -> bool:
        """Whether it may send data."""
        return self.heard is not None and self.acked >= 1 and not self.dead


@dataclass
class Exchange:
    """Two hosts, the wire between them, and a tap on it that sees every segment as it is sent."""

    hosts: dict[bool, Host]
    time: int = EPOCH
    wire: dict[bool, deque[Segment]] = field(default_factory=lambda: {LEFT: deque(), RIGHT: deque()})
    """By who sent it."""
    seen: Captured = field(default_factory=list)

    def send(self, side: bool, flags: int, seq: int | None = None, length: int = 0) -> None:
        """Put a segment on the wire."""
        me, you = self.hosts[side], self.hosts[not side]
        seq = me.next if seq is None else seq
        ack = 0
        if me.heard is not None:
            flags |= ACK if not flags & RST else 0
            ack = (you.isn + me.heard) % 2**32 if flags & ACK else 0
        self.time += MS
        segment = Segment(0, self.time, (me.isn + seq) % 2**32, ack, length, me.window, -1, flags)
        self.seen.append((side, segment))
        self.wire[side].append(segment._replace(seq=seq, ack=me.heard or 0))

    def open(self, side: bool, length: int = 0) -> None:
        """Send a SYN."""
        me = self.hosts[side]
        if me.next == 0 or (me.acked == 0 and not me.dead and me.heard is None):
            self.send(side, SYN, 0, length if me.next == 0 else 0)
            me.next = max(me.next, 1 + length)

    def deliver(self, side: bool) -> None:
        """Let a side receive the next segment under way to it."""
        if not self.wire[not side]:
            return
        s = self.wire[not side].popleft()
        me = self.hosts[side]
        if me.dead:
            if not s.flags & RST and s.flags & ACK:
                self.send(side, RST, s.ack)
            return
        if s.flags & RST:
            self._receive_rst(side, s)
            return
        if s.flags & SYN and me.heard is None:
            me.heard = 1 + (s.len if me.next == 0 else 0)
            if s.flags & ACK:
                me.acked = max(me.acked, s.ack)
            self.send(side, 0 if me.acked else SYN, None if me.acked else 0)
            me.next = max(me.next, 1)
            return
        if me.heard is None:
            return
        if s.flags & ACK and s.ack <= me.next:
            me.acked = max(me.acked, s.ack)
        start = s.seq + bool(s.flags & SYN)
        expected = me.heard
        if start <= expected < start + s.len:
            me.heard = start + s.len
        if s.flags & FIN and start + s.len == me.heard and not me.closed_by_peer:
            me.closed_by_peer = True
            me.heard += 1
        if (s.len or s.flags & (SYN | FIN)) and me.heard == expected and me.acked:
            self.send(side, 0)

    def _receive_rst(self, side: bool, s: Segment) -> None:
        me = self.hosts[side]
        if me.heard is None:
            me.dead = bool(s.flags & ACK) and s.ack == me.next
        elif s.seq == me.heard:
            me.dead = True
        elif me.heard < s.seq < me.heard + me.window:
            self.send(side, 0)

    def act(self, action: str, side: bool, amount: int) -> None:
        """Do one thing, where it is allowed."""
        me = self.hosts[side]
        if action == "wait":
            self.time += amount * MS
        elif action == "pause":
            self.time += amount * 100 * MS
        elif action == "deliver":
            for _ in range(1 + amount % 4):
                self.deliver(side)
        elif action == "lose" and self.wire[side]:
            self.wire[side].popleft()
        elif action == "resend" and me.next == 1 and me.acked == 0 and not me.dead:
            self.send(side, SYN, 0)
        elif me.synchronized:
            self._act_synchronized(action, side, amount)

    def _act_synchronized(self, action: str, side: bool, amount: int) -> None:
        me = self.hosts[side]
        end = me.next if me.fin is None else me.fin
        if action == "ack":
            self.send(side, 0)
        elif action == "data" and me.fin is None:
            self.send(side, 0, None, amount)
            me.next += amount
        elif action == "fin" and me.fin is None:
            length = amount % 3 * 7
            self.send(side, FIN, None, length)
            me.fin = me.next + length
            me.next = me.fin + 1
        elif action == "resend" and me.acked < me.next:
            length = min(amount, end - me.acked) if me.acked < end else 0
            last = me.fin is not None and me.acked + length == me.fin
            self.send(side, FIN * last, me.acked, length)
        elif action == "rst" and amount % 3 == 0:
            self.send(side, RST | ACK * (amount % 2), None)
            me.dead = True
        elif action == "zero":
            me.window = 0 if me.window else 501
        elif action in ("probe", "byte_probe") and me.acked == me.next and me.next > 1:
            self.time += 1000 * MS
            self.send(side, 0, me.next - 1, int(action == "byte_probe"))


numbers = st.sampled_from([0, 1, 2**32 - 1, 2**32 - 40, 2**31 - 20, 2**31, 3_000_000_000])
step = st.tuples(st.sampled_from(ACTIONS), st.booleans(), st.integers(1, 60), st.integers(0, 4))
actions = st.sampled_from([0, 5, 15, 30]).flatmap(lambda least: st.lists(step, min_size=least, max_size=least + 10))


@st.composite
def exchanges(draw: Any) -> Captured:
    """Draw what two ends said to each other, as a perfect tap sees it."""
    exchange = Exchange({LEFT: Host(draw(numbers)), RIGHT: Host(draw(numbers))})
    opening = draw(st.sampled_from(["active", "active", "fast_open", "simultaneous", "mid_stream", "mid_stream"]))
    if opening == "mid_stream":
        for host in exchange.hosts.values():
            host.next = host.acked = host.heard = 100
    else:
        exchange.open(LEFT, 30 if opening == "fast_open" else 0)
        if opening == "simultaneous":
            exchange.open(RIGHT)
        if draw(st.integers(0, 9)):
            for side in (RIGHT, LEFT, RIGHT, LEFT):
                exchange.deliver(side)
    for action, side, amount, arriving in draw(actions):
        exchange.act(action, side, amount)
        for n in range(arriving):
            exchange.deliver(side if n % 2 else not side)
    return exchange.seen


def numbered(captured: Captured) -> Captured:
    """Give frames their numbers."""
    return [(side, s._replace(frame=n)) for n, (side, s) in enumerate(captured, 1)]


def doubled(captured: Captured) -> Captured:
    """Show every packet twice, as two taps do."""
    copies = [(side, copy) for side, s in captured for copy in (s, s._replace(time=s.time + 200_000))]
    return numbered(copies)


@st.composite
def noisy(draw: Any, exchange: st.SearchStrategy[Captured] = exchanges()) -> Captured:  # noqa: B008
    """Draw what a tap makes of an exchange: loses some, shows some twice, and lets packets overtake others by a few milliseconds.

    The handshake's packets may swap among themselves, but nothing overtakes a SYN: Wireshark then sees two streams.
    """
    seen = draw(exchange)
    last_syn = max([n for n, (_, s) in enumerate(seen) if s.flags & SYN], default=-1)
    bare = not any(s.len or s.flags & (FIN | RST) for _, s in seen[: last_syn + 1])
    lost = draw(st.sets(st.integers(0, max(len(seen), 1)), max_size=2))
    twice = draw(st.sets(st.integers(0, max(len(seen), 1)), max_size=3))
    jitter = draw(st.lists(st.sampled_from([0, 0, 0, 0, 1.5, 2.5, 3.5]), min_size=len(seen), max_size=len(seen)))
    places = []
    for n, packet in enumerate(seen):
        if n not in lost:
            moved = packet[1].time + jitter[n] * MS if bare or n > last_syn else 0
            places += [((n > last_syn, moved, n), packet)] * (1 + (n in twice))
    packets = [packet for _, packet in sorted(places, key=lambda place: place[0])]
    if draw(st.booleans()):  # one clock at the end of all queues, or one for each
        times = sorted(s.time for _, s in packets)
        packets = [(side, s._replace(time=time)) for (side, s), time in zip(packets, times, strict=True)]
    return numbered(packets)
