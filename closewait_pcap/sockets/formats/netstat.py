"""netstat of Linux (net-tools) and of BusyBox."""

import re

from closewait_pcap.sockets.addresses import LINUX_COLUMN, colon_endpoint
from closewait_pcap.sockets.formats.rows import Layout, Note, number, state_of
from closewait_pcap.sockets.table import Socket, User

FORMAT = "netstat"

_TIMER = re.compile(r"(?:^|\s)(\S{1,20} \(\d[\d.]{0,20}/\d{1,10}/\d{1,10}(?:/\d{1,10})?\))$")
_OLD_HEADER = ("User", "Inode", "PID/Program", "Timer")


def header(text: str) -> Layout | None:
    """Recognise the header, and which of the columns User, Inode, PID/Program name and Timer it has."""
    if not text.startswith("Proto") or "Recv-Q" not in text or "(state)" in text or "Foreign Address" not in text:
        return None
    behind = text.partition("State")[2].split()
    columns = tuple(name for name in _OLD_HEADER if name in behind)
    return Layout(FORMAT, columns=columns, process="PID/Program" in columns)


def row(words: list[str], line: int, note: Note, layout: Layout | None) -> Socket:
    """Read a socket.

    Args:
        words: the line cut at blanks into at most six pieces: protocol, queues, addresses, and all the rest.
        line: its number.
        note: takes complaints about a row that is used nevertheless.
        layout: the header; without one, the columns are guessed from their contents.

    Returns:
        The socket.

    Raises:
        ValueError: the row is cut, or is none.
    """
    if len(words) < 6:
        raise ValueError(f"{len(words)} of the columns Proto, Recv-Q, Send-Q, local and foreign address, State")
    state, _, rest = words[5].partition(" ")
    rest = rest.strip()
    timer = _TIMER.search(rest) if rest.endswith(")") else None
    if timer:
        rest = rest[: timer.start()].rstrip()
    owner, inode, program = _columns(rest, layout)
    if layout and "Inode" in layout.columns and inode is None:
        note("the row is cut: it has no inode")
    elif layout and layout.process and not program:
        note("the row is cut: it has no PID/Program name")
    elif layout and "Timer" in layout.columns and not timer:
        note("the row is cut: it has no timer")
    return Socket(
        state_of(state),
        colon_endpoint(words[3], LINUX_COLUMN),
        colon_endpoint(words[4], LINUX_COLUMN),
        number(words[1], "Recv-Q"),
        number(words[2], "Send-Q"),
        _users(program),
        inode,
        int(owner) if owner.isdecimal() else None,
        "" if owner.isdecimal() else owner,
        timer[1] if timer else "",
        line,
    )


def _columns(rest: str, layout: Layout | None) -> tuple[str, int | None, str]:
    """Split what stands behind the state into user, inode and program."""
    words = rest.split(None, 2)
    guessed = len(words) > 1 and "/" not in words[0] and words[1].isdecimal()
    if not ("User" in layout.columns if layout else guessed):
        return "", None, rest
    inode = int(words[1]) if len(words) > 1 and words[1].isdecimal() and len(words[1]) <= 20 else None
    return words[0] if words else "", inode, words[2] if len(words) > 2 else ""


def _users(program: str) -> tuple[User, ...]:
    pid, slash, name = program.partition("/")
    return (User(name, int(pid), None),) if slash and pid.isdecimal() and len(pid) <= 10 else ()
