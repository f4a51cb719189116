"""Captures that tcpdump has printed: the text says of each flow what the capture says, as far as the options let it."""

import io
import re
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from closewait_pcap import Analysis, analyze
from closewait_pcap.errors import CaptureError
from tests.capture.printed.printing import SAMPLES, printed

SHARED = Path(__file__).parents[4] / "shared"
CASES = sorted(SHARED.glob("cases/*/*.pcap")) + sorted(SHARED.glob("ktruth/seedcases/*/*.pcap"))
TRUTH = sorted(SHARED.glob("ktruth/*/capture*.pcap"))
OPTIONS = [
    "-nn -tttt", "-nn -tt", "-nn -tttt -S", "-nn -tttt -v", "-nn -tttt -vv", "-nn -tttt -vvv", "-nn -tttt -e", "-nn -tttt -e -vv",
    "-nn -tttt -X", "-nn -tttt -XX", "-nn -tttt -x", "-nn -tttt -xx", "-nn -tttt -A", "-nn -tttt -S -vv", "-nn -tttt -#",
    "-n -tttt", "-tttt", "-nn -tttt --nano",
]  # fmt: skip
SOME = ["-nn -tttt", "-nn -tttt -S -vv", "-nn -tttt -e -XX"]
FIELDS = [
    "client", "client_port", "server", "server_port", "roles_from", "verdict", "waiting_side", "since", "held", "stuck", "cause",
    "confidence", "client_state", "server_state", "client_bytes", "server_bytes", "client_packets", "server_packets",
    "first_frame", "last_frame", "client_fin_frame", "server_fin_frame", "client_fin_ack_frame", "server_fin_ack_frame",
    "history", "limits",
    "recv_q_estimate",
]  # fmt: skip
QUOTES = re.compile(r"; the (client|server)'s FIN is frame [0-9]+ \(line .*\)$| \(line [0-9,]+: \".*?\"\)")


@cache
def captured(capture: Path) -> Analysis:
    return analyze(capture)


def of_text(capture: Path, options: str) -> Analysis:
    return analyze(io.BytesIO(printed(capture, options)))


def _without_no_date(limits: object) -> object:
    if not isinstance(limits, str):
        return limits
    return ", ".join(limit for limit in limits.split(", ") if limit != "no_date") or float("nan")


def assert_same(capture: Path, options: str, *, fields: list[str] = FIELDS) -> None:
    theirs, ours = captured(capture), of_text(capture, options)
    assert ours.capture.frames == theirs.capture.frames
    expected = theirs.flows.reset_index()[["stream", *fields]]
    got = ours.flows.reset_index()[["stream", *fields]]
    for field in ("client", "server", "history", "limits"):
        expected[field], got[field] = expected[field].astype(object), got[field].astype(object)
    if "since" not in fields and "limits" in fields:  # that the day is not known is a limit of the text alone
        got["limits"] = [_without_no_date(limits) for limits in got["limits"]]
    if "since" in fields:  # text has microseconds where captures may have nanoseconds
        expected["since"], got["since"] = expected["since"].dt.floor("us"), got["since"].dt.floor("us")
        expected["held"], got["held"] = expected["held"].dt.round("10us"), got["held"].dt.round("10us")
    pd.testing.assert_frame_equal(got, expected, check_dtype=False, check_categorical=False)
    if "since" in fields:
        said = [None if pd.isna(text) else QUOTES.sub("", text) for text in ours.flows["evidence"]]
        assert said == [None if pd.isna(text) else text for text in theirs.flows["evidence"]]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("capture", SAMPLES, ids=lambda path: path.parent.name)
def test_samples(capture: Path, options: str) -> None:
    if "--nano" in options:
        printed_in_ns = printed(capture, options)
        assert re.search(rb"\.\d{9} IP", printed_in_ns)
    assert_same(capture, options)


UNDATED = [field for field in FIELDS if field != "since"]


@pytest.mark.parametrize("options", ["-nn", "-nn -ttt", "-nn -ttttt"])
@pytest.mark.parametrize("capture", SAMPLES, ids=lambda path: path.parent.name)
def test_samples_without_a_date(capture: Path, options: str) -> None:
    """Spans are right; of times the day is not known, or what they count from."""
    ours, theirs = of_text(capture, options), captured(capture)
    settled = ours.flows["verdict"].isin(["closed", "reset", "refused", "unanswered"])
    assert (ours.flows["limits"].astype(object).str.contains("no_date").fillna(False) == ~settled).all()
    assert_same(capture, options, fields=[field for field in UNDATED if field != "held"])
    assert (ours.flows["held"] - theirs.flows["held"]).abs().max() <= pd.Timedelta("10us") or theirs.flows["held"].isna().all()
    assert ours.capture.end_time is not None
    assert ours.capture.end_time < 3 * 86_400 * 10**9


@pytest.mark.parametrize("capture", SAMPLES, ids=lambda path: path.parent.name)
def test_samples_without_times(capture: Path) -> None:
    """Who waits is told by the order of packets alone; how long, and so whether that was late, is not."""
    ours, theirs = of_text(capture, "-nn -t").flows, captured(capture).flows
    timeless = ["client", "client_port", "server", "server_port", "client_state", "server_state", "client_bytes", "server_bytes"]
    assert ours[timeless].astype(str).equals(theirs[timeless].astype(str))
    assert ours["stuck"].isna().all()
    waits = theirs["verdict"] == "close_wait"
    assert (ours["verdict"][waits] == "close_wait").all()
    assert (ours["verdict"][theirs["verdict"].isin(["closed", "open"])] != "close_wait").all()


@pytest.mark.parametrize("capture", SAMPLES[:3], ids=lambda path: path.parent.name)
def test_what_says_too_little_is_refused_with_a_reason(capture: Path) -> None:
    with pytest.raises(CaptureError, match="tcpdump -q prints neither flags nor numbers"):
        of_text(capture, "-nn -q")
    assert_same(capture, "-nn -tttt -q -xx")  # the packets themselves are there


@pytest.mark.skipif(not CASES, reason="no shared/cases beside the checkout")
@pytest.mark.parametrize("capture", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_shared_cases(capture: Path) -> None:
    for options in SOME:
        assert_same(capture, options)


@pytest.mark.skipif(not TRUTH, reason="no shared/ktruth beside the checkout")
@pytest.mark.parametrize("capture", TRUTH, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_captures_beside_the_kernels_tables(capture: Path) -> None:
    """Of packets that are too long for IP's own length field tcpdump prints nothing: verdicts stand, bytes are missing."""
    judged = ["client", "client_port", "verdict", "waiting_side", "since", "held", "stuck", "cause", "confidence", "server",
              "history", "limits"]  # fmt: skip
    for options in ["-nn -tttt", "-nn -tttt -S"]:
        if capture.parent.name == "r8_bigtcp":
            ours, theirs = of_text(capture, options).flows, captured(capture).flows
            names = ["client", "client_port", "verdict", "waiting_side", "since", "stuck"]
            assert ours[names].astype(str).equals(theirs[names].astype(str))
        else:
            assert_same(capture, options, fields=judged)
