"""Every format says the same of an analysis: the same flows, numbers and sentences, and the same bytes each time."""

import csv
import io
import json
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from closewait_pcap import Analysis, MissingExtra, analyze
from closewait_pcap.reports import formats
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.escaping import markdown
from closewait_pcap.reports.formats import BINARY, FORMATS
from closewait_pcap.reports.formats.markdown import LIMIT, ROWS
from closewait_pcap.reports.parts import Listing, Table
from closewait_pcap.reports.telling import tell
from tests.cli.running import ROOT, sample
from tests.conversations import CLIENT, SERVER, Talk, analyzed

LEAK = ROOT / sample("healthy_and_leaking")
TEXTS = sorted(set(FORMATS) - BINARY)


@pytest.fixture(scope="module")
def leak() -> Analysis:
    return analyze(LEAK)


@pytest.fixture(scope="module")
def many() -> Analysis:
    """A proxy before a server that leaks, and one that leaks by itself."""
    talks = [Talk(n / 10, "10.0.0.3", "10.0.0.9", 8080).is_served().closes(CLIENT) for n in range(200)]
    talks += [Talk(n / 10, "10.0.0.4", "10.0.0.9", 8080).is_served().closes(CLIENT).closes(SERVER) for n in range(200)]
    return analyzed(talks, until=40)


def text_of(format_: str, analysis: Analysis, *, all_flows: bool = False) -> str:
    report = formats.render(format_, Account(analysis.result, analysis.warnings, all_flows=all_flows))
    assert isinstance(report, str)
    return report


def test_every_sentence_is_in_text_markdown_and_json(many: Analysis) -> None:
    account = Account(many.result, many.warnings)
    text, marked, data = (text_of(format_, many) for format_ in ("text", "markdown", "json"))
    told = json.loads(data)["captures"][0]["account"]
    assert [section["section"] for section in told] == ["who", "why", "trend", "shared", "proof", "next", "capture"]
    for section, said in zip(tell(account), told, strict=True):
        assert said["sentences"] == section.sentences
        for part in section.parts:
            if isinstance(part, Listing):
                assert all(line in text and line in marked for line in part.lines)
            elif not isinstance(part, Table):
                assert part.text in text
                assert part.text in marked or markdown(part.text) in marked
    for said in (text, marked, json.loads(data)["captures"][0]["headline"]):
        assert "200 flows in CLOSE_WAIT" in said
        assert "growing" in said
    assert "200 of 200 waiting flows have the client 10.0.0.3 (0 of 200 that it closed)." in text


def test_lines_are_the_flows_of_the_json_report(leak: Analysis) -> None:
    flows = json.loads(text_of("json", leak))["captures"][0]["flows"]
    assert [json.loads(line) for line in text_of("jsonl", leak).splitlines()] == flows
    assert len(text_of("jsonl", leak, all_flows=True).splitlines()) == 30


def test_csv_has_the_same_fields(leak: Analysis) -> None:
    flows = json.loads(text_of("json", leak))["captures"][0]["flows"]
    rows = list(csv.DictReader(io.StringIO(text_of("csv", leak), newline="")))
    assert [row["stream"] for row in rows] == ["6", "16", "26"]
    for row, flow in zip(rows, flows, strict=True):
        assert row == {name: "" if value is None else str(value) for name, value in flow.items()} | {"stuck": "true"}


def test_parquet_is_the_data_frame(leak: Analysis) -> None:
    if find_spec("pyarrow") is None:
        with pytest.raises(MissingExtra, match=r"pip install 'closewait-pcap\[parquet\]'"):
            formats.render("parquet", Account(leak.result))
        pytest.skip("pyarrow is not installed")
    import pandas as pd

    data = formats.render("parquet", Account(leak.result, all_flows=True))
    assert isinstance(data, bytes)
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(data)), leak.flows, check_categorical=False)


def suites(report: str) -> Any:
    return ET.fromstring(report)


