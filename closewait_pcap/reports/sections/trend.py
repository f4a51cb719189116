"""How fast they become more, beside how many were closed properly in the same time."""

import math

from closewait_pcap import quantities
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.parts import Part, Section, Sentence
from closewait_pcap.verdicts.trends import Trend
from closewait_pcap.views.endpoints import named

_MOST = 3
"""Endpoints told."""
_MINUTE = 60_000_000_000
_SAID = {
    Trend.growing: "growing",
    Trend.bounded: "not growing, though there was occasion for more",
    Trend.draining: "becoming fewer",
}


def say(account: Account) -> Section | None:
    """Say it of the worst endpoints; nothing where none has a flow that is stuck."""
    endpoints = account.endpoints
    parts: list[Part] = [
        Sentence(_sentence(account, row))
        for row in range(min(len(endpoints["side"]), _MOST))
        if endpoints["stuck"][row] and not endpoints["waits_for"][row]
    ]
    return Section("trend", "How fast", parts) if parts and account.watched.ns > 0 else None


def _sentence(account: Account, row: int) -> str:
    endpoints, watched = account.endpoints, account.watched.ns
    trend, rate = Trend(int(endpoints["trend"][row])), float(endpoints["per_minute"][row])
    text = named(endpoints, row) + ": "
    if not math.isnan(rate):
        began = f"{round(rate * watched / _MINUTE):,} began to wait within {quantities.span(watched)}"
        text += began + (f" ({rate:.3g} per minute)" if trend is Trend.growing else "") + ", "
    closed = int(endpoints["closed"][row])
    text += f"{quantities.count(closed, 'other')} {'was' if closed == 1 else 'were'} closed in time"
    return f"{text}; {_SAID[trend]}." if trend in _SAID else f"{text}."
