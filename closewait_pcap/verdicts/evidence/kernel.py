"""What the kernel says of waiting ends, where a socket table was given: who holds each, if anybody ever did."""

from typing import TYPE_CHECKING

import numpy as np

from closewait_pcap.quantities import printable
from closewait_pcap.tcp.state import State
from closewait_pcap.verdicts.evidence.receive_queue import CLOSE_NOTIFY, remark
from closewait_pcap.verdicts.sides import Bools, Ints, Small

if TYPE_CHECKING:
    from closewait_pcap.sockets.matching import Matches


_CLOSED = (State.LAST_ACK, State.CLOSING)
"""The end has closed, and its FIN has not been acknowledged. In CLOSING it did so before it heard of its peer's."""


class Kernel:
    """Rows of socket tables beside some waiting ends, arrays of shape (flows,).

    Args:
        matches: which socket is which end of which flow; None where no table was given.
        rows: of the flows.
        sides: which side of each waits, 0 client, 1 server.
    """

    def __init__(self, matches: "Matches | None", rows: Ints, sides: Small) -> None:
        count = len(rows)
        self._matches = matches
        self.place: Ints = np.full(count, -1, np.int64)
        self.waits: Bools = np.zeros(count, np.bool_)
        """The table shows it in CLOSE_WAIT, ..."""
        self.held = self.waits.copy()
        """... and that a process has it: by name, or by an inode."""
        self.unowned = self.waits.copy()
        """... and that none ever had it: inode 0."""
        self.nameless = self.waits.copy()
        """... and names none, in a table that tells processes, without inodes; its reader was not said to see only some."""
        self.blocked = self.waits.copy()
        """The table shows that data waits to be sent: in CLOSE_WAIT, or, where it has closed, in LAST_ACK or CLOSING."""
        if matches is None:
            return
        self.place = np.where(sides == 1, matches.server[rows], matches.client[rows])
        told = [snapshot.tells_processes for snapshot in matches.snapshots]
        for at in np.flatnonzero(self.place >= 0).tolist():
            socket, number = matches.sockets[self.place[at]], int(matches.snapshot_of[self.place[at]])
            waits = socket.state is State.CLOSE_WAIT
            own = 0 if waits else 1  # of one that has closed, the FIN itself is unacknowledged, too
            self.blocked[at] = (waits or socket.state in _CLOSED) and (socket.send_q or 0) > own
            self.waits[at] = waits
            self.held[at] = waits and bool(socket.users or socket.inode)
            self.unowned[at] = waits and socket.inode == 0 and not socket.users
            hidden = matches.snapshots[number].privileged is False
            self.nameless[at] = waits and socket.inode is None and not socket.users and told[number] and not hidden

    def tell(self, at: int) -> str:
        """Quote the table: which, where, and what it says."""
        assert self._matches is not None  # only what it shows is told
        place = int(self.place[at])
        socket, snapshot = self._matches.sockets[place], self._matches.snapshots[int(self._matches.snapshot_of[place])]
        said = [socket.state.name if socket.state is not None else "no state"]
        said += [f"Recv-Q {socket.recv_q:,}"] if socket.recv_q else []
        said += [remark(socket.recv_q or 0)] if socket.recv_q in CLOSE_NOTIFY else []
        said += [f"Send-Q {socket.send_q:,}"] if socket.send_q else []
        said += [f"inode {socket.inode}"] if socket.inode is not None else []
        for user in socket.users[:3]:
            number = f"[{user.pid}]" if user.pid is not None else ""
            descriptor = f" fd {user.fd}" if user.fd is not None else ""
            said.append(f"held by {user.process}{number}{descriptor}")
        return printable(f"{snapshot.source} line {socket.line}: {', '.join(said)}")
