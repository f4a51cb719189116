"""Holes between files: where they are, and that nothing is concluded from silence in them."""

import io
from collections.abc import Iterable
from pathlib import Path

import pytest

from closewait_pcap import Analysis, analyze
from closewait_pcap.capture.info import Gap
from closewait_pcap.capture.packets import ACK, FIN, SYN
from closewait_pcap.tcp.sequence import Segment
from tests.tcp.wire import packet_records, pcap

SECOND = 1_000_000_000
EPOCH = 1_780_000_000 * SECOND


def flow(*packets: tuple[float, bool, int, int, int], right: str = "10.0.0.2") -> list[object]:
    """Packets (seconds, from the client, seq, ack, flags) of one flow."""
    segments = [
        (left, Segment(0, EPOCH + round(at * SECOND), seq, ack, 0, 501, -1, flags)) for at, left, seq, ack, flags in packets
    ]
    return list(packet_records(segments, "10.0.0.1", right))


def waiting(begin: float, right: str = "10.0.0.2") -> list[object]:
    """The client closes 3 ms after ``begin``; the server acknowledges that 1 ms later, and is silent."""
    ms = [begin + number / 1000 for number in range(5)]
    return flow(
        (ms[0], True, 0, 0, SYN),
        (ms[1], False, 0, 1, SYN | ACK),
        (ms[2], True, 1, 1, ACK),
        (ms[3], True, 1, 1, FIN | ACK),
        (ms[4], False, 1, 2, ACK),
        right=right,
    )


def chatter(begin: float, end: float, every: float = 0.5) -> list[object]:
    """Other packets, so that the time is covered."""
    count = round((end - begin) / every)
    return flow(*((begin + number * every, True, 1 + number, 1, ACK) for number in range(count + 1)), right="10.9.9.9")


def write(path: Path, *rows: Iterable[object]) -> Path:
    """Write packets in the order of their times."""
    path.write_bytes(pcap(sorted((row for some in rows for row in some), key=lambda row: row.time)))
    return path


def verdict(analysis: Analysis) -> tuple[str, float, bool]:
    """Verdict, held and stuck of the flow to 10.0.0.2."""
    row = analysis.flows[analysis.flows["server"] == "10.0.0.2"].iloc[0]
    return row["verdict"], round(row["held"].total_seconds(), 3), row["stuck"]


def holes(analysis: Analysis) -> list[str]:
    return [line for line in analysis.warnings if "may have closed unseen" in line]


@pytest.mark.parametrize(
    "names",
    [
        ("trace.pcap0", "trace.pcap1"),
        ("trace.pcap", "trace.pcap1"),
        ("trace.pcap9", "trace.pcap0"),
        ("t_00007_20261121120000.pcap", "t_00008_20261121120009.pcap"),
        ("before.pcap", "after.pcap"),
    ],
)
def test_files_that_follow_each_other_are_as_one(names: tuple[str, str], tmp_path: Path) -> None:
    paths = [
        write(tmp_path / names[0], waiting(0), chatter(0, 5)),
        write(tmp_path / names[1], chatter(5.5, 10)),
    ]
    for given in (paths, paths[::-1], [tmp_path]):
        analysis = analyze(given)
        assert holes(analysis) == []
        assert verdict(analysis) == ("close_wait", 9.996, True)
        assert analysis.capture.files == [str(path) for path in paths]


def test_silence_in_a_hole_proves_nothing(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.pcap", waiting(0), chatter(0, 5)), write(tmp_path / "b.pcap", chatter(3600, 3605))]
    analysis = analyze(paths)
    assert verdict(analysis)[:2] == ("close_wait_possible", 4.996)
    assert len(analysis.close_wait) == 0
    (sentence,) = holes(analysis)
    assert sentence.startswith("between a.pcap and b.pcap nothing was captured, for 59 min 55 s from 2026-05-28 20:26:45")
    assert analysis.endpoints["possible"].tolist() == [1]
    start, end = EPOCH + 5 * SECOND, EPOCH + 3600 * SECOND
    assert analysis.capture.gaps == [Gap(start, end, "between a.pcap and b.pcap nothing was captured")]


def test_gaps_are_listed_by_time_as_they_are_said(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"trace.pcap{number}", chatter(100 * number, 100 * number + 5)) for number in (0, 2, 5)]
    analysis = analyze(paths[::-1])
    whole, spans = analysis.capture, [(5, 200), (205, 500)]
    assert [(gap.start, gap.end) for gap in whole.gaps] == [(EPOCH + a * SECOND, EPOCH + b * SECOND) for a, b in spans]
    for gap, span, sentence in zip(whole.gaps, ("3 min 15 s", "4 min 55 s"), holes(analysis), strict=True):
        assert sentence.startswith(f"{gap.why}, for {span} from")
    assert [part.gaps for part in whole.parts] == [[], [], []]
    assert analyze(paths[0]).capture.gaps == []


