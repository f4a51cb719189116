"""A capture that is cut gives a prefix of the whole result: the same packets, and equal facts of every flow that had ended."""

import io
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from closewait_pcap import CaptureError, CaptureWarning, engine
from closewait_pcap.capture.packets import FRAME_BITS, NOT_TCP
from closewait_pcap.capture.timeline import Timeline
from closewait_pcap.engine import Structured
from closewait_pcap.flows.table import FlowTable
from tests.capture.writers import Frame, pcap, pcapng
from tests.fuzz.mutants import CODECS
from tests.fuzz.targets import small_tables
from tests.numbering.exchanges import random_capture

SAMPLES = Path(__file__).parents[3] / "samples"
NUMBER = (1 << FRAME_BITS) - 1


class Named(io.BytesIO):
    """A file object with a name, by which its frames are known in whatever order the files are opened."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


class Learned(NamedTuple):
    """What came of a timeline."""

    rows: list[tuple[int, int, int]]
    """Frame, time and stream of each packet; frames with their file's place as in `PARTS`."""
    flows: Structured
    ends: Structured


PARTS = "abc"


@pytest.fixture(params=["plain", "compiled"], autouse=True)
def _mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(engine, "WORTH_COMPILING", -1 if request.param == "compiled" else 1 << 40)
    with small_tables():  # they grow at other places then
        yield


def learn(parts: list[bytes]) -> Learned:
    """Read a timeline to facts."""
    rows, table = [], FlowTable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        timeline = Timeline([Named(data, PARTS[place]) for place, data in enumerate(parts)])
        for batch, count in table.read(timeline):
            rows += [(int(row.frame), int(row.time), int(row.stream)) for row in batch[:count] if not int(row.quality) & NOT_TCP]
    place = np.array([PARTS.index(info.file) for info in timeline.infos])

    def known(frames: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        named = place[frames >> FRAME_BITS] << FRAME_BITS | frames & NUMBER
        return np.where(frames == 0, 0, named)

    facts = table.facts()
    flows, ends = facts.flows.copy(), facts.ends.copy()
    for records in (flows, ends):
        for name in records.dtype.names or ():
            if name.endswith("_frame"):
                records[name] = known(records[name])
    frames = known(np.array([frame for frame, _, _ in rows], np.int64)).tolist()
    rows = [(frame, time, stream) for frame, (_, time, stream) in zip(frames, rows, strict=True)]
    return Learned(rows, flows, ends)


def assert_prefix(cut: Learned, whole: Learned) -> int:
    """Assert that all is equal that lies before a cut; gives how many flows do."""
    assert cut.rows == whole.rows[: len(cut.rows)]
    touched = {stream: place for place, (_, _, stream) in enumerate(whole.rows)}  # also by what is quoted, which is no packet
    place_of = {frame: place for place, (frame, _, _) in enumerate(whole.rows)}
    last = [place_of.get(flow["last_frame"], -1) for flow in whole.flows]
    last = [max(at, touched.get(flow["stream"], -1)) for at, flow in zip(last, whole.flows, strict=True)]
    known = np.flatnonzero(np.array(last) < len(cut.rows))
    assert len(known) == 0 or known[-1] < len(cut.flows)
    for mine, yours in ((cut.flows, whole.flows), (cut.ends, whole.ends)):
        for name in mine.dtype.names or ():
            assert np.array_equal(mine[name][known], yours[name][known]), name
    return len(known)


def assert_prefixes(data: bytes, whole: Learned, sizes: range, before: list[bytes]) -> None:
    """Cut the last capture of a timeline to many sizes."""
    counts = []
    for size in sizes:
        try:
            counts.append(assert_prefix(learn([*before, data[:size]]), whole))
        except CaptureError:  # nothing of it can be read
            assert not before
    assert counts == sorted(counts)
    assert len(set(counts)) > 1


def exchanges(pairs: int, seed: int) -> list[Frame]:
    return random_capture(pairs, random.Random(seed))[0]


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_cut_at_every_byte(kind: str) -> None:
    frames = exchanges(9, 3)
    data = pcap(frames) if kind == "pcap" else pcapng(frames)
    assert_prefixes(data, learn([data]), range(28, len(data)), [])


@pytest.mark.parametrize("sample", ["port_reuse/capture.pcap", "healthy_and_leaking/capture.pcapng"])
def test_samples_cut(sample: str) -> None:
    data = (SAMPLES / sample).read_bytes()
    step = max(len(data) // 400, 1) | 1
    assert_prefixes(data, learn([data]), range(28, len(data), step), [])


@pytest.mark.parametrize("codec", CODECS)
def test_compressed_and_cut(codec: str) -> None:
    """Most of a block is there or not: there must be several of them in so many bytes."""
    data = CODECS[codec]((SAMPLES / "healthy_and_leaking" / "capture.pcapng").read_bytes())
    whole = learn([data])
    for size in range(50, len(data), 50):
        try:
            assert_prefix(learn([data[:size]]), whole)
        except CaptureError:
            continue


def test_a_ring_whose_last_file_is_cut() -> None:
    frames = exchanges(12, 4)
    frames.sort(key=lambda frame: frame.time)
    third = len(frames) // 3
    first, second, last = (pcapng(frames[begin : begin + third]) for begin in (0, third, 2 * third))
    assert_prefixes(last, learn([first, second, last]), range(0, len(last)), [first, second])
