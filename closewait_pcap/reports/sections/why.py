"""Why flows wait: for each cause how many, what it means, the evidence of the worst of them, and what to do."""

import numpy as np

from closewait_pcap import quantities
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.parts import Part, Section, Sentence
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values, cell
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.causes.diagnosis import explain
from closewait_pcap.views.explanations import Explanations, listener_values

_MOST = 3
"""Listeners told; the rest is counted."""
_LOOKED_AT = 1000
"""Of the worst flows, so many are looked at for the best example of a cause."""


def say(account: Account) -> Section | None:
    """Say it; nothing where nobody waits or waited, and no queue is full."""
    parts = _causes(account) + _queues(account.result)
    return Section("why", "Why", parts) if parts else None


def _causes(account: Account) -> list[Part]:
    if not account.causes:
        return []
    parts: list[Part] = []
    examples = _examples(account.result, account.flagged[:_LOOKED_AT])
    for cause, confidences in sorted(account.causes.items(), key=lambda each: -each[1].total()):
        sure = ", ".join(f"{confidences[each]:,} {each}" for each in reversed(Confidence) if confidences[each])
        explained = explain(cause)
        parts.append(Sentence(f"{cause} ({sure}): {explained.summary}"))
        if cause in examples:
            parts.append(Sentence(examples[cause], 1))
        parts.append(Sentence(f"To do: {explained.todo}", 1))
    return parts


def _examples(result: Result, rows: Values) -> dict[Cause, str]:
    """Give for each cause the evidence of the first flow of which it is surest."""
    diagnosis = Explanations(result, rows).diagnosis
    streams = result.streams_of(diagnosis.case.rows)
    texts = {}
    for cause in Cause:
        places = np.flatnonzero(diagnosis.cause == cause)
        if len(places):
            best = int(places[np.argmax(diagnosis.confidence[places])])
            texts[cause] = quantities.printable(f"Stream {streams[best]}: {diagnosis.evidence(best)}.")
    return texts


def _queues(result: Result) -> list[Part]:
    """Say which listeners had a full queue."""
    values, dating = listener_values(result), result.capture.dating
    full = np.flatnonzero(values["queue_limit"] >= 0)
    parts: list[Part] = []
    for row in full[:_MOST].tolist():
        name = quantities.socket_name(cell(values, "address", row), int(values["port"][row]))
        full_since = quantities.moment(int(values["full_since"][row]), dating)
        limit = int(values["queue_limit"][row])
        unanswered, again = int(values["unanswered"][row]), int(values["syn_ack_again"][row])
        kept_out = f"{quantities.count(unanswered, 'SYN')} went unanswered"
        if not unanswered:
            kept_out = f"{quantities.count(again, 'handshake')} completed by the client and not taken"
        parts.append(
            Sentence(
                f"The accept queue of server {name} was full from {full_since} on: "
                f"{kept_out} while {quantities.count(limit + 1, 'connection')} had no answer "
                f"(its limit is {limit:,}, or less where some were accepted in silence)."
            )
        )
    if len(full) > _MOST:
        parts.append(Sentence(f"... and {quantities.count(len(full) - _MOST, 'more full queue')}: see Analysis.listeners.", 1))
    return parts
