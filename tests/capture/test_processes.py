"""Processes as macOS writes them into pcapng: blocks that describe them, and options by which a packet names one."""

import io
import struct
import subprocess
from pathlib import Path

import pytest

from closewait_pcap import analyze
from closewait_pcap.capture.descriptions import MOST_PROCESSES
from closewait_pcap.capture.headers import PROCESS_EVENT
from closewait_pcap.engine import COMPILED
from tests.capture.conftest import Read
from tests.capture.reading import Reading
from tests.capture.reading import read as read_in
from tests.capture.test_longtail import pktap
from tests.capture.writers import (
    TIME,
    Order,
    block,
    conversation,
    enhanced,
    ethernet,
    interface,
    ipv4,
    obsolete,
    option,
    pcap,
    section,
    segment,
    simple,
    tcp,
)
from tests.numbering.agreement import TSHARK

OWN, SERVICE, EFFECTIVE = 0x8001, 0x8002, 0x8003


def process(pid: int, name: bytes = b"", order: Order = "<", uuid: bytes = bytes(16)) -> bytes:
    """A process event block, with the options that Apple writes."""
    options = (option(2, name, order) if name else b"") + option(4, uuid, order) + option(0, b"", order)
    return block(PROCESS_EVENT, struct.pack(order + "I", pid) + options, order)


def named(number: int, code: int = OWN, order: Order = "<") -> bytes:
    """The option by which a packet names a process."""
    return option(code, struct.pack(order + "I", number), order)


def packet(*options: bytes, seq: int = 1000, order: Order = "<") -> bytes:
    """A packet of an odd length, so that padding precedes its options."""
    some = b"".join([option(2, bytes(4), order), *options, option(0, b"", order)])
    return enhanced(segment(b"abc", seq=seq), TIME, order=order, options=some)


def begin(order: Order = "<") -> bytes:
    return section(order) + interface(tsresol=9, order=order)


def processes(reading: Reading) -> list[str]:
    return [reading.names[row.process] for row in reading.rows]


@pytest.mark.parametrize("order", ["<", ">"])
def test_packets_name_their_process(read: Read, order: Order) -> None:
    data = begin(order) + process(123, b"curl", order) + packet(named(0, order=order), order=order)
    data += process(77, b"Brave Browser He\0", order) + packet(named(1, order=order), named(0, EFFECTIVE, order), order=order)
    data += packet(order=order) + packet(named(0, order=order), order=order)
    reading = read(data)
    assert processes(reading) == ["curl[123]", "Brave Browser He[77]", "", "curl[123]"]
    assert (reading.warnings, reading.info.frames) == ([], 4)


def test_on_whose_behalf_counts_where_nothing_else_is_said(read: Read) -> None:
    data = begin() + process(1, b"own") + process(2, b"effective")
    both = [packet(named(1, EFFECTIVE), named(0)), packet(named(0), named(1, EFFECTIVE)), packet(named(1, EFFECTIVE))]
    assert processes(read(data + b"".join(both))) == ["own[1]", "own[1]", "effective[2]"]


def test_numbers_are_of_the_section(read: Read) -> None:
    data = begin() + process(1, b"first") + packet(named(0)) + begin(">") + packet(named(0, order=">"), order=">")
    data += process(2, b"second", ">") + packet(named(0, order=">"), order=">") + packet(named(1, order=">"), order=">")
    assert processes(read(data)) == ["first[1]", "", "second[2]", ""]
    assert processes(read(begin() + process(1, b"first") + packet(named(0)) + pcap([segment()]))) == ["first[1]", ""]


def test_without_a_process_block_options_are_not_looked_at(read: Read) -> None:
    assert processes(read(begin() + packet(named(0)))) == [""]


def test_a_process_without_a_name_is_none_but_has_its_number(read: Read) -> None:
    data = begin() + process(1) + block(PROCESS_EVENT, b"") + process(3, b"\0x") + process(4, b"\xff\xfe") + process(5, b"five")
    assert processes(read(data + b"".join(packet(named(number)) for number in range(6)))) == ["", "", "", "��[4]", "five[5]", ""]


def test_other_blocks_name_no_process(read: Read) -> None:
    options = named(0)
    data = begin() + process(1, b"one") + simple(segment()) + obsolete(segment() + bytes(2) + options, TIME)
    assert processes(read(data + packet(options))) == ["", "", "one[1]"]


def test_in_the_long_tail(read: Read) -> None:
    """The slower decoder keeps it; Apple's header before the frame, which names a process itself, is nearer."""
    mpls = ethernet(b"\0\0\1\xff" + ipv4(tcp()), 0x8847)
    data = begin() + process(9, b"nine") + enhanced(mpls + bytes(2), TIME, options=named(0))
    data += interface(258, tsresol=9) + enhanced(pktap(segment()), TIME, interface=1, options=bytes(2) + named(0))
    assert processes(read(data)) == ["nine[9]", "curl[123]"]


