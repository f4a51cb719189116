"""An application has the connection and does not close it, or closed it late.

What it means
    The kernel has told the application that its peer will send no more (read() returns 0), and the application has not called
    close(). CLOSE_WAIT has no timer: it lasts until the application closes the socket, or its process ends.

What proves it
    Certain: the waiting end opened the connection itself, or sent payload, or closed in the end, or a socket table names the
    process that holds it, or gives it an inode; and all its payload was acknowledged. Measured: right in 1,365 of 1,365
    connections that had been opened or written to.
    Probable: the same, while its last payload is not acknowledged yet: a FIN may wait behind that.
    Possible: its window grew as it does when an application reads, to more than 256 KiB, but by no more than four times what it
    was sent (67 of 75; a large SO_RCVBUF or tcp_rmem may do the same); or a connection that had completed its handshake later
    was served, and the accept queue is first in, first out (446 of 530; not with SO_REUSEPORT, where each process has its own).

What would disprove it
    A socket table that shows the socket with inode 0 (never accepted), or in LAST_ACK (closed, and its FIN waits behind data).

What to do
    Find the process (ss -tanpe state close-wait) and what it does with the descriptor: every path must close it when read()
    returns 0 or fails, error paths and timeouts too. In a client, look at the connection pool: idle connections must be watched,
    or checked before use and closed. Restarting the process frees the sockets; keepalive and tcp_fin_timeout do not.
"""

from closewait_pcap.quantities import count
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.causes.ground import Ground
from closewait_pcap.verdicts.evidence.waiting import Waiting


def grounds(case: Waiting) -> list[Ground]:
    """Say what speaks for it."""
    free = ~case.blocked & ~case.held_back & ~case.kernel.blocked & ~case.sending & ~case.doubtful
    arrived = free & (~case.unacknowledged | case.closed)
    held = case.kernel.held & ~case.kernel.blocked & ~case.sending
    queue = case.of_place(case.listeners.later_served)
    shown = ((case.wrote, _wrote), (case.opened, _opened), (case.closed, _closed))
    possible = ((case.has_read, _read), (queue >= 0, _overtaken))
    return [
        Ground(Cause.not_closed, Confidence.certain, held, _held),
        *(Ground(Cause.not_closed, Confidence.certain, arrived & applies, tell) for applies, tell in shown),
        *(Ground(Cause.not_closed, Confidence.probable, free & applies, tell) for applies, tell in shown),
        *(Ground(Cause.not_closed, Confidence.possible, free & applies, tell) for applies, tell in possible),
    ]


def _held(case: Waiting, at: int) -> str:
    return case.kernel.tell(at)


def _wrote(case: Waiting, at: int) -> str:
    me = case.me.me[at]
    sent = f"sent {count(int(me['bytes']), 'byte')} of payload, the first in {case.frame(int(me['first_data_frame']))}"
    return f"the {case.side(at)} {sent}: its application had the connection"


def _opened(case: Waiting, at: int) -> str:
    syn, answer = int(case.me.me["syn_frame"][at]), int(case.peer.me["syn_frame"][at])
    seen = case.frame(syn) if syn else f"{case.frame(answer)} answers its SYN"
    return f"the {case.side(at)} opened the connection itself ({seen})"


def _closed(case: Waiting, at: int) -> str:
    fin = case.frame(int(case.me.me["fin_frame"][at]))
    return f"the {case.side(at)} closed in the end ({fin}): its application had the connection"


def _read(case: Waiting, at: int) -> str:
    room = count(int(case.me.me["right_edge"][at] - case.peer.me["next"][at]), "byte")
    grew = f"its window grew, to {room} beyond all that the {case.other(at)} sent"
    return f"the {case.side(at)} sent no payload, but {grew}, as it does when an application reads"


def _overtaken(case: Waiting, at: int) -> str:
    later = int(case.of_place(case.listeners.later_served)[at])
    return (
        f"{case.stream(later)} to the same port completed its handshake later and was served; "
        "what is accepted in order had been accepted before it"
    )
