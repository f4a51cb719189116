"""Packets whose bytes are printed below them."""

import pytest

from closewait_pcap import analyze_text
from tests.capture.printed.printing import SAMPLES, printed, read_text
from tests.capture.reading import read

CAPTURE = next(path for path in SAMPLES if path.parent.name == "client_pool_leak")


@pytest.mark.parametrize("options", ["-x", "-X", "-xx", "-XX", "-e -XX", "-q -x"])
def test_packets_are_those_of_the_capture(options: str) -> None:
    """All of them: numbers, windows, options, which the lines above say otherwise or not at all."""
    captured = read(CAPTURE.read_bytes()).rows
    rows = read_text(printed(CAPTURE, f"-nn -tttt {options}")).rows
    assert [row._replace(interface=0) for row in rows] == [row._replace(interface=0) for row in captured]


def test_names_are_what_the_bytes_say() -> None:
    text = printed(CAPTURE, "-nn -tttt -x").decode().replace("192.0.2.2.8080", "app.example.com.my-service")
    analysis = analyze_text(text)
    assert set(analysis.flows["server"]) == {"192.0.2.2"}
    assert set(analysis.flows["server_port"]) == {8080}
    assert not any("printed by name" in warning for warning in analysis.warnings)


def test_a_dump_with_a_missing_row_is_not_believed() -> None:
    text = printed(CAPTURE, "-nn -tttt -x").decode()
    rows = read_text("\n".join(line for line in text.splitlines() if "0x0010:" not in line)).rows
    captured = read(CAPTURE.read_bytes()).rows
    assert [(row.ack, row.flags) for row in rows] == [(row.ack, row.flags) for row in captured]
    assert [row.seq for row in rows] != [row.seq for row in captured]  # keepalive probes: tcpdump does not print where they are


def test_a_dump_that_is_cut_behind_the_headers_is_enough() -> None:
    text = printed(CAPTURE, "-nn -tttt -x").decode()
    rows = read_text("\n".join(line for line in text.splitlines() if "0x0050:" not in line)).rows
    assert [row.len for row in rows] == [row.len for row in read(CAPTURE.read_bytes()).rows]


def test_payload_between_packets() -> None:
    """``-A`` prints payload as it is."""
    text = printed(CAPTURE, "-nn -tttt -A").decode("utf-8", "replace")
    assert [row.ack for row in read_text(text).rows] == [row.ack for row in read(CAPTURE.read_bytes()).rows]
