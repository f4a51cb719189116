"""What a text cannot show of the packets that it prints, and what was made of it: in sentences."""

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from closewait_pcap.capture.packets import address_words
from closewait_pcap.capture.printed.learned import Learned
from closewait_pcap.capture.printed.summary import Form, Kind
from closewait_pcap.capture.printout import Printout
from closewait_pcap.quantities import count

if TYPE_CHECKING:
    from closewait_pcap.capture.info import CaptureInfo

_NAMED = 5
"""Names that a sentence tells."""


def describe(learned: Learned, info: "CaptureInfo") -> None:
    """Tell what was learned of a text beside its packets.

    Args:
        learned: of the text, which was read.
        info: of it as a capture: link types and the printout are filled in.
    """
    info.link_types = learned.asides.links or ["printed"]
    info.interrupted = info.interrupted or learned.source.interrupted
    names = [f"{info.file}: {sentence}" for sentence in _names(learned)]
    others = [f"{info.file}: {sentence}" for tell in (_times, _packets, _text) for sentence in tell(learned)]
    info.printout = Printout(
        learned.lines,
        learned.times,
        learned.quotes,
        learned.asides.lines,
        learned.clock.dating,
        hosts={address_words(address): name for address, name in learned.ends.named().items()},
        services=frozenset(learned.ends.services.values()),
        is_whole=not (learned.kinds[Kind.quiet] or learned.kinds[Kind.cut] or _unprinted(learned)),
        remarks=names + others,
        names=names,
    )


def _times(learned: Learned) -> Iterator[str]:
    clock, zone = learned.clock, learned.zone
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


def _names(learned: Learned) -> Iterator[str]:
    ends = learned.ends
    if ends.names:
        names = sorted({host for host, _ in ends.names})
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        yield (f"hosts are printed by name, without their addresses: {', '.join(names[:_NAMED])}{more} (print addresses with -n)")
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


def _packets(learned: Learned) -> Iterator[str]:
    kinds, asides = learned.kinds, learned.asides
    if kinds[Kind.quiet]:
        yield f"passed over: {count(kinds[Kind.quiet], 'line')} without flags and numbers, which may hold anything"
    if learned.places.placed:
        yield (
            f"rows without ports and numbers: {learned.places.placed:,} belong to the one flow between their hosts that the rows "
            "around them leave room in (print packets with tcpdump -nn -tttt, to be sure)"
        )
    if kinds[Kind.cut]:
        yield f"passed over: {count(kinds[Kind.cut], 'line')} of TCP cut before the numbers, which may hold anything"
    if _unprinted(learned):
        captured = count(asides.captured or 0, "packet")
        yield (
            f"tcpdump says that it captured {captured}, and {len(learned.lines):,} are printed here: "
            "what the others hold is not known"
        )
    if learned.numbers.headless:
        yield (
            f"without a handshake: {count(learned.numbers.headless, 'flow')}, whose relative numbers begin with the first lines, "
            "and whose windows have an unknown scale"
        )


def _unprinted(learned: Learned) -> bool:
    """Whether tcpdump says that it captured more packets than are printed."""
    return learned.asides.captured is not None and learned.asides.captured > len(learned.lines)


def _text(learned: Learned) -> Iterator[str]:
    if learned.replays.count:
        yield f"printed again, and counted once: {count(learned.replays.count, 'packet')} (the same listing, pasted anew)"
    if learned.dumped:
        yield f"read from hexadecimal dumps: {count(learned.dumped, 'packet')}"
    if learned.source.cut:
        yield f"too long to be a packet, and cut: {count(learned.source.cut, 'line')}"
    if learned.asides.unrecognised:
        yield f"no packets: {count(learned.asides.unrecognised, 'line')} of other text"
    if learned.asides.overflowed:
        yield "there is more text beside the packets than is looked through for socket tables"
