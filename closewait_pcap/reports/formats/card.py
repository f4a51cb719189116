"""What a notebook shows of an analysis: the verdict, who does not close, how many at a time, and what limits it."""

import numpy as np

from closewait_pcap import quantities
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.formats.pages import render_part
from closewait_pcap.reports.parts import Table
from closewait_pcap.reports.sections import warnings, who
from closewait_pcap.views.courses import waits

_ENDPOINTS, _WARNINGS = 5, 3
_WIDTH, _HEIGHT = 240, 36
"""Of the curve, pixels."""


def render(account: Account) -> str:
    """Write the card.

    Args:
        account: what is to be said.

    Returns:
        HTML that stands by itself, without a script.
    """
    info, number = account.result.capture, len(account.warnings)
    section, limits = who.say(account.shortened(tabled=_ENDPOINTS)), warnings.say(account.warnings)
    more = len(account.endpoints["side"]) - _ENDPOINTS
    flows = quantities.count(account.summary.flows, "TCP flow")
    return render_part(
        "card.html",
        headline=account.headline,
        waits=bool(account.summary.close_wait),
        table=next((part for part in section.parts if isinstance(part, Table)), None) if section else None,
        more=f"... and {quantities.count(more, 'more endpoint')}: see .endpoints" if more > 0 else "",
        curve=_curve(account),
        size=(_WIDTH, _HEIGHT),
        capture=f"{quantities.printable(info.file)}: {info.frames:,} frames, {flows}",
        warnings=limits.sentences[:_WARNINGS] if limits else [],
        unsaid=f"... and {number - _WARNINGS:,} more: see .warnings" if number > _WARNINGS else "",
    )


def _curve(account: Account) -> dict[str, str] | None:
    """Draw how many connections are in CLOSE_WAIT at a time, small; nothing where none ever was."""
    info, of_all = account.result.capture, waits(account.result, account.flagged)
    if not len(of_all.row) or info.first_time is None or info.end_time is None or info.end_time <= info.first_time:
        return None
    edges = np.linspace(0, info.end_time - info.first_time, _WIDTH // 2 + 1).astype(np.int64) + info.first_time
    counts = of_all.at(edges)
    most = max(of_all.most(), 1)
    heights = [f"{_HEIGHT - 1 - (_HEIGHT - 3) * number / most:.1f}" for number in counts.tolist()]
    steps = "".join(f"V{height}h2" for height in heights)
    says = f"CLOSE_WAIT over {quantities.span(info.end_time - info.first_time)}: at most {most:,} at a time"
    return {"path": f"M0 {_HEIGHT - 1}{steps}", "says": f"{says}, {int(counts[-1]):,} at the end"}
