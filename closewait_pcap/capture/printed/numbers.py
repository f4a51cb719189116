"""Sequence numbers as on the wire: tcpdump prints most of them relative to the first ones that it has seen.

Source: print-tcp.c. Without ``-S``, the first segment with an ACK of a pair of ends, and every SYN-ACK, is printed with its own
numbers, which those that follow count from: its sequence number, and the acknowledged one less 1. Segments without ACK are
printed with their own. What stands in a text may lack that first segment, come from ``-S`` or from several runs of tcpdump: of
the two numbers that may be meant, the one near to what is expected is taken. Where nothing tells, counting begins at 0: verdicts
need differences alone.
"""

from closewait_pcap.capture.packets import ACK, SYN
from closewait_pcap.capture.printed.ahead import Ahead
from closewait_pcap.capture.printed.ends import End
from closewait_pcap.capture.printed.packets import Packet
from closewait_pcap.capture.printed.summary import Kind, Summary

_NEAR, _FAR = 1 << 24, 1 << 27
"""How far a number may be from what is expected, and how far the other reading of it has to be, to be sure."""
_SMALL = 1 << 20
"""An acknowledgement this small counts from the beginning."""
_LOOK = 200
"""Packets looked at for the numbers of an end whose first segments have none."""
_REUSED = 1 << 30
"""What lies between two uses of the same ports, where Wireshark prints both from 0."""
_ALL = 0xFFFFFFFF
_WIDE = 0xFFFF
_LONGEST = 1 << 24
"""Bytes of payload in a packet: BIG TCP has up to 512 KiB."""


class _Way:
    """One direction."""

    __slots__ = ("acked", "base", "isn", "next", "scale", "window")

    def __init__(self) -> None:
        self.base: int | None = None
        """What printed numbers count from."""
        self.isn: int | None = None
        self.next: int | None = None
        """The number that is expected next."""
        self.window = _WIDE
        self.acked: int | None = None
        """The last acknowledgement: also that of a line which is cut before its own."""
        self.scale: int | None = None


class _Conversation:
    __slots__ = ("begun", "offset", "relative", "ways")

    def __init__(self) -> None:
        self.ways = (_Way(), _Way())
        self.relative: bool | None = None
        """Whether numbers are printed relative, as far as is known."""
        self.begun = False
        """Whether a first segment with an ACK was seen."""
        self.offset = 0


class Numbers:
    """Turns printed numbers into those of the wire."""

    def __init__(self) -> None:
        self._conversations: dict[tuple[End, End], _Conversation] = {}

    def resolve(self, packet: Packet, told: Summary, source: End, destination: End, ahead: Ahead[Packet]) -> tuple[int, int, int]:
        """Give the numbers of a packet.

        Args:
            packet: the packet.
            told: what is known of it, flags at least.
            source: its sender.
            destination: its receiver.
            ahead: the packets that follow.

        Returns:
            Sequence number, acknowledgement number (0 without the flag), and window.
        """
        conversation, way = self._find(source, destination)
        me, you = conversation.ways[way], conversation.ways[1 - way]
        if told.wireshark:
            seq, ack = _of_wireshark(conversation, told)
        elif told.flags & SYN:
            seq, ack = _of_syn(conversation, me, you, told)
        elif not told.flags & ACK:
            seq, ack = me.next or 0 if told.seq is None else told.seq, 0
        elif not conversation.begun:
            seq, ack = self._begin(conversation, way, packet, ahead)
        else:
            seq, ack = _of_segment(conversation, me, you, told)
        _advance(me, you, told.flags, seq, ack, length_of(told))
        return seq & _ALL, ack & _ALL, _window(me, you, told)

    def learn(self, flags: int, seq: int, ack: int, length: int, source: End, destination: End) -> None:
        """Take note of a packet whose own numbers are known, since its bytes were printed too.

        Args:
            flags: TCP flags.
            seq: sequence number.
            ack: acknowledgement number.
            length: payload in bytes.
            source: its sender.
            destination: its receiver.
        """
        conversation, way = self._find(source, destination)
        me, you = conversation.ways[way], conversation.ways[1 - way]
        if flags & ACK and (flags & SYN or not conversation.begun):
            conversation.begun = True
            me.base, you.base = seq, (ack - 1) & _ALL
        _advance(me, you, flags, seq, ack, length)

    @property
    def headless(self) -> int:
        """Pairs of ends of which no SYN was seen."""
        return sum(all(way.isn is None for way in one.ways) for one in self._conversations.values())

    def _find(self, source: End, destination: End) -> tuple[_Conversation, int]:
        way = int(source > destination)
        key = (destination, source) if way else (source, destination)
        conversation = self._conversations.get(key)
        if conversation is None:
            conversation = self._conversations[key] = _Conversation()
        return conversation, way

    def _begin(self, conversation: _Conversation, way: int, packet: Packet, ahead: Ahead[Packet]) -> tuple[int, int]:
        """Take the first segment with an ACK: it has its own numbers, and others count from them, if tcpdump saw none before."""
        told = packet.summary
        conversation.begun = True
        me, you = conversation.ways[way], conversation.ways[1 - way]
        seq, ack = told.seq, told.ack or 0
        if me.isn is not None:  # the SYN is here, and its answer is not: was it seen, and is not in the text?
            is_own = _distance(seq, me.isn + 1) < _NEAR if seq is not None else ack >= _SMALL
            if not is_own:
                conversation.relative = True
                me.base, you.base = me.isn, 0
                return me.isn + (1 if seq is None else seq), ack
            seq = me.isn + 1 if seq is None else seq
        me.base, you.base = (0 if seq is None else seq), (ack - 1) & _ALL
        return self._number_ahead(packet, ahead) if seq is None else seq, ack

    def _number_ahead(self, packet: Packet, ahead: Ahead[Packet]) -> int:
        """Find where an end is, of which a first segment without payload says nothing: what it sends or is told next."""
        mine, other = packet.summary.source, packet.summary.destination
        for then in ahead.peek(_LOOK):
            told = then.summary
            if told.kind is not Kind.tcp or not told.flags & ACK:
                continue
            if (told.source, told.destination) == (mine, other) and told.seq is not None:
                return told.seq
            if (told.source, told.destination) == (other, mine) and told.ack is not None:
                return told.ack
        return 0


