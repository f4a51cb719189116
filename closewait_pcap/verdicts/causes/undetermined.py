"""The capture does not show enough to name a cause.

What it means
    The flow looks like CLOSE_WAIT, but its end may have closed unseen: the capture lost packets, has a hole, or began too late.

What proves it
    Bytes of the waiting end that were acknowledged and that no frame carries; silence that begins before a hole; or a flow that
    began before the capture and of whose waiting end no SYN and no payload was seen.

What would disprove it
    A capture from the beginning, without loss; or a socket table of that host.

What to do
    Capture again, at the host itself, with a larger buffer (tcpdump -B 65536) and a short snap length (-s 96); or ask the host:
    ss -tanpe state close-wait.
"""

import numpy as np

from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.causes.ground import Ground
from closewait_pcap.verdicts.evidence.waiting import Waiting


def grounds(case: Waiting) -> list[Ground]:
    """Say what speaks for it: that nothing else does."""
    return [Ground(Cause.undetermined, Confidence.possible, np.ones(len(case.rows), np.bool_), _unseen)]


def _unseen(case: Waiting, at: int) -> str:
    me, you = case.side(at), case.other(at)
    if case.in_hole[at]:
        return f"the flow falls silent before a hole in the capture; the {me} may have closed in it"
    if case.unseen[at] > 0:
        return f"the {you} acknowledges up to {case.unseen[at]:,} beyond what frames show of the {me}; its FIN may be among that"
    return f"the flow began before the capture, which shows no SYN and no payload of the {me}; its FIN may have come before"
