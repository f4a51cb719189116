"""The report for a CI job: JUnit's XML, one test case per service, which fails by name where connections to it are stuck."""

from xml.etree import ElementTree as ET

import numpy as np

from closewait_pcap import quantities
from closewait_pcap.quantities import printable, socket_name
from closewait_pcap.reports.account import Account
from closewait_pcap.results.result import endpoint_codes
from closewait_pcap.results.values import cell
from closewait_pcap.verdicts.verdict import Verdict
from closewait_pcap.views.endpoints import named

_NO_SERVICE = (Verdict.refused, Verdict.unanswered, Verdict.half_open, Verdict.undetermined)
"""Where nobody was seen to serve."""


def render(account: Account) -> str:
    """Write the report.

    Args:
        account: what is to be said.

    Returns:
        XML, ending in a newline: one suite for the capture.
    """
    failures = _failures(account)
    services = list(dict.fromkeys([*failures, *_services(account)]))
    info = account.result.capture
    suite = ET.Element("testsuite", name=printable(info.file), tests=str(len(services)), failures=str(len(failures)))
    suite.attrib |= {"errors": "0", "skipped": "0", "time": "0"}
    if info.first_time is not None and info.dating is quantities.Dating.FULL:
        suite.set("timestamp", quantities.moment(info.first_time)[:19].replace(" ", "T"))
    for service in services:
        case = ET.SubElement(suite, "testcase", classname="closewait", name=service, time="0")
        if service in failures:
            failure = ET.SubElement(case, "failure", type="close_wait", message=failures[service][0])
            failure.text = "\n".join(failures[service])
    notes = ET.SubElement(suite, "system-out")
    notes.text = "\n".join([account.headline, *map(printable, account.warnings)])
    root = ET.Element("testsuites", name="closewait-pcap", tests=str(len(services)), failures=str(len(failures)), errors="0")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _failures(account: Account) -> dict[str, list[str]]:
    """Say of each service to which connections are stuck who does not close them."""
    endpoints = account.endpoints
    found: dict[str, list[str]] = {}
    for row in np.flatnonzero(endpoints["stuck"]).tolist():
        service = socket_name(cell(endpoints, "service", row), int(endpoints["service_port"][row]))
        stuck = quantities.count(int(endpoints["stuck"][row]), "flow")
        longest, closed = quantities.span(int(endpoints["longest_held"][row])), int(endpoints["closed"][row])
        name = named(endpoints, row)
        text = f"{name} holds {stuck} stuck in CLOSE_WAIT, the longest for {longest}; {closed:,} closed in time"
        found.setdefault(service, []).append(text)
    return found


def _services(account: Account) -> list[str]:
    """Name all services that were seen to serve, in the order of their addresses."""
    rows = account.rows[~np.isin(account.result.judgement.verdict[account.rows], _NO_SERVICE)]
    _, server, port, addresses = endpoint_codes(account.result, rows)
    known = np.unique(np.stack([server, port], axis=1), axis=0)
    return [socket_name(account.result.address(*addresses[place].tolist()), number) for place, number in known.tolist()]
