"""How the states of many ends run over time: in which one each is from when to when, and how many at an instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from closewait_pcap.quantities import NO_TIME
from closewait_pcap.results.result import Result, endpoint_codes
from closewait_pcap.results.values import Values
from closewait_pcap.tcp.records import HAS_FIN, HAS_RST
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.events import state_changes
from closewait_pcap.verdicts.judge import CLIENT, SERVER
from closewait_pcap.verdicts.verdict import WAITED, Verdict
from closewait_pcap.views.endpoints import endpoint_name

OVER = (State.CLOSED, State.LISTEN, State.TIME_WAIT)
"""States in which an end holds nothing any more, or nothing yet. When TIME_WAIT is forgotten no packet tells."""
UNESTABLISHED = (Verdict.refused, Verdict.unanswered, Verdict.half_open)


class Stays(NamedTuple):
    """From when to when ends are in a state: columns of shape (n,), ordered by flow, then time."""

    row: Values
    """Of the flow."""
    state: Values
    begin: Values
    """ns since the epoch."""
    end: Values
    """When the state is left, the flow is replaced, or the capture ends."""
    lasts: Values
    """Whether it is the capture that ends: as far as it tells, the end is still in that state."""

    def of(self, state: State) -> "Stays":
        """Those in one state."""
        return Stays(*(column[self.state == state] for column in self))

    def at(self, times: Values) -> Values:
        """Count them at some instants: shape (times,), int64."""
        begun = np.searchsorted(np.sort(self.begin), times, "right")
        return np.asarray(begun - np.searchsorted(np.sort(self.end[~self.lasts]), times, "right"))

    def most(self) -> int:
        """Count how many there are at most at a time."""
        return int(self.at(np.sort(self.begin)).max(initial=0))


class Endings(NamedTuple):
    """How long the ends of a group took to close after their peer had: shape (n,)."""

    since: Values
    """From when on: its FIN, or their acknowledgement of it, ns since the epoch."""
    took: Values
    """ns until their own FIN, or until the end of what is known."""
    closed: Values
    """Whether they sent their FIN; otherwise they took longer than that."""
    lasts: Values
    """Whether they wait until the capture's end."""


class Turnover(NamedTuple):
    """When connections began, and when ends were done with them: by their FIN, or by a RST of either. In order, ns."""

    opened: Values
    closed: Values


@dataclass(frozen=True)
class Ends:
    """The ends of flows that are looked at together."""

    result: Result
    name: str
    side: int
    """Whether they are the clients' or the servers'."""
    rows: Values
    """Of the flows, int64."""

    @cached_property
    def stays(self) -> Stays:
        """Their stays, without those in which nothing is held (`OVER`).

        An end is in its first state from the flow's first packet on; the last one lasts until the flow is replaced by a newer
        one or the capture ends.
        """
        return _stays(self.result, self.side, np.sort(self.rows))

    @cached_property
    def endings(self) -> Endings:
        """How long those took to close that were in CLOSE_WAIT, from their acknowledgement of the peer's FIN on.

        A RST, the capture's end or a newer flow ended the watching, not the waiting.
        """
        waits = self.stays.of(State.CLOSE_WAIT)
        return Endings(waits.begin, waits.end - waits.begin, self._fin_times(waits.row, self.side) == waits.end, waits.lasts)

    @cached_property
    def closings(self) -> Endings:
        """How long all took to close whose peer had closed before, from its FIN on.

        Whoever closes at once sends a FIN that acknowledges the peer's, and is in CLOSE_WAIT for no time that packets show.
        """
        waits, found = self.stays.of(State.CLOSE_WAIT), self.endings
        changes = state_changes(self.result.facts, self.result.judgement, self.rows, (self.side,))
        reached = changes.row[changes.to_state == State.CLOSE_WAIT]
        at_once = np.setdiff1d(reached, waits.row)
        end = np.concatenate([waits.end, self._fin_times(at_once, self.side)])
        since = np.concatenate([waits.begin, end[len(waits.row) :]])
        peers = self._fin_times(np.concatenate([waits.row, at_once]), 1 - self.side)
        since = np.where(peers > 0, np.minimum(since, peers), since)  # 0: the capture lacks it, or its time
        closed = np.concatenate([found.closed, np.ones_like(at_once, np.bool_)])
        return Endings(since, end - since, closed, np.concatenate([found.lasts, np.zeros_like(at_once, np.bool_)]))

    def _fin_times(self, rows: Values, side: int) -> Values:
        sides = side ^ self.result.judgement.client_end[rows].astype(np.int64)
        return np.asarray(self.result.facts.ends["fin_time"][rows, sides])

    @cached_property
    def turnover(self) -> Turnover:
        """When their connections began, and when they were done with them; without those that were never established."""
        judgement, facts = self.result.judgement, self.result.facts
        rows = self.rows[~np.isin(judgement.verdict[self.rows], UNESTABLISHED)]
        sides = self.side ^ judgement.client_end[rows].astype(np.int64)
        ends = facts.ends[rows]
        mine = ends[np.arange(len(rows)), sides]
        happened = np.stack([mine["flags"] & HAS_FIN, ends["flags"][:, 0] & HAS_RST, ends["flags"][:, 1] & HAS_RST]) != 0
        times = np.stack([mine["fin_time"], ends["rst_time"][:, 0], ends["rst_time"][:, 1]])
        done = np.where(happened, times, np.iinfo(np.int64).max).min(axis=0)[happened.any(axis=0)]
        earliest = self.result.capture.first_time or 0  # frames without a time have 0
        begun = np.maximum(facts.flows["first_time"][rows], earliest)
        return Turnover(np.sort(begun), np.sort(np.maximum(done, earliest)))