def test_behind_a_damage_only_what_was_described_before_is_known(read: Read) -> None:
    """A process block may have been lost, and then all that follow have another number."""
    data = begin() + process(1, b"one") + packet(named(0)) + process(2, b"lost")[:-5] + process(3, b"three")
    data += b"".join(packet(named(number)) for number in (0, 1, 2)) + begin() + process(4, b"four") + packet(named(0))
    reading = read(data)
    assert len(reading.warnings) == 1
    assert processes(reading) == ["one[1]", "one[1]", "", "", "four[4]"]


def test_flows_have_it() -> None:
    exchange = conversation()
    padding = [bytes(-len(frame) % 4) for frame in exchange]
    assert any(padding)
    packets = [enhanced(frame, TIME + i, options=named(i % 2 * 7)) for i, frame in enumerate(exchange)]
    flows = analyze(io.BytesIO(begin() + process(123, b"curl") + b"".join(packets))).flows
    assert flows["process"].tolist() == ["curl[123]"]


# ---- hostile


@pytest.mark.parametrize("order", ["<", ">"])
def test_options_cut_and_of_any_length(read: Read, order: Order) -> None:
    """A process is found, or is not; nothing behind the block is looked at."""
    whole = named(0, order=order)
    behind = packet(named(0, order=order), order=order)
    for size in range(0, len(whole), 4):
        data = begin(order) + process(1, b"one", order) + enhanced(segment(bytes(2)), TIME, order=order, options=whole[:size])
        assert processes(read(data + behind)) == ["", "one[1]"]
    for size in (0, 1, 3, 5, 8, 0xFFFD, 0xFFFF):
        odd = struct.pack(order + "HHI", OWN, size, 0) + named(0, order=order)
        reading = read(begin(order) + process(1, b"one", order) + packet(odd, order=order) + behind)
        assert processes(reading)[1] == "one[1]"
        assert len(reading.rows) == 2


@pytest.mark.parametrize("number", [1, 255, 65_535, 2**31 - 1, 2**31, 2**32 - 1])
def test_processes_that_were_not_described(read: Read, number: int) -> None:
    for code in (OWN, EFFECTIVE):
        assert processes(read(begin() + process(1, b"one") + packet(named(number, code)))) == [""]


def test_a_packet_that_fills_its_block(read: Read) -> None:
    data = begin() + process(1, b"one")
    for length in range(54, 59):
        frame = segment(bytes(length - 54))
        assert processes(read(data + enhanced(frame, TIME) + packet(named(0)))) == ["", "one[1]"]


def test_of_very_many_options_only_the_first_are_looked_at(read: Read) -> None:
    many = option(1, b"") * 200_000
    assert processes(read(begin() + process(1, b"one") + packet(many, named(0)) + packet(named(0), many))) == ["", "one[1]"]


def test_processes_are_bounded() -> None:
    """In number as in what is kept of their names."""
    some = b"".join(process(number, b"x" * 300) for number in range(MOST_PROCESSES + 10))
    reading = read_in(begin() + some + packet(named(MOST_PROCESSES - 2)) + packet(named(MOST_PROCESSES)), COMPILED)
    assert processes(reading) == ["x" * 256, ""]
    assert len(reading.names) == 2


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_block_cut_at_every_byte(read: Read, order: Order) -> None:
    data = begin(order) + process(1, b"one", order) + packet(named(0, order=order), order=order)
    last = process(2, b"two", order)
    for size in range(len(last) + 1):
        reading = read(data + last[:size])
        assert processes(reading) == ["one[1]"]
        assert len(reading.warnings) == (0 < size < len(last))


# ---- tshark


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize("order", ["<", ">"])
def test_tshark_reads_the_same(tmp_path: Path, order: Order) -> None:
    """In a dissection of the file itself: where tshark 4.0 reads it as a capture, it passes over all this."""
    pids = {0: (4_000_000_000, b"launchd"), 1: (123, b"curl"), 2: (65_536, b"a b")}
    data = begin(order) + b"".join(process(pid, name, order) for pid, name in pids.values())
    data += b"".join(packet(named(number, order=order), order=order) for number in (1, 0, 2, 1))
    path = tmp_path / "file.pcapng"
    path.write_bytes(data)
    fields = ["process_id", "process_name"]
    names = [f"pcapng.darwin.{name}" for name in fields] + ["pcapng.options.option.data.packet.darwin.dpeb_id"]
    command = [str(TSHARK), "-r", str(path), "-X", "read_format:MIME Files Format", "-T", "fields"]
    command += [word for name in names for word in ("-e", name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    ids, texts, numbers = (field.split(",") for field in done.stdout.rstrip("\n").split("\t"))
    theirs = [f"{texts[int(number)]}[{ids[int(number)]}]" for number in numbers]
    assert theirs == processes(read_in(data)) == ["curl[123]", "launchd[4000000000]", "a b[65536]", "curl[123]"]
