"""The waiting end still sends, and its peer still takes it: a half-close at work.

What it means
    The peer has said that it will send no more (shutdown(SHUT_WR)) and goes on reading. That is what half-closing is for: the
    answer is on its way. Nobody is to blame while it moves.

What proves it
    Certain: payload of the waiting end after it had acknowledged the FIN, acknowledged by the peer, within the last second
    (before it closed in the end, or before the capture's), and the peer's window is not zero.

What would disprove it
    The flow falls silent for a second or longer: then it is stuck like any other.

What to do
    Nothing. Capture longer, to see whether it closes when all is sent.
"""

from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.causes.ground import Ground
from closewait_pcap.verdicts.evidence.waiting import Waiting


def grounds(case: Waiting) -> list[Ground]:
    """Say what speaks for it."""
    applies = case.sending & ~case.doubtful
    return [Ground(Cause.still_sending, Confidence.certain, applies, _sends)]


def _sends(case: Waiting, at: int) -> str:
    me, you = case.side(at), case.other(at)
    last = case.clock(int(case.me.me["last_data_time"][at]))
    return f"the {me} went on sending after the {you}'s FIN, last at {last}, and the {you} acknowledges it"
