"""How many connections of an endpoint are in which state at a time, and since when some are stuck."""

from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap.plots import style
from closewait_pcap.plots.choosing import Analysed, of_endpoint
from closewait_pcap.quantities import clock_time
from closewait_pcap.results.values import Values
from closewait_pcap.tcp.state import State
from closewait_pcap.views.courses import Ends, Stays

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 180
"""Of a curve: more than that no screen shows apart, and a report has to carry."""
_WORTH_A_LINE = 0.1
"""Of the time: what is there for less only makes the picture restless."""
_STYLES = {
    "ESTABLISHED": ({State.ESTABLISHED}, style.OPEN, "-"),
    "opening": ({State.SYN_SENT, State.SYN_RECEIVED}, style.MUTED, (0, (1, 1.5))),
    "closing": ({State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSING, State.LAST_ACK}, style.DONE, (0, (5, 2))),
}


def concurrent(analysis: Analysed, endpoint: int | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how many of an endpoint's connections are in which state over time, with the onset of the stuck ones marked.

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
    of_group, info = ends.stays, ends.result.capture
    if not len(of_group.row) or info.first_time is None or info.end_time is None or info.end_time <= info.first_time:
        return style.nothing(ax, "No connection has a time to be drawn at.")
    edges = np.linspace(0, info.end_time - info.first_time, _POINTS + 1).astype(np.int64) + info.first_time
    x = style.moments(edges)
    waiting = _most_within(of_group.of(State.CLOSE_WAIT), edges)
    most = int(waiting.max())
    if most:
        ax.fill_between(x, waiting, step="post", facecolor="none", edgecolor=style.WAITING, hatch="////", linewidth=0)
        ax.plot(x, waiting, drawstyle="steps-post", color=style.WAITING, linewidth=2, label=State.CLOSE_WAIT.name)
    for name, (states, colour, dashes) in _STYLES.items():
        chosen = np.isin(of_group.state, [*states])
        counts = _most_within(Stays(*(column[chosen] for column in of_group)), edges)
        if name == State.ESTABLISHED.name or (counts > 0).mean() >= _WORTH_A_LINE:
            ax.plot(x, counts, drawstyle="steps-post", color=colour, linestyle=dashes, linewidth=1.3, label=name)
            most = max(most, int(counts.max()))
    style.counting(ax, "connections", most)
    style.clock(ax, info)
    _mark_onset(ax, ends)
    style.legend(ax)
    return ax


def _most_within(of_state: Stays, edges: Values) -> Values:
    """Tell for each stretch between edges the most at a time, and for the last edge how many there are then."""
    counts = of_state.at(edges)
    begins = np.sort(of_state.begin)
    at_begins = of_state.at(begins)
    np.maximum.at(counts, np.clip(np.searchsorted(edges, begins, "right") - 1, 0, len(edges) - 1), at_begins)
    return counts


def _mark_onset(ax: "Axes", ends: Ends) -> None:
    """Mark when the first of the stuck ones began to wait."""
    judgement = ends.result.judgement
    stuck = ends.rows[(judgement.stuck[ends.rows] == 1) & (judgement.waiting[ends.rows] == ends.side)]
    if not len(stuck):
        return
    onset = int(judgement.since[stuck].min())
    ax.axvline(style.moments(np.array([onset]))[0], color=style.INK, linewidth=1, linestyle=(0, (2, 2)))
    info = ends.result.capture
    late = onset - (info.first_time or 0) > 0.6 * ((info.end_time or 0) - (info.first_time or 0))
    ax.annotate(
        f"first stuck {clock_time(onset)}", (style.moments(np.array([onset]))[0], 1), xycoords=("data", "axes fraction"),
        xytext=(-4 if late else 4, -3), textcoords="offset points", ha="right" if late else "left", va="top",
        fontsize=style.SMALL, color=style.INK, bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.8},
    )  # fmt: skip
