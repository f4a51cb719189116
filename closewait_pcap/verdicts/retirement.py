"""Chooses which flows leave a full table: the finished ones first, the oldest of them first."""

from typing import Any

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.verdicts.judge import judge
from closewait_pcap.verdicts.verdict import Verdict

_SHARE = 8
"""An eighth of the table leaves at once: looking for the oldest costs as much as 100 packets a flow, and is done seldom."""
_RANKS = {
    Verdict.closed: 0, Verdict.reset: 0, Verdict.refused: 0,  # finished, and nothing to say about them
    Verdict.unanswered: 1, Verdict.half_open: 1, Verdict.undetermined: 1,  # a scan, a flood
    Verdict.closed_late: 2, Verdict.close_wait_reset: 2,  # finished, and evidence
}  # fmt: skip
_UNFINISHED = 3


class Retirement:
    """Sends flows away, and keeps count of them.

    Args:
        stuck_after: as for `judge`: ns.
    """

    def __init__(self, stuck_after: int) -> None:
        self._stuck_after = stuck_after
        self._counts = np.zeros(len(Verdict), np.int64)

    @property
    def counts(self) -> dict[str, int]:
        """How many left, by their verdict at that time, in the verdicts' order."""
        return {verdict.name: int(self._counts[verdict]) for verdict in Verdict if self._counts[verdict]}

    def __call__(self, facts: Facts) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Choose.

        Args:
            facts: of all flows in the table.

        Returns:
            Which of them stay, shape (flows,).
        """
        last = facts.flows["last_time"]
        verdict = judge(facts, stuck_after=self._stuck_after, end_time=int(last.max())).verdict
        ranks = np.array([_RANKS.get(each, _UNFINISHED) for each in Verdict], np.int8)[verdict]
        leaving = np.lexsort((last, ranks))[: max(len(last) // _SHARE, 1)]
        own = leaving[facts.flows["first_frame"][leaving] != 0]  # the others were only quoted in ICMP errors
        self._counts += np.bincount(verdict[own], minlength=len(Verdict))
        stays = np.ones(len(last), np.bool_)
        stays[leaving] = False
        return stays
