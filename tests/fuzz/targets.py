"""What is fuzzed: functions of bytes that return nothing, and raise where something is wrong.

Each target is written in plain sight of its input: the bytes choose link types, packets, fragments. All compare, where there are
two ways to the same answer, the one with the other.
"""

import io
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC

import numpy as np

from closewait_pcap import CaptureError, CaptureWarning, analyze, engine
from closewait_pcap.capture import reader
from closewait_pcap.capture.headers import MAX_SECONDS, MIN_SECONDS
from closewait_pcap.capture.info import CaptureInfo
from closewait_pcap.capture.longtail import LINK_NAMES
from closewait_pcap.capture.packets import PACKET, SIGN
from closewait_pcap.capture.printed.stream import Printed
from closewait_pcap.engine import COMPILED, PLAIN, as_array
from closewait_pcap.flows import table
from closewait_pcap.flows.table import Facts, FlowTable
from closewait_pcap.sockets.reading import read_lines
from tests.capture.reading import Reading, read
from tests.capture.writers import TIME, Frame, ethernet, ipv4, ipv6, pcap, tcp
from tests.fuzz.outcome import inputs_of, outcome
from tests.tcp.reference import assert_same

Target = Callable[[bytes], None]

LINKS = (*LINK_NAMES, 2, 190, 65_535)
_FLAGS = (2, 18, 16, 17, 4, 20, 24, 25, 1, 0, 3, 6, 22, 255)
_NEAR = 1 << 31


@contextmanager
def small_tables() -> Iterator[None]:
    """Let tables begin small, so that they grow, and batches end, even in a small capture."""
    before = table._FIRST_FLOWS, table._FIRST_HOLES, reader.BATCH
    table._FIRST_FLOWS, table._FIRST_HOLES, reader.BATCH = 4, 4, 16
    try:
        yield
    finally:
        table._FIRST_FLOWS, table._FIRST_HOLES, reader.BATCH = before


@contextmanager
def worth_compiling(size: int) -> Iterator[None]:
    """Let captures of more bytes be read compiled."""
    before, engine.WORTH_COMPILING = engine.WORTH_COMPILING, size
    try:
        yield
    finally:
        engine.WORTH_COMPILING = before


def everything(data: bytes) -> None:
    """Inputs of any format, compressed, joined, several as one timeline: to all reports, uncompiled."""
    with warnings.catch_warnings(), small_tables():
        warnings.simplefilter("ignore", CaptureWarning)
        outcome(inputs_of(data))


def facts_of(data: bytes, worth: int) -> Facts | str:
    """Analyse inputs; give their facts, or the error."""
    streams = [io.BytesIO(part) for part in inputs_of(data)]
    with worth_compiling(worth):
        try:
            return analyze(streams).result.facts
        except CaptureError as error:
            return str(error)


def modes(data: bytes) -> None:
    """The same inputs: compiled and uncompiled, the facts are equal."""
    with warnings.catch_warnings(), small_tables():
        warnings.simplefilter("ignore", CaptureWarning)
        plain, compiled = facts_of(data, 1 << 40), facts_of(data, -1)
    if isinstance(plain, Facts) and isinstance(compiled, Facts):
        assert_same(plain, compiled)
    else:
        assert plain == compiled


def read_alike(capture: bytes) -> Reading:
    """Read a capture in both modes."""
    with small_tables():
        plain, compiled = read(capture), read(capture, COMPILED)
    assert plain == compiled
    return plain


def frames(data: bytes) -> None:
    """Frames of every link type: one byte chooses that, and each frame has two that say its length and how it was cut."""
    if len(data) < 3:
        return
    cut: list[Frame] = []
    at = 1
    while at + 2 <= len(data) and len(cut) < 40:
        size, missing = data[at], data[at + 1] & 63 if data[at + 1] & 128 else 0
        frame = data[at + 2 : at + 2 + size]
        cut.append(Frame(frame, TIME + at, len(frame) + missing))
        at += 2 + size
    try:
        read_alike(pcap(cut, link=LINKS[data[0] % len(LINKS)]))
    except CaptureError as error:
        assert "user-defined" in str(error)


def fragments(data: bytes) -> None:
    """Fragments of a few datagrams, in any order, overlapping, cut: five bytes each. A datagram counts once, if ever."""
    whole = tcp(bytes(range(256)) * 8)
    some = []
    for at in range(0, min(len(data), 1000) - 4, 5):
        kind, begin, size, cut, extra = data[at : at + 5]
        begin, size = begin * 8 if kind & 16 else begin % 4 * 8, size * 8 if kind & 32 else size % 6 * 8
        payload, more = (whole[begin : begin + size] or bytes(size)), kind & 64
        if kind & 1:
            head = struct.pack("!BBHI", 44 if extra == 255 else 6, 0, begin | bool(more), kind & 6)
            packet = ipv6(head + payload, next_header=44, length=None if extra < 200 else extra * 200)
        else:
            options = b"\1" * (extra & 15 if extra & 16 else 0)
            flags = begin // 8 | (0x2000 if more else 0)
            packet = bytearray(ipv4(payload, fragment=flags, options=options, total=None if extra < 200 else extra * 200))
            packet[5] = kind & 6
        frame = ethernet(bytes(packet), tags=[0x8100] if kind & 8 else [])
        some.append(Frame(frame[: len(frame) - (cut & 63 if cut & 128 else 0)], TIME + at, len(frame)))
    reading = read_alike(pcap(some))
    assert len(reading.rows) <= len(some)
    assert reading.info.fragments_incomplete <= len(some)


