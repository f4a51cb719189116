"""What every reader of a socket table yields: sockets, and a snapshot that holds them and says how far to trust it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from closewait_pcap.sockets.addresses import Endpoint
from closewait_pcap.tcp.state import State

MOST_COMPLAINTS = 1000
"""A table with a million bad lines is no table: later complaints are counted, not kept."""


class User(NamedTuple):
    """A process that holds a socket open. Several may hold the same one: it is closed when the last of them closes it."""

    process: str
    pid: int | None
    fd: int | None
    """None where the tool does not tell it, or cut it: lsof's ``*614u``."""


class Socket(NamedTuple):
    """One row of a socket table."""

    state: State | None
    """None where the table has no State column (``ss -t state ...``) and the command is not seen, or in an unknown language."""
    local: Endpoint
    peer: Endpoint
    recv_q: int | None = None
    """Bytes not yet read, plus one for a FIN; on a listener of Linux the connections that wait to be accepted."""
    send_q: int | None = None
    """Bytes not yet acknowledged; on a listener in ss the limit of its queue."""
    users: tuple[User, ...] = ()
    inode: int | None = None
    """0: no process has ever held this socket (not yet accepted), or none does any more (TIME_WAIT, orphans)."""
    uid: int | None = None
    owner: str = ""
    """The user's name, where a tool prints names for numbers."""
    timer: str = ""
    line: int = 0
    """Where it stands, from 1; of a wrapped or shared socket, its first line."""

    @property
    def pid(self) -> int | None:
        """The first process that holds it."""
        return self.users[0].pid if self.users else None

    @property
    def process(self) -> str:
        """That process's name, as far as the tool printed it."""
        return self.users[0].process if self.users else ""

    @property
    def fd(self) -> int | None:
        """Its number in that process."""
        return self.users[0].fd if self.users else None


class TimeFrom(StrEnum):
    """How we know when a snapshot was taken."""

    UNKNOWN = ""
    GIVEN = "given"
    CONTENT = "content"
    CONTENT_AS_UTC = "content, taken as UTC"
    """The text has a date without a zone, or with one that several countries use: hours may be wrong."""
    NAME = "file name, taken as UTC"
    MTIME = "time of the file's last change"
    PLACE = "its place among printed packets"
    CLOCK = "clock"


@dataclass(slots=True)
class Snapshot:
    """One socket table at one moment."""

    sockets: list[Socket] = field(default_factory=list)
    time: int | None = None
    """ns since the epoch."""
    time_from: TimeFrom = TimeFrom.UNKNOWN
    source: str = ""
    """File name, ``-``, or ``text``."""
    format: str = ""
    """``ss``, ``netstat``, ``netstat (BSD)``, ``netstat (Windows)``, ``lsof``, ``sockstat`` or ``/proc/net/tcp``."""
    privileged: bool | None = None
    """True: the reader saw everybody's processes. False: some are hidden, so a missing process proves nothing. None: not told."""
    tells_processes: bool = False
    """Whether the tool was asked for processes: it names some, or has a column for them."""
    complaints: list[str] = field(default_factory=list)
    """What could not be read, by line number, and what was assumed."""
