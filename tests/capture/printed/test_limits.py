"""What a text cannot show of the packets printed in it: said of the flows it is true of, and of no others."""

from pathlib import Path

import pytest

from closewait_pcap import Analysis, analyze, analyze_text, plots
from tests.capture.printed.printing import LISTING

DATED = LISTING.replace("11:02", "2026-11-21 11:02")
STUCK = DATED + DATED.splitlines()[-1].replace("11:02", "11:05") + "\n"
CLOSED = (
    DATED.replace("46098", "50000")
    + "2026-11-21 11:02:57.041000 IP 10.0.0.2.9000 > 10.0.0.1.50000: Flags [F.], seq 1, ack 7, win 512, length 0\n"
    + "2026-11-21 11:02:57.042000 IP 10.0.0.1.50000 > 10.0.0.2.9000: Flags [.], ack 2, win 512, length 0\n"
)


def limits(text: str) -> list[set[str]]:
    """Read a text, and give the limits of its flows."""
    column = analyze_text(text).flows["limits"].astype(object)
    return [set(limits.split(", ")) if isinstance(limits, str) else set() for limits in column]


def undated(text: str) -> str:
    return text.replace("2026-11-21 ", "")


def test_a_text_that_tells_all_has_no_limits_of_its_own() -> None:
    assert limits(DATED) == [set()]
    assert limits(STUCK) == [{"orphan_expired"}]
    assert limits(DATED + CLOSED) == [set(), set()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (undated(DATED), "no_date"),
        (DATED.replace("10.0.0.1.", "web01."), "named"),
        (DATED.replace("10.0.0.2.9000", "10.0.0.2.my-service"), "named"),
        (DATED + "7 packets captured\n", "not_printed"),
        (DATED + "2026-11-21 11:02:59.000000 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [.], se\n", "not_printed"),
        (DATED + "2026-11-21 11:02:59.000000 IP 10.0.0.1.46098 > 10.0.0.2.9000: tcp 5\n", "not_printed"),
        ("\n".join(DATED.splitlines()[2:]), "began_before scale_unknown"),
    ],
)
def test_what_a_text_cannot_show_is_said(text: str, expected: str) -> None:
    assert limits(text) == [{*expected.split()}]


def test_times_that_are_not_printed() -> None:
    timeless = "".join(line.partition(" IP ")[2].join(("IP ", "\n")) for line in DATED.splitlines())
    assert limits(timeless) == [{"no_times"}]
    counted = DATED
    for second, since_first in (("55.146737", "00.000000"), ("55.146747", "00.000010"), ("55.146755", "00.000018")):
        counted = counted.replace(f"2026-11-21 11:02:{second}", f"00:00:{since_first}")
    counted = counted.replace("2026-11-21 11:02:56", "00:00:01").replace("2026-11-21 11:02:57", "00:00:02")
    assert limits(counted) == [{"no_date"}]
    assert "Since 2.040000 s after the first packet, for" in str(analyze_text(counted).report())


def test_only_flows_with_a_name_are_named() -> None:
    assert limits(DATED + DATED.replace("10.0.0.1.46098", "web01.46099")) == [set(), {"named"}]


def test_what_is_settled_has_no_limits() -> None:
    assert limits(undated(CLOSED) + "99 packets captured\n") == [set()]


def test_limits_are_among_what_the_report_cannot_show() -> None:
    said = str(analyze_text(undated(STUCK).replace("10.0.0.1.", "web01.")).report())
    _, section = said.split("What this capture cannot show:")
    assert "no date is printed" in section
    assert "a host or a port is printed by its name alone" in section


def test_files_of_which_one_tells_the_date(tmp_path: Path) -> None:
    """Among dates there have to be dates; of the other file's flow they are not known."""
    (tmp_path / "a.txt").write_text(undated(STUCK))
    (tmp_path / "b.txt").write_text(STUCK.replace("46098", "46099"))
    together = analyze([tmp_path / "a.txt", tmp_path / "b.txt"])
    told = {flow.client_port: "no_date" in str(flow.limits) for flow in together.flows.itertuples()}
    assert told == {46098: True, 46099: False}
    assert "Since 2026-11-21 11:02:57.040000 UTC" in str(together.report())
    (said,) = (warning for warning in together.warnings if "without a date" in warning)
    assert f"{tmp_path}/a.txt; analyse them apart" in said
    assert not any("without a date" in warning for warning in analyze([tmp_path / "a.txt", tmp_path / "a.txt"]).warnings)
    assert "timestamp=" not in str(analyze(tmp_path / "a.txt").report("junit"))
    assert 'timestamp="2026-11-21T11:02:55"' in str(analyze(tmp_path / "b.txt").report("junit"))


