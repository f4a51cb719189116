"""What a socket table tells without a capture: who holds how many, which queues are full, what grows."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from closewait_pcap.sockets.addresses import Endpoint
from closewait_pcap.sockets.formats import ss
from closewait_pcap.sockets.table import Snapshot, Socket
from closewait_pcap.tcp.state import State

NO_PROCESS = ""

Place = tuple[State | None, Endpoint]
"""A state at a local endpoint."""


class Queue(NamedTuple):
    """The accept queue of a listener: connections whose handshake is complete and that nobody has accepted."""

    listener: Socket
    length: int
    limit: int | None
    """The backlog that listen() was given, or the kernel's own maximum; None where the tool does not tell it: only ss does."""

    @property
    def full(self) -> bool | None:
        """Whether the kernel lets nobody in: Linux compares with `>`, so a queue holds one more than its limit.

        Source: include/net/sock.h, sk_acceptq_is_full.
        """
        return None if self.limit is None else self.length > self.limit


def count_by_endpoint(snapshot: Snapshot) -> Counter[Place]:
    """Count the sockets in each state at each local endpoint.

    Of the ends that opened their connection themselves, every one has a port of its own: there, count the peer's endpoint.
    """
    return Counter((socket.state, socket.local) for socket in snapshot.sockets)


def count_by_process(snapshot: Snapshot, state: State = State.CLOSE_WAIT) -> Counter[tuple[str, int | None]]:
    """Count the sockets in a state for each process, by name and number; a shared socket counts for each of its holders.

    Sockets that no process holds are counted under `NO_PROCESS` and None.
    """
    counts: Counter[tuple[str, int | None]] = Counter()
    for socket in snapshot.sockets:
        if socket.state is state:
            counts.update({(user.process, user.pid) for user in socket.users} or {(NO_PROCESS, None)})
    return counts


def never_accepted(snapshot: Snapshot) -> list[Socket]:
    """Give the sockets in CLOSE_WAIT with inode 0: no process has ever had a descriptor of them.

    A process that closes its last descriptor sends a FIN, so a socket in CLOSE_WAIT cannot have lost its inode.
    """
    return [socket for socket in snapshot.sockets if socket.state is State.CLOSE_WAIT and socket.inode == 0]


def queues(snapshot: Snapshot) -> Iterator[Queue]:
    """Give the accept queue of every listener whose length the table tells."""
    for socket in snapshot.sockets:
        if socket.state is State.LISTEN and socket.recv_q is not None:
            yield Queue(socket, socket.recv_q, socket.send_q if snapshot.format == ss.FORMAT else None)


def growth(before: Snapshot, after: Snapshot) -> dict[Place, int]:
    """Give how many more sockets than before there are in each state at each local endpoint; those that stay are left out."""
    changed = count_by_endpoint(after)
    changed.subtract(count_by_endpoint(before))
    return {place: more for place, more in changed.items() if more}