def _stays(result: Result, side: int, rows: Values) -> Stays:
    facts, judgement = result.facts, result.judgement
    if not len(rows) or result.capture.first_time is None:
        none = np.empty(0, np.int64)
        return Stays(none, none, none, none, none.astype(np.bool_))
    changes = state_changes(facts, judgement, rows, (side,))
    changed, first = np.unique(changes.row, return_index=True)
    initial = judgement.states[rows, side].astype(np.int64)
    initial[np.searchsorted(rows, changed)] = changes.from_state[first]
    row = np.concatenate([rows, changes.row])
    state = np.concatenate([initial, changes.to_state])
    begin = np.concatenate([facts.flows["first_time"][rows], changes.time])
    order = np.argsort(row, kind="stable")
    row, state, begin = row[order], state[order], begin[order]
    begin = np.maximum(begin, result.capture.first_time)  # frames without a time have 0
    last = np.append(row[1:] != row[:-1], True)
    end = np.where(last, _until(result, row), np.append(begin[1:], 0))
    waits = (state == State.CLOSE_WAIT) & (judgement.waiting[row] == side) & (judgement.since[row] != NO_TIME)
    end = np.where(waits, np.minimum(end, judgement.since[row] + judgement.held[row]), end)
    lasts = last & (end == result.capture.end_time)
    held = ~np.isin(state, OVER) & ((end > begin) | lasts)  # clocks that were set back leave no time to stay
    return Stays(row[held], state[held], begin[held], end[held], lasts[held])


def _until(result: Result, rows: Values) -> Values:
    """When the capture ceases to show flows: at its end, or where newer ones took their addresses and ports."""
    flows, end = result.facts.flows, result.capture.end_time
    until = np.full(len(flows), end if end is not None else 0, np.int64)
    newer = np.flatnonzero(flows["previous"] >= 0)
    until[flows["previous"][newer]] = flows["first_time"][newer]
    return until[rows]


def waits(result: Result, rows: Values) -> Stays:
    """Tell from when to when flows are in CLOSE_WAIT, at whichever end.

    Args:
        result: an analysis.
        rows: of flows that wait or waited.
    """
    judgement = result.judgement
    rows = rows[judgement.since[rows] != NO_TIME]
    since = judgement.since[rows]
    end = since + judgement.held[rows]
    lasts = (end == result.capture.end_time) & np.isin(judgement.verdict[rows], [Verdict.close_wait, Verdict.close_wait_possible])
    return Stays(rows, np.full(len(rows), State.CLOSE_WAIT, np.int64), since, end, lasts)


def groups(result: Result, rows: Values, most: int) -> list[Ends]:
    """Group the ends of flows: by service, and by the clients that wait or did.

    Args:
        result: an analysis.
        rows: of the flows to look at.
        most: name no more services and clients than so many of each; the other services are one group.

    Returns:
        Those with the most flows that wait or did first, then the ones with the most flows.
    """
    if not len(rows):
        return []
    client, server, port, addresses = endpoint_codes(result, rows)
    waited = np.isin(result.judgement.verdict[rows], WAITED)
    found = []
    for side in (SERVER, CLIENT):
        keys = np.stack([server, port, client if side == CLIENT else np.zeros_like(client)], axis=1)
        mine = waited & (result.judgement.waiting[rows] == side)
        distinct, group = np.unique(keys, axis=0, return_inverse=True)
        group = group.reshape(-1)
        waiting = np.bincount(group[mine], minlength=len(distinct))
        order = np.lexsort((-np.bincount(group, minlength=len(distinct)), -waiting))
        for number in order[:most].tolist():
            service, called, caller = distinct[number].tolist()
            address, its_service = (result.address(*addresses[code].tolist()) for code in (caller, service))
            if side == SERVER or waiting[number]:
                found.append(Ends(result, endpoint_name(side, address, its_service, called), side, rows[group == number]))
        if side == SERVER and len(order) > most:
            found.append(Ends(result, "other servers", side, rows[np.isin(group, order[most:])]))
    return found


def state_counts(result: Result, times: Values, most: int) -> Mapping[tuple[str, str], Values]:
    """Count ends by group and state at some instants.

    Args:
        result: an analysis.
        times: ns since the epoch, in order.
        most: as for `groups`.

    Returns:
        By name of the group and of the state, in Figure 5's order; states that never occur are left out.
    """
    counted = {}
    for group in groups(result, result.rows, most):
        for state in State:
            if len(group.stays.of(state).row):
                counted[group.name, state.name] = group.stays.of(state).at(times)
    return counted
