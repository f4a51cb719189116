"""The sentences and numbers that every report says in the same words."""

from dataclasses import dataclass

import numpy as np

from closewait_pcap.quantities import count, moment, span
from closewait_pcap.results.flow_values import display_filter
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.tcp.records import SYN_ACK
from closewait_pcap.verdicts.trends import Trend
from closewait_pcap.verdicts.verdict import WAITED, Verdict
from closewait_pcap.views.endpoints import named

UNJUDGED = {
    Verdict.close_wait_possible: (
        "looks like CLOSE_WAIT, but may have closed unseen",
        "look like CLOSE_WAIT, but may have closed unseen",
    ),
    Verdict.undetermined: (
        "could not be judged: only one direction was captured",
        "could not be judged: only one direction was captured",
    ),
    Verdict.half_open: ("never completed its handshake", "never completed their handshake"),
    Verdict.fin_unanswered: (
        "has a FIN that nobody acknowledged: the path or the peer is gone, no application is to blame",
        "have a FIN that nobody acknowledged: the path or the peer is gone, no application is to blame",
    ),
    Verdict.not_reading: (
        "is blocked by an end that stopped reading (zero window): the other end cannot send its FIN",
        "are blocked by an end that stopped reading (zero window): the other end cannot send its FIN",
    ),
}
"""What else a person should know of, in the order of telling: for one flow, for several."""


EXAMPLES = 10
"""Flows that a sentence names; the rest is counted."""

TRENDS = {
    Trend.growing: "growing",
    Trend.bounded: "not growing",
    Trend.draining: "becoming fewer",
    Trend.too_short: "too little to say whether it grows",
}
"""Whether the number grows, in a headline."""

PAST = {
    Verdict.close_wait_possible: "may be",
    Verdict.close_wait_reset: "waited for a close until a RST came",
    Verdict.closed_late: "closed late",
}
"""What a headline adds where nothing is in CLOSE_WAIT."""


@dataclass(frozen=True)
class Summary:
    """The numbers of the headline, over the flows that are shown."""

    flows: int
    close_wait: int
    stuck: int
    sending: int
    too_young: int
    gone: int
    """Of those in CLOSE_WAIT: left the table, so that no more is known of them."""
    counts: dict[str, int]
    """Flows by verdict, in the verdicts' order, without those that do not occur."""


def summarize(result: Result, shown: Values) -> Summary:
    """Count verdicts among some flows."""
    verdict, stuck = result.judgement.verdict[shown], result.judgement.stuck[shown]
    waits = verdict == Verdict.close_wait
    number = np.bincount(verdict, minlength=len(Verdict))
    missing = result.capture.missing_flows if len(shown) == len(result.rows) else {}  # they fit no filter
    number += np.array([missing.get(each.name, 0) for each in Verdict])
    return Summary(
        flows=int(number.sum()),
        close_wait=int(number[Verdict.close_wait]),
        stuck=int((waits & (stuck == 1)).sum()),
        sending=int((waits & (stuck == 0)).sum()),
        too_young=int((waits & (stuck == -1)).sum()),
        gone=missing.get(Verdict.close_wait.name, 0),
        counts={each.name: int(number[each]) for each in Verdict if number[each]},
    )


def flagged(result: Result, shown: Values) -> Values:
    """The flows that wait or waited: those in CLOSE_WAIT first, the longest wait first."""
    judgement = result.judgement
    verdict = judgement.verdict[shown]
    rows = shown[np.isin(verdict, WAITED)]
    verdict = judgement.verdict[rows]
    rank = np.select([verdict == Verdict.close_wait, verdict == Verdict.close_wait_possible], [0, 1], 2)
    return rows[np.lexsort((rows, -judgement.held[rows], judgement.stuck[rows] == 0, rank))]


def headline(result: Result, shown: Values, endpoints: dict[str, Values]) -> str:
    """Say in one sentence or two who does not close, how many, since when, and how sure that is.

    Args:
        result: an analysis.
        shown: the flows to speak of.
        endpoints: `endpoint_values` of them.
    """
    summary = summarize(result, shown)
    if not summary.flows:
        return "No TCP flows." if not len(result.rows) else "No TCP flow matches."
    if not summary.close_wait:
        text = f"No flow is in CLOSE_WAIT ({count(summary.flows, 'TCP flow')})."
        for verdict, what in PAST.items():
            if summary.counts.get(verdict.name):
                text += f" {count(summary.counts[verdict.name], 'flow')} {what}."
        return text
    waiting = shown[result.judgement.verdict[shown] == Verdict.close_wait]
    if not len(waiting):
        return f"{count(summary.close_wait, 'flow')} in CLOSE_WAIT (no longer in the table)."
    since, held = result.judgement.since[waiting], result.judgement.held[waiting]
    begin = moment(int(since.min()), result.capture.dating)
    who = f"{named(endpoints, 0)} {_accusation(endpoints)}{_others(endpoints)}"
    grows = f"; {TRENDS[Trend(int(endpoints['trend'][0]))]}" if endpoints["stuck"][0] else ""
    return (
        f"{count(summary.close_wait, 'flow')} in CLOSE_WAIT ({_how_sure(result, summary)}): {who}. "
        f"Since {begin}, {'the oldest ' * (len(waiting) > 1)}for {span(int(held.max()))}{grows}."
    )


