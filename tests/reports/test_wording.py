"""Spans, times and names as a person reads them."""

import pytest

from closewait_pcap.quantities import moment, printable, socket_name, span

US, MS, S = 1_000, 1_000_000, 1_000_000_000


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"), (1, "0.001 µs"), (1500, "1.5 µs"), (999_400, "999 µs"), (999_999, "1 ms"), (41 * MS, "41 ms"),
        (999_400 * US, "999 ms"), (999_999 * US, "1 s"), (S, "1 s"), (2_630 * MS, "2.63 s"), (59 * S, "59 s"),
        (60 * S, "1 min 00 s"),
        (3599 * S, "59 min 59 s"), (3600 * S, "1 h 00 min"), (3780 * S, "1 h 03 min"), (86_400 * S, "1 d 00 h"),
        (100 * 86_400 * S + 7200 * S, "100 d 02 h"),
    ],
)  # fmt: skip
def test_span(ns: int, text: str) -> None:
    assert span(ns) == text


def test_spans_never_use_an_exponent() -> None:
    assert not any("e" in span(round(10 ** (power / 7))) for power in range(140))


def test_moment() -> None:
    assert moment(0) == "1970-01-01 00:00:00.000000 UTC"
    assert moment(1_795_262_128_744_608_001) == "2026-11-21 11:55:28.744608001 UTC"


def test_names() -> None:
    assert socket_name("192.0.2.1", 80) == "192.0.2.1:80"
    assert socket_name("2001:db8::1", 80) == "[2001:db8::1]:80"


@pytest.mark.parametrize(
    ("text", "shown"), [("Grüße 東.pcap", "Grüße 東.pcap"), ("a\x1b[2J\n\u202e\x9b", r"a\x1b[2J\n\u202e\x9b")]
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
