"""One table while it is read, and what is concluded when its end is reached."""

from typing import TYPE_CHECKING

from closewait_pcap.sockets.addresses import Endpoint
from closewait_pcap.sockets.formats import bsd, lsof, netstat, procnet, ss, windows
from closewait_pcap.sockets.table import MOST_COMPLAINTS, Snapshot, Socket, TimeFrom
from closewait_pcap.tcp.state import State

if TYPE_CHECKING:
    from closewait_pcap.sockets.formats.rows import Layout


class Section:
    """Collects the rows of a table."""

    __slots__ = (
        "_named",
        "_unkept",
        "asked",
        "command",
        "complaints",
        "format",
        "header",
        "layout",
        "line",
        "root",
        "snapshot",
        "warned",
    )

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.complaints = self.snapshot.complaints
        self.layout: Layout | None = None
        self.format = ""
        self.line = 0
        """Of the row that is being read."""
        self.header = False
        """Whether a header was seen."""
        self.command = ""
        """The tool whose command line was seen."""
        self.asked: State | None = None
        """The one state that this command asks for."""
        self.root = False
        """Whether the prompt or the command says that the reader was root."""
        self.warned = False
        """Whether the tool says that it does not see all processes."""
        self._named: set[str] = set()
        self._unkept = 0

    @property
    def begun(self) -> bool:
        """Whether the table itself has begun, not only what stands before it."""
        return self.header or bool(self.snapshot.sockets)

    def add(self, socket: Socket) -> None:
        """Take a row; say where one of its ends is only a name."""
        self.snapshot.sockets.append(socket)
        if socket.local.text or socket.peer.text:
            for end in (socket.local, socket.peer):
                if end.text and not end.truncated and end.text not in self._named:
                    self._named.add(end.text)
                    self.complain(socket.line, _unresolved(end))

    def complain(self, line: int, why: str) -> None:
        """Keep what is wrong with a line, or count it where there are too many."""
        if len(self.complaints) < MOST_COMPLAINTS:
            self.complaints.append(f"line {line}: {why}")
        else:
            self._unkept += 1

    def note(self, why: str) -> None:
        """Take a complaint about the row that is being read; it is used nevertheless."""
        self.complain(self.line, why)

    def set_time(self, line: int, time: int, time_from: TimeFrom) -> None:
        """Take the time that a line before the table tells."""
        self.snapshot.time, self.snapshot.time_from = time, time_from
        if time_from is TimeFrom.CONTENT_AS_UTC:
            self.complain(line, "a date without zone, or with one that several countries use: taken as UTC")

    def finished(self, source: str) -> Snapshot | None:
        """Give the snapshot, or None where there was no table."""
        snapshot = self.snapshot
        if not (self.begun or self.command or self.complaints) or self.format == procnet.OTHER:
            return None
        snapshot.source, snapshot.format = source, self.format or self.command
        if self.format in (lsof.FORMAT, bsd.SOCKSTAT):
            snapshot.sockets = lsof.merged(snapshot.sockets)
        if self.format == procnet.FORMAT and procnet.is_big_endian(snapshot.sockets):
            snapshot.sockets = [procnet.swapped(socket) for socket in snapshot.sockets]
            snapshot.complaints.append(
                "the addresses are read as of a big-endian machine: only so does a loopback address appear"
            )
        if self.format == ss.FORMAT and any(socket.state is None for socket in snapshot.sockets):
            snapshot.complaints.append(
                "no State column and no `ss ... state ...` before it: the state of these sockets is unknown"
            )
        if self._unkept:
            snapshot.complaints.append(f"and {self._unkept} more bad lines")
        asked = self.layout is not None and self.layout.process
        snapshot.tells_processes = asked or any(socket.users for socket in snapshot.sockets)
        snapshot.privileged = self._privileged()
        return snapshot

    def _privileged(self) -> bool | None:
        """Say whether the reader saw everybody's processes: see `Snapshot.privileged`."""
        sockets = self.snapshot.sockets
        held = [socket for socket in sockets if socket.users]
        if self.warned:
            return False
        if self.format in (windows.FORMAT, bsd.FORMAT):  # whose netstat tells process numbers to everybody
            return True if held else None
        listed = bool(held) or (self.format == netstat.FORMAT and self.layout is not None and self.layout.process)
        if listed and self.format in (ss.FORMAT, netstat.FORMAT) and any(_hides(socket) for socket in sockets):
            return False
        owners = {socket.owner if socket.uid is None else socket.uid for socket in held} - {""}
        if self.root or owners & {0, "root"} or len(owners) > 1:  # nobody else sees what root holds, or what two users hold
            return True
        return None


def _hides(socket: Socket) -> bool:
    """Say whether a process must hold this socket and is not shown."""
    return not socket.users and bool(socket.inode or (socket.inode is None and socket.state is State.LISTEN))


def _unresolved(end: Endpoint) -> str:
    if end.address is None and end.text.rpartition(":")[0] != "*":
        return f"a name where an address is needed: {end.text[:80]!r} (give the tool -n)"
    return f"no port is known for the service in {end.text[:80]!r} (give the tool -n)"
