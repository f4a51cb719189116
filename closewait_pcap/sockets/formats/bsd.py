"""netstat of macOS and FreeBSD, whose addresses end in a dot and the port, and FreeBSD's sockstat."""

import re

from closewait_pcap.sockets.addresses import BSD_COLUMN, Endpoint, colon_endpoint, dotted_endpoint
from closewait_pcap.sockets.formats.rows import Layout, Note, number, state_of
from closewait_pcap.sockets.table import Socket, User
from closewait_pcap.tcp.state import State

FORMAT = "netstat (BSD)"
SOCKSTAT = "sockstat"

_NAMED = re.compile(r"\s*(?:\d{1,20}\s+){4}(\S.{0,63}?)\s{0,20}:(\d{1,10})(?:\s|$)")
"""rxbytes, txbytes, rhiwat, shiwat, then process:pid, of which the process may hold blanks (``Brave Browser He:855``)."""
_NO_STATE = "Rexmit"
"""netstat -T of FreeBSD has counters of retransmission where others have queues, and no state."""


def header(text: str) -> Layout | None:
    """Recognise netstat's header, how wide its addresses are, and what it tells of processes."""
    if "Local Address" not in text or "Foreign Address" not in text or "Proto" not in text[:40]:
        return None
    state = "(state)" in text
    if not state and _NO_STATE not in text:
        return None
    width = text.index("Foreign Address") - text.index("Local Address") - 1
    columns = tuple(text.partition("(state)")[2].split())
    return Layout(FORMAT, state, columns, max(width, 1), process="pid" in columns or "process:pid" in columns)


def row(words: list[str], line: int, note: Note, layout: Layout | None) -> Socket:
    """Read a socket of netstat.

    Args:
        words: the line cut at blanks into at most six pieces, from the protocol on.
        line: its number.
        note: takes complaints about a row that is used nevertheless.
        layout: the header; without one, addresses are taken to be cut to the usual 22 characters.

    Returns:
        The socket; of FreeBSD's ``-T``, without state and queues.

    Raises:
        ValueError: the row is cut, or is none.
    """
    width = layout.width if layout else BSD_COLUMN
    if layout and not layout.state:
        if len(words) < 6:
            raise ValueError("an address is missing")
        return Socket(None, dotted_endpoint(words[4], width), dotted_endpoint(words[5].split()[0], width), line=line)
    if len(words) < 6:
        raise ValueError(f"{len(words)} of the columns Proto, Recv-Q, Send-Q, local and foreign address, state")
    state, _, rest = words[5].partition(" ")
    users = _users(rest, layout, note) if layout and layout.process else ()
    local, peer = dotted_endpoint(words[3], width), dotted_endpoint(words[4], width)
    return Socket(_state(state, rest), local, peer, number(words[1], "Recv-Q"), number(words[2], "Send-Q"), users, line=line)


def sockstat_header(text: str) -> Layout | None:
    """Recognise sockstat's header, and whether it was asked for states (``-s``)."""
    words = text.split()
    if words[:5] != ["USER", "COMMAND", "PID", "FD", "PROTO"]:
        return None
    return Layout(SOCKSTAT, state="STATE" in words, process=True)


def sockstat_row(text: str, line: int, layout: Layout | None) -> Socket | None:
    """Read a socket of sockstat; None where it is not TCP.

    Raises:
        ValueError: the row is cut, or is none.
    """
    words = text.split()
    if len(words) > 4 and not words[4].startswith("tcp") and not "tcp".startswith(words[4]):
        return None
    if len(words) < 7:
        raise ValueError(f"{len(words)} of the columns USER, COMMAND, PID, FD, PROTO, local and foreign address")
    local, peer = colon_endpoint(words[5]), colon_endpoint(words[6])
    state = None
    if layout and layout.state:
        if len(words) < 8:
            raise ValueError("the state is missing")
        state = state_of(words[-1])
    elif peer == Endpoint(None, None):
        state = State.LISTEN
    users = () if words[2] == "?" else (User(words[1], number(words[2], "PID"), number(words[3], "FD")),)
    return Socket(state, local, peer, users=users, owner=words[0], line=line)


def _state(word: str, rest: str) -> State:
    """Give the state: the next word, or with -x the last."""
    try:
        return state_of(word)
    except ValueError:
        if not rest.strip():
            raise
        return state_of(rest.rsplit(None, 1)[-1])


def _users(rest: str, layout: Layout, note: Note) -> tuple[User, ...]:
    if "process:pid" in layout.columns:
        found = _NAMED.match(rest)
        name, pid = (found[1], found[2]) if found else ("", "")
    else:
        words = rest.split(None, 20)
        column = layout.columns.index("pid")
        name, pid = "", words[column] if len(words) > column else ""
    if not pid.isdecimal() or len(pid) > 10:
        note("the row is cut: it has no pid")
        return ()
    return (User(name, int(pid), None),) if int(pid) else ()
