"""How much a server had to do at a time: connections that its application had in hand, and those that it had not answered yet.

Both are counted from what was seen: an application has in hand what it has answered and not closed. How many it could take at
once is at least the most that it ever had: a server that answers one after the other shows one, a pool of workers shows some.
"""

from typing import NamedTuple

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.verdicts.evidence.servers import field
from closewait_pcap.verdicts.judge import CLIENT, SERVER, Judgement
from closewait_pcap.verdicts.sides import Bools, Ints

_NEVER = np.iinfo(np.int64).max


class Flows(NamedTuple):
    """Flows whose handshake was completed, arrays of shape (flows,); frames, `_NEVER` where something was not seen."""

    listener: Ints
    completed: Ints
    answered: Ints
    """The server sent payload or a FIN for the first time: its application had the connection. What is reset stays queued."""
    ended: Ints
    """It sent a FIN, or either end a RST."""


def flows_at(facts: Facts, judgement: Judgement, rows: Ints, listener: Ints) -> Flows:
    """Gather the frames of some flows.

    Args:
        facts: of all flows.
        judgement: of all flows.
        rows: of the flows.
        listener: the endpoint of each.
    """

    def frame(name: str, side: int = SERVER) -> Ints:
        frames = field(facts, judgement, rows, name, side)
        return np.where(frames == 0, _NEVER, frames)

    fin, reset = frame("fin_frame"), np.minimum(frame("rst_frame"), frame("rst_frame", CLIENT))
    return Flows(listener, frame("syn_acked_frame"), np.minimum(frame("first_data_frame"), fin), np.minimum(fin, reset))


def unanswered_at(flows: Flows, listener: Ints, frame: Ints) -> Ints:
    """Count, for each of some moments at some endpoints, the flows there whose handshake was complete and that had no answer."""
    return _count_until(flows.listener, flows.completed, listener, frame) - _count_until(
        flows.listener, flows.answered, listener, frame
    )


def in_hand(flows: Flows, overtaken: Bools, listeners: int) -> tuple[Ints, Ints, Ints]:
    """Count the flows that applications had in hand.

    Args:
        flows: of all endpoints.
        overtaken: flows without an answer that had been accepted, as one behind them was answered.
        listeners: how many endpoints there are.

    Returns:
        For each endpoint the most at once, and how many at the end; and for each flow of which of these it was one, shape
        (flows,): 1, 2, or 3 of both.
    """
    begins = np.where(overtaken, flows.completed, flows.answered)
    ends = np.maximum(flows.ended, begins)
    frame = np.concatenate([begins, ends])
    listener = np.concatenate([flows.listener, flows.listener])
    step = np.repeat([1, -1], len(begins))
    seen = frame != _NEVER
    frame, listener, step = frame[seen], listener[seen], step[seen]
    order = np.lexsort((-step, frame, listener))
    listener, running = listener[order], np.cumsum(step[order])
    at_end = np.bincount(listener, step[order], minlength=listeners).astype(np.int64)
    before = np.cumsum(at_end) - at_end
    most = np.zeros(listeners, np.int64)
    level = running - before[listener]
    np.maximum.at(most, listener, level)
    fullest = np.full(listeners, _NEVER)
    np.minimum.at(fullest, listener, np.where(level == most[listener], frame[order], _NEVER))
    then = fullest[flows.listener]
    at_most = (begins <= then) & (ends >= then) & (then != _NEVER)
    return most, at_end, at_most + 2 * ((begins != _NEVER) & (ends == _NEVER))


def _count_until(listener: Ints, frame: Ints, at_listener: Ints, at_frame: Ints) -> Ints:
    """Count the flows of an endpoint to which something had happened by a frame."""
    ranks = np.unique(np.concatenate([frame, at_frame]), return_inverse=True)[1].reshape(-1)
    width = len(ranks) + 1
    keys = np.sort(listener * width + ranks[: len(frame)])
    wanted = at_listener * width
    return np.searchsorted(keys, wanted + ranks[len(frame) :], "right") - np.searchsorted(keys, wanted)
