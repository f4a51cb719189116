"""pcapng: sections, interfaces, time resolutions, the packet blocks, statistics, and blocks that are passed over."""

import struct

import pytest

from tests.capture.conftest import Read
from tests.capture.writers import (
    ETHERNET,
    IPV4,
    RAW,
    SLL,
    TIME,
    Frame,
    Order,
    block,
    conversation,
    enhanced,
    ethernet,
    interface,
    ipv4,
    obsolete,
    option,
    pcapng,
    section,
    segment,
    simple,
    statistics,
    tcp,
)

NS = 1_000_000_000
BARE = ipv4(tcp())


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_orders(read: Read, order: Order) -> None:
    reading = read(pcapng(conversation(), order=order))
    assert [row.frame for row in reading.rows] == list(range(1, 10))
    assert reading.rows[0].time == TIME
    assert reading.info.format == "pcapng"
    assert reading.warnings == []


def test_each_interface_has_its_own_link_type_and_resolution(read: Read) -> None:
    data = [
        section(),
        interface(ETHERNET),
        interface(RAW, tsresol=9),
        interface(IPV4, tsresol=3),
        enhanced(segment(), 1_700_000_000_000_001, interface=0),
        enhanced(BARE, 1_700_000_000_000_000_002, interface=1),
        enhanced(BARE, 1_700_000_000_003, interface=2),
        interface(SLL, tsresol=0),
        enhanced(bytes(14) + b"\x08\0" + BARE, 1_700_000_004, interface=3),
        enhanced(segment(), 1_700_000_000_000_005, interface=0),
    ]
    reading = read(b"".join(data))
    assert [row.time - 1_700_000_000 * NS for row in reading.rows] == [1000, 2, 3_000_000, 4 * NS, 5000]
    assert {(row.src, row.srcport) for row in reading.rows} == {("10.0.0.1", 40000)}
    assert reading.info.link_types == ["Ethernet", "Raw IP", "Linux cooked v1", "Raw IPv4"]


