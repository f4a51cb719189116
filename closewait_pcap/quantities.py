"""Numbers, times and names as a person reads them; every sentence of the program writes them alike."""

from datetime import UTC, datetime
from enum import Enum
from itertools import zip_longest

import numpy as np

NO_TIME = int(np.iinfo(np.int64).min)
"""A missing time or span among int64 nanoseconds: the same bit pattern as NumPy's NaT."""


class Dating(Enum):
    """What is known of the day of a capture's times."""

    FULL = "date and time of day"
    NO_DATE = "time of day, without a date"
    """Packets were printed so; the first day is shown as 1970-01-01 where there has to be a date."""
    NO_CLOCK = "time since another packet"
    """Likewise; what that time counts from is shown as `NO_CLOCK_FROM`."""


_DAY = 86_400 * 1_000_000_000
NO_CLOCK_FROM = _DAY
"""1970-01-02 00:00:00 UTC in ns since the epoch: 0 is no time."""


def count(number: int, noun: str) -> str:
    """Write a number with its noun: ``1 flow``, ``1,024 flows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def span(ns: int) -> str:
    """Write a span of time for a person: ``2.6 s``, ``41 ms``, ``1 h 03 min``."""
    seconds = ns / 1e9
    if seconds >= 86_400:
        return f"{int(seconds // 86_400)} d {int(seconds % 86_400 // 3600):02d} h"
    if seconds >= 3600:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
    if seconds >= 60:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    if seconds >= 0.9995 or not ns:
        return f"{seconds:.3g} s"
    if seconds >= 0.0009995:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.3g} µs"


def moment(ns: int, dating: Dating = Dating.FULL) -> str:
    """Write a time for a person: ``2026-11-21 11:55:28.744608 UTC``, with ns only where there are any.

    Args:
        ns: since the epoch.
        dating: what of it is known. Where the date is not: ``11:55:28.744608 UTC``, after midnight
            ``day 2, 00:00:01.744608 UTC``; where a packet is all that it counts from: ``0.744608 s after the first packet``.
    """
    if ns == NO_TIME:
        return "an unknown time"
    if dating is Dating.NO_CLOCK:
        return f"{_elapsed(ns)} s after the first packet"
    return f"{_date(ns, dating)}{clock_time(ns)} UTC"


def short_moment(ns: int, dating: Dating = Dating.FULL) -> str:
    """Write a time for a column of a table, whose title names UTC: without what is smaller than a second."""
    if ns == NO_TIME:
        return "an unknown time"
    if dating is Dating.NO_CLOCK:
        return f"+{_elapsed(ns)} s"
    return _date(ns, dating) + clock_time(ns).partition(".")[0]


def clock_time(ns: int, dating: Dating = Dating.FULL) -> str:
    """Write the time of day of a time for a person: ``11:55:28.744608``."""
    if ns == NO_TIME:
        return "an unknown time"
    if dating is Dating.NO_CLOCK:
        return f"+{_elapsed(ns)} s"
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{_fraction(rest)}"


def date_of(ns: int, dating: Dating = Dating.FULL) -> str:
    """Write the date of a time, as far as it is known: ``2026-11-21``, ``day 2``; empty for the first day without a date."""
    return _date(ns, dating).rstrip(", ")


def _date(ns: int, dating: Dating) -> str:
    if dating is Dating.FULL:
        return f"{datetime.fromtimestamp(ns // 1_000_000_000, UTC):%Y-%m-%d} "
    return f"day {ns // _DAY + 1}, " if ns >= _DAY else ""


def _elapsed(ns: int) -> str:
    seconds, rest = divmod(ns - NO_CLOCK_FROM, 1_000_000_000)
    return f"{seconds:,}.{_fraction(rest)}"


def _fraction(rest: int) -> str:
    digits = f"{rest:09d}"
    return digits[:6] if digits.endswith("000") else digits


def socket_name(address: str, port: int) -> str:
    """Write address and port together; IPv6 in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def printable(text: str) -> str:
    """Make text from outside safe for a terminal: control and bidirectional characters are written out."""
    if text.isprintable():  # nearly all is, and there is much of it
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def short_names(files: list[str]) -> list[str]:
    """Name files by what tells them apart: without the folder that all are in."""
    names = [file.split("/") for file in files]
    shared = next(place for place, parts in enumerate(zip_longest(*names)) if len(set(parts)) > 1) if len(files) > 1 else 0
    return [printable("/".join(name[shared:]) or name[-1]) for name in names]
