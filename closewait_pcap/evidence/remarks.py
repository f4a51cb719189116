"""Comments on the frames that prove something: which flow of the original capture it is, and what the frame shows."""

from collections.abc import Iterator

import numpy as np

from closewait_pcap.capture.packets import FRAME_BITS
from closewait_pcap.evidence.selection import Selection
from closewait_pcap.quantities import NO_TIME, span
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.judge import CLIENT
from closewait_pcap.verdicts.verdict import Verdict
from closewait_pcap.views.explanations import Explanations

_SIDES = ("client", "server")


def remarks(result: Result, selection: Selection) -> dict[int, str]:
    """Write the comments.

    Args:
        result: an analysis.
        selection: the flows chosen.

    Returns:
        Comments by the frames' numbers in the original capture (with their file's, see `packets.FRAME_BITS`).
    """
    told: dict[int, list[str]] = {}
    several = len(result.capture.files) > 1
    flagged = _of_flagged(result, selection.flagged)
    for row, frame, what in [*flagged, *_of_supporting(result, selection)]:
        if frame:
            number = f"frame {frame & ((1 << FRAME_BITS) - 1)}" + (f" of file {(frame >> FRAME_BITS) + 1}" if several else "")
            told.setdefault(frame, []).append(f"Stream {result.facts.flows['stream'][row]}, {number} of the original: {what}")
    return {frame: "; ".join(said) for frame, said in told.items()}


def _of_flagged(result: Result, rows: Values) -> Iterator[tuple[int, int, str]]:
    """Say what frames show of flows that wait: row, frame, sentence."""
    judgement = result.judgement
    explanations = Explanations(result, rows).values()
    for at, row in enumerate(rows.tolist()):
        waiting = int(judgement.waiting[row])
        if waiting < 0:
            continue
        end = int(judgement.client_end[row]) ^ (waiting != CLIENT)
        me, peer = result.facts.ends[row, end], result.facts.ends[row, 1 - end]
        side, other = _SIDES[waiting], _SIDES[1 - waiting]
        cause = int(explanations["cause"][at])
        why = f"; cause: {Confidence(int(explanations['confidence'][at]))} {Cause(cause)}" if cause >= 0 else ""
        held = int(judgement.held[row])
        how_long = f", for {span(held)}" if held != NO_TIME else ""
        yield row, int(peer["fin_frame"]), f"the FIN of the {other}"
        verdict = Verdict(int(judgement.verdict[row]))
        yield row, int(me["ack_frame"]), f"the {side} acknowledges it: CLOSE_WAIT from here on{how_long} ({verdict}{why})"
        if me["bytes"]:
            yield row, int(me["first_data_frame"]), f"the first payload of the {side}: its application has the connection"
        yield row, int(me["fin_frame"]), f"the {side} closes at last"
        for number, name in ((me, side), (peer, other)):
            yield row, int(number["rst_frame"]), f"a RST of the {name} ends it"


def _of_supporting(result: Result, selection: Selection) -> Iterator[tuple[int, int, str]]:
    """Say for what other flows are here."""
    listeners, flows, ends = result.listeners, result.facts.flows, result.facts.ends
    verdict = result.judgement.verdict
    for row in selection.supporting.tolist():
        if verdict[row] == Verdict.unanswered:
            yield row, int(flows["first_frame"][row]), "this SYN was never answered"
    behind = np.unique(listeners.listener[np.maximum(_known(listeners.places(selection.flagged)), 0)])
    for row in _known(np.unique(listeners.last_served[behind])).tolist():
        server = 1 - int(result.judgement.client_end[row])
        frame = int(ends["first_data_frame"][row, server]) or int(ends["fin_frame"][row, server])
        yield row, frame, "the last connection to this port that was served"


def _known(rows: Values) -> Values:
    return rows[rows >= 0]
