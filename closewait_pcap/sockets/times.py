"""When a table was taken: what `date`, `watch` and loops leave around it, or the name of its file."""

import re
from datetime import UTC, datetime, timedelta, timezone

from closewait_pcap.sockets.table import TimeFrom

LONGEST_LINE = 300
"""A longer line is no banner; whoever puts a date into one wants it read by something else."""

_NO_LATER = 2200
"""ns since the epoch fit into 63 bits until 2262."""
_MONTHS = {"janfebmaraprmayjunjulaugsepoctnovdec"[3 * place : 3 * place + 3]: place + 1 for place in range(12)}
_ZONES = {  # minutes east of UTC; only abbreviations that one zone alone uses
    **{"Z": 0, "UTC": 0, "GMT": 0, "WEST": 60, "CET": 60, "CEST": 120, "EET": 120, "EEST": 180, "MSK": 180, "HKT": 480},
    **{"JST": 540, "KST": 540, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780, "EDT": -240, "MDT": -360, "PDT": -420},
}
"""CST is Chicago, Shanghai and Havana; IST Delhi, Dublin and Jerusalem; BST, EST, PST and others are no better."""

_ISO = re.compile(
    r"(?<!\d)(\d{4})[-/](\d\d)[-/](\d\d)[T _](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|[A-Z]{2,5}|[+-]\d\d:?\d\d)?(?![\d:])"
)
_WEEKDAY = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}\b,?\s+(.{14,60})")
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?$")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)$")
_EPOCH = re.compile(r"(\d{10})(?:\.(\d{1,9}))?$")
_IN_NAME = re.compile(r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[-_.T ]?(\d\d)[-_.:h]?(\d\d)[-_.:m]?(\d\d)(?!\d)")
_EPOCH_IN_NAME = re.compile(r"(?<!\d)(1\d{9})(?!\d)")


def find_time(text: str) -> tuple[int, TimeFrom] | None:
    """Find a time in a line between tables.

    Args:
        text: such as ``Sat Nov 21 15:58:48 UTC 2026``, ``2026-11-21T15:58:48+01:00``, ``Every 2.0s: ss -tan  host: Sat Nov ...``
            or seconds since the epoch alone on their line.

    Returns:
        ns since the epoch, and whether its zone is known; or None.
    """
    if len(text) > LONGEST_LINE:
        return None
    if found := _EPOCH.match(text):
        return int(found[1]) * 10**9 + _fraction(found[2]), TimeFrom.CONTENT
    if found := _ISO.search(text):
        year, month, day, hour, minute, second = map(int, found.groups()[:6])
        return _time(year, month, day, (hour, minute, second), found[7], found[8] or "")
    if found := _WEEKDAY.search(text):
        return _worded(found[1].split()[:7])
    return None


def time_in_name(name: str) -> int | None:
    """Find a time in a file's name, such as ``ss-20261121-155848.txt`` or ``ss.1795276728``; ns since the epoch, taken as UTC."""
    if found := _IN_NAME.search(name):
        year, month, day, hour, minute, second = map(int, found.groups())
        made = _time(year, month, day, (hour, minute, second), None, "UTC")
        return made[0] if made else None
    found = _EPOCH_IN_NAME.search(name)
    return int(found[1]) * 10**9 if found else None


def _worded(words: list[str]) -> tuple[int, TimeFrom] | None:
    """Read what follows the name of a day: month, day, clock, zone and year in whatever order a locale has them."""
    month = day = year = None
    clock, fraction, afternoon, zone = None, None, "", ""
    for word in words:
        bare = word.strip(",.")
        if bare[:3].lower() in _MONTHS and month is None:
            month = _MONTHS[bare[:3].lower()]
        elif found := _CLOCK.match(bare):
            clock, fraction = (int(found[1]), int(found[2]), int(found[3])), found[4]
        elif bare.isdecimal() and len(bare) <= 2 and day is None:
            day = int(bare)
        elif bare.isdecimal() and len(bare) == 4 and year is None:
            year = int(bare)
        elif bare.upper() in ("AM", "PM"):
            afternoon = bare.upper()
        elif _OFFSET.match(bare) or (bare.isupper() and 1 <= len(bare) <= 5):
            zone = bare
        else:
            break
    if month is None or day is None or year is None or clock is None:
        return None
    if afternoon:
        clock = (clock[0] % 12 + 12 * (afternoon == "PM"), *clock[1:])
    return _time(year, month, day, clock, fraction, zone)


def _time(
    year: int, month: int, day: int, clock: tuple[int, int, int], fraction: str | None, zone: str
) -> tuple[int, TimeFrom] | None:
    offset = _OFFSET.match(zone)
    minutes = _ZONES.get(zone, 0)
    if offset:
        minutes = (int(offset[2]) * 60 + int(offset[3])) * (-1 if offset[1] == "-" else 1)
    if not 1970 <= year < _NO_LATER:
        return None
    try:
        moment = datetime(year, month, day, *clock, tzinfo=timezone(timedelta(minutes=minutes)))
    except ValueError:  # the 31st of February, 25 o'clock
        return None
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    known = TimeFrom.CONTENT if offset or zone in _ZONES else TimeFrom.CONTENT_AS_UTC
    return seconds * 10**9 + _fraction(fraction), known


def _fraction(digits: str | None) -> int:
    return int((digits or "0").ljust(9, "0"))
