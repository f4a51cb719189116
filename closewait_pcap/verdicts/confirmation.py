"""Lets a socket table that is younger than the capture bear witness to a wait: it goes on, and nobody closed unseen."""

from typing import Any

import numpy as np

from closewait_pcap.flows.table import Facts
from closewait_pcap.quantities import NO_TIME
from closewait_pcap.sockets.matching import Matches
from closewait_pcap.sockets.placing import SLACK
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.judge import NOBODY, Judgement
from closewait_pcap.verdicts.verdict import Verdict

Ints = np.ndarray[Any, np.dtype[np.int64]]


def confirm(judgement: Judgement, facts: Facts, matches: Matches, *, stuck_after: int) -> int:
    """Prolong each wait to the last table in which its socket stands in CLOSE_WAIT, in place.

    Such a socket has not closed, so where a capture alone has to leave room for a FIN that it does not show
    (``close_wait_possible``), the verdict becomes ``close_wait``. Only tables count whose time is beyond doubt, and that were
    taken after the flow's last packet.

    Args:
        judgement: of all flows; changed.
        facts: of all flows.
        matches: their sockets.
        stuck_after: as for `judge`: ns.

    Returns:
        How many flows were ``close_wait_possible`` and are ``close_wait`` now.
    """
    row, moment = _last_seen(judgement, matches)
    young = moment >= facts.flows["last_time"][row] - SLACK
    row, moment = row[young], moment[young]
    doubted = judgement.verdict[row] == Verdict.close_wait_possible
    judgement.verdict[row] = Verdict.close_wait
    timed = judgement.since[row] != NO_TIME
    row, moment = row[timed], moment[timed]
    judgement.held[row] = np.maximum(judgement.held[row], moment - judgement.since[row])
    still_sends = judgement.stuck[row] == 0  # no table tells that this has ended
    judgement.stuck[row] = np.where(still_sends, 0, np.where(judgement.held[row] >= stuck_after, 1, -1))
    return int(doubted.sum())


def _last_seen(judgement: Judgement, matches: Matches) -> tuple[Ints, Ints]:
    """Give the flows that wait by the capture and by a table, and the time of the last such table."""
    sure = np.array([placement.moment if placement.sure else NO_TIME for placement in matches.placements], np.int64)
    waits = np.array([socket.state is State.CLOSE_WAIT for socket in matches.sockets], np.bool_)
    places = np.flatnonzero(waits & (matches.flow_of >= 0) & (sure[matches.snapshot_of] != NO_TIME))
    row, end = matches.flow_of[places], matches.end_of[places]
    lasting = np.isin(judgement.verdict[row], [Verdict.close_wait, Verdict.close_wait_possible])
    waiting = judgement.waiting[row]
    mine = lasting & (waiting != NOBODY) & ((end ^ judgement.client_end[row]) == waiting)
    row, moment = row[mine], sure[matches.snapshot_of[places[mine]]]
    order = np.lexsort((moment, row))
    row, moment = row[order], moment[order]
    last = np.append(row[1:] != row[:-1], np.ones(min(len(row), 1), np.bool_))
    return row[last], moment[last]
