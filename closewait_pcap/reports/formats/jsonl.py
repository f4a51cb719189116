"""Flows for programs that read line by line: one JSON object a line, with the fields of `flows` in the JSON report."""

import json

from closewait_pcap.reports.account import Account
from closewait_pcap.reports.formats.json import flow_records


def render(account: Account) -> str:
    """Write the flows.

    Args:
        account: whose flows.

    Returns:
        One line a flow, none where no flow is to be listed.
    """
    return "".join(json.dumps(flow, ensure_ascii=True) + "\n" for flow in flow_records(account))
