"""netstat of Windows: ``-ano``, and ``-anob`` with a line for the service and one for the [program] under each socket."""

import re

from closewait_pcap.sockets.addresses import Endpoint, colon_endpoint
from closewait_pcap.sockets.formats.rows import Layout, Note, number, state_of
from closewait_pcap.sockets.table import Socket, User
from closewait_pcap.tcp.state import State

FORMAT = "netstat (Windows)"

GERMAN = {
    "HERGESTELLT": State.ESTABLISHED,
    "SCHLIESSEN_WARTEN": State.CLOSE_WAIT,
    "WARTEND": State.TIME_WAIT,
    "FIN_WARTEN_1": State.FIN_WAIT_1,
    "FIN_WARTEN_2": State.FIN_WAIT_2,
    "SYN_GESENDET": State.SYN_SENT,
}
"""French, Spanish, Portuguese and Chinese Windows print English states; German Windows translates them."""

_PROGRAM = re.compile(r"\[([^\[\]]{1,260})\]$")


def header(text: str) -> Layout | None:
    """Recognise the header in any language that calls the protocol Proto, and whether there are process numbers."""
    words = text.split()
    if words[0] != "Proto" or len(words) < 4 or {"Recv-Q", "RefCnt", "Rexmit"} & set(words):
        return None
    return Layout(FORMAT, process="PID" in words)


def row(words: list[str], line: int, note: Note, layout: Layout | None) -> Socket:
    """Read a socket.

    Args:
        words: the line cut at blanks into at most six pieces.
        line: its number.
        note: takes complaints about a row that is used nevertheless.
        layout: the header, where it was understood.

    Returns:
        The socket.

    Raises:
        ValueError: the row is cut, or is none.
    """
    if len(words) < 4:
        raise ValueError(f"{len(words)} of the columns Proto, local and foreign address, State")
    pid = number(words[4], "PID") if len(words) > 4 else None
    if pid is None and layout and layout.process:
        note("the row is cut: it has no PID")
    peer = colon_endpoint(words[2])
    if peer.address is None and not peer.text:
        peer = Endpoint(None, None)  # 0.0.0.0:0
    name = _PROGRAM.search(words[5]) if len(words) > 5 else None
    users = (User(name[1] if name else "", pid, None),) if pid else ()
    return Socket(_state(words[3], note), colon_endpoint(words[1]), peer, users=users, line=line)


def program(text: str) -> str:
    """Give the name in ``[program.exe]``, or nothing."""
    found = _PROGRAM.match(text)
    return found[1] if found else ""


def with_program(socket: Socket, name: str) -> Socket:
    """Add the program that -b prints under a socket; without -o it comes without a number."""
    return socket._replace(users=(User(name, socket.pid, None),))


def _state(word: str, note: Note) -> State | None:
    if word in GERMAN:
        return GERMAN[word]
    if word.startswith("ABH") and word.endswith("REN"):  # ABHÖREN, whose umlaut code page 850 spoils
        return State.LISTEN
    try:
        return state_of(word)
    except ValueError:
        if word.isascii():
            raise
        note(f"a state in a language not known here: {word[:40]!r}")  # a whole word: no row was cut
        return None
