"""The report as a page: one file that asks no network for anything, to be read in a browser, on a phone, and on paper."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from closewait_pcap import quantities
from closewait_pcap.plots import age_histogram, ladders, states_over_time
from closewait_pcap.plots.svg import picture
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.formats.pages import render_page
from closewait_pcap.reports.parts import Part, Section, Sentence, Table
from closewait_pcap.reports.sections import warnings
from closewait_pcap.reports.telling import tell
from closewait_pcap.results.flow_values import display_filter
from closewait_pcap.results.values import cell
from closewait_pcap.tcp.state import State
from closewait_pcap.views.courses import Ends
from closewait_pcap.views.endpoints import flows_of, named
from closewait_pcap.views.ladder import ladder_of, spoken

LIMIT = 3_000_000
"""Bytes: what a browser on a phone still opens at once."""
ROWS = 1_000
"""Of a table: as many as programs get in a bundle; fewer where they take too much room."""
_LADDERS = (2, 1, 1)
"""How many flows of each endpoint have a ladder: the worst has two, others have no pictures at all."""


def render(account: Account) -> str:
    """Write the report.

    Args:
        account: what is to be said.

    Returns:
        HTML, shorter than `LIMIT`; the same input gives the same bytes.
    """
    more = len(account.endpoints["side"]) - len(_LADDERS)
    shown = {
        "file": quantities.printable(account.result.capture.file),
        "waits": bool(account.summary.close_wait),
        "numbers": [*_numbers(account)],
        "endpoints": _pictures(account),
        "unpictured": f"Of {quantities.count(more, 'more endpoint')} there are no pictures here." if more > 0 else "",
    }
    rows = ROWS
    while True:
        written = _filled(account.headline, tell(account.shortened(tabled=rows)), account.warnings, shown)
        if len(written.encode()) <= LIMIT or rows <= 1:
            return written
        rows //= 2


def page(headline: str, told: Sequence[Section], limits: Sequence[str], *, file: str, waits: bool) -> str:
    """Write a report without pictures.

    Args:
        headline: in one sentence.
        told: what follows.
        limits: the warnings.
        file: what it is of.
        waits: whether somebody does not close.

    Returns:
        HTML.
    """
    shown = {"file": quantities.printable(file), "waits": waits, "numbers": [], "endpoints": [], "unpictured": ""}
    return _filled(headline, [_cut(section) for section in told], limits, shown)


def _filled(headline: str, told: Sequence[Section], limits: Sequence[str], shown: dict[str, Any]) -> str:
    sections = [*told, *filter(None, [warnings.say(limits)])]
    return render_page("report.html", headline=headline, sections=sections, **shown)


def _cut(section: Section) -> Section:
    """Keep tables short, also where all sockets are asked for, and say how much is left out."""
    parts: list[Part] = []
    for part in section.parts:
        more = len(part.rows) - ROWS if isinstance(part, Table) else 0
        parts.append(part._replace(rows=part.rows[:ROWS]) if isinstance(part, Table) else part)
        if more > 0:
            parts.append(Sentence(f"... and {quantities.count(more, 'more row')}, which other formats have"))
    return section._replace(parts=parts)


def _numbers(account: Account) -> Iterator[tuple[str, str]]:
    """Give what stands first, beside the verdict."""
    summary, endpoints = account.summary, account.endpoints
    yield "in CLOSE_WAIT", f"{summary.close_wait:,}"
    yield "stuck", f"{summary.stuck:,}"
    if summary.close_wait and len(endpoints["side"]):
        yield "longest wait", quantities.span(int(endpoints["longest_held"][endpoints["close_wait"] > 0].max(initial=0)))
        yield "most at a time", f"{int(endpoints['peak'][0]):,}"
        yield "closed in time", f"{int(endpoints['closed'][0]):,}"
        yield "trend", cell(endpoints, "trend", 0).replace("_", " ")
    yield "flows", f"{summary.flows:,}"


class _Endpoint(NamedTuple):
    """What the page shows of one endpoint."""

    name: str
    timeline: str
    ages: str
    ladders: list[dict[str, Any]]


def _pictures(account: Account) -> list[_Endpoint]:
    """Draw the worst endpoints and their worst flows."""
    return [_endpoint(account, row) for row in range(min(len(account.endpoints["side"]), len(_LADDERS)))]


def _endpoint(account: Account, row: int) -> _Endpoint:
    endpoints, result = account.endpoints, account.result
    side, name = int(endpoints["side"][row]), named(endpoints, row)
    ends = Ends(result, name, side, flows_of(result, account.rows, endpoints, row))
    now, longest = (int(endpoints[column][row]) for column in ("close_wait", "longest_held"))
    peak = ends.stays.of(State.CLOSE_WAIT).most()
    timeline = f"{name}: connections by state over time. At most {peak:,} in CLOSE_WAIT at a time, {now:,} at the end."
    ages = f"{name}: histogram of the time in CLOSE_WAIT. The longest is {quantities.span(longest)}."
    mine = account.flagged[np.isin(account.flagged, ends.rows) & (result.judgement.waiting[account.flagged] == side)]
    return _Endpoint(
        name,
        picture(lambda ax: states_over_time.draw(ax, ends), (7.4, 2.5), f"timeline-{row}", timeline),
        picture(lambda ax: age_histogram.draw(ax, ends), (4.4, 2.5), f"ages-{row}", ages),
        [_ladder(account, flow) for flow in mine[: _LADDERS[row]].tolist()],
    )


def _ladder(account: Account, row: int) -> dict[str, Any]:
    found = ladder_of(account.result, row)
    name, words = f"ladder-{found.stream}", spoken(found)
    drawn = picture(lambda ax: ladders.draw(ax, found), ladders.size(found), name, words, margins=(0, 0, 0, 0))
    return {"stream": found.stream, "picture": drawn, "filter": display_filter(found.stream)}
