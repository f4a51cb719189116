"""Printed packets as a stream of pcapng, for the reader of captures: nothing behind it knows that they were text."""

from collections import Counter
from collections.abc import Iterator
from datetime import tzinfo
from io import BytesIO
from typing import Any, BinaryIO

from closewait_pcap.capture.info import CaptureInfo
from closewait_pcap.capture.printed import frames
from closewait_pcap.capture.printed.ahead import Ahead
from closewait_pcap.capture.printed.asides import Asides
from closewait_pcap.capture.printed.hexdump import RAW, Frame
from closewait_pcap.capture.printed.learned import Learned
from closewait_pcap.capture.printed.lines import Lines
from closewait_pcap.capture.printed.numbers import length_of
from closewait_pcap.capture.printed.packets import Packet, assemble
from closewait_pcap.capture.printed.remarks import describe
from closewait_pcap.capture.printed.summary import Kind, Summary
from closewait_pcap.capture.printed.times import Times
from closewait_pcap.errors import CaptureError, NoPackets

_BLOCK = 1 << 18
"""Bytes written ahead."""
_MOST_INTERFACES = 4096
_LOOK = 1000
"""Packets looked at to see whether they say enough."""


def holds_packets(begin: bytes) -> bool:
    """Whether packets are printed in a text: two that tell flags and numbers, with times.

    Args:
        begin: the first bytes of the text.
    """
    told = (packet.summary for packet in assemble(Lines(BytesIO(begin)), Asides()))
    return sum(one.kind is Kind.tcp and one.stamp is not None for one in told) > 1


