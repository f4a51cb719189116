"""What the JSON report consists of, as JSON Schema; kept as ``docs/reference/report.schema.json``."""

from collections.abc import Container
from typing import Any

from closewait_pcap import columns
from closewait_pcap.columns import Column, Kind, json_name
from closewait_pcap.reports.formats.json import SCHEMA_VERSION
from closewait_pcap.verdicts.limits import Limit
from closewait_pcap.verdicts.verdict import Verdict

_JSON_TYPES = {
    Kind.time: "string",
    Kind.span: "number",
    Kind.number: "number",
    Kind.category: "string",
    Kind.flag: "boolean",
    Kind.text: "string",
}


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
        "account": _list(
            _object({"section": {"type": "string"}, "title": {"type": "string"}, "sentences": _list({"type": "string"})})
        )
        | {"description": "the sentences of the report, in the order of telling"},
        "close_wait": _object(dict.fromkeys(("close_wait", "stuck", "sending", "too_young"), count)),
        "flows_total": count,
        "verdicts": {
            "type": "object",
            "propertyNames": {"enum": [verdict.name for verdict in Verdict]},
            "additionalProperties": count,
        },
        "causes": {
            "type": "object",
            "propertyNames": {"enum": list(columns.CAUSES)},
            "additionalProperties": {
                "type": "object",
                "propertyNames": {"enum": list(columns.CONFIDENCES)},
                "additionalProperties": count,
            },
            "description": "flows that wait or waited, by cause and confidence",
        },
        "stuck_after_s": {"type": "number"},
        "endpoints": {"type": "array", "items": _object({json_name(column): _field(column) for column in columns.ENDPOINTS})},
        "listeners": _records(columns.LISTENERS),
        "limits": _list(
            _object(
                {
                    "limit": {"enum": [limit.name for limit in Limit]},
                    "meaning": {"type": "string"},
                    "flows": count,
                    "first": _list(count) | {"description": "streams of the first of them"},
                }
            )
        ),
        "flows": {
            "type": "array",
            "items": _object(
                {"stream": count} | {json_name(column): _field(column) for column in columns.FLOWS},
                optional={column.name for column in columns.FLOWS if column.of_several or column.of_sockets or column.of_text},
            ),
        },
        "left_out": _object({"flows": count, "endpoints": count})
        | {"description": "what is counted and not listed: in a bundle, of very many"},
        "capture": _object(capture),
        "warnings": {"type": "array", "items": {"type": "string"}},
        "sockets": _object({"tables": _list(_TABLE), "joined": count, "agreement": _records(columns.AGREEMENT)}),
    }
    alone = {
        "headline": {"type": "string"},
        "close_wait": count,
        "lasting": count | {"description": "of them: in CLOSE_WAIT in the host's first table, too"},
        "span_s": {"type": ["number", "null"], "description": "from the first to the last table"},
        "tables": _list(_TABLE),
        "endpoints": _records(columns.HOLDINGS),
        "processes": _records(columns.HOLDERS),
        "queues": _records(columns.QUEUES),
        "sockets": _records(columns.SOCKETS[:-2]) | {"description": "those in CLOSE_WAIT in each host's last table"},
        "warnings": {"type": "array", "items": {"type": "string"}},
    }
    tool = _object({"name": {"const": "closewait-pcap"}, "version": {"type": "string"}})
    whole = _object(
        {
            "schema_version": {"const": SCHEMA_VERSION},
            "tool": tool,
            "captures": {"type": "array", "items": _object(report, optional=("sockets",))},
            "sockets": _object(alone),
        },
        optional=("sockets",),
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "closewait-pcap report"} | whole


_TABLE: dict[str, Any] = {
    "type": "object",
    "required": ["source", "format", "time", "time_from", "sockets", "privileged", "complaints"],
    "properties": {
        "source": {"type": "string"},
        "format": {"type": "string"},
        "time": {"type": ["string", "null"]},
        "time_from": {"type": ["string", "null"], "description": "how its time is known"},
        "sockets": {"type": "integer", "minimum": 0},
        "privileged": {"type": ["boolean", "null"], "description": "whether the reader saw all processes; null: not told"},
        "complaints": {"type": "array", "items": {"type": "string"}},
    },
}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _records(wanted: tuple[Column, ...]) -> dict[str, Any]:
    return _list(_object({json_name(column): _field(column) for column in wanted}))


def _object(properties: dict[str, Any], optional: Container[str] = ()) -> dict[str, Any]:
    return {"type": "object", "required": [name for name in properties if name not in optional], "properties": properties}


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {"type": [_JSON_TYPES.get(column.kind, "integer"), "null"], "description": column.meaning}
    if column.categories is not None:
        field["enum"] = [*column.categories, None]
    return field
