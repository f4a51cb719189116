"""How long the connections of an endpoint have waited to be closed."""

from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap.plots import style
from closewait_pcap.plots.choosing import Analysed, of_endpoint
from closewait_pcap.quantities import span
from closewait_pcap.views.courses import Ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LIMITS = np.array([0, *style.SPANS[1:], np.inf])
"""ns."""
_NAMES = (f"< {style.span_mark(style.SPANS[1])}", *map(style.span_mark, style.SPANS[1:]))
"""From where each bar goes on."""


def ages(analysis: Analysed, endpoint: int | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw for how long an endpoint's connections have been in CLOSE_WAIT, and were, as a histogram.

    Args:
        analysis: of a capture.
        endpoint: its row in ``analysis.endpoints``; None: the worst one.
        ax: where to draw.

    Returns:
        The axes.

    Raises:
        IndexError: there is no such endpoint.
    """
    return of_endpoint(draw, analysis, endpoint, ax, (5, 3))


def draw(ax: "Axes", ends: Ends) -> "Axes":
    """Draw it of some ends."""
    found = ends.endings
    if not len(found.took):
        return style.nothing(ax, "No connection was in CLOSE_WAIT.")
    still, over = (np.histogram(found.took[which], _LIMITS)[0] for which in (found.lasts, ~found.lasts))
    used = np.flatnonzero(still + over)
    first, last = max(int(used[0]) - 1, 0), min(int(used[-1]) + 2, len(_NAMES))
    places = np.arange(first, last)
    still, over = still[first:last], over[first:last]
    if still.any():
        ax.bar(places, still, 0.86, facecolor="none", edgecolor=style.WAITING, hatch="////", label="still waiting")
    if over.any():
        ax.bar(places, over, 0.86, bottom=still, facecolor=style.PAPER, edgecolor=style.MUTED, label="over: closed or reset")
    for place, number in zip(places.tolist(), (still + over).tolist(), strict=True):
        if number:
            ax.annotate(f"{number:,}", (place, number), xytext=(0, 2), textcoords="offset points", ha="center",
                        fontsize=style.SMALL, color=style.INK)  # fmt: skip
    style.counting(ax, "connections", int((still + over).max()))
    ax.set_xticks(places, [_NAMES[place] for place in places.tolist()])
    ax.set_xlim(first - 0.6, last - 0.4)
    limit = np.interp(ends.result.stuck_after, _LIMITS[:-1], np.arange(len(_LIMITS) - 1)) - 0.5
    if first - 0.6 <= limit <= last - 0.4:
        ax.axvline(limit, color=style.INK, linewidth=1, linestyle=(0, (2, 2)))
    ax.set_xlabel(f"time in CLOSE_WAIT, from (dashed: stuck after {span(ends.result.stuck_after)})",
                  fontsize=style.SMALL, color=style.MUTED)  # fmt: skip
    style.legend(ax)
    return ax
