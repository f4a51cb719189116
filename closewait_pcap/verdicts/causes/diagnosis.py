"""Names the cause for which each end waits: of all grounds that apply, the surest."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from closewait_pcap.verdicts.cause import Cause
from closewait_pcap.verdicts.causes import (
    never_accepted,
    never_answered,
    not_closed,
    send_blocked,
    still_sending,
    undetermined,
)
from closewait_pcap.verdicts.evidence.receive_queue import remark
from closewait_pcap.verdicts.evidence.waiting import Waiting

if TYPE_CHECKING:
    from closewait_pcap.verdicts.sides import Small

_CAUSES = (still_sending, send_blocked, not_closed, never_accepted, never_answered, undetermined)
"""Of two that are equally sure, the first is named."""


class Diagnosis:
    """Causes of some waiting ends, arrays of shape (flows,).

    Args:
        case: the waiting ends.
    """

    def __init__(self, case: Waiting) -> None:
        self.case = case
        grounds = [ground for cause in _CAUSES for ground in cause.grounds(case)]
        self._grounds = sorted(grounds, key=lambda ground: -ground.confidence)
        applies = np.stack([ground.applies for ground in self._grounds])
        self._ground = applies.argmax(axis=0)  # the first that does; the last always does
        self.cause: Small = np.array([ground.cause for ground in self._grounds], np.int8)[self._ground]
        """`Cause` numbers."""
        self.confidence: Small = np.array([ground.confidence for ground in self._grounds], np.int8)[self._ground]
        """`Confidence` numbers."""

    def evidence(self, at: int) -> str:
        """Say what speaks for one of the causes, for a person with Wireshark, or the printed lines, at hand."""
        text: str = self._grounds[self._ground[at]].tell(self.case, at)
        known = remark(int(self.case.unread.estimate[at]))
        told = [text, known if known not in text else "", self.case.printed_fin(at)]
        return "; ".join(filter(None, told))


class Explained(NamedTuple):
    """What is to be said of a cause, whatever the flow."""

    summary: str
    means: str
    proves: str
    disproves: str
    todo: str


def explain(cause: Cause) -> Explained:
    """Give a cause's explanation, which is its file's text; each paragraph on one line."""
    module = next(module for module in _CAUSES if module.__name__.endswith(f".{cause.name}"))
    summary, *sections = (module.__doc__ or "\n\n" * 4).strip().split("\n\n")  # python -OO strips it
    return Explained(summary, *(" ".join(section.split("\n", 1)[-1].split()) for section in sections))
