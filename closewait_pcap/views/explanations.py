"""Why flows wait, and what the capture cannot show of them: the public columns that only some flows have."""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from closewait_pcap import columns
from closewait_pcap.quantities import NO_TIME, short_names
from closewait_pcap.results.addresses import address_codes
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Category, Values
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.causes.diagnosis import Diagnosis
from closewait_pcap.verdicts.evidence.waiting import Naming, Waiting
from closewait_pcap.verdicts.judge import CLIENT, NOBODY, SERVER
from closewait_pcap.verdicts.limits import Limit, limits_of

_BLOCK = 1 << 16


class Explanations:
    """Causes and limits of some flows.

    Args:
        result: an analysis.
        rows: of the flows, shape (n,); not all of them need be waiting.
    """

    def __init__(self, result: Result, rows: Values) -> None:
        self._result = result
        self._rows = rows
        self._sides = _waiting_sides(result, rows)
        self._waits = np.flatnonzero(self._sides != NOBODY)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """The causes for which those wait that do."""
        result = self._result
        rows, sides = self._rows[self._waits], self._sides[self._waits]
        listeners, files = result.listeners, short_names(result.capture.files)
        naming = Naming(files, result.capture.dating, result.capture.printed if result.capture.is_text else None)
        return Diagnosis(Waiting(result.facts, result.judgement, rows, sides, listeners, result.matches, naming))

    def values(self) -> dict[str, Values]:
        """The public columns, without ``evidence``: arrays of shape (n,)."""
        unread = self.diagnosis.case.unread
        numbers: dict[str, Values] = {
            "cause": self.diagnosis.cause,
            "confidence": self.diagnosis.confidence,
            "recv_q_estimate": unread.estimate,
            "recv_q_low": unread.low,
            "recv_q_high": unread.high,
        }
        values = {name: self._spread(column) for name, column in numbers.items()}
        values["cause"] = Category.of(values["cause"], columns.CAUSES)
        values["confidence"] = Category.of(values["confidence"], columns.CONFIDENCES)
        return values | {"limits": _limits_category(self.limits)}

    def evidence(self) -> Values:
        """What speaks for each cause, in words, shape (n,); None where a flow does not wait."""
        texts: Values = np.full(len(self._rows), None, object)
        texts[self._waits] = [self.diagnosis.evidence(at) for at in range(len(self._waits))]
        return texts

    @cached_property
    def limits(self) -> Values:
        """`Limit` bits, shape (n,)."""
        result = self._result
        return limits_of(result.facts, result.judgement, self._rows, result.pressed, result.capture.printouts)

    def _spread(self, column: Values) -> Values:
        spread = np.full(len(self._rows), -1, np.int64)
        spread[self._waits] = column
        return spread


def _waiting_sides(result: Result, rows: Values) -> Values:
    """Which side waits: by the packets, else by a socket table."""
    sides = result.judgement.waiting[rows]
    if result.matches is not None:
        for side in (CLIENT, SERVER):
            place = result.matches.of_side(side)[rows]
            joined = np.flatnonzero((place >= 0) & (sides == NOBODY))
            waits = [result.matches.sockets[at].state is State.CLOSE_WAIT for at in place[joined].tolist()]
            sides[joined[np.array(waits, np.bool_)]] = side
    return sides


def in_blocks(result: Result, rows: Values) -> Iterator[tuple[Values, Explanations]]:
    """Explain many flows, some at a time: facts are copied for it, which of all flows would take as much room again."""
    for at in range(0, len(rows), _BLOCK):
        block = rows[at : at + _BLOCK]
        yield block, Explanations(result, block)


def count_causes(result: Result, rows: Values) -> dict[Cause, Counter[Confidence]]:
    """Count the causes of flows that wait, in the order of `Cause`."""
    counts: dict[Cause, Counter[Confidence]] = {cause: Counter() for cause in Cause}
    for _, explanations in in_blocks(result, rows):
        diagnosis = explanations.diagnosis
        pairs = zip(diagnosis.cause.tolist(), diagnosis.confidence.tolist(), strict=True)
        for (cause, confidence), number in Counter(pairs).items():
            counts[Cause(cause)][Confidence(confidence)] += number
    return {cause: counter for cause, counter in counts.items() if counter}


def find_limits(result: Result, rows: Values) -> dict[Limit, Values]:
    """Find the flows to which each limit applies: rows, in their order; without the limits that apply to none."""
    found: dict[Limit, list[Values]] = {limit: [] for limit in Limit}
    for block, explanations in in_blocks(result, rows):
        for limit, blocks in found.items():
            blocks.append(block[(explanations.limits & limit) != 0])
    joined = {limit: np.concatenate(blocks) for limit, blocks in found.items() if blocks}
    return {limit: flows for limit, flows in joined.items() if len(flows)}


def _limits_category(bits: Values) -> Category:
    used, codes = np.unique(bits, return_inverse=True)
    texts = [", ".join(limit.name or "" for limit in Limit if limit & mask) for mask in used.tolist()]
    known = np.array([bool(text) for text in texts], np.bool_)
    order = np.cumsum(known) - 1
    codes = codes.reshape(-1)
    return Category.of(np.where(known[codes], order[codes], -1) if len(bits) else codes, [text for text in texts if text])


def listener_values(result: Result) -> dict[str, Values]:
    """Compute the public columns of the listeners, those with a full queue first, then by most unserved flows.

    Args:
        result: an analysis.

    Returns:
        By column name, in `columns.LISTENERS` order: arrays of shape (listeners,).
    """
    listeners = result.listeners
    flows, ends, client_end = result.facts.flows, result.facts.ends, result.judgement.client_end

    def completed(rows: Values) -> Values:
        known = np.maximum(rows, 0)
        times = ends["syn_acked_time"][known, 1 - client_end[known]] if len(ends) else rows
        return np.where(rows >= 0, times, NO_TIME)

    refused = listeners.first_refused
    order = np.lexsort((listeners.port, -listeners.unserved, -np.sign(listeners.queue)))
    values = {
        "address": listeners.address,
        "port": listeners.port,
        "handshakes": listeners.handshakes,
        "served": listeners.served,
        "unserved": listeners.unserved,
        "served_until": completed(listeners.last_served),
        "unserved_since": completed(listeners.first_unserved),
        "unanswered": listeners.unanswered,
        "syn_ack_again": listeners.repeated,
        "full_since": np.where(refused >= 0, flows["first_time"][np.maximum(refused, 0)] if len(flows) else refused, NO_TIME),
        "queue_limit": np.where(listeners.queue > 0, listeners.queue - 1, -1),
    }
    values = {name: column[order] for name, column in values.items()}
    values["address"] = result.address_category(*address_codes(values["address"]))
    return values
