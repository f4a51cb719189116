"""The waiting end has data to send that its peer does not take: it may have closed, and its FIN waits behind the data.

What it means
    close() on a socket with unsent data returns at once; the kernel sends the FIN after the data. As long as the peer's window is
    zero, or nothing comes back, the FIN cannot leave: the kernel calls the state LAST_ACK, the wire shows CLOSE_WAIT. The culprit
    is the peer, which does not read, or the path to it.

What proves it
    Certain: a socket table shows bytes in Send-Q, in CLOSE_WAIT, LAST_ACK or CLOSING.
    Probable: payload of the waiting end has been unacknowledged, or the peer's window zero, for a second or longer (125 of
    125).
    Possible: the peer's window has had no room for less than a second (52 of 52).

What would disprove it
    A socket table that shows CLOSE_WAIT with an empty Send-Q.

What to do
    Look at the peer: why does it not read? If it is gone, the kernel gives up by itself after tcp_orphan_retries, once the
    application has closed. ss -tano shows the timer (persist, or on).
"""

from closewait_pcap.quantities import count
from closewait_pcap.tcp.records import ZERO_WINDOW
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.causes.ground import Ground
from closewait_pcap.verdicts.evidence.waiting import Waiting


def grounds(case: Waiting) -> list[Ground]:
    """Say what speaks for it."""
    applies = case.blocked & ~case.sending & ~case.doubtful
    return [
        Ground(Cause.send_blocked, Confidence.certain, case.kernel.blocked & ~case.sending, _unsent),
        Ground(Cause.send_blocked, Confidence.probable, applies, _blocked),
        Ground(Cause.send_blocked, Confidence.possible, case.held_back & ~case.sending & ~case.doubtful, _blocked),
    ]


def _unsent(case: Waiting, at: int) -> str:
    return case.kernel.tell(at)


def _blocked(case: Waiting, at: int) -> str:
    me, you, told = case.side(at), case.other(at), []
    if case.peer.has(ZERO_WINDOW)[at]:
        told.append(f"the {you}'s window is zero since {case.clock(int(case.peer.me['zero_since'][at]))} at the latest")
    elif case.held_back[at]:
        told.append(f"the {me} has filled the {you}'s window")
    if case.unacknowledged[at]:
        missing = int(case.me.me["data_high"][at] - case.peer.me["ack_high"][at])
        last = case.clock(int(case.me.me["last_data_time"][at]))
        told.append(f"{count(missing, 'byte')} of the {me} are unacknowledged, the last sent at {last}")
    return f"{' and '.join(told)}: a FIN may wait behind the {me}'s data"
