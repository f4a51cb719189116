"""What dates a table: lines before it, its file's name, nothing at all."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.sockets.table import TimeFrom
from closewait_pcap.sockets.times import find_time, time_in_name

AT = int(datetime(2026, 11, 21, 15, 58, 48, tzinfo=UTC).timestamp()) * 10**9
HOUR = 3600 * 10**9
KNOWN = {
    "Sat Nov 21 15:58:48 UTC 2026": AT,  # date
    "Sat Nov 21 03:58:48 PM UTC 2026": AT,  # date, en_US
    "Sat 21 Nov 2026 03:58:48 PM UTC": AT,
    "Sat 21 Nov 15:58:48 GMT 2026": AT,
    "Sat, 21 Nov 2026 16:58:48 +0100": AT,  # date -R
    "2026-11-21T15:58:48+00:00": AT,  # date -Is
    "2026-11-21T16:58:48,250000000+01:00": AT + 250_000_000,
    "2026-11-21 15:58:48.267966694+00:00": AT + 267_966_694,  # date --rfc-3339=ns
    "=== 2026-11-21T15:58:48Z ===": AT,
    "1795276728": AT,  # date +%s
    "1795276728.250": AT + 250_000_000,
    "Sat, 21 Nov 2026 10:28:48 -0530": AT,
    "Sat Nov 21 16:58:48 CET 2026": AT,
    "Sat Nov 21 12:58:48 AM UTC 2026": AT - 15 * HOUR,
}
AS_UTC = [
    "Sat Nov 21 15:58:48 2026",
    "2026-11-21 15:58:48",
    "Sat Nov 21 15:58:48 CST 2026",
    "Every 2.0s: ss -tan   vm: Sat Nov 21 15:58:48 2026",
]
NONE = [
    "",
    "2026-02-31 10:00:00",
    "25:61:61",
    "Sat is no day for Nov",
    "Mon Foo 21 15:58:48 2026",
    "12345678901",
    "Monday we saw 3000 of them",
]
NONE += ["2026-11-21 25:00:00Z", "x" * 400 + "2026-11-21T15:58:48Z"]
ROW = "CLOSE-WAIT 1 0 10.0.0.1:80 10.0.0.2:40000\n"


@pytest.mark.parametrize("text", KNOWN)
def test_times_with_a_zone(text: str) -> None:
    assert find_time(text) == (KNOWN[text], TimeFrom.CONTENT)


@pytest.mark.parametrize("text", AS_UTC)
def test_times_whose_zone_nobody_can_know(text: str) -> None:
    assert find_time(text) == (AT, TimeFrom.CONTENT_AS_UTC)
    [snapshot] = read_snapshots(f"{text}\n{ROW}")
    assert (snapshot.time, snapshot.time_from) == (AT, TimeFrom.CONTENT_AS_UTC)
    assert snapshot.complaints == ["line 1: a date without zone, or with one that several countries use: taken as UTC"]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_time(text: str) -> None:
    assert find_time(text) is None


@pytest.mark.parametrize(
    "name", ["ss-20261121-155848.txt", "ss_2026-11-21T15:58:48Z.log", "2026-11-21_15-58-48.ss", "ss.1795276728.txt"]
)
def test_times_in_names(name: str) -> None:
    assert time_in_name(name) == AT


@pytest.mark.parametrize("name", ["ss.txt", "ss-20261399-996060.txt", "ss-12345678901234567890.txt"])
def test_names_without_a_time(name: str) -> None:
    assert time_in_name(name) is None


def test_which_time_wins(tmp_path: Path) -> None:
    file = tmp_path / "ss-20261121-155848.txt"
    file.write_text(ROW)
    [snapshot] = read_snapshots(file)
    assert (snapshot.time, snapshot.time_from) == (AT, TimeFrom.NAME)
    [snapshot] = read_snapshots(file, time=5)
    assert (snapshot.time, snapshot.time_from) == (5, TimeFrom.GIVEN)
    file.write_text("2026-11-21T16:58:48Z\n" + ROW)
    [snapshot] = read_snapshots(file)
    assert (snapshot.time, snapshot.time_from) == (AT + HOUR, TimeFrom.CONTENT)
    file.write_text("2026-11-21T16:58:48Z\n" + ROW + "\n$ ss -tan\n" + ROW)
    first, second = read_snapshots(file, time=5)
    assert (first.time_from, second.time_from, second.time) == (TimeFrom.CONTENT, TimeFrom.GIVEN, 5)
    first, second = read_snapshots(file)
    assert (first.time_from, second.time_from) == (TimeFrom.CONTENT, TimeFrom.MTIME)


def test_a_loop_with_date() -> None:
    header = "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
    text = "".join(
        f"Sat Nov 21 15:58:{second} UTC 2026\n{header}" + ROW * count for second, count in (("48", 1), ("49", 0), ("50", 2))
    )
    snapshots = read_snapshots(text)
    assert [(snapshot.time, len(snapshot.sockets)) for snapshot in snapshots] == [(AT, 1), (AT + 10**9, 0), (AT + 2 * 10**9, 2)]


def test_a_date_alone_separates_tables_without_headers() -> None:
    text = f"1795276728\n{ROW}1795276729\n{ROW}{ROW}"
    assert [(snapshot.time, len(snapshot.sockets)) for snapshot in read_snapshots(text)] == [(AT, 1), (AT + 10**9, 2)]


def test_a_year_beyond_what_ns_can_count_is_no_time() -> None:
    assert find_time("9999-12-31T23:59:59Z") is None
    assert find_time("1969-12-31T23:59:59Z") is None
