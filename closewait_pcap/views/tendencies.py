"""What the flows of each waiting endpoint tell together: how fast they become more, what they share, whom they wait for."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from closewait_pcap.quantities import NO_TIME, count, span
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.verdicts.chains import find_links
from closewait_pcap.verdicts.judge import CLIENT, SERVER
from closewait_pcap.verdicts.traits import FEWEST, Manners, manners_of, shared
from closewait_pcap.verdicts.trends import History, Trend, trend_of
from closewait_pcap.verdicts.verdict import Verdict

Window = tuple[int | None, int | None]
"""From when to when flows are shown, ns since the epoch; None: as far as the capture goes."""
_BLOCK = 1 << 16
_MINUTE = 60_000_000_000
_SECOND = 1_000_000_000
_LASTED = (Verdict.close_wait_reset, Verdict.closed_late)


class Grouped(NamedTuple):
    """The flows of waiting endpoints, of one side after the other: shape (n,)."""

    rows: Values
    """A flow stands in it twice where both its ends are such endpoints."""
    group: Values
    """The number of its endpoint."""
    side: Values
    """The endpoint's side."""
    peer: Values
    """The number of its peer's address."""
    own: Values
    """That of its own."""


class Watch(NamedTuple):
    """The time in which the capture shows all that begins and ends."""

    start: int
    until: int
    """``stuck_after`` before its end."""

    @property
    def ns(self) -> int:
        """How long that is; not positive: too short for any wait, or the clock was set back."""
        return self.until - self.start


def watch(result: Result, window: Window = (None, None)) -> Watch:
    """Say for which time the capture shows, without a hole, which flows wait.

    Args:
        result: an analysis.
        window: from when to when its flows are looked at.
    """
    info = result.capture
    if info.first_time is None or info.end_time is None or info.largest_step_back >= _SECOND:
        return Watch(0, 0)
    holes = [gap.end for gap in info.gaps] + [hole.end for hole in info.holes]
    start = max([info.first_time, *holes, *(time for time in window[:1] if time is not None)])
    until = info.end_time - result.stuck_after
    return Watch(start, until if window[1] is None else min(until, window[1]))


def tendencies(result: Result, flows: Grouped, groups: int, addresses: Values, window: Window) -> dict[str, Values]:
    """Compute the columns of endpoints that look at their flows together.

    Args:
        result: an analysis.
        flows: of the endpoints.
        groups: how many endpoints there are.
        addresses: by their number.
        window: from when to when flows are shown.

    Returns:
        ``per_minute``, ``trend`` and ``shared``, shape (groups,), ``behind``: the number of the endpoint waited for, or -1; and
        ``following``: in words, how their FINs follow each other.
    """
    judgement, watched = result.judgement, watch(result, window)
    mine = judgement.waiting[flows.rows] == flows.side
    ended = np.isin(judgement.verdict[flows.rows], _LASTED)
    lasted = mine & (ended | (_holds(result, flows.rows) & (judgement.stuck[flows.rows] == 1)))
    since = judgement.since[flows.rows]
    timed = lasted & (since != NO_TIME)
    begun = timed & (since >= watched.start) & (since <= watched.until)
    per_minute = np.full(groups, np.nan)
    if watched.ns >= _SECOND:
        per_minute = np.bincount(flows.group[begun], minlength=groups) * (_MINUTE / watched.ns)
    trend, texts = np.full(groups, Trend.too_short, np.int64), np.full(groups, None, object)
    for number, at, manners in _each(result, flows, timed, groups):
        waiting = np.flatnonzero(timed[at])
        trend[number] = trend_of(_history(result, flows.rows[at[waiting]], manners, watched))
        closed = np.flatnonzero(judgement.verdict[flows.rows[at]] == Verdict.closed)
        side = int(flows.side[at[0]])
        traits = shared(manners, waiting, closed, side, lambda peer: result.address(*addresses[peer].tolist()))
        texts[number] = "; ".join(map(str, traits)) or None
    behind, following = _behind(result, flows, mine, groups, watched)
    return {"per_minute": per_minute, "trend": trend, "shared": texts, "behind": behind, "following": following}


def _holds(result: Result, rows: Values) -> Values:
    return np.asarray(result.judgement.verdict[rows] == Verdict.close_wait)


def _each(result: Result, flows: Grouped, waiting: Values, groups: int) -> Iterator[tuple[int, Values, Manners]]:
    """Go through the endpoints of which there are enough waits to say anything: number, places of the flows, how these went."""
    enough = np.bincount(flows.group[waiting], minlength=groups) >= FEWEST
    for side in (SERVER, CLIENT):
        places = np.flatnonzero(enough[flows.group] & (flows.side == side))
        if not len(places):
            continue
        places = places[np.argsort(flows.group[places], kind="stable")]
        blocks = [places[at : at + _BLOCK] for at in range(0, len(places), _BLOCK)]  # facts are copied for it: not of all flows
        parts = [manners_of(result.facts, result.judgement, flows.rows[block], side, flows.peer[block]) for block in blocks]
        manners = Manners._make(map(np.concatenate, zip(*parts, strict=True)))
        starts = np.flatnonzero(np.diff(flows.group[places], prepend=-1))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(places)], strict=True):
            of_group = Manners._make(column[start:end] for column in manners)
            yield int(flows.group[places[start]]), places[start:end], of_group


def _history(result: Result, waits: Values, manners: Manners, watched: Watch) -> History:
    since, held = result.judgement.since[waits], result.judgement.held[waits]
    closings = np.sort(manners.closing[manners.closing != 0])
    return History(np.sort(since), np.sort(since + held), closings, watched.start, watched.until)


def _behind(result: Result, flows: Grouped, mine: Values, groups: int, watched: Watch) -> tuple[Values, Values]:
    """For each endpoint, the one at the other end of the chain of those that it waits for, and how the FINs follow each other."""
    behind, following = np.full(groups, -1, np.int64), np.full(groups, None, object)
    at = np.flatnonzero(mine & _holds(result, flows.rows))
    links = find_links(
        result.facts,
        result.judgement,
        flows.rows[at],
        flows.group[at],
        np.stack([flows.own[at], flows.peer[at]], axis=1),
        watched.ns,
    )
    for link in links:
        behind[link.messenger] = link.behind
        waits = count(int((flows.group[at] == link.messenger).sum()), "flow")
        following[link.messenger] = (
            f"in {link.flows:,} of {waits} its own FIN follows the one it was sent after {span(link.typical)}"
        )
    for number in range(groups) if links else ():
        seen = {number}
        while behind[number] >= 0 and (further := int(behind[behind[number]])) >= 0 and further not in seen:
            seen.add(further)
            behind[number] = further
    return behind, following
