"""The page, in a real browser: with and without its script, light and dark, on a phone, on paper, and read aloud."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from closewait_pcap import Analysis, analyze
from closewait_pcap.reports import formats
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.formats.html import LIMIT, ROWS
from closewait_pcap.reports.parts import Listing, Table
from closewait_pcap.reports.telling import tell
from tests.cli.running import ROOT, run, sample
from tests.conversations import CLIENT, SERVER, Talk, analyzed
from tests.reports.browser import Opened, browser, needs_browser

WIDTHS = {"phone": 360, "desk": 1280}
pytestmark = needs_browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def many() -> Analysis:
    """A leak with enough flows to be searched, waits of all lengths, and two endpoints."""
    talks = [Talk(n / 3, f"10.0.1.{n}", "10.0.0.9", 8080).is_served().closes(CLIENT) for n in range(1, 100)]
    talks += [Talk(n, "10.0.0.4", "10.0.0.8").is_served().closes(CLIENT).waits(n / 2).closes(SERVER) for n in range(30)]
    return analyzed(talks, until=400)


@pytest.fixture(scope="module")
def page(many: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(str(formats.render("html", Account(many.result, many.warnings))), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_quiet_and_fits(width: int, scheme: str, page: Path, chromium: Browser, tmp_path: Path) -> None:
    opened = Opened(chromium, page, viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert opened.said == []
    assert opened.asked == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    picture = opened.page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert len(picture) > 20_000  # not blank: text and pictures
    shade = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", shade)[0]) < 64) == (scheme == "dark")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_can_be_read_by_all(scheme: str, page: Path, chromium: Browser) -> None:
    """What axe-core checks: contrast, headings, names of tables, pictures and fields."""
    opened = Opened(chromium, page, color_scheme=scheme, bypass_csp=True)
    found = Axe().run(opened.page)
    assert found.violations_count == 0, found.generate_report()
    names = opened.page.eval_on_selector_all("svg", "all => all.map(each => each.querySelector('title').textContent)")
    assert len(names) == 7  # of two endpoints: two pictures each, and two ladders and one
    assert "At most 99 in CLOSE_WAIT at a time, 99 at the end." in names[0]
    assert "FIN seq 11, client FIN_WAIT_1" in names[2]


def test_the_script_is_not_needed(many: Analysis, page: Path, chromium: Browser) -> None:
    opened = Opened(chromium, page, java_script_enabled=False)
    text = " ".join(opened.page.inner_text("body").split())
    account = Account(many.result, many.warnings, tabled=ROWS)
    assert account.headline in text
    for section in tell(account):
        for part in section.parts:
            if isinstance(part, Table):
                for row in part.rows:
                    assert " ".join(cell for cell in row if cell) in text
            elif isinstance(part, Listing):
                assert " ".join(" ".join([f"{part.label}:", *part.lines]).split()) in text
            else:
                assert part.text in text
    assert opened.page.locator("input, button").count() == 0


def test_tables_are_sorted(page: Path, chromium: Browser) -> None:
    opened = Opened(chromium, page).page
    table = opened.locator("#proof table")
    held = table.locator("thead th").all_inner_texts().index("held")
    head = table.locator("thead th").nth(held)

    def values() -> list[float]:
        texts = table.locator(f"tbody td:nth-child({held + 1})").all_inner_texts()
        units = {"s": 1, "min": 60, "ms": 1e-3, "µs": 1e-6, "h": 3600}
        return [sum(float(part) * units[unit] for part, unit in re.findall(r"([\d.]+) (\S+)", text)) for text in texts]

    before = values()
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert values() == sorted(before) != before
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert values() == sorted(before, reverse=True)
    assert table.locator("[aria-sort]").count() == 1


def test_tables_are_searched(page: Path, chromium: Browser) -> None:
    opened = Opened(chromium, page).page
    field, rows = opened.locator("#proof input"), opened.locator("#proof tbody tr")
    assert rows.count() == 129 - 2  # the two that closed within a second wait for nothing
    field.fill("10.0.1.7: close_wait")
    assert rows.filter(visible=True).count() == 1
    assert opened.locator("#proof output").inner_text() == "1 of 127"
    field.fill("")
    assert rows.filter(visible=True).count() == 127


def test_a_page_is_printed(page: Path, chromium: Browser) -> None:
    opened = Opened(chromium, page).page
    opened.emulate_media(media="print")
    assert opened.locator("nav").is_hidden()
    assert opened.locator("#proof tbody tr").filter(visible=True).count() == 50
    assert opened.get_by_text("On paper: the first 50 of 127 rows.").is_visible()
    assert opened.pdf().startswith(b"%PDF")


def test_ten_thousand_flows_are_a_page_that_a_phone_opens(chromium: Browser, tmp_path: Path) -> None:
    talks = [Talk(n / 100, f"10.1.{n % 250}.{n // 250}", "10.0.0.9").is_served().closes(CLIENT) for n in range(10_000)]
    analysis = analyzed(talks, until=200)
    report = str(formats.render("html", Account(analysis.result, analysis.warnings)))
    assert len(report.encode()) < LIMIT
    (tmp_path / "r.html").write_text(report, encoding="utf-8")
    opened = Opened(chromium, tmp_path / "r.html", viewport={"width": 360, "height": 700})
    assert opened.page.locator("#proof tbody tr").count() == ROWS
    assert opened.page.get_by_text("... and 9,000 more flows that wait or waited").is_visible()
    opened.page.locator("#proof input").fill("10.1.9.3:")
    assert opened.page.locator("#proof tbody tr").filter(visible=True).count() == 1
    assert opened.said == []


def test_a_page_of_all_flows_says_how_many_it_leaves_out(many: Analysis) -> None:
    talks = [Talk(n / 100, f"10.1.0.{n % 250}").is_served().closes(CLIENT).closes(SERVER) for n in range(ROWS + 9)]
    analysis = analyzed(talks, until=60)
    report = str(formats.render("html", Account(analysis.result, analysis.warnings, all_flows=True)))
    assert "... and 10 more flows, which other formats list" in report
    assert "more flows" not in str(formats.render("html", Account(many.result, many.warnings, all_flows=True)))


def test_the_longest_names_still_fit() -> None:
    analysis = analyze(ROOT / sample("healthy_and_leaking"))
    warnings = [f"{'<&>' * 30_000}: {number}" for number in range(40)]
    report = str(formats.render("html", Account(analysis.result, warnings)))
    assert "&lt;&amp;&gt;" in report
    assert len(report.encode()) < LIMIT


@pytest.mark.parametrize("name", ["close_by_client", "not_reading", "client_pool_leak", "port_reuse", "half_close_sending"])
def test_every_sample_is_a_sound_page(name: str, chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    assert run(sample(name), "--format", "html", "-o", str(path)).returncode == 0
    opened = Opened(chromium, path, bypass_csp=True)
    assert opened.said + opened.asked == []
    assert Axe().run(opened.page).violations_count == 0
    assert Elements(path.read_text(encoding="utf-8")).left_open == []


def test_an_index_leads_to_every_page(chromium: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (tmp_path / "bad.pcap").write_bytes(b"<script>alert(1)</script>")
    run(sample("late_close"), sample("ipv6_never_closes"), str(tmp_path / "bad.pcap"), "--each", "--report", str(folder))
    opened = Opened(chromium, folder / "index.html", bypass_csp=True)
    assert Axe().run(opened.page).violations_count == 0
    assert "1 capture could not be read" in opened.page.inner_text("h1")
    links = opened.page.locator("tbody a")
    assert links.count() == 2
    links.first.click()
    assert opened.page.inner_text("h1").startswith("2 flows in CLOSE_WAIT")
    assert opened.said == []


class Elements(HTMLParser):
    """Keeps account of elements that begin and do not end, but for those that HTML lets do so."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.left_open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        if tag not in ("meta", "link", "td", "tr"):
            self.left_open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Begins and ends at once."""

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("td", "tr"):
            assert self.left_open.pop() == tag