class Printed:
    """The packets of a text.

    Args:
        stream: the text, as bytes; read from where it stands.
        name: for messages.
        zone: of printed dates and times of day.
    """

    def __init__(self, stream: BinaryIO, name: str, zone: tzinfo) -> None:
        self.name = name
        self.learned = Learned(Lines(stream), Times(zone), zone)
        """What the text tells, as far as it was read."""
        self._interfaces: dict[tuple[int, str], int] = {}
        source, asides, replays = self.learned.source, self.learned.asides, self.learned.replays
        self._new = Ahead(packet for packet in assemble(source, asides) if not replays.has(packet))
        self._blocks = self._written()
        self._left = memoryview(b"")

    def describe(self, info: CaptureInfo) -> None:
        """Tell what was learned of the text beside its packets."""
        describe(self.learned, info)

    @property
    def converted_from(self) -> str:
        """What to say of the capture's format."""
        return f"text ({', '.join(sorted(self.learned.styles))})"

    @property
    def trouble(self) -> str | None:
        """Why the text ends too early, where it does."""
        return self.learned.source.trouble

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as it goes; 0 at the end.

        Raises:
            NoPackets: there is no packet in the text.
            CaptureError: they all say too little.
        """
        if not self._left:
            self._left = memoryview(next(self._blocks, b""))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _written(self) -> Iterator[bytes]:
        """Give blocks of pcapng, a good many at once."""
        made = bytearray(frames.SECTION)
        self._refuse_quiet()
        for block in self._packets():
            made += block
            if len(made) > _BLOCK or len(self.learned.lines) == 1:  # the first one says what this is
                yield bytes(made)
                made.clear()
        if not self.learned.lines:
            raise NoPackets(
                f"{self.name}: this is text, and no line of it reads like a packet that tcpdump or tshark printed; "
                "print packets with: tcpdump -nn -tttt, or write a capture with: tcpdump -w FILE",
                {self.name: self.learned.asides.lines},
            )
        if self.learned.asides.drops is not None:
            made += frames.statistics(0, self.learned.asides.drops)
        yield bytes(made)

    def _packets(self) -> Iterator[bytes]:
        ahead = Ahead(self.learned.clock.resolve(self._new))
        for packet in ahead:
            self.learned.lines.append(packet.line)
            self.learned.times.append(packet.time)
            self.learned.quotes.append(packet.text)
            self.learned.styles.add("Wireshark" if packet.summary.wireshark else "tcpdump")
            yield from self._frame(packet, ahead)

    def _frame(self, packet: Packet, ahead: Ahead[Packet]) -> Iterator[bytes]:
        """Write one packet, after its interface where that is new."""
        link, frame, wirelen = self._bytes(packet, ahead)
        told = packet.summary
        key = link, told.interface or self.learned.asides.interface
        if key not in self._interfaces and len(self._interfaces) > _MOST_INTERFACES:
            key = link, ""  # what is printed there is no interface
        if key not in self._interfaces:
            self._interfaces[key] = len(self._interfaces)
            yield frames.interface(*key)
        yield frames.packet(self._interfaces[key], packet.time, frame, wirelen)

    def _bytes(self, packet: Packet, ahead: Ahead[Packet]) -> tuple[int, bytes, int]:
        told = packet.summary
        dumped = packet.dump.frame(told.size) if packet.dump else None
        if dumped is not None:
            self._learn(packet, dumped)
            return dumped.link, dumped.data, dumped.wirelen
        if told.wireshark:
            told = self._placed(told, ahead)
        self.learned.kinds[told.kind] += 1
        source = destination = None
        if told.kind is Kind.tcp:
            read = self.learned.ends.read
            source, destination = read(told.source, told.six), read(told.destination, told.six)
        if source is None or destination is None:
            return RAW, *frames.OTHER
        seq, ack, window = self.learned.numbers.resolve(packet, told, source, destination, ahead)
        network, size = frames.segment(source, destination, told.flags, seq, ack, window, length_of(told), told.wscale)
        link, frame = frames.tagged(network, told.vlans)
        return link, frame, size + len(frame) - len(network)

    def _placed(self, told: Summary, ahead: Ahead[Packet]) -> Summary:
        """Give a row of Wireshark's that names no ports its flow, where that is certain."""
        if told.kind is Kind.tcp:
            self.learned.places.note(told)
        elif told.kind is Kind.quiet and (placed := self.learned.places.place(told, ahead)):
            return placed
        return told

    def _learn(self, packet: Packet, frame: Frame) -> None:
        """Take note of what a packet's own bytes tell: its numbers, and whose the printed names are."""
        self.learned.kinds[Kind.tcp] += 1
        self.learned.dumped += 1
        ends = (frame.source, frame.srcport), (frame.destination, frame.dstport)
        self.learned.numbers.learn(frame.flags, frame.seq, frame.ack, frame.length, *ends)
        told = packet.summary
        for text, end in zip((told.source, told.destination), ends, strict=True):
            self.learned.ends.learn(text, told.six, end)

    def _refuse_quiet(self) -> None:
        """Refuse a text whose lines all say too little."""
        first = self._new.peek(_LOOK)
        kinds = Counter(packet.summary.kind for packet in first)
        dumped = any(packet.dump is not None and packet.dump.frame(packet.summary.size) for packet in first)
        if kinds[Kind.tcp] or dumped or not kinds[Kind.quiet] + kinds[Kind.cut]:
            return
        if any(packet.summary.wireshark for packet in first):
            if len(first) < _LOOK:
                raise CaptureError(
                    f"{self.name}: Wireshark's lines for what TCP carries show neither ports nor flags nor numbers, and there "
                    "are no others; print the packets with: tcpdump -nn -tttt -r CAPTURE"
                )
        elif kinds[Kind.quiet]:
            raise CaptureError(
                f"{self.name}: tcpdump -q prints neither flags nor numbers, so nothing can be said of these packets; "
                "print them without -q"
            )
        else:
            raise CaptureError(
                f"{self.name}: packets are printed from line {first[0].line:,} on, and those of TCP are all cut before their "
                "numbers; print them with: tcpdump -nn -tttt, or write a capture: tcpdump -w FILE"
            )
