"""How many connections of an endpoint have begun by a time, how many it has closed, and how fast the difference grows."""

from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap.plots import style
from closewait_pcap.plots.choosing import Analysed, of_endpoint
from closewait_pcap.verdicts.verdict import Verdict
from closewait_pcap.views.courses import Ends
from closewait_pcap.views.tendencies import watch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 180
_FEWEST = 3
"""Waits for a slope."""
_MINUTE = 60_000_000_000
_LASTED = (Verdict.close_wait, Verdict.close_wait_reset, Verdict.closed_late)


def opens_and_closes(analysis: Analysed, endpoint: int | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how many connections of an endpoint have begun and how many it has closed by a time, and how fast it leaks.

    Args:
        analysis: of a capture.
        endpoint: its row in ``analysis.endpoints``; None: the worst one.
        ax: where to draw.

    Returns:
        The axes.

    Raises:
        IndexError: there is no such endpoint.
    """
    return of_endpoint(draw, analysis, endpoint, ax, (8, 3))


def draw(ax: "Axes", ends: Ends) -> "Axes":
    """Draw it of some ends."""
    info, moves = ends.result.capture, ends.turnover
    if not len(moves.opened) or info.first_time is None or info.end_time is None or info.end_time <= info.first_time:
        return style.nothing(ax, "No connection has a time to be drawn at.")
    edges = np.linspace(0, info.end_time - info.first_time, _POINTS + 1).astype(np.int64) + info.first_time
    opened, closed = (np.searchsorted(times, edges, "right") for times in moves)
    x = style.moments(edges)
    ax.fill_between(x, closed, opened, step="post", facecolor=f"{style.RULE}80", linewidth=0)
    ax.plot(x, opened, drawstyle="steps-post", color=style.OPEN, linewidth=1.6, label="begun")
    ax.plot(x, closed, drawstyle="steps-post", color=style.DONE, linewidth=1.6, linestyle=(0, (5, 2)), label="closed")
    style.counting(ax, "connections so far", len(moves.opened))
    style.clock(ax, info)
    _draw_leak(ax, ends)
    style.legend(ax)
    return ax


def _draw_leak(ax: "Axes", ends: Ends) -> None:
    """Draw how many waits that lasted have begun by a time, and the slope of that."""
    judgement, watched = ends.result.judgement, watch(ends.result)
    lasted = np.isin(judgement.verdict[ends.rows], _LASTED) & (judgement.held[ends.rows] >= ends.result.stuck_after)
    rows = ends.rows[lasted & (judgement.waiting[ends.rows] == ends.side) & (judgement.stuck[ends.rows] != 0)]
    since = np.sort(judgement.since[rows])
    since = since[(since >= watched.start) & (since <= watched.until)]
    if len(since) < _FEWEST or watched.ns < _MINUTE // 60:
        return
    rate = len(since) * _MINUTE / watched.ns
    watching = style.moments(np.array([watched.start, watched.until]))
    ax.plot(watching, [0, len(since)], color=style.WAITING, linewidth=1.6, linestyle=(0, (1, 1)),
            label=f"began to wait, and stayed: {rate:.3g} per minute")  # fmt: skip
    steps = np.arange(1, len(since) + 1)
    thin = slice(None, None, max(1, len(since) // _POINTS))
    ax.plot(style.moments(since)[thin], steps[thin], linestyle="none", marker=".", markersize=4, color=style.WAITING)
