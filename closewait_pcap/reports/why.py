"""What the text report says of causes, of listeners, and of what the capture cannot show."""

from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap import quantities
from closewait_pcap.explanations import Explanations, count_causes, find_limits, listener_values
from closewait_pcap.reports import wording
from closewait_pcap.results import Category, Result, Values
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.causes.diagnosis import explain

if TYPE_CHECKING:
    from closewait_pcap.reports.text import Page

_MOST = 3
"""Listeners told; the rest is counted."""
_LOOKED_AT = 1000
"""Of the worst flows, so many are looked at for the best example of a cause."""


def say_causes(page: "Page", result: Result, flagged: Values) -> None:
    """Add why flows wait: for each cause how many, what it means, the evidence of the worst of them, and what to do.

    Args:
        page: of the report.
        result: an analysis.
        flagged: the flows that wait or waited, the worst first.
    """
    counts = count_causes(result, flagged)
    if not counts:
        return
    examples = _examples(result, flagged[:_LOOKED_AT])
    page.say()
    page.say("Why:")
    for cause, confidences in sorted(counts.items(), key=lambda each: -each[1].total()):
        sure = ", ".join(f"{confidences[each]:,} {each}" for each in reversed(Confidence) if confidences[each])
        explained = explain(cause)
        page.say(f"{cause} ({sure}): {explained.summary}", indent="  ")
        if cause in examples:
            page.say(examples[cause], indent="    ")
        page.say(f"To do: {explained.todo}", indent="    ")


def _examples(result: Result, rows: Values) -> dict[Cause, str]:
    """Give for each cause the evidence of the first flow of which it is surest."""
    diagnosis = Explanations(result, rows).diagnosis
    streams = result.streams_of(diagnosis.case.rows)
    texts = {}
    for cause in Cause:
        places = np.flatnonzero(diagnosis.cause == cause)
        if len(places):
            best = int(places[np.argmax(diagnosis.confidence[places])])
            texts[cause] = f"Stream {streams[best]}: {diagnosis.evidence(best)}."
    return texts


def say_queues(page: "Page", result: Result) -> None:
    """Add which listeners had a full queue, and which served some connections and then no more."""
    values = listener_values(result)
    address = values["address"]
    assert isinstance(address, Category)  # as listener_values promises
    full = np.flatnonzero(values["queue_limit"] >= 0)
    for row in full[:_MOST].tolist():
        name = quantities.socket_name(address.texts[address[row]], int(values["port"][row]))
        limit = int(values["queue_limit"][row])
        unanswered, again = int(values["unanswered"][row]), int(values["syn_ack_again"][row])
        kept_out = f"{quantities.count(unanswered, 'SYN')} went unanswered"
        if not unanswered:
            kept_out = f"{quantities.count(again, 'handshake')} completed by the client and not taken"
        page.say(
            f"The accept queue of server {name} was full from {quantities.moment(int(values['full_since'][row]))} on: "
            f"{kept_out} while {quantities.count(limit + 1, 'connection')} had no answer "
            f"(its limit is {limit:,}, or less where some were accepted in silence)."
        )
    if len(full) > _MOST:
        page.say(f"... and {quantities.count(len(full) - _MOST, 'more full queue')}: see Analysis.listeners.", indent="  ")


def say_limits(page: "Page", result: Result, shown: Values) -> None:
    """Add what the capture cannot show, and of which flows."""
    found = find_limits(result, shown)
    if not found:
        return
    page.say()
    page.say("What this capture cannot show:")
    for limit, rows in found.items():
        named = wording.streams_filter(result, rows[: wording.EXAMPLES])
        first = f"the first {wording.EXAMPLES}: " if len(rows) > wording.EXAMPLES else ""
        page.say(f"{quantities.count(len(rows), 'flow')}: {limit.meaning}; {first}{named}", indent="  ")
