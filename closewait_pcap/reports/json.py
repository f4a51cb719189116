"""The report for programs: JSON with a version; `schema` describes it, and is kept as ``docs/report.schema.json``."""

import json
import math
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from closewait_pcap import columns, quantities
from closewait_pcap.columns import Column, Kind
from closewait_pcap.explanations import listener_values
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.telling import tell
from closewait_pcap.results import Category, Result, Values, display_filter
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.limits import Limit
from closewait_pcap.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from closewait_pcap.holdings import Host
    from closewait_pcap.sockets.table import Snapshot

_FIRST = 10
"""Streams named of each limit."""
SCHEMA_VERSION = 1
"""Goes up when a field changes its meaning or goes away; new fields do not change it."""


def render(reports: list[dict[str, Any]], version: str, sockets: dict[str, Any] | None = None) -> str:
    """Write the document.

    Args:
        reports: one `describe` per capture.
        version: of this program.
        sockets: `describe_tables`, where there is no capture.

    Returns:
        JSON, ending in a newline; the same input gives the same bytes.
    """
    document = {"schema_version": SCHEMA_VERSION, "tool": {"name": "closewait-pcap", "version": version}, "captures": reports}
    document |= {} if sockets is None else {"sockets": sockets}
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def describe(account: Account) -> dict[str, Any]:
    """Describe one analysis as plain data.

    Args:
        account: what is to be said.

    Returns:
        What JSON can hold: times as ISO 8601 text with nanoseconds, spans in seconds under ``*_s``, null for missing.
    """
    result, info, summary = account.result, account.result.capture, account.summary
    streams, values = account.flows()
    return {
        "headline": account.headline,
        "account": [
            {"section": section.name, "title": section.title, "sentences": section.sentences} for section in tell(account)
        ],
        "close_wait": {name: getattr(summary, name) for name in ("close_wait", "stuck", "sending", "too_young")},
        "flows_total": summary.flows,
        "verdicts": summary.counts,
        "causes": {
            cause.name: {confidence.name: number for confidence, number in sorted(confidences.items())}
            for cause, confidences in account.causes.items()
        },
        "stuck_after_s": result.stuck_after / 1e9,
        "endpoints": records(columns.ENDPOINTS, account.endpoints),
        "listeners": records(columns.LISTENERS, listener_values(result)),
        "limits": [
            {
                "limit": limit.name,
                "meaning": limit.meaning,
                "flows": len(rows),
                "first": result.streams_of(rows[:_FIRST]).tolist(),
            }
            for limit, rows in account.limits.items()
        ],
        "flows": flow_records(account, streams, values),
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
        "warnings": account.warnings,
        **_joined(result, account.rows),
    }


def flow_records(account: Account, streams: list[int], values: dict[str, Values]) -> list[dict[str, Any]]:
    """Turn flows into records, as JSON holds them.

    Args:
        account: whose they are.
        streams: their numbers.
        values: their public columns.
    """
    rows = records(account.flow_columns, values)
    flows = zip(streams, rows, strict=True)
    return [{"stream": stream, **row, "display_filter": display_filter(stream)} for stream, row in flows]


def _joined(result: Result, shown: Values) -> dict[str, Any]:
    """Describe what the socket tables say of the flows, where there are any."""
    if result.matches is None or result.agreement is None:
        return {}
    from closewait_pcap.tables import agreement_values  # noqa: PLC0415 - only with socket tables

    matches, here = result.matches, np.isin(result.agreement.row, shown)
    values = {
        name: Category.of(column[here], column.texts) if isinstance(column, Category) else column[here]
        for name, column in agreement_values(result).items()
    }
    found = {
        "tables": [_table(snapshot) for snapshot in matches.snapshots],
        "joined": int(np.isin(matches.joined, shown).sum()),
        "agreement": records(columns.AGREEMENT, values),
    }
    return {"sockets": found}