def test_sections_begin_anew_each_in_its_own_byte_order(read: Read) -> None:
    one = section("<") + interface(RAW, tsresol=9) + enhanced(BARE, TIME)
    two = section(">") + interface(ETHERNET, order=">") + enhanced(segment(), TIME // 1000, order=">")
    reading = read(one + two + one)
    assert [row.frame for row in reading.rows] == [1, 2, 3]
    assert [row.time for row in reading.rows] == [TIME, TIME // 1000 * 1000, TIME]
    assert {row.stream for row in reading.rows} == {0}


def test_an_interface_of_the_section_before_is_gone(read: Read) -> None:
    reading = read(section() + interface() + section() + enhanced(segment(), 1))
    assert reading.rows == []
    assert "interface that was never described" in reading.warnings[0]


@pytest.mark.parametrize("power", range(19))
def test_decimal_resolutions(read: Read, power: int) -> None:
    seconds = 9 if power > 9 else 1_700_000_000
    ticks = seconds * 10**power + (10**power // 3)
    row = read(section() + interface(tsresol=power) + enhanced(segment(), ticks)).row
    assert row.time == seconds * NS + 10**power // 3 * NS // 10**power


@pytest.mark.parametrize("power", [0, 1, 10, 20, 29, 30, 31, 32, 40, 60, 62])
def test_binary_resolutions(read: Read, power: int) -> None:
    seconds = min(1_700_000_000, (1 << 62 - power) - 1)
    fraction = (1 << power) * 2 // 3
    ticks = (seconds << power) + fraction
    row = read(section() + interface(tsresol=0x80 | power) + enhanced(segment(), ticks)).row
    exact = seconds * NS + (fraction * NS >> power)
    assert exact - 1 <= row.time <= exact


@pytest.mark.parametrize("offset", [3600, -3600, -1_700_000_001, 1])
def test_offset_in_seconds(read: Read, offset: int) -> None:
    assert read(section() + interface(tsresol=9, tsoffset=offset) + enhanced(segment(), TIME)).row.time == TIME + offset * NS


@pytest.mark.parametrize("tsresol", [0, 6, 9, 18, 0x80, 0x9E, 0xBE])
@pytest.mark.parametrize("offset", [-(2**63), 0, 2**63 - 1])
@pytest.mark.parametrize("ticks", [0, 2**63 - 1, 2**64 - 1])
def test_absurd_times_stay_in_64_bits(read: Read, tsresol: int, offset: int, ticks: int) -> None:
    reading = read(section() + interface(tsresol=tsresol, tsoffset=offset) + enhanced(segment(), ticks))
    assert -(2**63) <= reading.row.time < 2**63
    assert reading.info.first_time == reading.row.time


@pytest.mark.parametrize("tsresol", [19, 0x7F, 0xBF, 0xFF])
def test_a_resolution_beyond_attoseconds_is_damage(read: Read, tsresol: int) -> None:
    reading = read(section() + interface(tsresol=tsresol) + enhanced(segment(), 0))
    assert "an interface description that cannot be read" in reading.warnings[0]


def test_simple_packets_have_no_time(read: Read) -> None:
    whole = segment(bytes(500))
    data = section() + interface(snaplen=100) + simple(Frame(whole[:100], wirelen=len(whole))) + simple(segment(b"abc"))
    reading = read(data)
    assert [row.len for row in reading.rows] == [500, 3]
    assert [row.quality for row in reading.rows] == [32, 32]
    assert (reading.info.frames, reading.info.first_time, reading.info.end_time) == (2, None, None)


def test_simple_packet_takes_its_length_from_what_is_there_and_from_the_snap_length(read: Read) -> None:
    """The block has no captured length of its own; without the snap length its padding would be captured bytes."""
    whole = segment(bytes(500))
    short = read(section() + interface(snaplen=53) + simple(Frame(whole[:53], wirelen=len(whole))))
    assert short.row.quality & 1 == 1
    assert len(read(section() + interface(snaplen=0) + simple(segment())).rows) == 1


def test_simple_packets_among_others_do_not_disturb_the_clock(read: Read) -> None:
    data = section() + interface(tsresol=9) + simple(segment()) + enhanced(segment(), TIME)
    data += simple(segment()) + enhanced(segment(), TIME + 5)
    reading = read(data)
    assert (reading.info.first_time, reading.info.last_time, reading.info.steps_back) == (TIME, TIME + 5, 0)
    assert [row.frame for row in reading.rows] == [1, 2, 3, 4]
    assert reading.rows[2].time == TIME


def test_a_packet_without_time_keeps_its_mark_through_the_long_tail(read: Read) -> None:
    labelled = ethernet(struct.pack("!I", 0x00064140) + BARE, 0x8847)
    reading = read(section() + interface() + simple(labelled) + simple(segment()))
    assert [row.quality & 32 for row in reading.rows] == [32, 32]


def test_obsolete_packets(read: Read) -> None:
    data = section() + interface() + interface(RAW, tsresol=9)
    data += obsolete(segment(b"abc"), TIME // 1000, drops=3)
    data += obsolete(BARE, TIME, interface=1) + obsolete(BARE, TIME, interface=1, drops=4)
    reading = read(data)
    assert [row.time for row in reading.rows] == [TIME // 1000 * 1000, TIME, TIME]
    assert reading.rows[0].len == 3
    assert reading.info.drops == 7


def test_snaplen_cut_enhanced_packet_with_options(read: Read) -> None:
    whole = segment(bytes(99))
    packet = enhanced(Frame(whole[:55], wirelen=len(whole)), TIME, options=option(1, b"a comment") + option(0, b""))
    reading = read(section() + interface(tsresol=9) + packet + enhanced(segment(), TIME))
    assert [row.len for row in reading.rows] == [99, 0]


def test_statistics_count_drops_once_and_per_interface(read: Read) -> None:
    data = section() + interface(tsresol=9) + interface(tsresol=9)
    data += enhanced(segment(), TIME)
    data += statistics(0, ifdrop=5, osdrop=1) + statistics(1, ifdrop=10) + statistics(0, ifdrop=7, osdrop=2, end=TIME + 60 * NS)
    data += statistics(9, ifdrop=1000)  # of no interface
    info = read(data + section() + interface() + statistics(0, osdrop=100)).info
    assert info.drops == 7 + 2 + 10 + 100
    assert (info.last_time, info.end_time) == (TIME, TIME + 60 * NS)


def test_drops_that_are_zero_and_drops_that_are_not_reported(read: Read) -> None:
    begin = section() + interface() + enhanced(segment(), 1)
    assert read(begin + statistics(0, ifdrop=0)).info.drops == 0
    assert read(begin + statistics(0, end=5)).info.drops is None
    assert read(begin).info.drops is None


def test_statistics_that_are_cut_or_nonsense_are_passed_over(read: Read) -> None:
    data = section() + interface() + block(5, b"")
    data += block(5, bytes(12) + option(5, b"\1\2\3")) + block(5, bytes(12) + b"\5\0\xff\xff")
    reading = read(data + enhanced(segment(), 1))
    assert len(reading.rows) == 1
    assert reading.info.drops is None


@pytest.mark.parametrize("kind", [0, 4, 7, 10, 0x80000001, 0x7FFFFFFF, 0xFFFFFFFF])
def test_unknown_blocks_are_skipped(read: Read, kind: int) -> None:
    middle = block(kind, b"") + block(kind, bytes(100))
    reading = read(section() + middle + interface() + middle + enhanced(segment(), 1) + middle)
    assert [row.frame for row in reading.rows] == [1]
    assert (reading.info.frames, reading.warnings) == (1, [])


@pytest.mark.parametrize("kind", [0x0BAD, 0x40000BAD, 9, 0x204, 0x216, 0x221])
def test_blocks_that_wireshark_gives_a_frame_number(read: Read, kind: int) -> None:
    """Custom blocks, journal entries and system calls; `tests.numbering` asks tshark."""
    reading = read(section() + interface(tsresol=9) + block(kind, bytes(40)) + enhanced(segment(), TIME))
    assert reading.row.frame == 2
    assert reading.info.first_time == TIME
    assert reading.info.steps_back == 0


def test_section_header_with_options(read: Read) -> None:
    options = option(4, b"somebody's capture program") + option(0, b"")
    data = section(options=options) + interface(tsresol=9) + enhanced(segment(), TIME)
    assert read(data).row.time == TIME


def test_empty_packet_blocks(read: Read) -> None:
    data = section() + interface(tsresol=9) + enhanced(b"", TIME) + simple(b"") + obsolete(b"", TIME) + enhanced(segment(), TIME)
    reading = read(data)
    assert reading.row.frame == 4
    assert reading.info.skipped == {"header_cut": 3}


def test_interfaces_without_number(read: Read) -> None:
    """Thousands of interface descriptions: the table grows, and each keeps what it said."""
    count = 5000
    data = [section(), *(interface(tsresol=9 if i % 2 else 6) for i in range(count))]
    data += [enhanced(segment(), TIME if i % 2 else TIME // 1000, interface=i) for i in range(0, count, 7)]
    times = [row.time for row in read(b"".join(data)).rows]
    assert times == [TIME if i % 2 else TIME // 1000 * 1000 for i in range(0, count, 7)]


def test_interfaces_that_captured_one_after_the_other_leave_a_pause(read: Read) -> None:
    """By their statistics, where all of them have such; below a second it could hide nothing."""
    second = 10**9
    described = interface(tsresol=9) * 3

    def ends(*spans: tuple[int, int]) -> bytes:
        return b"".join(statistics(number, start=TIME + start, end=TIME + end) for number, (start, end) in enumerate(spans))

    for spans, pauses in (
        (((0, second), (3 * second, 4 * second), (0, 2 * second)), []),
        (((0, second), (5 * second, 6 * second), (0, 2 * second)), [(2 * second, 5 * second)]),
        (((0, second), (5 * second, 6 * second)), []),
    ):
        found = read(section() + described + enhanced(segment(), TIME) + ends(*spans))
        assert found.info.pauses == [(TIME + begin, TIME + end) for begin, end in pauses]


def test_statistics_of_all_interfaces_say_when_the_capture_ended(read: Read) -> None:
    """Also where the clock was set back, so that frames have later times; an interface without any leaves it open."""
    second = 10**9
    packets = enhanced(segment(), TIME + 10 * second) + enhanced(segment(), TIME + 12 * second)
    told = statistics(0, start=TIME, end=TIME + 5 * second)
    assert read(section() + interface(tsresol=9) + packets + told).info.end_time == TIME + 5 * second
    assert read(section() + interface(tsresol=9) * 2 + packets + told).info.end_time == TIME + 12 * second
    assert read(section() + interface(tsresol=9) + packets + statistics(0, end=TIME)).info.end_time == TIME + 12 * second
    micro = statistics(0, start=TIME // 1000, end=(TIME + 5 * second) // 1000)  # in us, as dumpcap 4.0 writes them
    assert read(section() + interface(tsresol=9) + packets + micro).info.end_time == (TIME + 5 * second) // 1000 * 1000
    late = statistics(0, start=TIME // 1000, end=(TIME + 60 * second) // 1000)
    assert read(section() + interface(tsresol=9) + packets + late).info.end_time == (TIME + 60 * second) // 1000 * 1000
    assert (
        read(section() + interface() + packets + late).info.end_time != (TIME + 60 * second) // 1000 * 1000
    )  # those are as they are
    wrong = statistics(0, start=TIME // 7, end=(TIME + 5 * second) // 7)
    assert read(section() + interface(tsresol=9) + packets + wrong).info.end_time == TIME + 12 * second
    after = section() + interface(tsresol=9) + packets
    assert read(section() + interface(tsresol=9) + packets + told + after).info.end_time == TIME + 12 * second
