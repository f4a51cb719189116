"""How long an endpoint takes to close a connection that its peer has closed."""

from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap.errors import MissingExtra
from closewait_pcap.plots import style
from closewait_pcap.plots.choosing import Analysed, of_endpoint
from closewait_pcap.views.courses import Ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def closing_times(analysis: Analysed, endpoint: int | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw which share of the connections that the peer closed first is not yet closed so long after its FIN.

    Those of which no close was seen count for as long as they were watched, and are marked (Kaplan-Meier estimate).

    Args:
        analysis: of a capture.
        endpoint: its row in ``analysis.endpoints``; None: the worst one.
        ax: where to draw.

    Returns:
        The axes.

    Raises:
        IndexError: there is no such endpoint.
        MissingExtra: scipy is not installed.
    """
    return of_endpoint(draw, analysis, endpoint, ax, (6, 3))


def draw(ax: "Axes", ends: Ends) -> "Axes":
    """Draw it of some ends."""
    try:
        from scipy.stats import CensoredData, ecdf  # noqa: PLC0415 - slow to import
    except ImportError as error:
        raise MissingExtra("closing_times needs scipy: pip install 'closewait-pcap[notebook]'") from error

    found = ends.closings
    if not len(found.took):
        return style.nothing(ax, "No connection was closed by its peer first.")
    took = np.maximum(found.took, 1_000) / 1e9  # a logarithmic axis has no 0
    closed, censored = took[found.closed], took[~found.closed]
    survival = ecdf(CensoredData(uncensored=closed, right=censored)).sf
    first, last = took.min() / 2, took.max() * 2
    x = np.concatenate([[first], survival.quantiles, [took.max()]])
    y = np.concatenate([[1.0], survival.probabilities, survival.probabilities[-1:]])
    ax.plot(x, y, drawstyle="steps-post", color=style.OPEN, linewidth=1.6, label=f"not yet closed (of {len(took):,})")
    if len(censored):
        marks = np.unique(censored)
        ax.plot(marks, survival.evaluate(marks), linestyle="none", marker="|", markersize=11, markeredgewidth=1.6,
                color=style.WAITING, label=f"no close seen: {len(censored):,}")  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(first, last)
    marked = [at for at in style.SPANS if first <= at / 1e9 <= last]
    ax.set_xticks([at / 1e9 for at in marked], [*map(style.span_mark, marked)])
    ax.set_xticks([], minor=True)
    ax.set_ylim(0, 1.05)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    ax.grid(axis="y", color=style.RULE, linewidth=0.6)
    ax.set_xlabel("since the peer's FIN", fontsize=style.SMALL, color=style.MUTED)
    ax.set_ylabel("share not closed", fontsize=style.SMALL, color=style.MUTED)
    style.legend(ax)
    return ax
