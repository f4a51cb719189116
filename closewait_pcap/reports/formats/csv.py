"""Flows for spreadsheets: the fields of `flows` in the JSON report as CSV (RFC 4180), safe to be opened."""

import csv
import io
from typing import Any

from closewait_pcap.columns import json_name
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.escaping import csv_cell
from closewait_pcap.reports.formats.json import flow_records


def render(account: Account) -> str:
    """Write the flows.

    Args:
        account: whose flows.

    Returns:
        A line of names, then one line a flow. Missing values are empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["stream", *map(json_name, account.flow_columns)])
    writer.writerows([map(_cell, flow.values()) for flow in flow_records(account)])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return csv_cell(value) if isinstance(value, str) else value
