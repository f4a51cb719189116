"""The JSON document against its schema, by a checker of the few words the schema uses."""

import json
import re
from typing import Any

import pytest

from closewait_pcap import __version__, columns
from closewait_pcap.reports.formats.json import SCHEMA_VERSION, timestamp
from closewait_pcap.reports.schema import schema
from tests.cli.running import SAMPLES, run, sample

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "null": (type(None),),
}  # fmt: skip
KNOWN = {"$schema", "title", "description", "type", "required", "properties", "items", "enum", "const", "minimum",
         "additionalProperties", "propertyNames"}  # fmt: skip


def check(value: Any, wanted: dict[str, Any], where: str = "$") -> None:
    """Hold a value against a schema; a field that the schema does not know is an error, too."""
    assert set(wanted) <= KNOWN, (where, set(wanted) - KNOWN)
    if "type" in wanted:
        names = [wanted["type"]] if isinstance(wanted["type"], str) else wanted["type"]
        allowed = tuple(kind for name in names for kind in TYPES[name])
        assert isinstance(value, allowed), (where, value)
        assert not isinstance(value, bool) or "boolean" in names, (where, value)
    if "const" in wanted:
        assert value == wanted["const"], where
    if "enum" in wanted:
        assert value in wanted["enum"], (where, value)
    if "minimum" in wanted:
        assert value >= wanted["minimum"], (where, value)
    if isinstance(value, dict):
        properties = wanted.get("properties", {})
        assert set(wanted.get("required", [])) <= set(value), where
        for name, part in value.items():
            if name in properties:
                check(part, properties[name], f"{where}.{name}")
            else:
                assert "additionalProperties" in wanted, f"{where}.{name} is not in the schema"
                check(part, wanted["additionalProperties"], f"{where}.{name}")
                check(name, wanted.get("propertyNames", {}), f"{where}.{name}")
    if isinstance(value, list):
        for number, part in enumerate(value):
            check(part, wanted.get("items", {}), f"{where}[{number}]")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    done = run(*[sample(name) for name in SAMPLES], "--format", "json", "--all")
    assert done.returncode == 0
    return dict(json.loads(done.stdout))


def test_every_report_is_as_the_schema_says(document: dict[str, Any]) -> None:
    assert len(document["captures"]) == 1
    assert len(document["captures"][0]["capture"]["files"]) == len(SAMPLES)
    check(document, schema())


@pytest.mark.parametrize(
    ("field", "value"), [("headline", 1), ("flows_total", -1), ("verdicts", {"odd": 1}), ("flows", [{}]), ("extra", 1)]
)
def test_the_checker_can_fail(document: dict[str, Any], field: str, value: object) -> None:
    with pytest.raises(AssertionError):
        check({**document, "captures": [{**document["captures"][0], field: value}]}, schema())


def test_versions(document: dict[str, Any]) -> None:
    assert document["schema_version"] == SCHEMA_VERSION == 1
    assert document["tool"] == {"name": "closewait-pcap", "version": __version__}


def test_flows_are_the_columns_in_their_order(document: dict[str, Any]) -> None:
    wanted = columns.chosen(columns.FLOWS, len(SAMPLES))
    names = ["stream", *(f"{c.name}_s" if c.kind is columns.Kind.span else c.name for c in wanted)]
    for capture in document["captures"]:
        for flow in capture["flows"]:
            assert list(flow) == names
        assert len(capture["flows"]) == capture["flows_total"] == sum(capture["verdicts"].values())


def test_times_are_iso_with_nanoseconds(document: dict[str, Any]) -> None:
    for capture in document["captures"]:
        for time in (capture["capture"]["end_time"], *(flow["start"] for flow in capture["flows"])):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", time)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_795_262_128_744_608_000, "2026-11-21T11:55:28.744608000Z"),
        (None, None),
    ],
)
def test_timestamp(ns: int | None, text: str | None) -> None:
    assert timestamp(ns) == text
