"""What socket tables tell without a capture: who holds how many in CLOSE_WAIT, where, since which table, and what grows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from closewait_pcap.flows.roles import EPHEMERAL
from closewait_pcap.sockets.addresses import Address, Endpoint
from closewait_pcap.sockets.counting import Queue, queues
from closewait_pcap.sockets.table import Snapshot, Socket, TimeFrom
from closewait_pcap.tcp.state import State

_COPYING = 1_000_000_000
"""Files whose last changes lie within a second of each other were copied: that is when they were, not when they were written."""


class Place(NamedTuple):
    """Where sockets wait: a server's own endpoint, or the service that a client calls."""

    side: str
    """``client`` or ``server``."""
    endpoint: Endpoint


@dataclass
class Holding:
    """The sockets of one place, on one host."""

    place: Place
    close_wait: list[Socket]
    """In the host's last table."""
    established: int
    before: int | None
    """How many were in CLOSE_WAIT in its first table; None where there is but one."""
    queue: Queue | None
    """Of the listener behind a server."""

    @property
    def never_accepted(self) -> int:
        """How many of them have inode 0: no process ever held a descriptor of them."""
        return sum(1 for socket in self.close_wait if socket.inode == 0)

    @property
    def unknown(self) -> int:
        """How many show no process, and no inode either: never accepted, or the reader was not root."""
        return sum(1 for socket in self.close_wait if not socket.users and socket.inode is None)

    @property
    def held(self) -> int:
        """How many show a process."""
        return sum(1 for socket in self.close_wait if socket.users)

    @property
    def grown(self) -> int | None:
        """How many more there are than in the first table."""
        return None if self.before is None else len(self.close_wait) - self.before


@dataclass
class Host:
    """The tables of one host, by their time."""

    snapshots: list[Snapshot]

    @property
    def first(self) -> Snapshot:
        """The oldest table."""
        return self.snapshots[0]

    @property
    def last(self) -> Snapshot:
        """The newest table."""
        return self.snapshots[-1]

    @property
    def span(self) -> int | None:
        """The time from the first to the last table, ns; None where they do not tell."""
        return _span(self.snapshots)

    @property
    def lasting(self) -> list[Socket]:
        """The sockets of the last table that stood in CLOSE_WAIT in the first one, too."""
        if len(self.snapshots) < 2:
            return []
        before = {(socket.local, socket.peer) for socket in waiting(self.first)}
        return [socket for socket in waiting(self.last) if (socket.local, socket.peer) in before]

    def holdings(self) -> list[Holding]:
        """The places with sockets in CLOSE_WAIT, now or in the first table: most now first."""
        listening = {queue.listener.local: queue for queue in queues(self.last)}
        ports = {local.port for table in self.snapshots for local in _listening(table)}
        now: dict[Place, list[Socket]] = {}
        for socket in waiting(self.last):
            now.setdefault(_place(socket, ports), []).append(socket)
        before = Counter(_place(socket, ports) for socket in waiting(self.first))
        open_now = Counter(_place(socket, ports) for socket in self.last.sockets if socket.state is State.ESTABLISHED)
        several = len(self.snapshots) > 1
        found = [
            Holding(
                place,
                now.get(place, []),
                open_now[place],
                before[place] if several else None,
                _queue(place, listening),
            )
            for place in {**now, **before}
        ]
        return sorted(found, key=lambda each: (-len(each.close_wait), str(each.place)))


def waiting(snapshot: Snapshot) -> list[Socket]:
    """The sockets in CLOSE_WAIT."""
    return [socket for socket in snapshot.sockets if socket.state is State.CLOSE_WAIT]


def hosts(snapshots: Sequence[Snapshot]) -> list[Host]:
    """Sort tables by the hosts they were taken on: tables that share an address of their own, other than loopback, are of one.

    Args:
        snapshots: in the order given, which is that of time where they tell none.

    Returns:
        At least one table each, by their time.
    """
    groups: list[tuple[set[Address], list[Snapshot]]] = []
    for snapshot in snapshots:
        own = {socket.local.address for socket in snapshot.sockets if socket.local.address is not None}
        own = {address for address in own if not address.is_loopback}
        same = [group for group in groups if group[0] & own or not (group[0] and own)]
        if same:
            same[0][0].update(own)
            same[0][1].append(snapshot)
        else:
            groups.append((own, [snapshot]))
    return [Host(_by_time(tables)) for _, tables in groups]


def _by_time(snapshots: list[Snapshot]) -> list[Snapshot]:
    """Sort tables; where their times tell nothing, they stay as they were given."""
    return snapshots if _span(snapshots) is None else sorted(snapshots, key=lambda snapshot: snapshot.time or 0)


def _span(snapshots: list[Snapshot]) -> int | None:
    times = [snapshot.time for snapshot in snapshots if snapshot.time is not None]
    span = max(times, default=0) - min(times, default=0)
    copied = all(snapshot.time_from is TimeFrom.MTIME for snapshot in snapshots) and span < _COPYING
    return None if len(times) < max(len(snapshots), 2) or copied else span


def _listening(snapshot: Snapshot) -> Iterator[Endpoint]:
    return (socket.local for socket in snapshot.sockets if socket.state is State.LISTEN)


def _place(socket: Socket, listening: set[int | None]) -> Place:
    """Tell a server's sockets from a client's: somebody listens on that port, or only the other one is ephemeral."""
    local, peer = socket.local.port or 0, socket.peer.port or 0
    serves = local in listening or (peer not in listening and local < EPHEMERAL <= peer)
    return Place("server", socket.local) if serves else Place("client", socket.peer)


def _queue(place: Place, listening: dict[Endpoint, Queue]) -> Queue | None:
    if place.side != "server":
        return None
    end = place.endpoint
    for local in (end, end._replace(zone=""), Endpoint(None, end.port)):
        if local in listening:
            return listening[local]
    return None
