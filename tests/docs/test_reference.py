"""The generated pages are current, and what they and json.md say is true."""

import json
import re

import pytest

import closewait_pcap
from closewait_pcap import cli
from closewait_pcap.verdicts.verdict import MEANINGS, Verdict
from docs.generate import DOCS, PAGES
from docs.generating.command import STATUSES
from tests.reports.test_json_report import check


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_current(name: str) -> None:
    assert text(name) == PAGES[name](), "run: python -m docs.generate"


def test_nothing_else_says_that_it_is_generated() -> None:
    made = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if "Made by `docs/generate.py`" in path.read_text("utf-8")}
    assert made == {name for name in PAGES if name.endswith(".md")} - {"reference/json.md"}


def test_the_example_is_as_the_kept_schema_says() -> None:
    example = re.search(r"```json\n(.*?)```", text("reference/json.md"), re.DOTALL)
    assert example is not None
    check(json.loads(example[1]), json.loads(text("reference/report.schema.json")))


def test_every_verdict_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Verdict)
    assert all(f"`{verdict.name}`" in text("reference/verdicts.md") for verdict in Verdict)


def test_every_option_has_its_place() -> None:
    page = text("reference/command.md")
    names = [name for option in cli.command.params for name in option.opts if name.startswith("-")]
    assert len(names) >= 20
    assert [name for name in names if not re.search(rf"^`(-\w, )?{name}[ `,]", page, re.MULTILINE)] == []


def test_every_exit_status_has_a_meaning() -> None:
    assert set(STATUSES) == {0} | {value for name, value in vars(cli).items() if name.startswith("EXIT_")}


def test_every_public_name_has_its_place() -> None:
    page = text("reference/python.md")
    names = set(closewait_pcap.__all__) - {"__version__"}
    assert {
        found[1] for found in re.finditer(r"auto(?:class|exception|function):: closewait_pcap\.(\w+)$", page, re.MULTILINE)
    } == names
