"""How pictures look: few colours, told apart without them too; room around what matters."""

from typing import TYPE_CHECKING, Any

import numpy as np

from closewait_pcap.quantities import Dating, date_of, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from closewait_pcap.capture.info import CaptureInfo
    from closewait_pcap.results.values import Values

WAITING = "#c1440e"
"""What somebody fails to close. The colours keep apart in all common kinds of colour blindness, and on paper."""
OPEN = "#2b6ca3"
DONE = "#4d7c3a"
INK = "#1d1d1f"
MUTED = "#6a6a70"
RULE = "#d8d8dc"
PAPER = "#ffffff"
_SECONDS = (0.0001, 0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400)
SPANS = tuple(round(seconds * 1e9) for seconds in _SECONDS)
"""Spans of time at which axes are marked, ns: each is a step to a person."""
SMALL, NORMAL = 8.0, 9.0
"""Points."""


def span_mark(ns: int) -> str:
    """Write one of `SPANS` as short as it can be: ``1 min`` and not ``1 min 00 s``."""
    return span(ns).partition(" 00 ")[0]


def prepare(ax: "Axes | None", size: tuple[float, float]) -> "Axes":
    """Give axes to draw into, without the frame that says nothing.

    Args:
        ax: axes to use; None: those of a new figure.
        size: of a new figure, in inches.
    """
    if ax is None:
        import matplotlib.pyplot as plt  # noqa: PLC0415 - it chooses a backend, which a report must not

        ax = plt.figure(figsize=size, layout="constrained").add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    ax.tick_params(colors=MUTED, labelsize=SMALL, labelcolor=INK)
    return ax


def title(ax: "Axes", text: str) -> None:
    """Say what the picture is of, over it and its legend."""
    ax.set_title(text, loc="left", fontsize=NORMAL, color=INK, fontweight="bold", pad=20)


def clock(ax: "Axes", info: "CaptureInfo") -> None:
    """Make the x axis one of times: UTC, the date said once, as far as it is known.

    Args:
        ax: axes whose x values come from `moments`.
        info: of the capture, which has times.
    """
    from matplotlib.dates import AutoDateLocator, DateFormatter  # noqa: PLC0415
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    ax.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=6))
    start, end = info.first_time or 0, info.end_time or 0
    days, seconds = date_of(start) != date_of(end), (end - start) / 1e9
    clock = DateFormatter("%m-%d %H:%M" if days else "%H:%M:%S.%f" if seconds < 10 else "%H:%M:%S")
    cut = -3 if not days and seconds < 10 else None
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, place: clock(value, place)[:cut]))
    first, last = moments(np.array([start, max(end, start + 1_000_000)]))
    ax.set_xlim(first, last)
    on = "" if days else f" on {date_of(start)}"
    label = {
        Dating.FULL: f"time (UTC){on}",
        Dating.NO_DATE: "time (UTC), day not known",
        Dating.NO_CLOCK: "time since the first packet",
    }
    ax.set_xlabel(label[info.dating], fontsize=SMALL, color=MUTED)


def moments(times: "Values") -> Any:
    """Turn ns since the epoch into what matplotlib puts on an axis."""
    return times.astype("datetime64[ns]")


def counting(ax: "Axes", label: str, most: float) -> None:
    """Make the y axis one of whole numbers from 0."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415

    ax.set_ylim(0, max(most, 1) * 1.12)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.set_ylabel(label, fontsize=SMALL, color=MUTED)
    ax.grid(axis="y", color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)


def legend(ax: "Axes") -> None:
    """Name the lines, above them, where nothing lies."""
    handles = ax.get_legend_handles_labels()[0]
    if handles:
        ax.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False, fontsize=SMALL, labelcolor=INK,
            handlelength=2.2, borderaxespad=0.1, columnspacing=1.4,
        )  # fmt: skip


def nothing(ax: "Axes", text: str) -> "Axes":
    """Say why there is no picture."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, ha="center", va="center", color=MUTED, fontsize=NORMAL, transform=ax.transAxes)
    return ax