def test_pictures_tell_no_day_that_is_not_known() -> None:
    assert plots.concurrent(analyze_text(undated(STUCK))).get_xlabel() == "time (UTC), day not known"
    assert plots.concurrent(analyze_text(STUCK)).get_xlabel() == "time (UTC) on 2026-11-21"


def test_a_day_that_is_not_known_is_not_shown() -> None:
    report = str(analyze_text(undated(STUCK)).report())
    assert "Since 11:02:57.040000 UTC, for 3 min 00 s" in report
    before_warnings, _, _ = report.partition("Warning:")
    assert "1970" not in before_warnings
    assert "Since 2026-11-21 11:02:57.040000 UTC, for 3 min 00 s" in str(analyze_text(STUCK).report())


def test_the_night_between() -> None:
    night = undated(DATED).replace("11:02", "23:59") + undated(STUCK).splitlines()[-1].replace("11:05", "00:05") + "\n"
    report = str(analyze_text(night).report())
    assert "Since 23:59:57.040000 UTC, for 6 min 00 s" in report
    assert "23:59:55.146737 UTC to day 2, 00:05:57.040000 UTC" in report


def quoting(analysis: Analysis) -> str:
    return str(analysis.close_wait["evidence"].iloc[0])


def test_evidence_quotes_the_line() -> None:
    fin = next(line for line in STUCK.splitlines() if "[F.]" in line)
    analysis = analyze_text(f"look at this:\n> {STUCK}")
    assert quoting(analysis).endswith(f'; the client\'s FIN is frame 5 (line 6: "{fin}")')
    answer = "2026-11-21 11:02:56.500000 IP 10.0.0.2.9000 > 10.0.0.1.46098: Flags [P.], seq 1:3, ack 6, win 512, length 2"
    answered = [line.replace("seq 6, ack 1", "seq 6, ack 3") for line in STUCK.splitlines()]
    answered.insert(4, answer)
    assert f'the first in frame 5 (line 5: "{answer}")' in quoting(analyze_text("\n".join(answered)))


def test_the_proof_shows_the_lines_themselves() -> None:
    lines = f"\n\n{STUCK}".splitlines()
    report = str(analyze_text("\n".join(lines)).report())
    for number in (3, 4, 7, 8):
        assert f"    {number}  {lines[number - 1]}\n" in report


def test_nothing_is_quoted_of_an_anonymized_analysis() -> None:
    masked = analyze_text(STUCK.replace("10.0.0.1.", "secret-host.")).anonymized(bytes(32))
    everything = f"{masked.report()!s}{masked.report('json')!s}{masked.flows.to_csv()}"
    assert "secret-host" not in everything
    assert "10.0.0.2" not in everything


def test_long_and_odd_lines_are_quoted_in_part() -> None:
    long = STUCK.replace(
        "Flags [F.], seq 6, ack 1, win 512, length 0", f"Flags [F.], seq 6, ack 1, win 512, length 0 {'x' * 9000}\x07"
    )
    quote = quoting(analyze_text(long))
    assert len(quote) < 600
    assert "…" in quote


def test_many_lines_can_be_quoted() -> None:
    line = "2026-11-21 11:02:56.{:06} IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [P.], seq {}:{}, ack 1, win 512, length 1"
    payload = [line.format(number, 6 + number, 7 + number) for number in range(3000)]
    lines = STUCK.splitlines()
    lines[4:4] = payload
    lines = [line.replace("seq 6,", "seq 3006,").replace("ack 7", "ack 3007") for line in lines]
    printout = analyze_text("\n".join(lines)).capture.printout
    assert printout is not None
    assert [printout.quote(number) for number in range(1, len(lines) + 1)] == lines
    assert printout.quote(0) == printout.quote(len(lines) + 1) == ""
