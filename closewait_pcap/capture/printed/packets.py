"""From lines to packets: what belongs to one packet is put together, whatever broke it into several lines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from closewait_pcap.capture.printed import tcpdump, wireshark
from closewait_pcap.capture.printed.asides import Asides
from closewait_pcap.capture.printed.hexdump import Dump
from closewait_pcap.capture.printed.lines import Line
from closewait_pcap.capture.printed.summary import Kind, Summary

_MOST_LINES = 8
"""A packet's line is broken into no more than so many."""
_LONGEST = 4096
"""Characters of a line in which a packet is looked for: payload may follow it."""


@dataclass(slots=True)
class Packet:
    """A packet as printed, and where."""

    line: int
    text: str
    """Its line, or its lines put together."""
    summary: Summary
    begins: bool
    """Something else than packets stands before it: a listing may begin here."""
    lines: int = 1
    """How many were put together."""
    dump: Dump | None = None
    time: int = 0
    """ns since the epoch; 0: not known."""


def parse(text: str) -> Summary | None:
    """Read a line in whatever style it is printed; None where it is no packet."""
    text = text[:_LONGEST]
    return tcpdump.parse(text) or wireshark.parse(text)


def assemble(lines: Iterable[Line], asides: Asides) -> Iterator[Packet]:
    """Put packets together: lines that go on on the next one, and hexadecimal dumps below them.

    Args:
        lines: of the text.
        asides: takes all lines that belong to no packet.

    Yields:
        The packets, in the text's order.
    """
    packet: Packet | None = None
    begins = True
    for line in lines:
        if packet is not None and _take_dump(packet, line.text):
            continue
        if packet is not None and not packet.summary.complete and _continues(packet, line.text):
            continue
        summary = parse(line.text)
        if summary is None:
            begins = asides.take(line) or begins
            continue
        if packet is not None:
            yield packet
        packet, begins = Packet(line.number, line.text, summary, begins), False
    if packet is not None:
        yield packet


def _take_dump(packet: Packet, text: str) -> bool:
    if not text.startswith("0x") and "  " not in text[4:8]:
        return False
    dump = packet.dump or Dump()
    if not dump.take(text):
        return False
    packet.dump = dump
    return True


def _continues(packet: Packet, text: str) -> bool:
    """Whether a line is the rest of the packet before it: only if more of it is understood with the line than without."""
    if packet.dump is not None or packet.lines >= _MOST_LINES or not text:
        return False
    alone, inside = parse(text), tcpdump.TUNNEL.search(packet.text[:_LONGEST]) is not None
    begins = text.startswith(("IP ", "IP6 ", "ARP, ")) and not inside
    if alone is not None and (alone.stamp is not None or alone.wireshark or begins):
        return False  # a packet of its own
    joints = [f"{packet.text} {text}", packet.text + text]
    if packet.text[-1].isdigit() and text[0].isdigit():
        joints.reverse()  # a number was broken: no two of them stand side by side
    tries = [(joint, summary) for joint in joints if (summary := parse(joint)) is not None]
    if not tries:
        return False
    joint, summary = max(tries, key=lambda one: (one[1].kind is Kind.tcp, one[1].complete, one[1].end_at))  # of equals, the first
    if not summary.complete and summary.end_at <= packet.summary.end_at:
        return False
    packet.text, packet.summary = joint, summary
    packet.lines += 1
    return True
