"""Captures and socket tables whose names were chosen by an attacker: no report lets them be more than text."""

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from closewait_pcap import Analysis, analyze
from closewait_pcap.delivery.bundle import EVIDENCE, MEMBERS
from closewait_pcap.reports import formats
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.formats import BINARY, FORMATS
from tests.capture.writers import enhanced, interface, section
from tests.conversations import CLIENT, Talk, captured
from tests.reports.browser import Opened, browser, needs_browser

EVIL = "=cmd|'/C calc'!A0 <script>alert(1)</script> [x](javascript:1) @channel `|` \x1b[31m \u202egpj.exe"
FILE = "@all <img src=x> [y](z)\u202e.pcap"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
TEXTS = sorted(set(FORMATS) - BINARY)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """A leak, in a file and at an interface of bad names, held by a process of a bad name."""
    folder = tmp_path_factory.mktemp("hostile")
    plain = captured([Talk(1).is_served().closes(CLIENT)], until=9)
    blocks, at = [section(), interface(name=EVIL, tsresol=9)], 24
    while at < len(plain):
        seconds, ns, size = (int.from_bytes(plain[at + 4 * n : at + 4 * n + 4], "little") for n in range(3))
        blocks.append(enhanced(plain[at + 16 : at + 16 + size], seconds * 10**9 + ns))
        at += 16 + size
    (folder / FILE).write_bytes(b"".join(blocks))
    row = 'CLOSE-WAIT 11 0 10.0.0.2:8080 10.0.0.1:20000 users:(("{}",pid=7,fd=3)) ino:9 sk:1\n'
    name = "=evil<b>@channel|`x`\u202e"
    table = "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n" + row.format(name)
    (folder / "<b>ss.txt").write_text(table, encoding="utf-8")
    analysis = analyze(folder / FILE, sockets=folder / "<b>ss.txt")
    assert analysis.flows["interface"].iloc[0] == EVIL
    assert "=evil" in str(analysis.flows["server_process"].iloc[0])
    return analysis


@pytest.fixture(scope="module")
def reports(hostile: Analysis) -> dict[str, str]:
    account = Account(hostile.result, [*hostile.warnings, f"about {FILE}"], all_flows=True)
    return {name: str(formats.render(name, account)) for name in TEXTS}


@pytest.mark.parametrize("format_", TEXTS)
def test_nothing_controls_a_terminal_or_turns_text_around(format_: str, reports: dict[str, str]) -> None:
    text = reports[format_].replace("\r\n", "\n")
    assert not CONTROLS.findall(text)
    assert "script" in text or format_ == "junit"  # it is shown, though


def test_markdown_has_no_markup_of_theirs(reports: dict[str, str]) -> None:
    page = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(reports["markdown"])
    assert "<script" not in page
    assert "<img" not in page
    assert "<a " not in page
    outside_code = re.sub(r"<code>.*?</code>", "", page, flags=re.DOTALL)
    assert "@" not in outside_code
    rows = [line.count("<td") for line in page.replace("</tr>", "\n").replace("\n<td", "<td").splitlines() if "<td" in line]
    assert len(set(rows)) <= 2  # of two tables, each with rows of one length


@needs_browser
def test_a_page_runs_nothing_of_theirs(reports: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text(reports["html"], encoding="utf-8")
    with browser() as chromium:
        opened = Opened(chromium, tmp_path / "r.html")
        assert (opened.said, opened.asked) == ([], [])
        assert opened.page.locator("script").count() == 1
        assert opened.page.locator("img, body a:not([href^='#'])").count() == 0
        assert "<script>alert(1)</script>" in opened.page.inner_text("body")


@needs_browser
def test_a_script_that_got_in_would_not_run(reports: dict[str, str], tmp_path: Path) -> None:
    page = reports["html"].replace("<main>", "<main><script>alert(1)</script><img src=x onerror=alert(2)>", 1)
    (tmp_path / "r.html").write_text(page, encoding="utf-8")
    with browser() as chromium:
        said = Opened(chromium, tmp_path / "r.html").said
    assert said
    assert all("Content Security Policy" in each for each in said)


def test_csv_has_no_formula(reports: dict[str, str]) -> None:
    rows = list(csv.reader(io.StringIO(reports["csv"], newline="")))
    assert any(cell.startswith("'=cmd") for row in rows for cell in row)
    assert not [cell for row in rows[1:] for cell in row if cell[:1] in set("=+-@\t\r")]


def test_what_programs_read_is_well_formed(reports: dict[str, str]) -> None:
    assert json.loads(reports["json"])["captures"][0]["flows"][0]["interface"] == EVIL
    assert len([json.loads(line) for line in reports["jsonl"].splitlines()]) == 2
    ET.fromstring(reports["junit"])


def test_a_bundle_has_only_names_of_its_own(hostile: Analysis, tmp_path: Path) -> None:
    hostile.bundle(tmp_path / "r")
    assert {path.name for path in (tmp_path / "r").iterdir()} == {*MEMBERS, EVIDENCE, "manifest.json"}
