"""The verdicts: exactly one per flow, the first that matches, in this order."""

from enum import IntEnum
from types import DynamicClassAttribute


class Verdict(IntEnum):
    """What became of a flow, as far as the capture shows."""

    refused = 0
    unanswered = 1
    half_open = 2
    undetermined = 3
    closed_late = 4
    close_wait_reset = 5
    reset = 6
    closed = 7
    fin_unanswered = 8
    close_wait = 9
    close_wait_possible = 10
    not_reading = 11
    open = 12

    @DynamicClassAttribute
    def meaning(self) -> str:
        """What it means, in one sentence for a person."""
        return MEANINGS[self]

    def __str__(self) -> str:
        return self.name


MEANINGS = {
    Verdict.refused: "the SYN was answered with a RST",
    Verdict.unanswered: "the SYN was answered with nothing",
    Verdict.half_open: "the handshake never completed, or the server never took the connection out of SYN_RECEIVED",
    Verdict.undetermined: "only one direction, or too little of the flow, was captured",
    Verdict.closed_late: "closed by both ends, but one of them took its time (see held)",
    Verdict.close_wait_reset: "one end did not close, until a RST ended the connection",
    Verdict.reset: "ended by a RST",
    Verdict.closed: "closed by both ends in time",
    Verdict.fin_unanswered: "a FIN was acknowledged by nobody: the path or the peer is gone, no application is to blame",
    Verdict.close_wait: "the peer has closed, this end has acknowledged that and has not closed",
    Verdict.close_wait_possible: "looks like CLOSE_WAIT, but the capture cannot exclude that this end closed unseen",
    Verdict.not_reading: "one end stopped reading: its window is zero and neither end has closed",
    Verdict.open: "neither end has closed",
}

WAITED = (Verdict.close_wait, Verdict.close_wait_possible, Verdict.close_wait_reset, Verdict.closed_late)
"""The verdicts that name a waiting side."""
