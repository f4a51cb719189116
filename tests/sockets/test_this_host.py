"""Sockets made here, in states we know, and what the tools of this host print of them."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from closewait_pcap.errors import SnapshotError
from closewait_pcap.sockets.counting import never_accepted, queues
from closewait_pcap.sockets.live import live_snapshot
from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.sockets.table import Snapshot, Socket, TimeFrom
from closewait_pcap.tcp.state import State
from tests.sockets.tables import plain_end

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux' /proc and loopback net")

HOST = "127.77.3.1"  # all of 127.0.0.0/8 is ours: nobody else listens here
ACCEPTED, QUEUED, FULL, SIX = 8080, 8443, 9000, 9001
KNOWN = {
    ((HOST, ACCEPTED), (HOST, 40001)): (State.CLOSE_WAIT, 6),  # 5 bytes and the FIN
    ((HOST, 40001), (HOST, ACCEPTED)): (State.FIN_WAIT_2, 0),
    ((HOST, QUEUED), (HOST, 40002)): (State.CLOSE_WAIT, 4),  # never accepted
    ((HOST, QUEUED), (HOST, 40003)): (State.ESTABLISHED, 0),  # in the queue
    ((HOST, 40003), (HOST, QUEUED)): (State.ESTABLISHED, 0),
    ((HOST, ACCEPTED), (HOST, 40004)): (State.TIME_WAIT, 0),
    ((HOST, SIX), (HOST, 40005)): (State.CLOSE_WAIT, 1),  # IPv4 in IPv6
    ((HOST, FULL), (HOST, 40006)): (State.ESTABLISHED, 0),
    ((HOST, FULL), (HOST, 40007)): (State.ESTABLISHED, 0),
}
COMMANDS = ["ss -tan", "ss -Htan", "ss -tanp", "ss -tanpe", "ss -tanpeoim", "ss -tanpeoimO", "ss -tap", "ss -anp", "ss -ntai"]
COMMANDS += ["netstat -ant", "netstat -antp", "netstat -antpe", "netstat -anto", "netstat -antpW", "netstat -antpeo"]
COMMANDS += [
    "busybox netstat -ant",
    "busybox netstat -antW",
    "cat /proc/net/tcp /proc/net/tcp6",
    "lsof -nP -iTCP",
    "lsof -nP -i -Tqs",
]


@pytest.fixture(scope="module")
def sockets() -> Iterator[dict[str, socket.socket]]:
    with ExitStack() as stack:

        def listen(port: int, backlog: int, host: str = HOST, family: int = socket.AF_INET) -> socket.socket:
            listener = stack.enter_context(socket.socket(family))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(backlog)
            return listener

        def connect(source: int, port: int) -> socket.socket:
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind((HOST, source))
            client.connect((HOST, port))
            return client

        def accept(listener: socket.socket) -> socket.socket:
            return stack.enter_context(listener.accept()[0])

        accepting, queueing, full = listen(ACCEPTED, 5), listen(QUEUED, 5), listen(FULL, 1)
        six = listen(SIX, 5, f"::ffff:{HOST}", socket.AF_INET6)
        client = connect(40001, ACCEPTED)
        accepted = accept(accepting)
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        gone = connect(40002, QUEUED)
        gone.sendall(b"bye")
        gone.close()
        connect(40003, QUEUED)
        closing, closed = connect(40004, ACCEPTED), accept(accepting)
        closed.close()
        closing.close()
        connect(40005, SIX).shutdown(socket.SHUT_WR)
        accept(six)
        connect(40006, FULL)
        connect(40007, FULL)
        time.sleep(0.1)
        yield {"accepted": accepted, "full": full, "queueing": queueing}


def run(command: str) -> Snapshot:
    words = command.split()
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} is not installed")
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if not ran.stdout:
        pytest.skip(f"{command}: {ran.stderr[:80]}")
    [snapshot] = read_snapshots(ran.stdout)
    return snapshot


def by_ends(snapshot: Snapshot) -> dict[object, Socket]:
    return {(plain_end(one.local), plain_end(one.peer)): one for one in snapshot.sockets if one.peer.address}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("sockets")
def test_what_the_tools_say_of_sockets_we_made(command: str) -> None:
    found = by_ends(run(command))
    for ends, (state, queued) in KNOWN.items():
        if command.startswith("lsof") and ends not in found:  # what no process holds, lsof cannot know
            continue
        assert found[ends].state is state
        assert found[ends].recv_q in ((None,) if command == "lsof -nP -iTCP" else (queued,))
    if command.startswith("lsof"):
        assert found[(HOST, ACCEPTED), (HOST, 40001)].pid == os.getpid()


@pytest.mark.usefixtures("sockets")
def test_one_state_alone() -> None:
    snapshot = run("ss -tne state close-wait")
    assert {one.state for one in snapshot.sockets} == {None}
    assert ((HOST, QUEUED), (HOST, 40002)) in by_ends(snapshot)


def check(snapshot: Snapshot, sockets: dict[str, socket.socket]) -> None:
    found = by_ends(snapshot)
    for ends, (state, queued) in KNOWN.items():
        assert (found[ends].state, found[ends].recv_q) == (state, queued)
    held = found[(HOST, ACCEPTED), (HOST, 40001)]
    assert (held.pid, held.fd) == (os.getpid(), sockets["accepted"].fileno())
    assert held.inode == os.fstat(sockets["accepted"].fileno()).st_ino
    assert ((HOST, 40002)) in [plain_end(one.peer) for one in never_accepted(snapshot)]
    assert found[(HOST, QUEUED), (HOST, 40003)].inode == 0
    lengths = {plain_end(queue.listener.local): queue for queue in queues(snapshot)}
    assert lengths[HOST, QUEUED].length == 2
    assert lengths[HOST, FULL].full is (True if snapshot.format == "ss" else None)
    assert abs((snapshot.time or 0) - time.time_ns()) < 60 * 10**9
    assert snapshot.time_from is TimeFrom.CLOCK


def test_live_from_the_kernel(sockets: dict[str, socket.socket]) -> None:
    snapshot = live_snapshot()
    check(snapshot, sockets)
    assert snapshot.source == snapshot.format == "/proc/net/tcp"
    assert snapshot.privileged in ((True, False) if os.geteuid() == 0 else (False,))


@pytest.mark.skipif(not shutil.which("ss"), reason="ss is not installed")
def test_live_from_ss(sockets: dict[str, socket.socket], tmp_path: Path) -> None:
    snapshot = live_snapshot(tmp_path)
    check(snapshot, sockets)
    assert snapshot.source == "ss -tanpe"


def test_a_host_that_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SnapshotError, match=r"neither .*net/tcp nor ss; install iproute2"):
        live_snapshot(tmp_path)
    broken = tmp_path / "ss"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(SnapshotError, match=r"ss -tanpe: .*exit status 3"):
        live_snapshot(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.usefixtures("sockets")
def test_a_reader_who_is_not_root() -> None:
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        os._exit({True: 1, False: 2, None: 3}[live_snapshot().privileged])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
