"""Numbers, times and names as a person reads them; every sentence of the program writes them alike."""

from datetime import UTC, datetime
from itertools import zip_longest

import numpy as np

NO_TIME = int(np.iinfo(np.int64).min)
"""A missing time or span among int64 nanoseconds: the same bit pattern as NumPy's NaT."""


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


def moment(ns: int) -> str:
    """Write a time for a person: ``2026-11-21 11:55:28.744608 UTC``, with ns only where there are any."""
    if ns == NO_TIME:
        return "an unknown time"
    seconds, rest = divmod(ns, 1_000_000_000)
    fraction = f"{rest:09d}"
    fraction = fraction[:6] if fraction.endswith("000") else fraction
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{fraction} UTC"


def clock_time(ns: int) -> str:
    """Write the time of day of a time for a person: ``11:55:28.744608``."""
    return "an unknown time" if ns == NO_TIME else moment(ns).split(" ")[1]


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
