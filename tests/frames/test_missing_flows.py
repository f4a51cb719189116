"""A table that may not grow any further: the oldest finished flows leave, are counted, and nothing else changes."""

import random
from pathlib import Path

import pandas as pd
import pytest

from closewait_pcap import analyze, engine
from closewait_pcap.capture.packets import ACK, FIN, SYN
from closewait_pcap.engine import COMPILED, PLAIN
from closewait_pcap.tcp.sequence import Segment
from tests.capture.writers import pcap as write
from tests.numbering.exchanges import random_capture
from tests.tcp.wire import packet_records, pcap

MS = 1_000_000
EPOCH = 1_780_000_000_000_000_000


@pytest.fixture(params=["plain", "compiled"], autouse=True)
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> engine.Mode:
    monkeypatch.setattr(engine, "WORTH_COMPILING", -1 if request.param == "compiled" else 1 << 40)
    return COMPILED if request.param == "compiled" else PLAIN


def flow(number: int, begin: int, *, ends: bool, bytes_between: bool = False) -> list[object]:
    """A flow to server ``number``, from millisecond ``begin`` on: closed by both, or by its client alone."""
    packets = [
        (True, 0, 0, SYN), (False, 0, 1, SYN | ACK), (True, 1, 1, ACK), (True, 1, 1, FIN | ACK), (False, 1, 2, ACK),
        *([(False, 1, 2, FIN | ACK), (True, 2, 2, ACK)] if ends else []),
    ]  # fmt: skip
    segments = [
        (left, Segment(0, EPOCH + (begin + ms) * MS, seq, ack, 5 * (bytes_between and ms > 8), 501, -1, flags))
        for ms, (left, seq, ack, flags) in enumerate(packets)
    ]
    return list(packet_records(segments, "10.0.0.1", f"10.1.{number >> 8}.{number & 255}"))


def capture(folder: Path, flows: int, leaks: set[int]) -> Path:
    rows = [row for number in range(flows) for row in flow(number, 20 * number, ends=number not in leaks)]
    rows += flow(1 << 15, 20 * flows + 5000, ends=True)
    path = folder / "c.pcap"
    path.write_bytes(pcap(rows))
    return path


def test_finished_flows_leave_first_and_are_counted(tmp_path: Path) -> None:
    leaks = {0, 7, 100, 1999}
    path = capture(tmp_path, 2000, leaks)
    whole, bounded = analyze(path), analyze(path, max_flows=100)
    assert len(bounded.flows) <= 100
    assert whole.capture.missing_flows == {}
    assert bounded.capture.missing_flows == {"closed": 2001 - len(bounded.flows)}
    pd.testing.assert_frame_equal(bounded.close_wait, whole.close_wait)
    assert bounded.close_wait.index.tolist() == sorted(leaks)
    kept = whole.flows.loc[bounded.flows.index]
    pd.testing.assert_frame_equal(bounded.flows, kept, check_categorical=False)
    assert bounded.flows.index[-1] == 2000
    (sentence,) = bounded.warnings
    assert sentence.startswith(f"{2001 - len(bounded.flows):,} flows have left the table, which keeps 100 (--max-flows): ")


def test_packets_of_a_kept_flow_and_of_one_that_left(tmp_path: Path) -> None:
    path = capture(tmp_path, 1000, {7, 900})
    bounded = analyze(path, max_flows=64)
    pd.testing.assert_frame_equal(bounded.packets(900), analyze(path).packets(900), check_categorical=False)
    with pytest.raises(KeyError, match="no flow 8"):
        bounded.packets(8)


def test_a_flood_leaves_before_what_waits(tmp_path: Path) -> None:
    """One leak, then SYNs from everywhere."""
    rows = flow(1 << 15, 0, ends=False)
    rows += [row for number in range(3000) for row in flow(number, 20 + number, ends=False)[:1]]
    path = tmp_path / "flood.pcap"
    path.write_bytes(pcap(rows))
    analysis = analyze(path, max_flows=50)
    assert analysis.close_wait.index.tolist() == [0]
    assert set(analysis.capture.missing_flows) == {"unanswered"}
    assert sum(analysis.capture.missing_flows.values()) + len(analysis.flows) == 3001


@pytest.mark.parametrize("most", [1, 2, 7, 1000])
def test_any_bound_works_with_any_traffic(most: int, tmp_path: Path) -> None:
    """Reused ports, holes in the data, quotes: what is kept is as it would be, as long as nobody comes back."""
    frames, _ = random_capture(300, random.Random(most))
    path = tmp_path / "c.pcap"
    path.write_bytes(write(frames))
    whole, bounded = analyze(path), analyze(path, max_flows=most)
    assert len(bounded.flows) <= most
    assert len(bounded.flows) + sum(bounded.capture.missing_flows.values()) >= len(whole.flows)
    if most == 1000:
        pd.testing.assert_frame_equal(bounded.flows, whole.flows)


def test_payload_holes_of_flows_that_left_are_used_again(tmp_path: Path) -> None:
    segments = [(True, Segment(0, EPOCH + n * MS, 1 + 100 * n, 1, 5, 501, -1, ACK)) for n in range(40)]
    rows = [row for number in range(500) for row in packet_records(segments, "10.0.0.1", f"10.1.{number >> 8}.{number & 255}")]
    for number, row in enumerate(rows):
        row.time += 1000 * MS * (number // 40)
    path = tmp_path / "holes.pcap"
    path.write_bytes(pcap(rows))
    whole, bounded = analyze(path), analyze(path, max_flows=16)
    pd.testing.assert_frame_equal(bounded.flows, whole.flows.loc[bounded.flows.index], check_categorical=False)
    assert bounded.flows["client_bytes"].tolist() == [200] * len(bounded.flows)


def test_a_bound_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_flows must be at least 1"):
        analyze(capture(tmp_path, 1, set()), max_flows=0)