def _others(endpoints: dict[str, Values]) -> str:
    """Say how many other endpoints do not close, and apart from them how many only wait for another one."""
    holds = endpoints["close_wait"] > 0
    passing = holds & np.array([text is not None for text in endpoints["waits_for"]], np.bool_)
    others, messengers = int((holds & ~passing)[1:].sum()), int(passing[1:].sum())
    text = f" ({int(endpoints['close_wait'][0]):,} of them)" if others + messengers else ""
    text += f", nor {count(others, 'other endpoint')}" if others else ""
    return text + (f"; {count(messengers, 'other')} only pass{'es' * (messengers == 1)} that on" if messengers else "")


def _how_sure(result: Result, summary: Summary) -> str:
    parts = {
        f"stuck for {span(result.stuck_after)} or longer": summary.stuck,
        "too young to call": summary.too_young,
        "still sending, a half-close at work": summary.sending,
        "no longer in the table": summary.gone,
    }
    told = [what if number == summary.close_wait == 1 else f"{number:,} {what}" for what, number in parts.items() if number]
    return "; ".join(told)


def _accusation(endpoints: dict[str, Values]) -> str:
    """Say of the worst endpoint no more than its flows prove."""
    if endpoints["stuck"][0]:
        return "does not close"
    return "had not closed when the capture ended" if endpoints["too_young"][0] else "has not closed"


def unjudged(result: Result, shown: Values) -> list[str]:
    """Say what could not be judged, or is no application's fault, why, and how to look at it."""
    sentences = []
    for verdict, (one, several) in UNJUDGED.items():
        rows = shown[result.judgement.verdict[shown] == verdict]
        if len(rows):
            why = f" ({_why_possible(result, shown)})" if verdict is Verdict.close_wait_possible else ""
            first = f"the first {EXAMPLES}: " if len(rows) > EXAMPLES else ""
            told = f"{count(len(rows), 'flow')} {one if len(rows) == 1 else several}{why}"
            sentences.append(f"{told}; {first}{streams_filter(result, rows[:EXAMPLES])}")
    return sentences


def _why_possible(result: Result, shown: Values) -> str:
    rows = shown[result.judgement.verdict[shown] == Verdict.close_wait_possible]
    ends, in_hole = result.facts.ends[rows], result.judgement.in_hole[rows]
    before = (ends["syn_frame"] == 0).all(axis=1) & ~in_hole
    reasons = {
        "{} fell silent before a hole in the capture": in_hole,
        "{} began before the capture": before,
        "of {} the capture misses packets that were acknowledged": ~in_hole & ~before,
    }
    return ", ".join(reason.format(f"{which.sum():,}") for reason, which in reasons.items() if which.any())


def delayed_reconnects(result: Result, shown: Values) -> list[str]:
    """Say which leaked sockets stood in the way of a new connection over the same addresses and ports.

    The kernel answers the new SYN with the old connection's numbers (a challenge ACK); only after the RST that this provokes
    does the SYN, sent again, get through.
    """
    flows, ends = result.facts.flows, result.facts.ends
    sentences = []
    for older in shown[result.judgement.verdict[shown] == Verdict.close_wait_reset].tolist():
        for newer in np.flatnonzero(flows["previous"] == older).tolist():
            end = result.judgement.client_end[newer]
            answer = ends[newer, 1 - end]
            if answer["flags"] & SYN_ACK and ends["rst_time"][older].max() >= flows["first_time"][newer]:
                delay = int(answer["syn_time"]) - int(flows["first_time"][newer])
                leaked, late = flows["stream"][[older, newer]].tolist()
                sentences.append(f"The socket leaked by stream {leaked} delayed the reconnect in stream {late} by {span(delay)}.")
    return sentences


def streams_filter(result: Result, rows: Values) -> str:
    """The Wireshark display filter that shows some flows."""
    numbers = sorted(result.streams_of(rows).tolist())
    return display_filter(numbers[0]) if len(numbers) == 1 else f"tcp.stream in {{{', '.join(map(str, numbers))}}}"
