"""The report for programs: JSON with a version; `schema` describes it, and is kept as ``docs/report.schema.json``."""

import json
from collections.abc import Container
from typing import Any

from closewait_pcap import columns, quantities
from closewait_pcap.columns import Column, Kind
from closewait_pcap.endpoints import endpoint_values
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.reports import wording
from closewait_pcap.results import Result, Values, display_filter, flow_values
from closewait_pcap.verdicts.verdict import Verdict

SCHEMA_VERSION = 1
"""Goes up when a field changes its meaning or goes away; new fields do not change it."""


def render(reports: list[dict[str, Any]], version: str) -> str:
    """Write the document.

    Args:
        reports: one `describe` per capture.
        version: of this program.

    Returns:
        JSON, ending in a newline; the same input gives the same bytes.
    """
    document = {"schema_version": SCHEMA_VERSION, "tool": {"name": "closewait-pcap", "version": version}, "captures": reports}
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def describe(result: Result, warnings: list[str], shown: Values, *, all_flows: bool = False) -> dict[str, Any]:
    """Describe one analysis as plain data.

    Args:
        result: an analysis.
        warnings: what limits it.
        shown: the flows to count and list.
        all_flows: list all of them, not only those that wait or waited.

    Returns:
        What JSON can hold: times as ISO 8601 text with nanoseconds, spans in seconds under ``*_s``, null for missing.
    """
    info, summary, endpoints = result.capture, wording.summarize(result, shown), endpoint_values(result, shown)
    listed = shown if all_flows else wording.flagged(result, shown)
    streams, flows = (
        result.streams_of(listed).tolist(),
        _rows(columns.chosen(columns.FLOWS, len(info.files)), flow_values(result, listed)),
    )
    return {
        "headline": wording.headline(result, shown, endpoints),
        "close_wait": {name: getattr(summary, name) for name in ("close_wait", "stuck", "sending", "too_young")},
        "flows_total": summary.flows,
        "verdicts": summary.counts,
        "stuck_after_s": result.stuck_after / 1e9,
        "endpoints": _rows(columns.ENDPOINTS, endpoints),
        "flows": [
            {"stream": stream, **flow, "display_filter": display_filter(stream)}
            for stream, flow in zip(streams, flows, strict=True)
        ],
        "capture": {
            "file": info.file,
            "files": info.files,
            "format": info.format,
            "link_types": info.link_types,
            "frames": info.frames,
            "tcp_frames": info.tcp_frames,
            "first_time": timestamp(info.first_time),
            "last_time": timestamp(info.last_time),
            "end_time": timestamp(info.end_time),
            "drops": info.drops,
            "skipped": info.skipped,
            "missing_flows": info.missing_flows,
            "gaps": [{"start": timestamp(gap.start), "end": timestamp(gap.end), "why": gap.why} for gap in info.gaps],
            "damage": "; ".join(info.damages) or None,
        },
        "warnings": warnings,
    }


def timestamp(ns: int | None) -> str | None:
    """Write a time as ISO 8601 in UTC with nanoseconds: ``2026-11-21T11:55:28.744608000Z``."""
    if ns is None or ns == NO_TIME:
        return None
    text = quantities.moment(ns).removesuffix(" UTC").replace(" ", "T")
    return text.ljust(29, "0") + "Z"


def _rows(wanted: tuple[Column, ...], values: dict[str, Values]) -> list[dict[str, Any]]:
    """Turn columns into a list of records, as JSON holds them."""
    known = [column for column in wanted if column.name in values]
    names = [_json_name(column) for column in known]
    lists = [_json_values(column, values[column.name]) for column in known]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def _json_name(column: Column) -> str:
    return f"{column.name}_s" if column.kind is Kind.span else column.name


def _json_values(column: Column, values: Values) -> list[Any]:
    numbers = values.tolist()
    if column.kind is Kind.time:
        return [timestamp(ns) for ns in numbers]
    if column.kind is Kind.span:
        return [None if ns == NO_TIME else ns / 1e9 for ns in numbers]
    if column.kind is Kind.category:
        texts = [*values.texts, None]  # type: ignore[attr-defined]
        return [texts[code] for code in numbers]
    if column.kind is Kind.flag:
        return [None if value < 0 else bool(value) for value in numbers]
    return [None if value < 0 else value for value in numbers]


_JSON_TYPES = {Kind.time: "string", Kind.span: "number", Kind.category: "string", Kind.flag: "boolean", Kind.text: "string"}


def schema() -> dict[str, Any]:
    """Describe the document as JSON Schema, draft 2020-12, made from the column tables."""
    count = {"type": "integer", "minimum": 0}
    text_or_null = {"type": ["string", "null"]}
    capture = {
        "file": {"type": "string"},
        "files": {"type": "array", "items": {"type": "string"}, "description": "what it consists of, in the order of time"},
        "format": {"type": "string"},
        "link_types": {"type": "array", "items": {"type": "string"}},
        "frames": count,
        "tcp_frames": count,
        "first_time": text_or_null,
        "last_time": text_or_null,
        "end_time": text_or_null | {"description": "the last frame, or later where the file says the capture went on"},
        "drops": {"type": ["integer", "null"], "description": "packets the capturing machine lost; null: not reported"},
        "missing_flows": {
            "type": "object",
            "additionalProperties": count,
            "description": "flows that left the table (--max-flows), by verdict: counted, but not listed",
        },
        "gaps": {
            "type": "array",
            "items": _object({"start": {"type": "string"}, "end": {"type": "string"}, "why": {"type": "string"}}),
            "description": "holes between files: what is silent since the start of one may have closed unseen",
        },
        "skipped": {"type": "object", "additionalProperties": count, "description": "frames without TCP, by reason"},
        "damage": text_or_null,
    }
    report = {
        "headline": {"type": "string"},
        "close_wait": _object(dict.fromkeys(("close_wait", "stuck", "sending", "too_young"), count)),
        "flows_total": count,
        "verdicts": {
            "type": "object",
            "propertyNames": {"enum": [verdict.name for verdict in Verdict]},
            "additionalProperties": count,
        },
        "stuck_after_s": {"type": "number"},
        "endpoints": {"type": "array", "items": _object({_json_name(column): _field(column) for column in columns.ENDPOINTS})},
        "flows": {
            "type": "array",
            "items": _object(
                {"stream": count} | {_json_name(column): _field(column) for column in columns.FLOWS},
                optional={column.name for column in columns.FLOWS if column.of_several},
            ),
        },
        "capture": _object(capture),
        "warnings": {"type": "array", "items": {"type": "string"}},
    }
    tool = _object({"name": {"const": "closewait-pcap"}, "version": {"type": "string"}})
    whole = _object(
        {"schema_version": {"const": SCHEMA_VERSION}, "tool": tool, "captures": {"type": "array", "items": _object(report)}}
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "closewait-pcap report"} | whole


def _object(properties: dict[str, Any], optional: Container[str] = ()) -> dict[str, Any]:
    return {"type": "object", "required": [name for name in properties if name not in optional], "properties": properties}


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {"type": [_JSON_TYPES.get(column.kind, "integer"), "null"], "description": column.meaning}
    if column.categories is not None:
        field["enum"] = [*column.categories, None]
    return field
