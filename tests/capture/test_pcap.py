"""pcap: byte orders, resolutions, records cut short, and what is counted."""

import struct

import pytest

from tests.capture.conftest import Read
from tests.capture.writers import ACK, ETHERNET, SYN, TIME, Frame, Order, conversation, ethernet, pcap, segment


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("ns", [True, False])
def test_byte_orders_and_resolutions(read: Read, order: Order, ns: bool) -> None:
    reading = read(pcap(conversation(), order=order, ns=ns))
    assert [row.frame for row in reading.rows] == list(range(1, 10))
    assert {row.stream for row in reading.rows} == {0}
    exact = TIME if ns else TIME // 1000 * 1000
    assert reading.rows[0].time == exact
    assert (reading.info.frames, reading.info.tcp_frames) == (9, 9)
    assert reading.info.first_time == exact
    assert reading.info.link_types == ["Ethernet"]
    assert reading.warnings == []


def test_every_column(read: Read) -> None:
    row = read(pcap([segment(b"hello", seq=0xFFFFFFFF, ack=0x80000000, flags=0xFF, window=0xFFFF)])).row
    assert (row.src, row.dst, row.srcport, row.dstport) == ("10.0.0.1", "10.0.0.2", 40000, 80)
    assert (row.seq, row.ack, row.flags, row.window, row.len, row.wscale) == (0xFFFFFFFF, 0x80000000, 0xFF, 0xFFFF, 5, -1)
    assert (row.frame, row.time, row.quality, row.stream) == (1, TIME, 0, 0)


def test_the_largest_ports(read: Read) -> None:
    frame = segment().replace(struct.pack("!HH", 40000, 80), struct.pack("!HH", 65535, 0))
    row = read(pcap([frame])).row
    assert (row.srcport, row.dstport) == (65535, 0)


def test_kuznetzovs_longer_record_headers(read: Read) -> None:
    reading = read(pcap(conversation(), patched=True))
    assert len(reading.rows) == 9
    assert reading.info.format == "pcap (Kuznetzov's, patched)"


def test_link_type_below_the_length_of_the_frame_check_sequence(read: Read) -> None:
    assert len(read(pcap([segment()], link=0x24000000 + ETHERNET)).rows) == 1


@pytest.mark.parametrize("seconds", [0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_seconds_are_unsigned(read: Read, seconds: int) -> None:
    when = seconds * 1_000_000_000 + 999_999_999
    assert read(pcap([Frame(segment(), when)])).row.time == when


def test_payload_length_is_the_one_on_the_wire(read: Read) -> None:
    whole = segment(bytes(1000))
    row = read(pcap([Frame(whole[:54], wirelen=len(whole))])).row
    assert (row.len, row.quality) == (1000, 0)


def test_wire_length_below_the_captured_one(read: Read) -> None:
    """Some writers leave it 0."""
    assert read(pcap([Frame(segment(b"x"), wirelen=0)])).row.len == 1


def test_frames_are_counted_whatever_they_are(read: Read) -> None:
    frames = [b"", b"\0", ethernet(bytes(28), 0x0806), segment(flags=SYN), bytes(60), segment(turned=True, flags=SYN | ACK)]
    reading = read(pcap(frames))
    assert [row.frame for row in reading.rows] == [4, 6]
    assert reading.info.frames == 6
    assert reading.info.skipped == {"header_cut": 2, "not_ip": 2}


def test_every_frame_is_a_packet_or_has_a_reason(read: Read) -> None:
    frames = [segment()[:n] for n in range(len(segment()) + 1)]
    info = read(pcap(frames)).info
    assert info.tcp_frames + sum(info.skipped.values()) == info.frames == len(frames)


def test_time_that_goes_back(read: Read) -> None:
    info = read(pcap([Frame(segment(), TIME + step) for step in (0, 10, 4, 4, 9, 1)])).info
    assert (info.steps_back, info.largest_step_back) == (2, 8)
    assert (info.first_time, info.last_time, info.end_time) == (TIME, TIME + 10, TIME + 10)


def test_no_packets(read: Read) -> None:
    reading = read(pcap([]))
    assert (reading.rows, reading.warnings) == ([], [])
    assert (reading.info.frames, reading.info.first_time, reading.info.end_time) == (0, None, None)


def test_more_packets_than_a_batch_and_more_bytes_than_a_chunk(read: Read) -> None:
    frames = [Frame(segment(bytes(1000), seq=1000 * i), TIME + i) for i in range(5000)]
    rows = read(pcap(frames)).rows
    assert [row.frame for row in rows] == list(range(1, 5001))
    assert [row.seq for row in rows] == [1000 * i for i in range(5000)]
    assert [row.time for row in rows] == [TIME + i for i in range(5000)]
