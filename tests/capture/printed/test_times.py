"""When printed packets came, and what is said where that is not printed."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from closewait_pcap import analyze_text
from closewait_pcap.capture.printed.times import zone_of
from closewait_pcap.quantities import Dating
from tests.capture.printed.printing import FIN, ITS_ACK, LISTING, read_text

LINE = "IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [F.], seq 6, ack 1, win 512, length 0"
SECOND = 10**9


def ns(text: str) -> int:
    moment = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)
    return int(moment.timestamp()) * SECOND


def times(*stamps: str, zone: datetime.tzinfo = datetime.UTC) -> list[int]:
    """What becomes of printed times; each packet is another one."""
    lines = [f"{stamp} {LINE.replace('46098', str(40000 + number))}" for number, stamp in enumerate(stamps)]
    return [row.time for row in read_text("\n".join(lines), zone).rows]


def test_times_that_say_all() -> None:
    assert times("1795262148.461476", "1795262148.461476123") == [1795262148461476000, 1795262148461476123]
    assert times("2026-11-21 11:55:48.461476", "11/21/2026 11:55:48.461476") == [1795262148461476000] * 2


def test_times_of_day_are_of_an_unknown_day() -> None:
    assert times("11:55:48.461476") == [(11 * 3600 + 55 * 60 + 48) * SECOND + 461476000]
    info = read_text(LISTING).info
    assert info.printout.dating is Dating.NO_DATE
    assert any(
        "no date is printed" in remark and "taken as UTC" in remark and "1970-01-01" in remark for remark in info.printout.remarks
    )


def test_midnight_passes() -> None:
    before, after, late, later = times("23:59:59.5", "00:00:00.5", "23:59:59.9", "00:00:01.0")
    assert (after - before, late - before, later - before) == (SECOND, 4 * SECOND // 10, 3 * SECOND // 2)


def test_a_step_back_of_less_than_half_a_day_is_none() -> None:
    first, second = times("13:00:00.0", "02:00:00.0")
    assert first - second == 11 * 3600 * SECOND


def test_a_listing_over_half_a_day_that_is_pasted_again_passes_no_midnight() -> None:
    early, late = FIN.replace("11:02:57", "01:02:57"), ITS_ACK.replace("11:02:57", "23:02:57")
    rows = read_text(f"{early}\nand then\n{early}\n{late}\nagain:\n{early}\n{late}\n").rows
    assert [row.time // SECOND for row in rows] == [3777, 82977]


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("UTC", "2026-07-01T12:00:00"),
        ("+02:00", "2026-07-01T10:00:00"),
        ("-0330", "2026-07-01T15:30:00"),
        ("UTC+9", "2026-07-01T03:00:00"),
        ("Europe/Berlin", "2026-07-01T10:00:00"),
    ],
)
def test_time_zones(zone: str, moment: str) -> None:
    assert times("2026-07-01 12:00:00.0", zone=zone_of(zone)) == [ns(moment)]


def test_summer_time_ends_between_two_packets() -> None:
    first, second = times("2026-10-25 01:59:59.0", "2026-10-25 03:00:00.0", zone=ZoneInfo("Europe/Berlin"))
    assert second - first == 7201 * SECOND


def test_the_first_time_of_day_stays_on_the_first_day_in_any_zone() -> None:
    for zone in ("+09:00", "-09:00", "Europe/Berlin"):
        for stamp in ("00:30:00.0", "23:30:00.0"):
            assert 0 <= times(stamp, zone=zone_of(zone))[0] < 86_400 * SECOND


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "+99:00", "../etc/passwd"])
def test_no_such_zone(zone: str) -> None:
    with pytest.raises(ValueError, match="no time zone is called"):
        analyze_text(LISTING, tz=zone)


def test_times_since_the_packet_before() -> None:
    """As with ``-ttt``: they grow and shrink."""
    stamps = ["00:00:00.000000", "00:00:00.000027", "00:00:00.000015", "00:00:01.000379", "00:00:00.000016"]
    found = times(*stamps)
    assert [time - found[0] for time in found] == [0, 27_000, 42_000, 1_000_421_000, 1_000_437_000]
    assert found[0] == 86_400 * SECOND


def test_times_since_the_packet_before_as_tcpdump_3_printed_them() -> None:
    found = times("000000", "000027", "000015", "2. 000379", "000016")
    assert [time - found[0] for time in found] == [0, 27_000, 42_000, 2_000_421_000, 2_000_437_000]


def test_times_since_the_first_packet() -> None:
    """As with ``-ttttt``, and in Wireshark: they grow."""
    stamps = ["00:00:00.000000", "00:00:00.000027", "00:00:00.000042", "00:00:01.000421", "25:00:00.000000"]
    found = times(*stamps)
    assert [time - found[0] for time in found] == [0, 27_000, 42_000, 1_000_421_000, 90_000 * SECOND]
    text = "\n".join(f"{stamp} {LINE}" for stamp in stamps)
    assert any("times count from the first packet" in remark for remark in read_text(text).info.printout.remarks)


def test_another_listing_may_have_other_times() -> None:
    since = [f"00:00:0{second}.000000 {LINE.replace('46098', str(40000 + second))}" for second in range(3)]
    day = [f"11:00:0{second}.000000 {LINE.replace('46098', str(50000 + second))}" for second in range(3)]
    again = [f"00:00:0{second}.000000 {LINE.replace('46098', str(60000 + second))}" for second in range(3)]
    rows = read_text("\n".join([*since, "and:", *day, "and:", *again])).rows
    seconds = [row.time // SECOND for row in rows]
    assert seconds == [86400, 86401, 86402, 39600, 39601, 39602, 86402, 86403, 86404]


def test_no_times_at_all() -> None:
    analysis = analyze_text("\n".join(line.partition(" ")[2] for line in LISTING.splitlines()))
    flow = analysis.flows.iloc[0]
    assert (flow.verdict, flow.waiting_side) == ("close_wait", "server")
    assert analysis.flows[["since", "held", "stuck"]].isna().all(axis=None)
    assert any("no times are printed: how long anything took cannot be said" in warning for warning in analysis.warnings)
