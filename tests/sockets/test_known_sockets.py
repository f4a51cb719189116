"""The same 24 sockets of one network namespace, as every tool printed them: all readers must see the same."""

from collections import Counter

import pytest

from closewait_pcap.sockets.table import TimeFrom
from closewait_pcap.tcp.state import State
from tests.sockets.tables import CLOSE_WAITS, STATES, TABLES, close_waits, end, only

WHOLE = [
    "ss_tan.txt",
    "ss_tanpe.txt",
    "ss_one_line.txt",
    "ss_multi_line.txt",
    "ss_netid.txt",
    "ss_no_header.txt",
    "ss_names.txt",
    "ss_not_root.txt",
    "netstat_wide.txt",
    "busybox.txt",
    "proc_net_tcp.txt",
]
WITH_PROCESSES = ["ss_tanpe.txt", "ss_one_line.txt", "ss_multi_line.txt", "ss_netid.txt", "ss_no_header.txt", "ss_names.txt"]
WITH_INODES = [
    "ss_tanpe.txt",
    "ss_one_line.txt",
    "ss_multi_line.txt",
    "ss_not_root.txt",
    "proc_net_tcp.txt",
]


@pytest.mark.parametrize("name", WHOLE)
def test_all_sockets_are_read(name: str) -> None:
    snapshot = only(name)
    assert snapshot.complaints == []
    assert Counter(socket.state for socket in snapshot.sockets) == STATES
    assert {ends: socket.recv_q for ends, socket in close_waits(snapshot).items()} == {
        ends: queued for ends, (queued, _) in CLOSE_WAITS.items()
    }
    lines = (TABLES / name).read_text().splitlines()
    for socket in snapshot.sockets:
        assert str(socket.local.port) in lines[socket.line - 1] or "http" in lines[socket.line - 1] or name == "proc_net_tcp.txt"


@pytest.mark.parametrize("name", WITH_PROCESSES)
def test_processes(name: str) -> None:
    snapshot = only(name)
    found = close_waits(snapshot)
    assert {ends: bool(socket.users) for ends, socket in found.items()} == {ends: held for ends, (_, held) in CLOSE_WAITS.items()}
    shared = found[("10.9.0.1", 8080), ("10.9.0.1", 40001)]
    assert len({user.pid for user in shared.users}) == 2  # a child inherited it
    assert (shared.process, shared.fd) == ("python3", 5)
    assert 12614 in {user.fd for user in shared.users}
    assert shared.pid == shared.users[0].pid


@pytest.mark.parametrize("name", WITH_INODES)
def test_inode_0_is_who_was_never_accepted(name: str) -> None:
    found = close_waits(only(name))
    assert {ends: bool(socket.inode) for ends, socket in found.items()} == {ends: held for ends, (_, held) in CLOSE_WAITS.items()}


def test_listeners() -> None:
    listeners = {
        (socket.local.port, socket.recv_q, socket.send_q) for socket in only("ss_tan.txt").sockets if socket.state is State.LISTEN
    }
    assert (80, 2, 1) in listeners  # full: one more than its limit
    assert (8080, 2, 5) in listeners
    every = [socket for socket in only("ss_tan.txt").sockets if socket.local.port == 8443 and socket.state is State.LISTEN]
    assert [(socket.local, socket.peer) for socket in every] == [(end(None, 8443), end(None, None))]


def test_zones() -> None:
    zones = {(socket.local.port, socket.local.zone) for socket in only("ss_tan.txt").sockets if socket.local.zone}
    assert zones == {(7777, "dum0"), (9001, "dum0"), (40050, "dum0")}


def test_users_and_timers() -> None:
    socket = close_waits(only("ss_tanpe.txt"))[("10.9.0.1", 8080), ("10.9.0.1", 40001)]
    assert (socket.uid, socket.timer) == (0, "")
    timed = [socket.timer for socket in only("ss_tanpe.txt").sockets if socket.state is State.TIME_WAIT]
    assert timed == ["timewait,59sec,0"]
    timed = [socket.timer for socket in only("netstat_timers.txt").sockets if socket.state is State.TIME_WAIT]
    assert timed[0].startswith("timewait (5")
    assert {socket.process for socket in only("netstat_timers.txt").sockets} == {"python3", ""}
    timed = [socket.timer for socket in only("proc_net_tcp.txt").sockets if socket.state is State.TIME_WAIT]
    assert timed == ["timewait (58.25s)"]
    named = close_waits(only("netstat_names_wide.txt"))[("10.9.0.1", 8080), ("10.9.0.1", 40001)]
    assert (named.uid, named.owner, named.process, named.fd) == (None, "root", "python3", None)


def test_one_state_without_a_state_column() -> None:
    snapshot = only("ss_close_wait.txt")
    assert {ends: socket.recv_q for ends, socket in close_waits(snapshot).items()} == {
        ends: queued for ends, (queued, _) in CLOSE_WAITS.items()
    }
    assert snapshot.complaints == []


def test_who_was_root() -> None:
    assert only("ss_tanpe.txt").privileged is True
    assert only("ss_not_root.txt").privileged is None  # no process at all: was -p asked for?
    assert only("netstat_not_root.txt").privileged is False
    assert only("netstat_cut.txt").privileged is True
    assert only("lsof.txt").privileged is True
    assert only("busybox.txt").privileged is None
    assert only("proc_net_tcp.txt").privileged is None


def test_a_file_without_a_time_is_dated_by_its_last_change() -> None:
    snapshot = only("ss_tan.txt")
    assert snapshot.time == (TABLES / "ss_tan.txt").stat().st_mtime_ns
    assert snapshot.time_from is TimeFrom.MTIME
    assert snapshot.source == str(TABLES / "ss_tan.txt")


def test_netstat_without_w_cuts_ipv6() -> None:
    snapshot = only("netstat_cut.txt")
    assert snapshot.complaints == []
    cut = [socket for socket in snapshot.sockets if socket.local.truncated or socket.peer.truncated]
    assert len(cut) == 3
    waiting = next(socket for socket in cut if socket.state is State.CLOSE_WAIT)
    assert (waiting.local.address, waiting.local.text, waiting.local.port) == (None, "2001:db8:1111:2222", 9000)
    assert (waiting.peer.address, waiting.peer.text, waiting.peer.port) == (None, "2001:db8:1111:222", 40030)
    whole = close_waits(only("netstat_wide.txt"))
    local, peer = next(socket for socket in whole.values() if socket.local.port == 9000).local, waiting.peer
    assert local.address is not None
    assert waiting.local.fits(local.address, 9000)
    assert not waiting.local.fits(local.address, 9001)
    assert peer.fits(local.address, 40030)
    assert not waiting.local.fits(end("2001:db8:1111:2223::1", 1).address or local.address, 9000)


@pytest.mark.parametrize("name", ["lsof.txt", "lsof_queues.txt", "lsof_parents.txt"])
def test_lsof_brings_the_holders_of_a_socket_together(name: str) -> None:
    snapshot = only(name)
    assert snapshot.complaints == []
    found = close_waits(snapshot)
    assert set(found) == {ends for ends, (_, held) in CLOSE_WAITS.items() if held}  # what no process holds, lsof cannot know
    shared = found[("10.9.0.1", 8080), ("10.9.0.1", 40001)]
    assert len({user.pid for user in shared.users}) == 2
    assert {user.fd for user in shared.users} == {5, None}  # *614u
    queues = [socket.recv_q for socket in found.values()]
    assert queues == ([6, 1, 1, 1] if name == "lsof_queues.txt" else [None] * 4)
