"""The kernel's own answer: `ss` and `netstat` as they print it, and the one column of it that is checked."""

from .network import Host

Ends = tuple[str, int, str, int]
"""Local address and port, then the peer's."""


def ss(host: Host) -> str:
    """Return the TCP sockets with process, inode and timers, one socket a line."""
    return host.run("ss", "-tanpeO")


def netstat(host: Host) -> str:
    """Return the same as the older tool prints it."""
    return host.run("netstat", "-antpe")


def somebody_listens(host: Host, port: int) -> bool:
    """Tell whether a machine has a listening socket on a port."""
    return bool(host.run("ss", "-Htln", f"sport = :{port}"))


def states(table: str) -> dict[Ends, str]:
    """Read the states of all but the listening sockets out of what `ss` printed."""
    found = {}
    for line in table.splitlines()[1:]:
        state, _, _, local, peer, *_ = line.split()
        if state != "LISTEN":
            found[(*_endpoint(local), *_endpoint(peer))] = state
    return found


def _endpoint(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)
