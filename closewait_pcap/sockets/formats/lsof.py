"""lsof -i: one line for each process and descriptor, so that a shared socket stands on several."""

import re

from closewait_pcap.sockets.addresses import Endpoint, colon_endpoint
from closewait_pcap.sockets.formats.rows import Layout, number, state_of
from closewait_pcap.sockets.table import Socket, User

FORMAT = "lsof"

_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_DESCRIPTOR = re.compile(r"(\d{1,10})[a-zA-Z -]{0,3}$")
_SHORTEST = 8
"""No line about a file has fewer words: ``COMMAND PID USER NOFD /proc/1/fd (opendir: Permission denied)``."""
_QUEUES = re.compile(r"\bQR=(\d{1,15}) QS=(\d{1,15})")


def header(text: str) -> Layout | None:
    """Recognise the header; -R, -g and -K add columns to it, all before USER."""
    if not text.startswith("COMMAND") or not text.endswith("NAME") or " NODE " not in text:
        return None
    return Layout(FORMAT, process=True)


def looks_like_row(text: str) -> bool:
    """Say whether a line without a header before it is lsof's."""
    return " TCP " in text and (" IPv4 " in text or " IPv6 " in text)


def row(text: str, line: int) -> Socket | None:
    """Read a socket.

    Args:
        text: the line.
        line: its number.

    Returns:
        The socket, or None where the file is not a TCP socket, or one whose addresses lsof could not find.

    Raises:
        ValueError: the row is cut, or is none.
    """
    words = text.split(None, 16)
    kind = next((place for place, word in enumerate(words) if word in ("IPv4", "IPv6")), 0)
    if kind < 4:
        if kind or len(words) < _SHORTEST:
            raise ValueError("the columns before NODE are not all there")
        return None
    tcp = kind + 3
    if words[tcp : tcp + 1] != ["TCP"]:
        if len(words) > tcp and not "TCP".startswith(words[tcp]):
            return None  # UDP
        raise ValueError("the columns NODE and NAME are missing")
    if len(words) < tcp + 2:
        raise ValueError("the column NAME is missing")
    what = " ".join(words[tcp + 2 :])
    if not (what.startswith("(") and what.endswith(")")):
        raise ValueError("the state is missing")
    queues = _QUEUES.search(what)
    local, arrow, peer = words[tcp + 1].partition("->")
    descriptor = _DESCRIPTOR.match(words[kind - 1])  # not `*614u`: of five figures, lsof shows three
    user = User(_unescaped(words[0]), number(words[1], "PID"), int(descriptor[1]) if descriptor else None)
    device = words[kind + 1]
    return Socket(
        state_of(what.strip("()").split()[0]),
        colon_endpoint(local),
        colon_endpoint(peer) if arrow else Endpoint(None, None),
        int(queues[1]) if queues else None,
        int(queues[2]) if queues else None,
        (user,),
        int(device) if device.isdecimal() and len(device) <= 20 else None,  # macOS: an address in the kernel
        owner=words[kind - 2],
        line=line,
    )


def merged(sockets: list[Socket]) -> list[Socket]:
    """Bring the rows of one socket together: those of the same inode, or where it is connected, of the same ends."""
    whole: dict[tuple[object, ...], Socket] = {}
    for socket in sockets:
        unconnected = socket.inode is None and socket.peer == Endpoint(None, None)  # one for IPv4, one for IPv6 look alike
        key = (socket.local, socket.peer, socket.state, socket.inode, unconnected and len(whole))
        same = whole.get(key)
        whole[key] = same._replace(users=same.users + socket.users) if same else socket
    return list(whole.values())


def _unescaped(name: str) -> str:
    r"""Undo ``\x20`` for a blank."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name) if "\\x" in name else name
