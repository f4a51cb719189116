"""`Analysis.report` and `Analysis.bundle` give what the command gives."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from closewait_pcap import Analysis, analyze
from closewait_pcap.notation import parse_address, parse_moment, parse_span
from closewait_pcap.reports.formats import BINARY, FORMATS
from tests.cli.running import ROOT, run, sample

LEAK = sample("healthy_and_leaking")


@pytest.fixture(scope="module")
def leak() -> Analysis:
    import os

    before = Path.cwd()
    os.chdir(ROOT)
    try:
        return analyze(LEAK)
    finally:
        os.chdir(before)


@pytest.mark.parametrize("format_", sorted(set(FORMATS) - BINARY))
def test_every_format_is_what_the_command_prints(format_: str, leak: Analysis) -> None:
    report = leak.report(format_)
    assert isinstance(report, str)
    assert report.encode() == run(LEAK, "--format", format_).stdout


def test_text_is_the_default_and_parquet_is_bytes(leak: Analysis) -> None:
    assert leak.report() == leak.report("text")
    pytest.importorskip("pyarrow")
    assert isinstance(leak.report("parquet"), bytes)


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"port": 40017}, ["--port", "40017"]),
        ({"host": "::ffff:192.0.2.9"}, ["--host", "192.0.2.9"]),
        ({"all_flows": True, "until": "2026-11-21 11:56:04 UTC"}, ["--all", "--until", "2026-11-21T11:56:04Z"]),
        ({"since": datetime(2026, 11, 21, 11, 56, 6, 500_000)}, ["--since", "2026-11-21T11:56:06.5"]),
        ({"since": pd.Timestamp("2026-11-21 12:56:06.5+01:00")}, ["--since", "2026-11-21T11:56:06.5"]),
    ],
    ids=str,
)
def test_filters_are_the_command_s(options: dict[str, Any], arguments: list[str], leak: Analysis, tmp_path: Path) -> None:
    assert str(leak.report("json", **options)).encode() == run(LEAK, *arguments, "--format", "json").stdout
    written = leak.bundle(tmp_path / "python", **options)
    run(LEAK, *arguments, "--report", str(tmp_path / "command"))
    assert set(written.members) == {path.name for path in (tmp_path / "command").iterdir()} - {"manifest.json"}
    for name in written.members:
        assert (tmp_path / "python" / name).read_bytes() == (tmp_path / "command" / name).read_bytes()


@pytest.mark.parametrize("options", [{"host": "example.com"}, {"since": "yesterday"}, {"format_": "xml"}], ids=str)
def test_what_is_none_is_refused(options: dict[str, Any], leak: Analysis) -> None:
    with pytest.raises(ValueError, match=r"is no |no such format"):
        leak.report(**options)


def test_a_mapped_analysis_is_filtered_by_the_address_as_captured(leak: Analysis) -> None:
    pytest.importorskip("cryptography")
    mapped = leak.anonymized(bytes(32))
    assert "3 flows in CLOSE_WAIT" in str(mapped.report(host="192.0.2.2"))
    assert (
        mapped.report(host=str(mapped.flows["server"].iloc[0]))
        == "No TCP flow matches.\n" + str(mapped.report(host="192.0.2.99")).partition("\n")[2]
    )


def test_spans_times_and_addresses_as_they_are_written() -> None:
    assert [parse_span(span) for span in ("1s", "2 min", 1.5, pd.Timedelta("1ms"))] == [10**9, 12 * 10**10, 15 * 10**8, 10**6]
    second = 1_795_262_163_000_000_000
    assert parse_moment("2026-11-21 11:56:03.788614123 UTC") == second + 788_614_123
    assert parse_moment(datetime(2026, 11, 21, 11, 56, 3, 5, tzinfo=UTC)) == second + 5_000
    assert parse_moment(pd.Timestamp("2026-11-21 11:56:03.000000007")) == second + 7
    assert parse_moment("1969-12-31T23:59:59.5") == -500_000_000
    assert parse_address("[2001:db8::2]") == parse_address("2001:0DB8::0:2")
