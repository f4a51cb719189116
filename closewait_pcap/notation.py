"""Spans, times and addresses as a person writes them; `quantities` writes them for a person."""

import ipaddress
import re
from datetime import UTC, datetime, timedelta

from closewait_pcap.capture.packets import address_words

_MINUTE = 60_000_000_000
_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": _MINUTE, "min": _MINUTE, "h": 60 * _MINUTE}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_span(span: str | float | timedelta) -> int:
    """Read a span of time.

    Args:
        span: ``"1s"``, ``"500ms"``, ``"2min"``, seconds as a number, or a timedelta.

    Returns:
        ns.

    Raises:
        ValueError: it is none, or negative.
    """
    if isinstance(span, timedelta):
        ns = round(span.total_seconds() * 1e9)
    elif isinstance(span, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", span)
        if match is None or (match[2] or "s") not in _UNITS:
            raise ValueError(f"not a span of time: {span!r} (write 1s, 500ms, 2min or 1h)")
        ns = round(float(match[1]) * _UNITS[match[2] or "s"])
    else:
        ns = round(float(span) * 1e9)
    if not 0 <= ns < 1 << 62:
        raise ValueError(f"not a span of time a capture can have: {span!r}")
    return ns


def parse_moment(moment: str | datetime) -> int:
    """Read a time.

    Args:
        moment: ISO 8601, or as the reports print it, or a datetime; UTC where it names no zone.

    Returns:
        ns since the epoch.

    Raises:
        ValueError: it is none.
    """
    nanoseconds = 0
    if isinstance(moment, str):
        text = moment.strip().removesuffix("UTC").rstrip()
        fraction = re.search(r"(?<=:\d\d)[.,](\d{1,9})(?!\d)", text)  # datetime knows no ns, so they are read apart
        try:
            moment = datetime.fromisoformat(text.replace(fraction[0], "", 1) if fraction else text)
        except ValueError as error:
            raise ValueError(f"{moment!r} is no time; write 2026-11-21T10:00:00 (UTC) or 2026-11-21T11:00:00+01:00") from error
        nanoseconds = int(fraction[1].ljust(9, "0")) if fraction else 0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000 + getattr(moment, "nanosecond", 0) + nanoseconds


def parse_address(address: str) -> tuple[int, int]:
    """Read an IP address.

    Args:
        address: IPv4 or IPv6, in brackets or not.

    Returns:
        The two words that are stored of it, see `capture.packets.address_words`.

    Raises:
        ValueError: it is none.
    """
    text = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    try:
        return address_words(ipaddress.ip_address(text).packed)
    except ValueError as error:
        raise ValueError(f"{address!r} is no IP address") from error
