"""What a table tells without a capture."""

from closewait_pcap.sockets.counting import NO_PROCESS, count_by_endpoint, count_by_process, growth, never_accepted, queues
from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.tcp.state import State
from tests.sockets.tables import TABLES, end, only


def test_counts_by_endpoint() -> None:
    counts = count_by_endpoint(only("ss_tanpe.txt"))
    assert counts[State.CLOSE_WAIT, end("10.9.0.1", 8080)] == 2
    assert counts[State.ESTABLISHED, end("127.0.0.1", 80)] == 2
    assert counts[State.CLOSE_WAIT, end("127.0.0.1", 80)] == 0


def test_counts_by_process() -> None:
    counts = count_by_process(only("ss_tanpe.txt"))
    assert counts[NO_PROCESS, None] == 1
    assert sorted(counts.values()) == [1, 4, 4]  # parent and child hold the same four; one holds it twice
    assert count_by_process(only("windows_anob.txt"), State.LISTEN)["svchost.exe", 1712] == 2


def test_never_accepted_is_inode_0_in_close_wait() -> None:
    for name in ("ss_tanpe.txt", "netstat_cut.txt", "proc_net_tcp.txt"):
        assert [socket.peer.port for socket in never_accepted(only(name))] == [40002]
    assert never_accepted(only("ss_tan.txt")) == []  # without -e nobody can tell


def test_queues() -> None:
    found = {queue.listener.local.port: (queue.length, queue.limit, queue.full) for queue in queues(only("ss_tan.txt"))}
    assert found[80] == (2, 1, True)
    assert found[8080] == (2, 5, False)
    assert [queue.full for queue in queues(read_snapshots(TABLES / "article1_steps.txt")[3])] == [
        False
    ]  # one of one: room for one
    assert {queue.limit for queue in queues(only("netstat_cut.txt"))} == {None}
    assert {queue.full for queue in queues(only("proc_net_tcp.txt"))} == {None}
    assert list(queues(only("windows_anob.txt"))) == []


def test_growth_between_steps() -> None:
    *_, queued, left = [snapshot for snapshot in read_snapshots(TABLES / "article1_steps.txt") if snapshot.format == "ss"]
    assert growth(queued, left) == {
        (State.ESTABLISHED, end("127.0.0.1", 1234)): -1,
        (State.CLOSE_WAIT, end("127.0.0.1", 1234)): 1,
    }
    assert growth(left, left) == {}
