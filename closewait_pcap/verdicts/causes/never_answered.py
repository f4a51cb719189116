"""The waiting end never sent payload: nobody accepted the connection, or somebody did and said nothing.

What it means
    accept() sends nothing, so on the wire both look the same. Without other connections to the same port to compare with, packets
    cannot tell.

What proves it
    The waiting end acknowledged what it was sent, and sent no byte of its own. That is all that is claimed.

What would disprove it
    Payload of the waiting end that the capture does not show.

What to do
    Ask the socket table on that host: ss -tanpe state close-wait. Inode 0 (or no process, as root): never accepted; look at the
    listener's queue. A process: it holds the connection and does not close it. With a saved table: analyze CAPTURE --sockets
    FILE.
"""

from closewait_pcap.quantities import count
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.causes.ground import Ground
from closewait_pcap.verdicts.evidence.waiting import Waiting


def grounds(case: Waiting) -> list[Ground]:
    """Say what speaks for it."""
    silent = ~case.wrote & ~case.opened & ~case.closed & ~case.doubtful & ~case.kernel.held
    return [Ground(Cause.never_answered, Confidence.possible, silent, _silent)]


def _silent(case: Waiting, at: int) -> str:
    received = int(case.peer.me["bytes"][at])
    took = f"acknowledged {count(received, 'byte')}" if received else "was sent nothing"
    return f"the {case.side(at)} {took} and sent no payload: it was never accepted, or accepted and said nothing"
