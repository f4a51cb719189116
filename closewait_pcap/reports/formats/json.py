"""The report for programs: JSON with a version; its schema (`schema.py`) is kept as ``docs/reference/report.schema.json``."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from closewait_pcap import columns, quantities
from closewait_pcap.columns import Column, Kind, json_name
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.telling import tell
from closewait_pcap.results.flow_values import display_filter
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Category, Values
from closewait_pcap.tcp.state import State
from closewait_pcap.version import VERSION
from closewait_pcap.views.explanations import listener_values

if TYPE_CHECKING:
    from closewait_pcap.sockets.table import Snapshot
    from closewait_pcap.views.holdings import Host

_LEVELS = 4
"""Objects deeper than this stand on one line."""
_FIRST = 10
"""Streams named of each limit."""
SCHEMA_VERSION = 1
"""Goes up when a field changes its meaning or goes away; new fields do not change it."""


def render(account: Account) -> str:
    """Write the report.

    Args:
        account: what is to be said.

    Returns:
        As `document` does.
    """
    return document([describe(account)])


def document(reports: list[dict[str, Any]], sockets: dict[str, Any] | None = None) -> str:
    """Write the document.

    Args:
        reports: one `describe` per capture.
        sockets: `describe_tables`, where there is no capture.

    Returns:
        JSON, ending in a newline; the same input gives the same bytes.
    """
    whole: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "closewait-pcap", "version": VERSION},
        "captures": reports,
    }
    whole |= {} if sockets is None else {"sockets": sockets}
    return _laid_out(whole, "\n") + "\n"


def _laid_out(value: Any, margin: str) -> str:
    """Write one field a line, and of a list of objects one object: to be read, searched, and written fast."""
    if isinstance(value, dict) and value and len(margin) <= _LEVELS:
        inner = f"{margin} "
        fields = [f"{json.dumps(name)}: {_laid_out(each, inner)}" for name, each in value.items()]
        return f"{{{inner}{f',{inner}'.join(fields)}{margin}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        inner = f"{margin} "
        return f"[{inner}{f',{inner}'.join(_laid_out(each, inner) for each in value)}{margin}]"
    return json.dumps(value, ensure_ascii=True)


def describe(account: Account) -> dict[str, Any]:
    """Describe one analysis as plain data.

    Args:
        account: what is to be said.

    Returns:
        What JSON can hold: times as ISO 8601 text with nanoseconds, spans in seconds under ``*_s``, null for missing.
    """
    result, info, summary = account.result, account.result.capture, account.summary
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
        "endpoints": records(columns.ENDPOINTS, {name: column[: account.most] for name, column in account.endpoints.items()}),
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
        "flows": flow_records(account),
        "left_out": account.left_out,
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


def flow_records(account: Account) -> list[dict[str, Any]]:
    """Turn the flows that are listed into records, as JSON holds them."""
    streams, values = account.flows()
    rows = records(account.flow_columns, values)
    flows = zip(streams, rows, strict=True)
    return [{"stream": stream, **row, "display_filter": display_filter(stream)} for stream, row in flows]


def _joined(result: Result, shown: Values) -> dict[str, Any]:
    """Describe what the socket tables say of the flows, where there are any."""
    if result.matches is None or result.agreement is None:
        return {}
    from closewait_pcap.views.tables import agreement_values  # noqa: PLC0415 - only with socket tables

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
    from closewait_pcap.views.tables import holder_values, holding_values, queue_values, table_values  # noqa: PLC0415

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
    names = [json_name(column) for column in known]
    lists = [_json_values(column, values[column.name]) for column in known]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def _json_values(column: Column, values: Values) -> list[Any]:
    if column.kind is Kind.text:
        return list(values)  # None where missing, already
    if column.kind is Kind.time:
        return [None if text == "NaT" else f"{text}Z" for text in np.datetime_as_string(values.astype("datetime64[ns]")).tolist()]
    return [*map(_json_value(column, values), values.tolist())]


def _json_value(column: Column, values: Values) -> Callable[[Any], Any]:
    """Say how a value of a column is written."""
    if column.kind is Kind.category:
        assert isinstance(values, Category)  # as its column says
        return [*values.texts, None].__getitem__
    writers: dict[Kind, Callable[[Any], Any]] = {
        Kind.span: lambda ns: None if ns == NO_TIME else ns / 1e9,
        Kind.number: lambda value: None if math.isnan(value) else value,
        Kind.flag: lambda value: None if value < 0 else bool(value),
    }
    return writers.get(column.kind, lambda value: None if value < 0 else value)
