"""One connection as a ladder: time runs down, packets cross, and both ends' states stand beside their lines."""

from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap.columns import SIDES
from closewait_pcap.plots import style
from closewait_pcap.plots.choosing import Analysed
from closewait_pcap.quantities import Dating, clock_time, span
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.judge import CLIENT, NOBODY
from closewait_pcap.views.ladder import Ladder, Step, ending, ladder_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = (0.42, 0.78)
"""Where the ends' lines run, of the width."""
_RUNG, _HEAD = 0.34, 0.8
"""Inches: of a step, and of the rest."""
_WIDTH = 7.2


def ladder(analysis: Analysed, stream: int, *, ax: "Axes | None" = None) -> "Axes":
    """Draw one connection: the packets that changed a state, with frame, time and numbers, and both ends' states.

    Args:
        analysis: of a capture.
        stream: the flow's number, Wireshark's tcp.stream.
        ax: where to draw.

    Returns:
        The axes.

    Raises:
        KeyError: there is no such flow.
    """
    result = analysis.result
    rows = result.rows[result.streams_of(result.rows) == stream]
    if not len(rows):
        raise KeyError(f"no flow {stream} in {result.capture.file}")
    found = ladder_of(result, int(rows[0]))
    return draw(style.prepare(ax, size(found)), found)


def size(found: Ladder) -> tuple[float, float]:
    """The size that a ladder needs, in inches."""
    return _WIDTH, _HEAD + _RUNG * _rungs(found)


def _rungs(found: Ladder) -> int:
    return len(found.steps) + 3  # payload, the states before, and how it ended


def draw(ax: "Axes", found: Ladder) -> "Axes":
    """Draw it of one flow."""
    ax.set_axis_off()
    rungs = _rungs(found)
    ax.set_xlim(0, 1)
    ax.set_ylim(rungs - 0.4, -0.9)
    for side, x in enumerate(_LINES):
        ax.text(x, -0.6, f"{SIDES[side]}\n{found.ends[side]}", ha="center", va="center", fontsize=style.SMALL, color=style.INK,
                fontweight="bold", linespacing=1.3)  # fmt: skip
        ax.plot([x, x], [-0.1, rungs - 1], color=style.MUTED, linewidth=1)
    _tell_states(ax, 0, found.before)
    y, previous, bar = 1.0, 0, np.nan
    for at, step in enumerate(found.steps):
        if at == found.payload_at:
            y = _tell_payload(ax, y, found.payload)
        _cross(ax, y, step, previous, found.dating)
        bar = y if at == found.since_step else bar
        previous = step.time or previous
        y += 1
    if found.payload_at >= len(found.steps):
        y = _tell_payload(ax, y, found.payload)
    _end(ax, y, found, previous)
    if found.waiting != NOBODY and found.since_step >= 0:
        _mark_waiting(ax, found, bar, y)
    return ax


def _tell_states(ax: "Axes", y: float, states: tuple[State | None, State | None]) -> None:
    for side, (x, state) in enumerate(zip(_LINES, states, strict=True)):
        if state is not None:
            waits = state is State.CLOSE_WAIT
            ax.text(
                x + (-0.012, 0.012)[side], y, state.name, ha=("right", "left")[side], va="center", fontsize=style.SMALL,
                color=style.WAITING if waits else style.MUTED, fontweight="bold" if waits else "normal",
            )  # fmt: skip


def _tell_payload(ax: "Axes", y: float, text: str) -> float:
    ax.text(sum(_LINES) / 2, y, text.replace("; ", "\n"), ha="center", va="center", fontsize=style.SMALL - 0.5, color=style.MUTED,
            style="italic", bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1.5})  # fmt: skip
    return y + 1


def _cross(ax: "Axes", y: float, step: Step, previous: int, dating: Dating) -> None:
    """Draw one packet: from its sender's line to the other."""
    begin, end = (_LINES[0], _LINES[1]) if step.sender == CLIENT else (_LINES[1], _LINES[0])
    ax.annotate("", (end, y + 0.22), (begin, y - 0.02), arrowprops={"arrowstyle": "-|>", "color": style.INK, "linewidth": 1.1,
                "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9})  # fmt: skip
    ax.text(sum(_LINES) / 2, y - 0.06, f"{step.label}  {step.numbers}", ha="center", va="bottom", fontsize=style.SMALL,
            color=style.INK)  # fmt: skip
    frame = f"frame {step.frame:,}" if step.frame >= 0 else "a later frame"
    ax.text(0.13, y, f"{step.file} {frame}".strip(), ha="right", va="center", fontsize=style.SMALL, color=style.INK)
    ax.text(0.15, y, _when(step.time, previous, dating), ha="left", va="center", fontsize=style.SMALL, color=style.MUTED)
    _tell_states(ax, y + 0.1, step.states)


def _when(time: int, previous: int, dating: Dating) -> str:
    """Give a time of day, and how long after the packet before."""
    if not time:
        return ""
    return f"+{span(time - previous)}" if previous and time >= previous else clock_time(time, dating)


def _end(ax: "Axes", y: float, found: Ladder, previous: int) -> None:
    """Say how the capture ended, and what that makes of the flow."""
    ax.plot([_LINES[0] - 0.03, _LINES[1] + 0.03], [y, y], color=style.MUTED, linewidth=1, linestyle=(0, (4, 3)))
    ax.text(0.13, y, "capture's end", ha="right", va="center", fontsize=style.SMALL, color=style.INK)
    if found.end_time is not None:
        when = _when(found.end_time, previous, found.dating)
        ax.text(0.15, y, when, ha="left", va="center", fontsize=style.SMALL, color=style.MUTED)
    ax.text(sum(_LINES) / 2, y + 0.2, ending(found), ha="center", va="top", fontsize=style.SMALL, fontweight="bold",
            color=style.INK)  # fmt: skip


def _mark_waiting(ax: "Axes", found: Ladder, begin: float, end: float) -> None:
    """Thicken the waiting end's line for as long as it waited."""
    leaves = [at for at, step in enumerate(found.steps) if at > found.since_step and step.states[found.waiting] is not None]
    if leaves:
        end = begin + leaves[0] - found.since_step + (found.since_step < found.payload_at <= leaves[0])
    x = _LINES[found.waiting]
    ax.plot([x, x], [begin, end], color=style.WAITING, linewidth=5, solid_capstyle="butt", alpha=0.9, zorder=0.5)
