"""What a text cannot show of the packets that it prints, and what was made of it: in sentences."""

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from closewait_pcap.capture.packets import address_words
from closewait_pcap.capture.printed.printout import Printout
from closewait_pcap.capture.printed.summary import Form, Kind
from closewait_pcap.quantities import count

if TYPE_CHECKING:
    from closewait_pcap.capture.info import CaptureInfo
    from closewait_pcap.capture.printed.stream import Printed

_NAMED = 5
"""Names that a sentence tells."""


def describe(printed: "Printed", info: "CaptureInfo") -> None:
    """Tell what was learned of a text beside its packets.

    Args:
        printed: the text, which was read.
        info: of it as a capture: link types and the printout are filled in.
    """
    info.link_types = printed.asides.links or ["printed"]
    info.interrupted = info.interrupted or printed.source.interrupted
    names = [f"{info.file}: {sentence}" for sentence in _names(printed)]
    others = [f"{info.file}: {sentence}" for tell in (_times, _packets, _text) for sentence in tell(printed)]
    info.printout = Printout(
        printed.lines,
        printed.times,
        printed.quotes,
        printed.asides.lines,
        printed.clock.dating,
        hosts={address_words(address): name for name, address in printed.ends.names.items()},
        services=frozenset(printed.ends.services.values()),
        is_whole=not (printed.kinds[Kind.quiet] or printed.kinds[Kind.cut] or _unprinted(printed)),
        remarks=names + others,
        names=names,
    )


def _times(printed: "Printed") -> Iterator[str]:
    clock, zone = printed.clock, printed.zone
    if Form.clock in clock.forms and not clock.counted_from:
        yield (
            f"no date is printed: times of day are right (taken as {zone}, which --tz changes), the day is not known, and "
            "1970-01-01 where there has to be one (print it with -tttt)"
            + (f"; midnight passed {count(clock.nights, 'time')}" if clock.nights else "")
        )
    elif Form.dated in clock.forms:
        yield f"no time zone is printed: times are taken as {zone} (--tz changes that)"
    if clock.counted_from:
        yield (
            f"times count from {' and '.join(sorted(clock.counted_from))}: when that was is not known, and 1970-01-02 00:00:00 "
            "where there has to be a time (print it with -tttt)"
        )
    if clock.untimed and not clock.forms:
        yield "no times are printed: how long anything took cannot be said (print them with -tttt)"
    elif clock.untimed:
        yield f"without a time: {count(clock.untimed, 'packet')}"


def _names(printed: "Printed") -> Iterator[str]:
    ends = printed.ends
    if ends.names:
        more = f" and {len(ends.names) - _NAMED:,} more" if len(ends.names) > _NAMED else ""
        yield (
            f"hosts are printed by name, and their addresses are not known: {', '.join(sorted(ends.names)[:_NAMED])}{more} "
            "(print addresses with -n)"
        )
    if ends.telling:
        told = [f"{name} is {ipaddress.ip_address(address)}" for name, address in sorted(ends.telling.items())[:_NAMED]]
        more = f" and {len(ends.telling) - _NAMED:,} more" if len(ends.telling) > _NAMED else ""
        yield f"hosts are printed by names that tell their addresses: {', '.join(told)}{more}"
    if ends.services:
        told = [f"{name} is {port}" for name, port in sorted(ends.services.items())[:_NAMED]]
        yield f"no port is known for some names of services, and others stand for them: {', '.join(told)} (print ports with -nn)"
    if ends.named_services:
        told = [f"{name} is {port}" for name, port in sorted(ends.named_services.items())[:_NAMED]]
        yield f"ports are printed by name, and taken to be what these mean here: {', '.join(told)} (print ports with -nn)"


def _packets(printed: "Printed") -> Iterator[str]:
    kinds, asides = printed.kinds, printed.asides
    if kinds[Kind.quiet]:
        yield f"passed over: {count(kinds[Kind.quiet], 'line')} without flags and numbers, which may hold anything"
    if printed.places.placed:
        yield (
            f"rows without ports and numbers: {printed.places.placed:,} belong to the one flow between their hosts that the rows "
            "around them leave room in (print packets with tcpdump -nn -tttt, to be sure)"
        )
    if kinds[Kind.cut]:
        yield f"passed over: {count(kinds[Kind.cut], 'line')} of TCP cut before the numbers, which may hold anything"
    if _unprinted(printed):
        captured = count(asides.captured or 0, "packet")
        yield (
            f"tcpdump says that it captured {captured}, and {len(printed.lines):,} are printed here: "
            "what the others hold is not known"
        )
    if printed.headless:
        yield (
            f"without a handshake: {count(printed.headless, 'flow')}, whose relative numbers begin with the first lines, "
            "and whose windows have an unknown scale"
        )


def _unprinted(printed: "Printed") -> bool:
    """Whether tcpdump says that it captured more packets than are printed."""
    return printed.asides.captured is not None and printed.asides.captured > len(printed.lines)


def _text(printed: "Printed") -> Iterator[str]:
    if printed.replays.count:
        yield f"printed again, and counted once: {count(printed.replays.count, 'packet')} (the same listing, pasted anew)"
    if printed.dumped:
        yield f"read from hexadecimal dumps: {count(printed.dumped, 'packet')}"
    if printed.source.cut:
        yield f"too long to be a packet, and cut: {count(printed.source.cut, 'line')}"
    if printed.asides.unrecognised:
        yield f"no packets: {count(printed.asides.unrecognised, 'line')} of other text"
    if printed.asides.overflowed:
        yield "there is more text beside the packets than is looked through for socket tables"
