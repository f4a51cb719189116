"""The tables in `tables/`, and what is known of the sockets in those that were made for these tests."""

from ipaddress import ip_address
from pathlib import Path

from closewait_pcap.sockets.addresses import Endpoint
from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.sockets.table import Snapshot, Socket
from closewait_pcap.tcp.state import State

TABLES = Path(__file__).parent / "tables"

LONG = "2001:db8:1111:2222:3333:4444:5555:6666"
CLOSE_WAITS = {  # (local, peer): (Recv-Q, held by a process)
    (("10.9.0.1", 8080), ("10.9.0.1", 40001)): (6, True),
    (("10.9.0.1", 8080), ("10.9.0.1", 40002)): (4, False),  # never accepted
    (("10.9.0.1", 8443), ("10.9.0.1", 40040)): (1, True),  # an IPv4 client of an IPv6 listener
    ((LONG, 9000), (LONG, 40030)): (1, True),
    (("fe80::1234", 9001), ("fe80::1234", 40050)): (1, True),
}
STATES = {
    State.LISTEN: 7,
    State.ESTABLISHED: 6,
    State.CLOSE_WAIT: 5,
    State.FIN_WAIT_2: 5,
    State.TIME_WAIT: 1,
}
"""Of all 24 sockets."""


def only(name: str) -> Snapshot:
    """Read a file of one table."""
    [snapshot] = read_snapshots(TABLES / name)
    return snapshot


def end(address: str | None, port: int | None, zone: str = "") -> Endpoint:
    """Make an end that was read whole."""
    return Endpoint(ip_address(address) if address else None, port, zone)


def plain_end(endpoint: Endpoint) -> tuple[str, int | None]:
    """Give an end without its zone."""
    return str(endpoint.address), endpoint.port


def close_waits(snapshot: Snapshot) -> dict[object, Socket]:
    """Give the sockets in CLOSE_WAIT by their ends."""
    found = [socket for socket in snapshot.sockets if socket.state is State.CLOSE_WAIT]
    by_ends: dict[object, Socket] = {(plain_end(socket.local), plain_end(socket.peer)): socket for socket in found}
    assert len(by_ends) == len(found)
    return by_ends
