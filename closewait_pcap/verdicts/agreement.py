"""Holds the kernel's states against those that the packets show."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.sockets.matching import Matches
from closewait_pcap.sockets.missing import missing_sockets
from closewait_pcap.sockets.placing import SLACK
from closewait_pcap.sockets.values import numbers
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.differences import ABSENT, RULES, Cases
from closewait_pcap.verdicts.events import state_changes
from closewait_pcap.verdicts.judge import Judgement

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

_MUST_EXIST = (State.ESTABLISHED, State.CLOSE_WAIT)
"""An end in these states has a socket for as long as it is in them; the others end by themselves or by a packet."""
_UNTOLD = -2
"""The row has no state."""


@dataclass(frozen=True)
class Agreement:
    """Kernel against capture, as columns of shape (n,), ordered by flow, then side."""

    row: Ints
    side: Ints
    socket: Ints
    inferred: Ints
    """`State` numbers."""
    kernel: Ints
    """`State` numbers, or ABSENT."""
    reason: Ints
    """Place in `RULES`; -1 where the two agree."""

    @property
    def agrees(self) -> Bools:
        """Whether kernel and capture say the same, shape (n,)."""
        return np.asarray(self.reason < 0)


def compare(facts: Facts, judgement: Judgement, matches: Matches, *, end: int | None) -> Agreement:
    """Hold the kernel's states against those that the packets show.

    Args:
        facts: of all flows.
        judgement: of all flows.
        matches: their sockets.
        end: of the capture, ns since the epoch.

    Returns:
        Every end that has a socket, and every end that must have one and has none although its host's table is there.
    """
    row, side, socket = _ends(facts, judgement, matches)
    kernel = np.array([_number(matches, place) for place in socket.tolist()], np.int64)
    known = kernel != _UNTOLD
    row, side, socket, kernel = row[known], side[known], socket[known], kernel[known]
    cases = _cases(facts, judgement, matches, row, side, socket, kernel, end or 0)
    differs = kernel != cases.inferred
    reason = np.full(len(row), -1, np.int64)
    reason[differs] = np.select([rule.holds(cases)[differs] for rule in RULES], list(range(len(RULES))), len(RULES) - 1)
    return Agreement(row, side, socket, cases.inferred, kernel, reason)


def _number(matches: Matches, place: int) -> int:
    if place < 0:
        return ABSENT
    state = matches.sockets[place].state
    return _UNTOLD if state is None else int(state)


def _ends(facts: Facts, judgement: Judgement, matches: Matches) -> tuple[Ints, Ints, Ints]:
    """List the ends to look at: flow, side and socket (-1: none)."""
    parts = []
    for side in (0, 1):
        column = matches.of_side(side)
        rows = np.flatnonzero(column >= 0)
        parts.append((rows, np.full(len(rows), side), column[rows]))
        must = np.flatnonzero(np.isin(judgement.states[:, side], _MUST_EXIST) & (column < 0) & (facts.flows["first_frame"] != 0))
        rows = missing_sockets(matches, facts.flows, must, judgement.client_end[must] ^ side)
        parts.append((rows, np.full(len(rows), side), np.full(len(rows), -1)))
    row, side_of, socket = (np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True))
    order = np.lexsort((side_of, row))
    return row[order], side_of[order], socket[order]


def _cases(
    facts: Facts, judgement: Judgement, matches: Matches, row: Ints, side: Ints, socket: Ints, kernel: Ints, end: int
) -> Cases:
    moments = np.array([NO_TIME if moment is None else moment for moment, _ in matches.placements], np.int64)
    best = moments[matches.order[0]] if matches.order else NO_TIME
    moment = np.where(socket >= 0, moments[matches.snapshot_of[socket]], best) if len(socket) else socket
    inferred = judgement.states[row, side].astype(np.int64)
    shown, around = 1 << inferred, np.zeros(len(row), np.int64)
    passed = (moment != NO_TIME) & (moment < facts.flows["last_time"][row] + SLACK)
    look = np.flatnonzero(passed | ((kernel != inferred) & (kernel != ABSENT)))
    if len(look):
        inferred[look], shown[look], around[look] = _history(facts, judgement, row[look], side[look], moment[look])
    mine = judgement.client_end[row].astype(np.int64) ^ side
    ends = facts.ends  # a few fields each: the records of a million ends take room
    send_q = [matches.sockets[place].send_q if place >= 0 else None for place in socket.tolist()]
    return Cases(
        row, side, socket, kernel, inferred, shown, around, moment, end, end + SLACK,
        ends["flags"][row, mine].astype(np.int64), ends["flags"][row, 1 - mine].astype(np.int64),
        ends["ack_high"][row, mine], ends["fin"][row, 1 - mine],
        numbers(send_q),
    )  # fmt: skip


def _history(facts: Facts, judgement: Judgement, row: Ints, side: Ints, moment: Ints) -> tuple[Ints, Ints, Ints]:
    """Tell the states of some ends at given times, all the states they were in, and those within `SLACK` of that time."""
    changes = state_changes(facts, judgement, np.unique(row))
    key = changes.row * 2 + changes.side
    order = np.argsort(key, kind="stable")  # they are in the order of time
    key, time = key[order], changes.time[order]
    before, after = changes.from_state[order], changes.to_state[order]
    begin, stop = (np.searchsorted(key, row * 2 + side, which) for which in ("left", "right"))
    inferred = judgement.states[row, side].astype(np.int64)
    shown, around = 1 << inferred, np.zeros(len(row), np.int64)
    count = stop - begin
    some = np.flatnonzero(count)
    if not len(some):
        return inferred, shown, around
    count, moment, first = count[some], moment[some], np.cumsum(count[some]) - count[some]
    place = np.repeat(begin[some] - first, count) + np.arange(int(count.sum()))  # of each change of each end
    at = np.repeat(moment, count)
    states = 1 << before[place] | 1 << after[place]
    near = (at != NO_TIME) & (np.abs(time[place] - np.where(at == NO_TIME, 0, at)) <= SLACK)
    shown[some] |= np.bitwise_or.reduceat(states, first)
    around[some] = np.bitwise_or.reduceat(np.where(near, states, 0), first)
    past = np.add.reduceat((time[place] <= at).astype(np.int64), first)
    then = np.where(past > 0, after[begin[some] + np.maximum(past, 1) - 1], before[begin[some]])
    inferred[some] = np.where(moment == NO_TIME, inferred[some], then)
    return inferred, shown, around
