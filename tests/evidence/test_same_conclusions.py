"""The evidence alone says what the capture says: verdicts, waits, causes, and the order of the frames that prove them."""

import gzip
import io
from pathlib import Path

import pytest

from closewait_pcap import Analysis, CaptureError, analyze
from tests.capture.writers import ACK, FIN, PSH, SYN, Frame, pcap, segment
from tests.evidence.leaking import SECOND, START, capture, evidence, frames

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "samples").glob("*/capture.pcap*"))
KTRUTH = sorted((ROOT.parent / "shared" / "ktruth").glob("*/capture*.pcap"))
CUTS = sorted((ROOT.parent / "shared" / "ktruth" / "seedcases").glob("*/*.pcap"))
WAITED = ["close_wait", "close_wait_possible", "close_wait_reset", "closed_late"]
TOLD = ["verdict", "waiting_side", "since", "held", "stuck", "cause", "confidence", "client_port", "server_port"]
TOLD += ["client_state", "server_state", "history", "recv_q_estimate", "client_bytes", "server_bytes", "client_packets"]
FRAMES = [f"{side}_{what}_frame" for side in ("client", "server") for what in ("syn", "fin", "fin_ack", "rst")]


def told(analysis: Analysis) -> list[list[str]]:
    flows = analysis.flows[analysis.flows["verdict"].isin(WAITED)]
    return flows[TOLD].astype(str).to_numpy().tolist()


def order(analysis: Analysis) -> list[int]:
    """The proving frames of the flagged flows, by their rank."""
    flows = analysis.flows[analysis.flows["verdict"].isin(WAITED)]
    numbers = flows[FRAMES].astype("float").fillna(0).to_numpy().astype(int).reshape(-1).tolist()
    ranks = {number: rank for rank, number in enumerate(sorted(set(numbers) - {0}), 1)} | {0: 0}
    return [ranks[number] for number in numbers]