def length_of(told: Summary) -> int:
    """Payload in bytes, as the numbers of a line say, else its length; what no packet can have is none."""
    length = told.length or 0
    if told.seq is not None and told.end is not None:
        length = (told.end - told.seq) & _ALL
    return length if length <= _LONGEST else 0


def _of_wireshark(conversation: _Conversation, told: Summary) -> tuple[int, int]:
    if told.reused:
        conversation.offset += 0 if told.seq else _REUSED  # numbers that do not begin with 0 are the wire's own
        for way in conversation.ways:
            way.scale = None
    return (told.seq or 0) + conversation.offset, (told.ack or 0) + conversation.offset if told.flags & ACK else 0


def _of_syn(conversation: _Conversation, me: _Way, you: _Way, told: Summary) -> tuple[int, int]:
    seq, ack = told.seq or 0, (told.ack or 0) if told.flags & ACK else 0
    if told.flags & ACK:
        conversation.begun = True
        me.base, you.base = seq, (ack - 1) & _ALL
    return seq, ack


def _of_segment(conversation: _Conversation, me: _Way, you: _Way, told: Summary) -> tuple[int, int]:
    """Tell which numbers are meant by a segment with an ACK."""
    seq = me.next or 0
    own = []
    if told.seq is not None:
        seq, is_own = _meant(conversation, me, told.seq)
        own.append(is_own)
    if told.ack is None:
        return seq, me.acked or you.next or 0
    ack, is_own = _meant(conversation, you, told.ack)
    own.append(is_own)
    if conversation.relative and all(own) and told.seq is not None:  # tcpdump was started again
        me.base, you.base = told.seq, (ack - 1) & _ALL
    return seq, ack


def _meant(conversation: _Conversation, way: _Way, number: int) -> tuple[int, bool]:
    """Choose between a number itself and the one that it is relative to its base.

    Returns:
        The number on the wire; and whether it is surely the printed one itself.
    """
    relative = ((way.base or 0) + number) & _ALL
    if way.next is None or relative == number:
        return (relative if conversation.relative is not False else number), False
    far, near = _distance(relative, way.next), _distance(number, way.next)
    if min(far, near) < _NEAR and max(far, near) > _FAR:
        is_own = near < far
        if conversation.relative is None:
            conversation.relative = not is_own
        return (number, True) if is_own else (relative, False)
    if conversation.relative is None:
        conversation.relative = far < near
    return (relative if conversation.relative else number), False


def _advance(me: _Way, you: _Way, flags: int, seq: int, ack: int, length: int) -> None:
    """Take note of what is expected next."""
    behind = (seq + length + (1 if flags & SYN else 0)) & _ALL
    if flags & SYN:
        me.isn = seq
    me.next = behind if flags & SYN else _later(me.next, behind)
    if flags & ACK:
        me.acked = ack & _ALL
        you.next = me.acked if you.next is None else you.next


def _window(me: _Way, you: _Way, told: Summary) -> int:
    """Give the window as in the header: Wireshark shows it scaled, as far as it has seen both SYNs.

    One that is not printed is the last one, or any but zero, which would say that the end does not read.
    """
    if told.window is None:
        return me.window
    window = told.window
    if told.wireshark:
        if told.flags & SYN:
            me.scale = told.wscale
        elif me.scale is not None and you.scale is not None:
            window >>= me.scale
    me.window = min(window, _WIDE)
    return me.window


def _distance(one: int, other: int) -> int:
    difference = (one - other) & _ALL
    return min(difference, (1 << 32) - difference)


def _later(one: int | None, other: int) -> int:
    """The number that is further on, modulo 2**32."""
    return other if one is None or (other - one) & _ALL < 1 << 31 else one
