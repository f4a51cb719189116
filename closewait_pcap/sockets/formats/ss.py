"""ss of iproute2, in any option set: with or without header, State and Netid columns, on one line or on several."""

import re

from closewait_pcap.sockets.addresses import colon_endpoint
from closewait_pcap.sockets.formats.rows import STATE_WORDS, Layout, Note, number, state_of
from closewait_pcap.sockets.table import Socket, User
from closewait_pcap.tcp.state import State

FORMAT = "ss"
EXTRAS = ("users:", "timer:", "uid:", "ino:", "sk:")
"""What a second line begins with that holds more than congestion control: old ss wraps at the terminal's width."""

_USER = re.compile(r'\("(.{0,64}?)",(?:pid=)?(\d{1,10}),(?:proc_ctx=[^,()]{0,200},)?(?:fd=)?(\d{1,10})')
"""A kernel thread's name may have 64 characters. Bounded, so that a hostile line takes linear time."""
_INODE = re.compile(r"\bino:(\d{1,20})")
_UID = re.compile(r"\buid:(\d{1,10})")
_TIMER = re.compile(r"\btimer:\(([^()]{1,64})\)")
_FILTER = re.compile(r"\bstate\s+([a-z][a-z0-9-]{3,12})(?!.*\bstate\b)")


def header(text: str) -> Layout | None:
    """Recognise a header, of which ss has three kinds: with Netid, with State, and with neither where one state was asked for."""
    words = text.split(None, 3)
    if "Recv-Q" not in words or "Peer Address" not in text:
        return None
    return Layout(FORMAT, state=words[0] != "Recv-Q")


def asked_state(command: str) -> State | None:
    """Give the one state that a command line asks for: its rows then have no State column."""
    found = _FILTER.search(command[:300])
    try:
        return state_of(found[1]) if found else None
    except ValueError:  # a group, such as `connected`
        return None


def row(words: list[str], line: int, note: Note, state: State | None) -> Socket:
    """Read a socket.

    Args:
        words: the line cut at blanks into at most six pieces, the last of them all the rest.
        line: its number.
        note: takes complaints about a row that is used nevertheless.
        state: what to take where the row has none.

    Returns:
        The socket.

    Raises:
        ValueError: the row is cut, or is none.
    """
    if words[0] not in STATE_WORDS and not words[0].isdecimal():  # Netid
        words = [*words[1:5], *(words[5].split(None, 1) if len(words) > 5 else [])]
    if words[0] in STATE_WORDS:
        state = None if words[0] == "UNKNOWN" else state_of(words[0])
        words = words[1:]
    else:
        words = [*words[:4], " ".join(words[4:])]
    if len(words) < 4:
        raise ValueError(f"{len(words)} of the columns Recv-Q, Send-Q, local and peer address")
    rest = words[4] if len(words) > 4 else ""
    users, inode, uid, timer = _extras(rest, note)
    return Socket(
        state,
        colon_endpoint(words[2]),
        colon_endpoint(words[3]),
        number(words[0], "Recv-Q"),
        number(words[1], "Send-Q"),
        users,
        inode,
        uid,
        timer=timer,
        line=line,
    )


def continued(socket: Socket, text: str, note: Note) -> Socket:
    """Add what a second line says of a socket: see `EXTRAS`."""
    users, inode, uid, timer = _extras(text, note)
    return socket._replace(
        users=socket.users + users,
        inode=socket.inode if inode is None else inode,
        uid=socket.uid if uid is None else uid,
        timer=timer or socket.timer,
    )


def _extras(text: str, note: Note) -> tuple[tuple[User, ...], int | None, int | None, str]:
    if not text:
        return (), None, None, ""
    users: tuple[User, ...] = ()
    if "users:" in text:
        users = tuple(User(name, int(pid), int(fd)) for name, pid, fd in _USER.findall(text))
        if not users or "))" not in text:
            note("the list of processes is cut")
    found = _INODE.search(text)
    inode = int(found[1]) if found else None
    found = _UID.search(text)
    uid = int(found[1]) if found else None
    if uid is None and inode:  # ss leaves out uid:0; a socket without inode has no owner at all
        uid = 0
    found = _TIMER.search(text) if "timer:" in text else None
    return users, inode, uid, found[1] if found else ""
