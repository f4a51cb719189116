"""Frames without a time, and clocks that are set back: nothing is claimed that they do not support."""

import io
import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from closewait_pcap import Analysis, analyze, engine
from closewait_pcap.engine import COMPILED, PLAIN
from tests.capture.conftest import Read
from tests.capture.reading import read as read_in
from tests.capture.writers import ACK, FIN, PSH, SYN, TIME, Frame, enhanced, interface, pcap, section, segment
from tests.tcp.reference import assert_same

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
WAITING = [
    segment(flags=SYN, seq=999, ack=0),
    segment(turned=True, flags=SYN | ACK, seq=4999, ack=1000),
    segment(),
    segment(b"GET /", flags=ACK | PSH),
    segment(turned=True, payload=b"OK", seq=5000, ack=1005, flags=ACK | PSH),
    segment(flags=ACK | FIN, seq=1005, ack=5002),
    segment(turned=True, seq=5002, ack=1006),
]


def at(times: list[int], frames: list[bytes] | None = None) -> bytes:
    return pcap([Frame(frame, when) for frame, when in zip(frames or WAITING, times, strict=True)])


def analysis_of(data: bytes) -> Analysis:
    return analyze(io.BytesIO(data))


def test_a_frame_at_0_has_the_time_before_it(read: Read) -> None:
    reading = read(at([TIME, 0, TIME + 5, 0, 0, TIME + 7, TIME + 8]))
    assert [row.time for row in reading.rows] == [TIME, TIME, TIME + 5, TIME + 5, TIME + 5, TIME + 7, TIME + 8]
    assert [row.quality for row in reading.rows] == [0, 32, 0, 32, 32, 0, 0]
    info = reading.info
    assert (info.untimed, info.steps_back, info.first_time, info.last_time) == (3, 0, TIME, TIME + 8)
    assert reading.warnings == []


def test_no_frame_has_a_time() -> None:
    analysis = analysis_of(at([0] * 7))
    info = analysis.capture
    assert (info.frames, info.untimed, info.first_time, info.last_time, info.end_time) == (7, 7, None, None, None)
    assert [warning for warning in analysis.warnings if "7 frames have no time (0)" in warning]
    flow = analysis.flows.iloc[0]
    assert flow["verdict"] == "close_wait"
    for name in ("since", "held", "stuck", "start", "end", "duration", "client_fin_time", "client_fin_ack_time"):
        assert flow.isna()[name], name


@pytest.mark.parametrize("format_", ["text", "json"])
def test_no_1970_in_reports(format_: str) -> None:
    untimed = at([0] * 7)
    begun_untimed = at([0] * 7 + [TIME], [*WAITING, WAITING[6]])
    for data in (untimed, begun_untimed):
        command = [sys.executable, "-m", "closewait_pcap", "--format", format_, "-"]
        done = subprocess.run(command, input=data, capture_output=True, check=True)
        assert b"1970" not in done.stdout
        assert b"frames have no time (0)" in done.stdout
        if format_ == "json":
            flow = json.loads(done.stdout)["captures"][0]["flows"][0]
            assert (flow["since"], flow["held_s"], flow["stuck"]) == (None, None, None)


def test_frames_without_a_time_at_the_begin_are_no_wait_of_50_years() -> None:
    analysis = analysis_of(at([0] * 7 + [TIME], [*WAITING, segment(turned=True, seq=5002, ack=1006)]))
    flow = analysis.flows.iloc[0]
    assert flow["verdict"] == "close_wait"
    assert flow.isna()["held"]
    assert flow.isna()["stuck"]


BACK: dict[str, tuple[Callable[[int], list[int]], str]] = {
    "before the FIN": (lambda now: [now, now, now, now, now, now - HOUR, now - HOUR + 1], "young"),
    "between the FIN and its ACK": (lambda now: [now] * 6 + [now - HOUR], "young"),
}


@pytest.mark.parametrize("name", BACK)
def test_a_clock_set_back_by_an_hour_makes_no_wait(name: str) -> None:
    times = BACK[name][0](TIME)
    other = segment(turned=True, seq=1, flags=ACK).replace(b"\x9c\x40", b"\x9c\x41")
    analysis = analysis_of(at([*times, times[-1] + SECOND // 10], [*WAITING, other]))
    info = analysis.capture
    assert (info.last_time, info.end_time) == (TIME, times[-1] + SECOND // 10)
    flow = analysis.flows.iloc[0]
    assert flow["verdict"] == "close_wait"
    assert flow.isna()["stuck"]
    assert flow["held"].total_seconds() == pytest.approx(0.1)
    assert any("lower bounds or unknown" in warning for warning in analysis.warnings)


def test_a_wait_before_the_clock_was_set_back_is_not_negative() -> None:
    other = segment(turned=True, seq=1, flags=ACK).replace(b"\x9c\x40", b"\x9c\x41")
    analysis = analysis_of(at([TIME] * 7 + [TIME - HOUR], [*WAITING, other]))
    flow = analysis.flows.iloc[0]
    assert flow.isna()["stuck"]
    assert flow["held"].total_seconds() == 0


def test_disorder_below_a_second_is_no_clock_that_was_set(read: Read) -> None:
    info = read(at([TIME + i for i in range(6)] + [TIME - SECOND // 2])).info
    assert info.end_time == info.last_time == TIME + 5


def test_a_clock_set_back_long_before_the_end_matters_no_more(read: Read) -> None:
    info = read(at([TIME, TIME - 2 * SECOND, TIME, TIME + 1, TIME + 2, TIME + 3, TIME + 4 * SECOND])).info
    assert info.end_time == info.last_time == TIME + 4 * SECOND


def test_text_report_has_no_negative_span() -> None:
    data = at([TIME] * 6 + [TIME - HOUR])
    done = subprocess.run([sys.executable, "-m", "closewait_pcap", "-"], input=data, capture_output=True, check=True)
    assert b"-3600" not in done.stdout
    assert b"(-" not in done.stdout


def test_times_far_apart_are_judged_alike_in_both_modes() -> None:
    """The difference of any two times fits 64 bits: what an offset puts too far away is brought nearer."""
    first, last = 0, (1 << 64) - 1
    head = section() + interface(tsresol=9, tsoffset=-(10**10)) + interface(tsresol=9, tsoffset=10**10)
    packets = [enhanced(segment(flags=FIN | ACK), first), enhanced(segment(flags=FIN | ACK), last, interface=1)]
    plain, compiled = (read_in(head + b"".join(packets), mode) for mode in (PLAIN, COMPILED))
    assert plain == compiled
    assert [row.time for row in plain.rows] == [-86_400 * SECOND, 9_223_285_635 * SECOND + last % SECOND]
    facts = []
    for worth in (1 << 40, -1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "WORTH_COMPILING", worth)
            facts.append(analyze(io.BytesIO(head + b"".join(packets))).result.facts)
    assert_same(*facts)
