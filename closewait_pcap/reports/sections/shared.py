"""What the flows that wait share, and those that were closed do not."""

from closewait_pcap import quantities
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.parts import Part, Section, Sentence
from closewait_pcap.verdicts.traits import FEWEST
from closewait_pcap.views.endpoints import named

_MOST = 3
"""Endpoints told."""


def say(account: Account) -> Section | None:
    """Say it of the worst endpoints; nothing where there is nothing to compare."""
    endpoints = account.endpoints
    parts: list[Part] = []
    for row in range(min(len(endpoints["side"]), _MOST)):
        name, shared = named(endpoints, row), endpoints["shared"][row]
        if shared:
            parts += [Sentence(f"{name}: {text}.") for text in str(shared).split("; ")]
        elif min(int(endpoints["closed"][row]), int(endpoints["stuck"][row])) >= FEWEST:
            closed = quantities.count(int(endpoints["closed"][row]), "flow")
            same = "peer, request, reply, who closed first and idle time do not tell them from"
            parts.append(Sentence(f"{name}: {same} the {closed} that it closed."))
    return Section("shared", "What they share", parts) if parts else None
