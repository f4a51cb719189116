"""No application ever accepted the connection: it waits in the listener's queue.

What it means
    The kernel completed the handshake, took the data, and acknowledged the peer's FIN, all by itself. The application behind the
    listener has not called accept(): it hangs, is overloaded, or its accepting thread is gone.

What proves it
    Certain: a socket table shows the socket with inode 0.
    Probable: a socket table names the processes of others and none for it, without inodes (its reader may not have been root, or
    the process lives in another PID namespace); or the listener's queue was seen full (a SYN to it was sent again and never
    answered, though the host was alive) while this connection stood in it, behind as many as the application may have taken in
    silence: those that it was seen to have in hand at once, at least one (480 of 509; the others were in the hands of workers
    of whom the capture had shown but one at a time).
    Possible: connections that had completed their handshake earlier were served, and this one, as many others before it as the
    application may have in hand, and all later ones were not. Servers that take one connection after the other, or whose workers
    all hang, leave that (494 of 538); so do those that go on accepting everything and have ceased to answer (none of 264).

What would disprove it
    Payload or a FIN from the waiting end. A socket table that shows a process, or an inode other than 0.

What to do
    Look at the LISTEN row: ss -tlne shows the queue's length (Recv-Q) beside its limit (Send-Q). Find out what the process does
    instead of accept() (a stack trace: py-spy dump, jstack, gdb). A longer backlog only hides it. The sockets go away when they
    are accepted and closed, or when the listener is closed.
"""

import numpy as np

from closewait_pcap.quantities import count
from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.causes.ground import Ground
from closewait_pcap.verdicts.evidence.waiting import Waiting
from closewait_pcap.verdicts.verdict import Verdict


def grounds(case: Waiting) -> list[Ground]:
    """Say what speaks for it."""
    listeners = case.listeners
    by_table = ~case.wrote & ~case.opened & ~case.closed & ~case.kernel.held
    silent = by_table & ~case.doubtful
    before, queued = case.of_place(listeners.before), case.of_place(listeners.queued)
    busy, spare = case.of_listener(listeners.in_hand), case.of_listener(listeners.at_once - listeners.in_hand)
    least = np.where(busy > 0, spare, np.maximum(spare, 1))  # whoever has nothing in hand may have taken the first in silence
    return [
        Ground(Cause.never_accepted, Confidence.certain, by_table & case.kernel.unowned, _unowned),
        Ground(Cause.never_accepted, Confidence.probable, by_table & case.kernel.nameless, _nameless),
        Ground(Cause.never_accepted, Confidence.probable, silent & (queued >= np.maximum(spare, 1)), _full),
        Ground(Cause.never_accepted, Confidence.possible, silent & (queued >= least), _full),
        Ground(Cause.never_accepted, Confidence.possible, silent & (before >= least), _behind),
    ]


def _unowned(case: Waiting, at: int) -> str:
    return f"{case.kernel.tell(at)}: no process has ever had it"


def _nameless(case: Waiting, at: int) -> str:
    return f"{case.kernel.tell(at)}, and no process, in a table that tells them"


def _full(case: Waiting, at: int) -> str:
    listeners, place = case.listeners, case.place[at]
    listener = listeners.listener[place]
    refused = int(listeners.first_refused[listener])
    flow = case.facts.flows[refused]
    syn = f"{case.stream(refused)} ({case.frame(int(flow['first_frame']))}, {case.clock(int(flow['first_time']))})"
    kept_out = f"the SYN of {syn} was sent again and never answered"
    if case.judgement.verdict[refused] != Verdict.unanswered:
        kept_out = f"the handshake of {syn} was completed and not taken: the server sent its SYN-ACK again"
    before = count(int(listeners.queued[place]), "connection")
    return f"the server's queue was full: {kept_out}; {before} before this one had no answer, either"


def _behind(case: Waiting, at: int) -> str:
    listeners, place = case.listeners, case.place[at]
    served = case.stream(int(listeners.last_served[listeners.listener[place]]))
    before = int(listeners.before[place])
    others = f"nor {count(before, 'other')} before it, " if before else ""
    return (
        f"{served} was the last to this port that was served; this one completed its handshake later and was not, "
        f"{others}nor any after it"
    )