def _table(snapshot: "Snapshot") -> dict[str, Any]:
    return {
        "source": snapshot.source,
        "format": snapshot.format,
        "time": timestamp(snapshot.time),
        "time_from": snapshot.time_from.value or None,
        "sockets": len(snapshot.sockets),
        "privileged": snapshot.privileged,
        "complaints": snapshot.complaints,
    }


def describe_tables(hosts: "Sequence[Host]", headline: str, warnings: list[str]) -> dict[str, Any]:
    """Describe socket tables without a capture as plain data.

    Args:
        hosts: what was found on each.
        headline: in one sentence.
        warnings: what limits it.

    Returns:
        As for `describe`.
    """
    from closewait_pcap.tables import holder_values, holding_values, queue_values, table_values  # noqa: PLC0415

    snapshots = [host.last for host in hosts]
    waiting = [[socket for socket in snapshot.sockets if socket.state is State.CLOSE_WAIT] for snapshot in snapshots]
    only = [replace(snapshot, sockets=sockets) for snapshot, sockets in zip(snapshots, waiting, strict=True)]
    return {
        "headline": headline,
        "close_wait": sum(map(len, waiting)),
        "lasting": sum(len(host.lasting) for host in hosts),
        "span_s": max((host.span / 1e9 for host in hosts if host.span is not None), default=None),
        "tables": [_table(snapshot) for host in hosts for snapshot in host.snapshots],
        "endpoints": records(columns.HOLDINGS, holding_values(hosts)),
        "processes": records(columns.HOLDERS, holder_values(hosts)),
        "queues": records(columns.QUEUES, queue_values(hosts)),
        "sockets": records(columns.SOCKETS[:-2], table_values(only, [socket for sockets in waiting for socket in sockets])),
        "warnings": warnings,
    }


def timestamp(ns: int | None) -> str | None:
    """Write a time as ISO 8601 in UTC with nanoseconds: ``2026-11-21T11:55:28.744608000Z``."""
    if ns is None or ns == NO_TIME:
        return None
    text = quantities.moment(ns).removesuffix(" UTC").replace(" ", "T")
    return text.ljust(29, "0") + "Z"


def records(wanted: tuple[Column, ...], values: dict[str, Values]) -> list[dict[str, Any]]:
    """Turn columns into a list of records, as JSON holds them."""
    known = [column for column in wanted if column.name in values]
    names = [_json_name(column) for column in known]
    lists = [_json_values(column, values[column.name]) for column in known]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def _json_name(column: Column) -> str:
    return f"{column.name}_s" if column.kind is Kind.span else column.name


def _json_values(column: Column, values: Values) -> list[Any]:
    if column.kind is Kind.text:
        return list(values)  # None where missing, already
    return [*map(_json_value(column, values), values.tolist())]


def _json_value(column: Column, values: Values) -> Callable[[Any], Any]:
    """Say how a value of a column is written."""
    if column.kind is Kind.category:
        assert isinstance(values, Category)  # as its column says
        return [*values.texts, None].__getitem__
    writers: dict[Kind, Callable[[Any], Any]] = {
        Kind.time: timestamp,
        Kind.span: lambda ns: None if ns == NO_TIME else ns / 1e9,
        Kind.number: lambda value: None if math.isnan(value) else value,
        Kind.flag: lambda value: None if value < 0 else bool(value),
    }
    return writers.get(column.kind, lambda value: None if value < 0 else value)


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
        "endpoints": {"type": "array", "items": _object({_json_name(column): _field(column) for column in columns.ENDPOINTS})},
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
                {"stream": count} | {_json_name(column): _field(column) for column in columns.FLOWS},
                optional={column.name for column in columns.FLOWS if column.of_several or column.of_sockets},
            ),
        },
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
    return _list(_object({_json_name(column): _field(column) for column in wanted}))


def _object(properties: dict[str, Any], optional: Container[str] = ()) -> dict[str, Any]:
    return {"type": "object", "required": [name for name in properties if name not in optional], "properties": properties}


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {"type": [_JSON_TYPES.get(column.kind, "integer"), "null"], "description": column.meaning}
    if column.categories is not None:
        field["enum"] = [*column.categories, None]
    return field
