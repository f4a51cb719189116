"""/proc/net/tcp and /proc/net/tcp6: what the kernel itself prints, in hexadecimal.

An address is printed as one number (IPv4) or four (IPv6) of 32 bits, each as this machine has it in memory, so the bytes of
127.0.0.1 come out as 0100007F on x86 and ARM, and as 7F000001 on s390x and other big-endian machines. The port is a plain
number on all of them. Nothing in the file says which machine it was; loopback and mapped addresses give it away, and
nearly all are little-endian. Source: Linux, net/ipv4/tcp_ipv4.c (get_tcp4_sock) and net/ipv6/tcp_ipv6.c.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from closewait_pcap.sockets.addresses import Endpoint, plain
from closewait_pcap.sockets.formats.rows import Layout, number, state_of
from closewait_pcap.sockets.table import Socket

FORMAT = "/proc/net/tcp"
OTHER = "/proc/net, not TCP"

_TIMERS = ("", "on", "keepalive", "timewait", "probe")
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_JIFFIES = 100  # USER_HZ, the same on all machines


def header(text: str) -> Layout | None:
    """Recognise the header; that of UDP has the column ``drops``."""
    if not text.startswith("sl ") or "local_address" not in text:
        return None
    return Layout(OTHER if "drops" in text else FORMAT, columns=("tcp6",) if "remote_address" in text else ())


def looks_like_row(words: list[str]) -> bool:
    """Say whether a line is one of the kernel's: ``0: 0100007F:0016 ...``."""
    return len(words) > 1 and words[0].endswith(":") and words[0][:-1].isdecimal() and ":" in words[1]


def row(words: list[str], line: int) -> Socket:
    """Read a socket, taking the machine for little-endian.

    Args:
        words: the line cut at blanks into at most six pieces.
        line: its number.

    Returns:
        The socket.

    Raises:
        ValueError: the row is cut, or is none.
    """
    rest = words[5].split(None, 5) if len(words) > 5 else []
    if len(rest) < 5:
        raise ValueError("the row is cut before the inode")
    sent, _, received = words[4].partition(":")
    kind, _, when = rest[0].partition(":")
    timer = _TIMERS[int(kind, 16)] if int(kind, 16) < len(_TIMERS) else ""
    if len(words[3]) != 2:
        raise ValueError(f"no state: {words[3][:20]!r}")
    return Socket(
        state_of(words[3]),
        _endpoint(words[1]),
        _endpoint(words[2]),
        int(received, 16),
        int(sent, 16),
        inode=number(rest[4], "inode"),
        uid=number(rest[2], "uid"),
        timer=f"{timer} ({int(when, 16) / _JIFFIES:.2f}s)" if timer else "",
        line=line,
    )


def is_big_endian(sockets: list[Socket]) -> bool:
    """Say whether a table read as little-endian makes sense only the other way round.

    Only 127.0.0.1, ::1 and mapped addresses are asked: 10.0.0.127 is as good an address as 127.0.0.10.
    """
    ends = {end for socket in sockets for end in (socket.local, socket.peer) if end.address is not None}
    if any(end.address in _LOOPBACK for end in ends):
        return False
    turned = ((end.address, _swapped(end).address) for end in ends)
    return any(other in _LOOPBACK or (here and other and here.version > other.version) for here, other in turned)


def swapped(socket: Socket) -> Socket:
    """Turn the bytes of a socket's addresses round, word by word."""
    return socket._replace(local=_swapped(socket.local), peer=_swapped(socket.peer))


@lru_cache(65_536)
def _endpoint(text: str) -> Endpoint:
    address, _, port = text.partition(":")
    if len(address) not in (8, 32) or len(port) != 4:
        raise ValueError(f"not an address and a port: {text[:60]!r}")
    return _end(_turned(bytes.fromhex(address)), int(port, 16))


def _turned(raw: bytes) -> bytes:
    return b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))


def _end(raw: bytes, port: int) -> Endpoint:
    address = plain(IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw))
    return Endpoint(None if address.is_unspecified else address, port or None)


def _swapped(end: Endpoint) -> Endpoint:
    return end if end.address is None else _end(_turned(end.address.packed), end.port or 0)
