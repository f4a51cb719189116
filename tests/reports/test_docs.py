"""The generated pages are current, and what json.md says of the JSON is true."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from closewait_pcap.verdicts.verdict import MEANINGS, Verdict
from tests.reports.test_json_report import check

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["columns.md", "causes.md", "report.schema.json", "json.md"])
def test_pages_are_current(generate: ModuleType, name: str) -> None:
    assert set(generate.PAGES) == {"columns.md", "causes.md", "report.schema.json", "json.md"}
    assert (DOCS / name).read_text(encoding="utf-8") == generate.PAGES[name](), "run: python docs/generate.py"


def test_the_example_is_as_the_kept_schema_says() -> None:
    example = re.search(r"```json\n(.*?)```", (DOCS / "json.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    check(json.loads(example[1]), json.loads((DOCS / "report.schema.json").read_text(encoding="utf-8")))


def test_every_verdict_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Verdict)
    assert all(f"`{verdict.name}`" in (DOCS / "columns.md").read_text(encoding="utf-8") for verdict in Verdict)