def packets(data: bytes) -> list[np.void]:
    """Turn bytes into PACKET rows: few addresses and ports, few and hostile numbers; eight bytes a row."""
    rows = np.zeros(min(len(data) // 8, 400), PACKET)
    numbers = (0, 1, 100, 101, 102, 1100, _NEAR - 1, _NEAR, _NEAR + 100, 2**32 - 1, 2**32 - 100, 1 << 30)
    now = TIME
    for place, row in enumerate(rows):
        who, flags, seq, ack, size, window, step, odd = data[8 * place : 8 * place + 8]
        ends = [(who >> 2 & 3, 80), (who >> 4 & 1, 1000 + (who >> 5))]
        (src, srcport), (dst, dstport) = ends if who & 1 else ends[::-1]
        now += (0, 1, 1_000_000, 60_000_000, 10**9, -(10**9), 10**13, -(1 << 61), 1 << 61)[step % 9]
        now = max(min(now, (MAX_SECONDS + 1) * 10**9 - 1), MIN_SECONDS * 10**9)  # as the decoder bounds them
        row["frame"], row["time"] = place + 1, now if step < 250 else 0
        row["src_hi"], row["dst_hi"] = -SIGN, -SIGN
        row["src_lo"], row["dst_lo"] = src - SIGN, dst - SIGN
        row["srcport"], row["dstport"] = srcport, dstport
        row["seq"] = (numbers[seq % 12] + (seq // 12) * (1 if odd & 1 else 1460)) % 2**32
        row["ack"] = (numbers[ack % 12] + (ack // 12) * (1 if odd & 1 else 1460)) % 2**32
        row["flags"] = _FLAGS[flags % len(_FLAGS)]
        row["len"] = (0, 0, 1, 5, 1460, 65_535, 1 << 26, 2**31)[size % 8]
        row["window"] = (0, 1, 512, 65_535)[window & 3]
        row["wscale"] = (window >> 2) % 16 - 1
        row["quality"] = (0, 0, 0, 0, 0, 4, 64, 16, 1, 2)[odd % 10]
        row["vlan"], row["tunnel"], row["tunnel_id"] = odd >> 6, odd >> 5 & 1, odd >> 4 & 1
    return list(rows)


def flows(data: bytes) -> None:
    """Packets of few ends with hostile numbers: compiled and uncompiled, in batches of any size, the facts are equal."""
    rows = packets(data)
    with small_tables():
        compiled, plain, alone = FlowTable(COMPILED), FlowTable(), FlowTable()
    plain._table.seed = alone._table.seed = int(compiled._table.seed)
    made = COMPILED.records(PACKET, len(rows))
    records = PLAIN.records(PACKET, len(rows))
    for place, row in enumerate(rows):
        for name in PACKET.names or ():
            made[name][place] = row[name]
            setattr(records[place], name, int(row[name]))
    size = 1 + (data[0] & 15 if data else 0)
    for begin in range(0, len(rows), size):
        compiled.follow(made[begin : begin + size], len(made[begin : begin + size]))
        plain.follow(records[begin : begin + size], len(records[begin : begin + size]))
    streams = [record.stream for record in records]
    assert as_array(made, PACKET, len(rows))["stream"].tolist() == streams
    alone.follow(records, len(records))
    assert [record.stream for record in records] == streams
    assert_same(plain.facts(), compiled.facts())
    assert_same(plain.facts(), alone.facts())


def text(data: bytes) -> None:
    """Printed packets: no line raises anything, and no text yields more packets than it has lines."""
    printed, made = Printed(io.BytesIO(data), "fuzzed.txt", UTC), bytearray(1 << 16)
    with suppress(CaptureError):
        while printed.readinto(made):
            pass
    assert len(printed.learned.lines) == len(printed.learned.times) <= data.count(b"\n") + 1
    printed.describe(CaptureInfo("fuzzed.txt", "text"))
    read_lines("fuzzed.txt", printed.learned.asides.lines)


TARGETS: dict[str, Target] = {
    "everything": everything,
    "modes": modes,
    "frames": frames,
    "fragments": fragments,
    "flows": flows,
    "text": text,
}
"""By name; a regression's file name begins with that of its target."""
