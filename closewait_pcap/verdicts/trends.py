"""Whether the flows that one endpoint leaves in CLOSE_WAIT become more, with the capture as the only witness.

Looked at are waits that lasted for ``stuck_after``, at times up to ``stuck_after`` before the end of what was watched: of every
wait that began by then it is known whether it lasted. The time from the first of them on is cut into `PARTS` equal parts.

growing
    More parts end with more waits than they began with than chance would give (sign test, one-sided, `CHANCE`), and more wait at
    the end than in the middle. Five waits after the first, spread over the time, are enough; any number at one instant is not.
draining
    From the last time that most waited to the last wait that ended, the same test says fewer, and at most half of them are left.
bounded
    Neither, the second half never had more waits than the first, and there was occasion for more: at least `OCCASION` began, or
    as many were to be expected at the first half's share of leaks among the connections that the peer closed. Or as many began
    and ended in the second half, and their difference is no more than chance makes (the root of their number).
too_short
    None of these: too few, or for too short a time, to say.
"""

from enum import IntEnum
from math import comb, sqrt
from typing import NamedTuple

import numpy as np

from closewait_pcap.verdicts.sides import Ints

PARTS = 8
CHANCE = 0.05
OCCASION = 3
"""Where three are to be expected, none is seen by chance in one of twenty cases (the rule of three)."""


class Trend(IntEnum):
    """What becomes of the number of flows in CLOSE_WAIT."""

    growing = 0
    bounded = 1
    draining = 2
    too_short = 3

    def __str__(self) -> str:
        return self.name


class History(NamedTuple):
    """The waits of one endpoint that lasted for ``stuck_after``; times are ns since the epoch, in order."""

    begins: Ints
    ends: Ints
    """When they ended, or were last seen to last."""
    closings: Ints
    """When its peers closed first: each is an occasion to wait."""
    start: int
    """Since when the capture was watching without a hole."""
    until: int
    """``stuck_after`` before it ceased to."""


def trend_of(history: History) -> Trend:
    """Name the trend of one endpoint."""
    begins = history.begins
    if not len(begins) or history.until <= (start := max(int(begins[0]), history.start)):
        return Trend.too_short
    if _rises(history, start):
        return Trend.growing
    if _falls(history, start):
        return Trend.draining
    return Trend.bounded if _stays(history, start) else Trend.too_short


def _waiting(history: History, times: Ints) -> Ints:
    """How many wait at some times."""
    begun = np.searchsorted(history.begins, times, side="right")
    return np.asarray(begun - np.searchsorted(history.ends, times, side="right"))


def _changes(history: History, start: int, end: int) -> Ints:
    """By how much the number changes in each part of a time."""
    return np.diff(_waiting(history, np.linspace(start, end, PARTS + 1).astype(np.int64)))


def _is_no_chance(for_it: int, against: int) -> bool:
    """The sign test: whether so many of all changes go one way by chance in fewer than `CHANCE` of cases."""
    changes = for_it + against
    ways = sum(comb(changes, number) for number in range(for_it, changes + 1))
    return bool(ways <= CHANCE * 2**changes)


def _rises(history: History, start: int) -> bool:
    changes = _changes(history, start, history.until)
    return _is_no_chance(int((changes > 0).sum()), int((changes < 0).sum())) and int(changes[PARTS // 2 :].sum()) > 0


def _falls(history: History, start: int) -> bool:
    ends = history.ends[(history.ends > start) & (history.ends <= history.until)]
    if not len(ends):
        return False
    numbers = _waiting(history, ends - 1)  # the most wait right before one ends
    last_peak = int(ends[numbers == numbers.max()].max()) - 1
    changes = _changes(history, last_peak, int(ends[-1]))
    left = int(_waiting(history, np.array([history.until]))[0])
    return _is_no_chance(int((changes < 0).sum()), int((changes > 0).sum())) and left <= numbers.max() / 2


def _stays(history: History, start: int) -> bool:
    middle, until = (start + history.until) // 2, history.until
    in_first, in_second = _within(history.begins, start - 1, middle), _within(history.begins, middle, until)
    ended = _within(history.ends, middle, until)
    if min(in_second, ended) >= OCCASION and abs(in_second - ended) <= sqrt(in_second + ended):
        return True
    times = np.concatenate([history.begins, [start, middle]])
    first, second = times[(times >= start) & (times <= middle)], times[(times >= middle) & (times <= until)]
    if _waiting(history, second).max() > _waiting(history, first).max():
        return False
    closings = _within(history.closings, start - 1, middle)
    expected = _within(history.closings, middle, until) * in_first / closings if closings else 0
    return max(in_second, expected) >= OCCASION


def _within(times: Ints, after: int, until: int) -> int:
    """How many times lie in a span, its begin excluded."""
    return int(np.searchsorted(times, until, side="right") - np.searchsorted(times, after, side="right"))