@pytest.mark.parametrize("path", SAMPLES + KTRUTH + CUTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_alone_it_says_the_same(path: Path) -> None:
    pytest.importorskip("cryptography")
    analysis = analyze(path)
    for shown, payload in ((analysis, False), (analysis, True), (analysis.anonymized(bytes(32)), False)):
        data, summary = evidence(shown, payload=payload, most_bytes=1 << 30)
        alone = analyze(io.BytesIO(data), strict=True)
        assert summary.different == ()
        assert told(alone) == told(analysis) == told(shown)
        assert order(alone) == order(analysis)
        assert summary.flows == len(told(analysis))


@pytest.mark.parametrize("path", [path for path in SAMPLES if path.parent.name in ("busy_worker", "backlog_python")])
def test_a_mapped_analysis_differs_in_its_addresses_alone(path: Path) -> None:
    pytest.importorskip("cryptography")
    analysis = analyze(path, sockets=sorted(str(table) for table in path.parent.glob("*end*.ss.txt")))
    for key in range(4):  # under some the ends change places
        mapped = analysis.anonymized(bytes([key]) * 32)
        addresses = ["client", "server", "evidence", "server_process", "client_process"]
        same = [name for name in analysis.flows if name not in addresses]
        assert analysis.flows[same].astype(str).equals(mapped.flows[same].astype(str))
        assert set(analysis.flows["server"]).isdisjoint(mapped.flows["server"])
        assert analysis.packets(0).equals(mapped.packets(0))
        assert evidence(mapped)[1].different == ()
        for text in (*mapped.flows["evidence"].dropna(), mapped.capture.file, *mapped.warnings):
            assert "samples" not in text
        assert len(mapped.sockets) == len(analysis.sockets)
        assert set(analysis.sockets["local"]).isdisjoint(mapped.sockets["local"])


def test_several_files_with_a_hole_are_one_file_with_the_hole(tmp_path: Path) -> None:
    """What falls silent before the hole may have closed in it, and the evidence knows that, too."""
    first, second = frames()[:6], frames()[6:12]
    late = START + 100 * SECOND
    for name, some, start in (
        ("trace_00001_20261121120000.pcap", first, START),
        ("trace_00003_20261121120200.pcap", second, late),
    ):
        packets = [Frame(data, start + number * SECOND // 100) for number, data in enumerate(some)]
        (tmp_path / name).write_bytes(pcap(packets))
    analysis = analyze(tmp_path)
    assert analysis.flows["verdict"].tolist() == ["close_wait_possible", "close_wait"]
    data, summary = evidence(analysis)
    assert summary.different == ()
    alone = analyze(io.BytesIO(data))
    assert told(alone) == told(analysis)
    assert [(gap.start, gap.end) for gap in alone.capture.gaps] == [(gap.start, gap.end) for gap in analysis.capture.gaps]


def test_captures_side_by_side_keep_their_own_ends() -> None:
    """They overlap, so that they are no ring buffer: what one does not show after its end, another need not show, either."""
    analysis = analyze([ROOT / "samples" / name / "capture.pcap" for name in ("late_close", "reset", "busy_worker")])
    assert len(set(analysis.flows["file"])) == 3
    data, summary = evidence(analysis)
    assert (summary.flows, summary.different) == (3, ())
    assert sorted(told(analyze(io.BytesIO(data)))) == sorted(told(analysis))


def test_a_clock_that_was_set_back_makes_no_wait_longer() -> None:
    """The capture ends with its last frame, which is none of the flagged flow's."""
    packets = [Frame(data, START + number * SECOND // 100) for number, data in enumerate(frames()[:6])]
    packets += [Frame(data, START - 50 * SECOND + number) for number, data in enumerate(frames()[12:])]
    analysis = analyze(io.BytesIO(pcap(packets)))
    assert analysis.flows["held"].dt.total_seconds().tolist() == [0]
    data, summary = evidence(analysis)
    assert (summary.flows, summary.different) == (1, ())
    assert told(analyze(io.BytesIO(data))) == told(analysis)


def test_damage_in_which_silence_proves_nothing_stays_a_hole() -> None:
    packets = [Frame(data, START + number * SECOND // 100) for number, data in enumerate(frames()[:12])]
    data = pcap(packets[:6]) + b"\xff" * 500 + pcap(packets[6:])[24:]
    with pytest.warns(match="bytes skipped"):
        analysis = analyze(io.BytesIO(data))
    assert analysis.flows["verdict"].iloc[0] == "close_wait_possible"
    file, summary = evidence(analysis)
    assert summary.different == ()
    assert told(analyze(io.BytesIO(file))) == told(analysis)


def test_long_conversations_lose_their_middle_and_keep_their_conclusions() -> None:
    packets = [segment(flags=SYN, seq=999, ack=0), segment(turned=True, flags=SYN | ACK, seq=4999, ack=1000), segment()]
    for number in range(4000):
        packets.append(segment(b"x" * 100, seq=1000 + 100 * number, flags=ACK | PSH))
        packets.append(segment(turned=True, payload=b"y" * 10, seq=5000 + 10 * number, ack=1100 + 100 * number, flags=ACK | PSH))
    packets += [segment(flags=FIN | ACK, seq=401_000, ack=45_000), segment(turned=True, seq=45_000, ack=401_001)]
    analysis = analyze(io.BytesIO(pcap([Frame(data, START + number * 1_000_000) for number, data in enumerate(packets)])))
    data, summary = evidence(analysis)
    assert summary.different == ()
    assert 1000 <= summary.frames <= 1020
    assert summary.frames + summary.trimmed == len(packets)
    assert len(data) < 130_000


def test_the_worst_come_first_where_there_is_no_room_for_all() -> None:
    analysis = analyze(ROOT / "samples" / "healthy_and_leaking" / "capture.pcapng")
    data, summary = evidence(analysis, most_bytes=3500)
    assert (summary.flows, summary.left_out) == (2, 1)
    assert len(data) <= 3500
    alone = analyze(io.BytesIO(data))
    assert alone.close_wait["held"].tolist() == sorted(analysis.close_wait["held"], reverse=True)[:2]


def test_a_file_is_compressed_by_its_name_and_the_same_every_time(tmp_path: Path) -> None:
    analysis = analyze(SAMPLES[0])
    first, second, plain = tmp_path / "a.pcapng.gz", tmp_path / "b.pcapng.gz", tmp_path / "c.pcapng"
    for path in (first, second, plain):
        analysis.evidence(path)
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()) == plain.read_bytes()


def test_rows_choose_flows() -> None:
    analysis = analyze(ROOT / "samples" / "healthy_and_leaking" / "capture.pcapng")
    summary = evidence(analysis, rows=analysis.result.rows[:10])[1]
    assert summary.flows == 1


def test_nothing_waits() -> None:
    data, summary = evidence(ROOT / "samples" / "close_by_client" / "capture.pcap")
    assert (summary.flows, summary.frames) == (0, 0)
    assert analyze(io.BytesIO(data), strict=True).capture.frames == 0


def test_what_cannot_be_read_twice_or_would_be_overwritten_is_refused(tmp_path: Path) -> None:
    class Once(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(CaptureError, match="a pipe does not allow"):
        analyze(Once(capture())).evidence(io.BytesIO())
    path = tmp_path / "capture.pcapng"
    path.write_bytes(capture())
    with pytest.raises(CaptureError, match="the capture itself"):
        analyze(path).evidence(path)
    assert path.read_bytes() == capture()
