"""Whether waits become more: synthetic histories whose answer is known, and how often chance alone is taken for a trend."""

import numpy as np
import pytest

from closewait_pcap.verdicts.trends import History, Trend, trend_of

S = 1_000_000_000
END = 600 * S
Times = list[float]


def history(begins: Times, lasting: "Times | float" = 1e6, closings: "Times | None" = None, start: float = 0) -> History:
    """A history in seconds: begins, for how long each lasts, and when else the peer closed first."""
    since = np.array(begins, np.float64)
    order = np.argsort(since)
    ends = np.sort((since + np.broadcast_to(lasting, len(since)))[order])
    every = np.sort(np.concatenate([since, closings or []]))
    begun, ended, closed = ((np.minimum(times, 1e6) * S).astype(np.int64) for times in (since[order], ends, every))
    return History(begun, ended, closed, int(start * S), END)


def steps(first: float, last: float, number: int) -> Times:
    return [float(time) for time in np.linspace(first, last, number)]


@pytest.mark.parametrize("number", [6, 8, 20, 1000])
def test_a_leak_that_goes_on_is_growing(number: int) -> None:
    assert trend_of(history(steps(3, 590, number))) is Trend.growing


def test_a_leak_that_begins_late_is_growing() -> None:
    assert trend_of(history(steps(400, 590, 12))) is Trend.growing


def test_growth_beside_waits_that_end_is_growing() -> None:
    begins = steps(1, 595, 200)
    lasting = [5.0 if number % 2 else 1e6 for number in range(200)]
    assert trend_of(history(begins, lasting)) is Trend.growing


@pytest.mark.parametrize("begins", [[], [5.0], [5.0, 300.0], [5.0, 100.0, 500.0], steps(599, 599.9, 3)])
def test_one_or_two_flows_are_too_few_to_say(begins: Times) -> None:
    assert trend_of(history(begins)) is Trend.too_short


@pytest.mark.parametrize("instants", [[10.0], [10.0, 400.0]])
def test_a_burst_is_no_growth_however_many_it_is(instants: Times) -> None:
    begins = [instant + number / 1000 for instant in instants for number in range(50)]
    assert trend_of(history(begins)) is Trend.too_short


def test_a_pool_that_is_full_is_bounded_where_connections_go_on_to_be_closed() -> None:
    full = steps(5, 60, 10)
    others = steps(5, 595, 300)
    assert trend_of(history(full, closings=others)) is Trend.bounded


def test_silence_after_a_leak_does_not_say_that_it_is_bounded() -> None:
    assert trend_of(history(steps(5, 60, 10), closings=steps(5, 60, 60))) is Trend.too_short


def test_a_pool_whose_waits_are_replaced_is_bounded() -> None:
    assert trend_of(history(steps(1, 595, 120), 50.0)) is Trend.bounded


def test_a_leak_that_is_cleared_is_draining() -> None:
    begins = steps(1, 200, 20)
    ends = steps(250, 580, 20)
    assert trend_of(history(begins, [end - begin for begin, end in zip(begins, ends, strict=True)])) is Trend.draining


def test_a_restart_is_not_draining() -> None:
    """All sockets closed at one instant: nothing says that it goes on."""
    begins = steps(1, 200, 20)
    assert trend_of(history(begins, [300 - begin for begin in begins])) is not Trend.draining


def test_what_came_before_a_hole_is_not_compared_with_what_came_after() -> None:
    assert trend_of(history(steps(3, 100, 50), start=300)) is Trend.too_short


def test_nothing_to_watch() -> None:
    assert trend_of(history([700.0])) is Trend.too_short


def test_chance_is_seldom_taken_for_a_trend() -> None:
    """Waits that come and go at random, and have done so since long before: growing or draining in few of a thousand cases."""
    random = np.random.default_rng(7)
    named = []
    for _ in range(1000):
        number = int(random.integers(20, 400))
        begins = np.sort(random.uniform(-300, 600, number))
        lasting = random.exponential(20, number)
        ends = np.sort(begins + lasting)
        seen = History((begins * S).astype(np.int64), (ends * S).astype(np.int64), (begins * S).astype(np.int64), 0, END)
        named.append(trend_of(seen))
    assert named.count(Trend.growing) + named.count(Trend.draining) < 60
    assert named.count(Trend.bounded) > 600