def test_junit_fails_by_the_name_of_the_service(leak: Analysis) -> None:
    root = suites(text_of("junit", leak))
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "1", "1")
    [case] = root.iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("closewait", "192.0.2.2:8080")
    [failure] = case
    assert failure.get("message") == (
        "server 192.0.2.2:8080 holds 3 flows stuck in CLOSE_WAIT, the longest for 3.03 s; 27 closed in time"
    )


def test_junit_counts_as_the_schema_wants() -> None:
    """As the JUnit schema that Jenkins publishes: counts that agree, known attributes, times as numbers."""
    talks = [Talk(1, "10.0.0.1", "10.0.0.2", 80).is_served().closes(CLIENT), Talk(2, "10.0.0.1", "10.0.0.3", 81).is_served()]
    root = suites(text_of("junit", analyzed(talks, until=9)))
    [suite] = root
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["10.0.0.2:80", "10.0.0.3:81", "10.9.9.8:9"]
    assert [len(case) for case in cases] == [1, 0, 0]
    assert int(suite.get("tests")) == len(cases)
    assert int(suite.get("failures")) == 1
    assert set(suite.attrib) == {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"}
    assert all(float(each.get("time")) >= 0 for each in [suite, *cases])
    assert [child.tag for child in suite] == ["testcase", "testcase", "testcase", "system-out"]


def test_markdown_is_short_whatever_the_capture() -> None:
    talks = [Talk(n / 10, f"10.0.{n % 250}.{n // 250}", f"10.1.0.{n % 60}", 80).closes(CLIENT) for n in range(600)]
    analysis = analyzed(talks, until=90)
    page = text_of("markdown", analysis, all_flows=True)
    assert len(page.encode()) < LIMIT
    assert max(len(table.splitlines()) for table in page.split("\n\n")) <= ROWS + 3
    assert "600 flows in CLOSE_WAIT" in page


def test_warnings_of_any_length_leave_room_for_the_verdict(leak: Analysis) -> None:
    warnings = [f"{'x' * 1500} {number}" for number in range(100)]
    page = formats.render("markdown", Account(leak.result, warnings))
    assert isinstance(page, str)
    assert page.startswith("**3 flows in CLOSE_WAIT")
    assert len(page.encode()) < LIMIT


@pytest.mark.parametrize("format_", TEXTS)
def test_the_same_bytes_each_time(format_: str, leak: Analysis) -> None:
    assert text_of(format_, leak) == text_of(format_, analyze(LEAK))


@pytest.mark.parametrize("format_", TEXTS)
def test_nothing_found_is_no_fault(format_: str) -> None:
    report = text_of(format_, analyze(ROOT / sample("close_by_client")))
    assert (report == "") == (format_ == "jsonl")


def test_a_messenger_is_not_accused() -> None:
    talks = []
    for n in range(30):
        front, back = Talk(10 * n + 1, "10.0.0.1", "10.0.0.5", 80), Talk(10 * n + 1.004, "10.0.0.5", "10.0.0.9", 8080)
        talks += [front.is_served().waits(0.1).closes(CLIENT), back.is_served().waits(0.098).closes(CLIENT)]
    text = text_of("text", analyzed(talks, until=320))
    assert "): server 10.0.0.9:8080 does not close (30 of them); 1 other only passes that on. Since " in text
    assert "  Server 10.0.0.5:80 only passes it on: it waits for server 10.0.0.9:8080: in 30 of 30 flows" in text
    assert "Proof:\n  Stream 1: the client's FIN is frame 17" in text


def test_who_does_not_read_is_looked_at_and_not_who_cannot_send() -> None:
    """One endpoint's flows wait because their clients do not take the data; another endpoint leaks, but less."""
    blocked = [Talk(n, "10.0.0.1", "10.0.0.2", 80).says(CLIENT).closes(CLIENT).floods(SERVER) for n in range(1, 4)]
    leaked = [Talk(5, "10.0.0.1", "10.0.0.3", 80).is_served().closes(CLIENT)]
    text = text_of("text", analyzed([*blocked, *leaked], until=30))
    assert "\nWho:\n  Look at the client, which does not take what the server sends.\n" in text
    assert "send_blocked (3 probable)" in text
    assert "not_closed (1 certain)" in text