def test_a_flow_that_speaks_after_the_hole_is_judged(tmp_path: Path) -> None:
    keepalive = flow((3601, True, 1, 1, ACK), (3601.001, False, 1, 2, ACK))
    paths = [
        write(tmp_path / "a.pcap", waiting(0), chatter(0, 5)),
        write(tmp_path / "b.pcap", chatter(3600, 3605), keepalive),
    ]
    analysis = analyze(paths)
    assert len(holes(analysis)) == 1
    assert verdict(analysis) == ("close_wait", 3604.996, True)


def test_what_began_to_wait_after_the_hole_is_judged(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.pcap", chatter(0, 5)), write(tmp_path / "b.pcap", waiting(3600), chatter(3600, 3605))]
    assert verdict(analyze(paths)) == ("close_wait", 4.996, True)


@pytest.mark.parametrize("missing", [1, 2])
def test_a_missing_number_is_a_hole_however_short(missing: int, tmp_path: Path) -> None:
    for number in range(4):
        if number != missing:
            write(tmp_path / f"trace.pcap{number}", waiting(0) if not number else [], chatter(number, number + 0.9, 0.1))
    analysis = analyze(tmp_path)
    (sentence,) = holes(analysis)
    assert f"between trace.pcap{missing - 1} and trace.pcap{missing + 1}, whose numbers do not follow each other" in sentence
    assert verdict(analysis)[:2] == ("close_wait_possible", round(missing - 0.1 - 0.004, 3))


def test_what_a_ring_left_of_yesterday_is_no_part_of_today(tmp_path: Path) -> None:
    """The ring was full yesterday, and has begun anew: numbers follow each other, but not in time."""
    write(tmp_path / "trace.pcap2", waiting(0), chatter(0, 5))
    write(tmp_path / "trace.pcap0", chatter(80_000, 80_005))
    write(tmp_path / "trace.pcap1", chatter(80_005.5, 80_010))
    analysis = analyze(tmp_path / "trace.pcap")
    assert len(holes(analysis)) == 1
    assert verdict(analysis)[0] == "close_wait_possible"


def test_a_quiet_hour_inside_a_file_makes_a_quiet_hour_between_files_a_pause(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "trace.pcap0", waiting(0), chatter(0, 7200, 3600)),
        write(tmp_path / "trace.pcap1", chatter(10_800, 10_805)),
    ]
    analysis = analyze(paths)
    assert holes(analysis) == []
    assert verdict(analysis) == ("close_wait", 10_804.996, True)


def test_files_side_by_side_are_taps_of_their_own(tmp_path: Path) -> None:
    """One machine stopped capturing at 5 s; what the other goes on to show says nothing of the first one's flows."""
    paths = [write(tmp_path / "one.pcap", waiting(0), chatter(0, 5)), write(tmp_path / "other.pcap", chatter(2, 100))]
    analysis = analyze(paths)
    assert holes(analysis) == []
    assert verdict(analysis) == ("close_wait", 4.996, True)
    assert analysis.capture.end_time == EPOCH + 100 * SECOND


def test_files_of_other_folders_are_taps_of_their_own(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    paths = [write(tmp_path / "a" / "c.pcap", waiting(0), chatter(0, 5)), write(tmp_path / "b" / "c.pcap", chatter(5.5, 100))]
    analysis = analyze(paths)
    assert holes(analysis) == []
    assert verdict(analysis) == ("close_wait", 4.996, True)


@pytest.mark.parametrize("packets", [1, 2])
def test_a_handshake_cut_by_a_hole_is_undetermined(packets: int, tmp_path: Path) -> None:
    begun = waiting(4.99)[:packets]
    later = chatter(3600, 3605)
    analysis = analyze([write(tmp_path / "a.pcap", chatter(0, 5), begun), write(tmp_path / "b.pcap", later)])
    assert analysis.flows.loc[analysis.flows["server"] == "10.0.0.2", "verdict"].tolist() == ["undetermined"]
    alone = analyze(tmp_path / "a.pcap")
    assert alone.flows.loc[alone.flows["server"] == "10.0.0.2", "verdict"].tolist() != ["undetermined"]


def test_a_fin_just_before_a_hole_is_not_unanswered(tmp_path: Path) -> None:
    unanswered = waiting(4.99)[:4]
    analysis = analyze([write(tmp_path / "a.pcap", chatter(0, 5), unanswered), write(tmp_path / "b.pcap", chatter(3600, 3605))])
    assert verdict_only(analysis) == "open"
    late = analyze([write(tmp_path / "a.pcap", chatter(0, 9), unanswered), write(tmp_path / "b.pcap", chatter(3600, 3605))])
    assert verdict_only(late) == "fin_unanswered"


def verdict_only(analysis: Analysis) -> str:
    (only,) = analysis.flows.loc[analysis.flows["server"] == "10.0.0.2", "verdict"].tolist()
    return str(only)


def test_a_capture_without_a_frame_covers_nothing(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.pcap0"), write(tmp_path / "a.pcap1", waiting(0), chatter(0, 5)), write(tmp_path / "a.pcap2")]
    analysis = analyze(paths)
    assert holes(analysis) == []
    assert verdict(analysis) == ("close_wait", 4.996, True)
    assert analyze([io.BytesIO(paths[0].read_bytes())]).capture.end_time is None
