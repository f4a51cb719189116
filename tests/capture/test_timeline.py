"""Several captures are one timeline: what mergecap makes of them, with each file's own frame numbers."""

import io
import os
import random
import shutil
import subprocess
import threading
import warnings
from pathlib import Path

import pandas as pd
import pytest

from closewait_pcap import CaptureError, CaptureWarning, analyze, engine
from closewait_pcap.capture.packets import FRAME_BITS, NOT_TCP
from closewait_pcap.capture.sources.opening import CaptureSource
from closewait_pcap.capture.timeline import Timeline
from closewait_pcap.engine import COMPILED, PLAIN
from closewait_pcap.flows.table import FlowTable
from tests.capture.writers import Frame, pcap
from tests.numbering.agreement import theirs
from tests.numbering.exchanges import random_capture

MERGECAP = shutil.which("mergecap")
ROOT = Path(__file__).parents[2]
LEAK = ROOT / "samples" / "healthy_and_leaking" / "capture.pcapng"
FRAME_COLUMNS = [f"{side}_{what}_frame" for side in ("client", "server") for what in ("syn", "fin", "fin_ack", "rst")]

needs_mergecap = pytest.mark.skipif(MERGECAP is None, reason="mergecap is not installed")


@pytest.fixture(params=["plain", "compiled"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> engine.Mode:
    """Plain and compiled from the first byte on."""
    monkeypatch.setattr(engine, "WORTH_COMPILING", -1 if request.param == "compiled" else 1 << 40)
    return COMPILED if request.param == "compiled" else PLAIN


def deal(frames: list[Frame], parts: int, chance: random.Random, folder: Path, *, jumbled: bool = False) -> list[Path]:
    """Deal frames to several files, in runs; ``jumbled``: files in which time goes back now and then."""
    hands: list[list[Frame]] = [[] for _ in range(parts)]
    while frames:
        run = chance.choice((1, 1, 2, 3, 50))
        hand = frames[:run]
        if jumbled and chance.random() < 0.2:
            chance.shuffle(hand)
        hands[chance.randrange(parts)] += hand
        frames = frames[run:]
    paths = [folder / f"{chance.randrange(10**6)}-{number}.pcap" for number in range(parts)]
    for path, hand in zip(paths, hands, strict=True):
        path.write_bytes(pcap(hand))
    return paths


def merged(paths: list[Path], folder: Path) -> Path:
    assert MERGECAP
    subprocess.run([MERGECAP, "-F", "nsecpcap", "-w", folder / "merged", *paths], check=True, timeout=60, capture_output=True)
    return folder / "merged"


def rows_of(sources: list[CaptureSource]) -> tuple[list[tuple[int, int, int, int]], Timeline]:
    """Read a timeline: file, frame, time and stream of each TCP packet, in its order."""
    timeline, found = Timeline(sources), []
    for batch, count in FlowTable().read(timeline):
        for row in batch[:count]:
            if not int(row.quality) & NOT_TCP:
                mark = int(row.frame)
                found.append((mark >> FRAME_BITS, mark & ((1 << FRAME_BITS) - 1), int(row.time), int(row.stream)))
    return found, timeline


@needs_mergecap
@pytest.mark.parametrize("seed", range(12))
def test_order_and_streams_are_those_of_mergecap(seed: int, mode: engine.Mode, tmp_path: Path) -> None:
    chance = random.Random(seed)
    frames, _ = random_capture(80, chance)
    if seed % 2:  # many frames at the very same time
        frames = [frame._replace(time=frame.time // 10**12 * 10**12) for frame in frames]
    if seed % 3 == 0:
        chance.shuffle(frames)
    paths = deal(frames, chance.choice((2, 3, 7)), chance, tmp_path, jumbled=seed % 4 == 0)
    found, timeline = rows_of(list(paths))
    assert timeline.mode is mode
    assert sorted(Path(info.file) for info in timeline.infos) == sorted(paths)
    expected = [seen for _, seen in sorted(theirs(merged(paths, tmp_path)).items())]
    assert [stream for _, _, _, stream in found] == [seen.stream for seen in expected]
    assert all(seen.quoted or seen.time == time for (_, _, time, _), seen in zip(found, expected, strict=True))
    for number, info in enumerate(timeline.infos):
        mine = [frame for file, frame, _, _ in found if file == number]
        assert mine == sorted(theirs(Path(info.file)))


@needs_mergecap
@pytest.mark.usefixtures("mode")
def test_flows_are_those_of_the_merged_file(tmp_path: Path) -> None:
    chance = random.Random(1)
    frames, _ = random_capture(400, chance)
    paths = deal(frames, 5, chance, tmp_path)
    together = analyze(list(paths))
    alone = analyze(merged(paths, tmp_path))
    assert together.capture.frames == alone.capture.frames == len(frames)
    assert together.capture.skipped == alone.capture.skipped
    own = ["first_frame", "last_frame", *FRAME_COLUMNS]
    # files side by side are taps, each watched to its own end
    waits = ["held", "stuck", "verdict", "waiting_side", "since", "cause", "confidence", "evidence", "limits"]
    files = [name for name in together.flows.columns if name.endswith("file")]
    pd.testing.assert_frame_equal(
        together.flows.drop(columns=[*own, *waits, *files]), alone.flows.drop(columns=[*own, *waits]), check_categorical=False
    )
    assert (together.flows["held"] <= alone.flows["held"])[together.flows["held"].notna()].all()
    assert (together.flows[own].isna() == alone.flows[own].isna()).all(axis=None)


def test_frames_are_those_of_their_file() -> None:
    other = ROOT / "samples" / "late_close" / "capture.pcap"
    analysis = analyze([LEAK, other])
    assert analysis.capture.files == [str(other), str(LEAK)]
    for path in (other, LEAK):
        alone = analyze(path)
        mine = analysis.flows[analysis.flows["file"] == str(path)]
        for name in ("first_frame", "last_frame", *FRAME_COLUMNS):
            assert mine[name].tolist() == alone.flows[name].tolist(), name
        events = analysis.events[analysis.events["file"] == str(path)]
        assert events["frame"].tolist() == alone.events["frame"].tolist()
        last = int(mine.index[-1])
        pd.testing.assert_frame_equal(
            analysis.packets(last).drop(columns="file"), alone.packets(int(alone.flows.index[-1])), check_categorical=False
        )
        assert set(analysis.packets(last)["file"]) == {str(path)}


def test_a_pipe_and_files_and_file_objects_together(tmp_path: Path) -> None:
    frames, _ = random_capture(60, random.Random(5))
    third = len(frames) // 3
    parts = [pcap(frames[:third]), pcap(frames[third : 2 * third]), pcap(frames[2 * third :])]
    (tmp_path / "file.pcap").write_bytes(parts[1])
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(parts[0]))
    writer.start()
    held = io.BytesIO(b"before the capture" + parts[2])
    held.seek(18)
    analysis = analyze([held, tmp_path / "file.pcap", fifo])
    writer.join()
    assert [info.frames for info in analysis.capture.parts] == [third, third, len(frames) - 2 * third]
    assert analysis.capture.files == [str(fifo), str(tmp_path / "file.pcap"), "<stream>"]
    with pytest.raises(CaptureError, match="pipe"):
        analysis.packets(int(analysis.flows.index[0]))


def test_two_nameless_streams_are_told_apart() -> None:
    data = LEAK.read_bytes()
    analysis = analyze([io.BytesIO(data) for _ in range(3)])
    assert analysis.capture.files == ["<stream>", "<stream> (2)", "<stream> (3)"]
    assert set(analysis.flows["file"].cat.categories) == set(analysis.capture.files)


def test_everything_twice_changes_no_verdict() -> None:
    """Two taps beside each other: every packet comes again, in another file."""
    data, alone = LEAK.read_bytes(), analyze(LEAK)
    twice = analyze([io.BytesIO(data), io.BytesIO(data)])
    names = ["verdict", "held", "stuck", "client_bytes", "server_bytes", "client_state", "server_state"]
    pd.testing.assert_frame_equal(twice.flows[names], alone.flows[names])
    assert (twice.flows["client_packets"] == 2 * alone.flows["client_packets"]).all()


def test_what_cannot_be_read_is_named_and_the_rest_analysed(tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").touch()
    with pytest.warns(CaptureWarning) as caught:
        analysis = analyze([tmp_path / "empty.pcap", LEAK, tmp_path / "missing.pcap"])
    assert [str(warning.message) for warning in caught] == analysis.unreadable
    assert len(analysis.close_wait) == 3
    assert [line.partition(": ")[2][:12] for line in analysis.unreadable] == ["the file is ", "no such file"]
    assert analysis.unreadable == analysis.warnings
    assert analysis.capture.files == [str(LEAK)]
    with pytest.raises(CaptureError, match="empty"):
        analyze([tmp_path / "empty.pcap", LEAK], strict=True)
    with pytest.raises(CaptureError, match=r"empty.*; .*missing\.pcap"), warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        analyze([tmp_path / "empty.pcap", tmp_path / "missing.pcap"])


def test_a_thousand_files_need_no_thousand_descriptors(tmp_path: Path) -> None:
    """A ring buffer has more files than a process may open."""
    resource = pytest.importorskip("resource")
    frames, _ = random_capture(400, random.Random(9))
    for number, frame in enumerate(frames[:1000]):
        (tmp_path / f"trace.pcap{number:04}").write_bytes(pcap([frame]))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        analysis = analyze(tmp_path / "trace.pcap")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert analysis.capture.frames == len(analysis.capture.parts) == 1000
