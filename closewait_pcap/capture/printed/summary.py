"""One packet as a line says it, and the time that stands on it."""

import re
from datetime import date
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from closewait_pcap.capture.packets import ACK, FIN, PSH, RST, SYN

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
_LETTERS = {"F": FIN, "S": SYN, "R": RST, "P": PSH, ".": ACK, "U": 32, "E": 64, "W": 128, "e": 0}


class Form(IntEnum):
    """How a time is printed."""

    clock = 0
    """Time of day, without a date; also the time since the first packet, or since the one before: see `times`."""
    dated = 1
    epoch = 2
    """Seconds since 1970."""
    seconds = 3
    """Seconds since the first packet, or the one before, as Wireshark writes them."""


class Stamp(NamedTuple):
    """A time as printed."""

    form: Form
    value: int
    """ns since midnight, since the epoch (of ``dated``: were its zone UTC), or since whatever."""


class Kind(IntEnum):
    """What a line tells of a packet."""

    tcp = 0
    """Flags and numbers."""
    quiet = 1
    """Ends and length alone, as with ``-q``."""
    cut = 2
    """TCP, but the line is cut."""
    other = 3
    """No TCP."""


class Summary(NamedTuple):
    """What a line says of its packet; None: it does not say."""

    kind: Kind
    stamp: Stamp | None
    source: str = ""
    """Host and port, as printed."""
    destination: str = ""
    six: bool = False
    """IPv6, as far as the line says."""
    flags: int = 0
    seq: int | None = None
    end: int | None = None
    """The number behind the last byte."""
    ack: int | None = None
    window: int | None = None
    length: int | None = None
    wscale: int | None = None
    interface: str = ""
    vlans: tuple[int, ...] = ()
    size: int | None = None
    """Bytes of the frame on the wire."""
    wireshark: bool = False
    """Printed by tshark or Wireshark, whose windows are scaled and whose numbers begin with 0."""
    reused: bool = False
    """Wireshark says that the ports are used anew."""
    complete: bool = True
    """False: the line may go on on the next one."""
    end_at: int = 0
    """How far the line was understood, in characters: of two ways to put a broken line together, the better one."""


STAMP = re.compile(
    r"(?<![\d:.])(?:(?:(\d{4})-(\d\d)-(\d\d)[ T]|(\d\d)/(\d\d)/(\d{4}) )?"
    r"(\d\d):(\d\d):(\d\d)[.,](\d{1,9})|(\d{9,10})\.(\d{6,9}))(?![\d:.])"
)


def stamp_of(found: "re.Match[str]") -> Stamp | None:
    """Read what `STAMP` has found; None where there is no such time."""
    year, month, day, us_month, us_day, us_year, hour, minute, second, fraction, epoch, epoch_fraction = found.groups()
    if epoch:
        return Stamp(Form.epoch, int(epoch) * SECOND + _fraction(epoch_fraction))
    seconds = int(hour) * 3600 + int(minute) * 60 + int(second)
    clock = seconds * SECOND + _fraction(fraction)
    if int(minute) > 59 or int(second) > 60:
        return None
    if not (year or us_year):
        return Stamp(Form.clock, clock)
    days = _days(int(year or us_year), int(month or us_month), int(day or us_day))
    return None if days is None or clock >= DAY else Stamp(Form.dated, days * DAY + clock)


def flags_of(letters: str) -> int | None:
    """Read flags as tcpdump writes them; None where they are none."""
    if letters == "none":
        return 0
    bits = 0
    for letter in letters:
        if letter not in _LETTERS:
            return None
        bits |= _LETTERS[letter]
    return bits


def _fraction(digits: str) -> int:
    return int(digits.ljust(9, "0"))


@lru_cache(64)
def _days(year: int, month: int, day: int) -> int | None:
    try:
        return (date(year, month, day) - date(1970, 1, 1)).days if 1970 <= year < 2200 else None
    except ValueError:
        return None
