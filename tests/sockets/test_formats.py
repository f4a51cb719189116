"""Tables that other people's tools printed: each file in `tables/` names its source in its first line."""

import pytest

from closewait_pcap.sockets.addresses import Endpoint
from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.sockets.table import Socket, TimeFrom, User
from closewait_pcap.tcp.state import State
from tests.sockets.tables import TABLES, end, only

CUT = [
    ("192.168.1.221.5442", "192.168.1.221", 54421),  # the port is cut as well
    ("192.168.1.221.5442", "192.168.1.221", 5442),
]


def rows(name: str) -> list[Socket]:
    """Read a file of one table without complaints."""
    snapshot = only(name)
    assert snapshot.complaints == []
    return snapshot.sockets


def test_old_ss() -> None:
    [listener] = rows("ss_old.txt")
    assert listener == Socket(State.LISTEN, end(None, 22), end(None, None), 0, 128, line=5)


def test_service_names_of_ss() -> None:
    ports = sorted(socket.local.port or 0 for socket in rows("ss_names.txt") if socket.state is State.LISTEN)
    assert ports == [80, 443, 7777, 8080, 8443, 9000, 9001]


def test_host_names_are_kept_and_complained_of_once() -> None:
    snapshot = only("netstat_names_wide.txt")
    listener = snapshot.sockets[0]
    assert listener.local == Endpoint(None, 80, "", "localhost:http")
    assert snapshot.complaints[0] == "line 4: a name where an address is needed: 'localhost:http' (give the tool -n)"
    assert len(snapshot.complaints) == len(set(snapshot.complaints)) == 5


def test_an_article_with_one_netstat() -> None:
    snapshot = only("article1_netstat.txt")
    assert len(snapshot.sockets) == 8
    assert {socket.state for socket in snapshot.sockets} == {State.CLOSE_WAIT}
    assert [socket.recv_q for socket in snapshot.sockets] == [149, 236, 251, 149, 251, 251, 251, 251]
    assert {socket.users for socket in snapshot.sockets} == {()}
    assert snapshot.complaints == []


def test_an_article_that_shows_step_after_step() -> None:
    snapshots = read_snapshots(TABLES / "article1_steps.txt")
    assert [(snapshot.format, len(snapshot.sockets)) for snapshot in snapshots] == [
        *[("ss", count) for count in (1, 2, 3, 3)],
        *[("netstat", count) for count in (1, 3, 5, 5)],
    ]
    assert [snapshot.complaints for snapshot in snapshots] == [[]] * 8
    unaccepted = snapshots[-1].sockets[-1]
    assert unaccepted == Socket(
        State.CLOSE_WAIT, end("127.0.0.1", 1234), end("127.0.0.1", 45096), 1, 0, (), 0, 0, line=unaccepted.line
    )
    listener = snapshots[-1].sockets[0]
    assert (listener.users, listener.inode, listener.uid) == ((User("nc", 3621113, None),), 62603813, 1000)


def test_an_article_with_no_break_spaces_whose_reader_was_not_root() -> None:
    snapshots = read_snapshots(TABLES / "article3.txt")
    assert [[str(socket.state) for socket in snapshot.sockets] for snapshot in snapshots] == [
        ["LISTEN", "ESTABLISHED", "ESTABLISHED"],
        ["LISTEN", "FIN_WAIT_2", "CLOSE_WAIT"],
    ]
    assert snapshots[1].sockets[2].users == (User("./server_linux.", 297, None),)
    assert [snapshot.privileged for snapshot in snapshots] == [False, False]
    assert [snapshot.complaints for snapshot in snapshots] == [[], []]


def test_ss_with_congestion_control_on_second_lines() -> None:
    listener, *waiting = rows("case_ss.txt")
    assert listener.inode == 76714
    assert [(socket.state, socket.inode, socket.fd) for socket in waiting] == [
        (State.CLOSE_WAIT, 76717, 4),
        (State.CLOSE_WAIT, 77862, 6),
        (State.CLOSE_WAIT, 77846, 5),
    ]


@pytest.mark.parametrize(("text", "address", "port"), CUT)
def test_macos_cuts_the_port_under_a(text: str, address: str, port: int) -> None:
    found = rows("macos_an.txt")
    assert len(found) == 6
    waiting = found[3]
    assert (waiting.state, waiting.recv_q, waiting.peer) == (State.CLOSE_WAIT, 31, end("35.236.87.93", 8081))
    assert waiting.local == Endpoint(end(address, 1).address, None, "", text, truncated=True)
    assert waiting.local.fits(waiting.local.address or 0, port)
    assert not waiting.local.fits(waiting.local.address or 0, 5443)
    assert found[2].local == Endpoint(None, None, "", "2600:1700:bab0:d.5", truncated=True)
    assert found[4].peer == end("127.0.0.1", 53763)


def test_macos_cuts_names_and_ipv6() -> None:
    snapshot = only("macos_names.txt")
    assert len(snapshot.sockets) == 5
    https, six, cut, link_local, gateway = snapshot.sockets
    assert https.peer == end("40.77.18.167", 443)
    assert https.local == Endpoint(None, 62979, "", "kbrazil-mac.attl", truncated=True)
    assert six.peer == Endpoint(None, 443, "", "2620:1ec:42::132", truncated=True)  # 16 characters: whole or cut, none can tell
    assert cut.peer == Endpoint(None, None, "", "93.87.236.35.bc..sunpr", truncated=True)
    assert link_local.local == Endpoint(None, 61677, "", "fe80::aede:48ff:", truncated=True)
    assert (gateway.state, gateway.peer) == (State.CLOSE_WAIT, Endpoint(None, 58704, "", "localhost.58704"))
    assert [why.split(":")[0] for why in snapshot.complaints] == ["line 8", "line 8"]


def test_macos_tells_processes_with_v() -> None:
    found = rows("macos_anv.txt")
    assert [(socket.recv_q, socket.pid, str(socket.state)) for socket in found] == [
        (0, 9811, "ESTABLISHED"),
        (24, 9811, "CLOSE_WAIT"),
        (24, 9811, "CLOSE_WAIT"),
    ]
    assert found[1].peer == end("140.82.114.4", 443)
    assert only("macos_anv.txt").privileged is True
    assert [socket.users for socket in rows("macos26_anv.txt")] == [
        (User("telemetryd_v2", 89468, None),),
        (User("Python", 27328, None),),
        (User("node", 13950, None),),
        (User("remoted", 368, None),),
        (User("Google Chrome H", 777, None),),
    ]


def test_macos_calls_the_kernel_process_0() -> None:
    text = (TABLES / "macos_anv.txt").read_text().replace("  9811 ", "     0 ")
    assert {socket.users for socket in read_snapshots(text)[0].sockets} == {()}


def test_freebsd() -> None:
    first, second, third = rows("freebsd_an.txt")
    assert first == Socket(State.ESTABLISHED, end("192.168.71.163", 22), end("192.168.71.1", 56321), 0, 0, line=4)
    assert (second.local, second.peer, third.local) == (end("127.0.0.1", 25), end(None, None), end(None, 22))
    addressed, counted = read_snapshots(TABLES / "freebsd_addresses.txt")
    assert [socket.state for socket in addressed.sockets] == [State.ESTABLISHED, State.LISTEN]
    assert [socket.local.port for socket in addressed.sockets] == [22, 22]
    assert addressed.sockets[0].peer == Endpoint(end("192.168.71.1", 1).address, None, "", "192.168.71.1.64330", truncated=True)
    assert [(socket.state, socket.recv_q, socket.local.port) for socket in counted.sockets] == [
        (None, None, 22),
        (None, None, 22),
    ]
    assert addressed.complaints == counted.complaints == []


def test_sockstat() -> None:
    snapshot = only("sockstat.txt")
    assert snapshot.format == "sockstat"
    assert [(socket.state, socket.local, socket.users) for socket in snapshot.sockets] == [
        (None, end("192.168.80.129", 22), (User("sshd", 45768, 3),)),
        (State.LISTEN, end("127.0.0.1", 25), (User("sendmail", 659, 3),)),
        (State.LISTEN, end(None, 22), (User("sshd", 656, 3),)),  # IPv6 and IPv4
        (State.LISTEN, end(None, 22), (User("sshd", 656, 4),)),
    ]
    assert snapshot.complaints == []


def test_windows_with_programs() -> None:
    snapshot = only("windows_anob.txt")
    assert snapshot.complaints == []
    assert snapshot.privileged is True
    assert [(str(socket.state), socket.local.port, socket.users) for socket in snapshot.sockets] == [
        ("LISTEN", 135, (User("svchost.exe", 1712, None),)),
        ("LISTEN", 445, (User("", 4, None),)),
        ("LISTEN", 29802, (User("NVIDIA Web Helper.exe", 6372, None),)),
        ("CLOSE_WAIT", 4604, (User("SearchApp.exe", 27568, None),)),
        ("CLOSE_WAIT", 4607, (User("SearchApp.exe", 27568, None),)),
        ("ESTABLISHED", 4699, (User("svchost.exe", 17684, None),)),
        ("TIME_WAIT", 4713, ()),
        ("LISTEN", 135, (User("svchost.exe", 1712, None),)),
        ("LISTEN", 1025, (User("jhi_service.exe", 6088, None),)),  # not that of UDP
    ]
    assert snapshot.sockets[0].peer == end(None, None)
    assert snapshot.sockets[3].peer == end("82.102.152.152", 443)


def test_german_windows() -> None:
    assert [str(socket.state) for socket in rows("windows_german.txt")] == [
        *("LISTEN", "ESTABLISHED", "FIN_WAIT_2", "TIME_WAIT", "CLOSE_WAIT", "CLOSE_WAIT", "ESTABLISHED")
    ]


def test_french_windows() -> None:
    snapshot = only("windows_french.txt")
    assert [(str(socket.state), socket.process) for socket in snapshot.sockets] == [
        ("LISTEN", "svchost.exe"),
        ("LISTEN", ""),
        ("LISTEN", "OneApp.IGCC.WinService.exe"),
    ]
    assert [why.split(":")[0] for why in snapshot.complaints] == ["line 3"]  # adclick


def test_a_state_in_an_unknown_language_keeps_the_socket() -> None:
    [snapshot] = read_snapshots("  TCP    10.0.0.1:80     10.0.0.2:40000     УСТАНОВЛЕНО    1712\n")  # no real output: made up
    assert (snapshot.sockets[0].state, snapshot.sockets[0].pid) == (None, 1712)
    assert snapshot.complaints == ["line 1: a state in a language not known here: 'УСТАНОВЛЕНО'"]


def test_lsof_of_macos_without_a_header() -> None:
    snapshot = only("lsof_macos.txt")
    assert [(str(socket.state), socket.fd, socket.inode, socket.owner) for socket in snapshot.sockets] == [
        ("ESTABLISHED", 47, None, "User"),
        ("CLOSE_WAIT", 48, None, "User"),
        ("CLOSED", 53, None, "User"),
    ]
    assert snapshot.sockets[1].peer == Endpoint(None, 53606, "", "localhost:53606")
    assert snapshot.privileged is None


def test_sockets_of_two_users_were_read_by_root() -> None:
    text = "nginx 10 {} 3u IPv4 5 0t0 TCP *:80 (LISTEN)\nredis 11 {} 3u IPv4 6 0t0 TCP *:6379 (LISTEN)\n"
    assert read_snapshots(text.format("alice", "bob"))[0].privileged is True
    assert read_snapshots(text.format("alice", "alice"))[0].privileged is None


def test_a_connection_that_two_processes_share_is_one_socket() -> None:
    row = "toucan  {} User   48u     IPv4 0xecdb8f01d2a36e35       0t0      TCP 10.0.0.1:80->10.0.0.2:53606 (CLOSE_WAIT)\n"
    [snapshot] = read_snapshots(row.format(1) + row.format(2))
    assert [socket.users for socket in snapshot.sockets] == [(User("toucan", 1, 48), User("toucan", 2, 48))]


def test_lsof_writes_blanks_as_x20() -> None:
    [snapshot] = read_snapshots("Google\\x20C 10 alice 3u IPv4 5 0t0 TCP 10.0.0.1:1->10.0.0.2:443 (CLOSE_WAIT)\n\n")
    assert snapshot.sockets[0].process == "Google C"


def test_a_listener_without_its_process_means_that_the_reader_was_not_root() -> None:
    text = 'LISTEN 0 5 *:80 *:* users:(("a",pid=1,fd=3))\nLISTEN 0 5 *:81 *:*\n'
    assert read_snapshots(text)[0].privileged is False
    assert read_snapshots(text.replace("\nLISTEN", "\nCLOSE-WAIT"))[0].privileged is None
    assert read_snapshots("root@web:~# ss -tanp\n" + text.replace("\nLISTEN", "\nCLOSE-WAIT"))[0].privileged is True
    assert read_snapshots("$ sudo ss -tanp\n" + text.replace("\nLISTEN", "\nCLOSE-WAIT"))[0].privileged is True
    assert read_snapshots("# ss -tanp\n" + text.replace("\nLISTEN", "\nCLOSE-WAIT"))[0].privileged is None  # a heading


def test_the_kernels_table_of_a_big_endian_machine() -> None:
    little = (TABLES / "proc_net_tcp.txt").read_text()

    def turned(word: str) -> str:
        return "".join(
            word[place : place + 8] and bytes.fromhex(word[place : place + 8])[::-1].hex().upper()
            for place in range(0, len(word), 8)
        )

    lines = []
    for line in little.splitlines():
        words = line.split()
        if words and words[0].endswith(":") and words[0][:-1].isdecimal():
            for place in (1, 2):
                address, port = words[place].split(":")
                words[place] = f"{turned(address)}:{port}"
        lines.append(" ".join(words))
    [snapshot] = read_snapshots("\n".join(lines))
    assert [socket[:-1] for socket in snapshot.sockets] == [socket[:-1] for socket in rows("proc_net_tcp.txt")]
    assert snapshot.complaints == ["the addresses are read as of a big-endian machine: only so does a loopback address appear"]


def test_an_address_that_would_be_loopback_the_other_way_round_is_left_alone() -> None:
    row = "0: 7F00000A:1F90 0200000A:9C41 08 00000000:00000001 00:00000000 00000000 0 0 0 1 0\n"
    [snapshot] = read_snapshots(row)
    assert snapshot.sockets[0].local == end("10.0.0.127", 8080)
    assert snapshot.time_from is TimeFrom.UNKNOWN


def test_one_loopback_address_is_enough_to_know_the_machine() -> None:
    rows_of_both = (
        "0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 5 1 0\n"
        "1: 7F000001:0016 0200000A:9C41 08 00000000:00000001 00:00000000 00000000 0 0 6 1 0\n"
    )
    [snapshot] = read_snapshots(rows_of_both)
    assert [socket.local for socket in snapshot.sockets] == [end("127.0.0.1", 22), end("1.0.0.127", 22)]


def test_the_kernels_table_of_udp_is_no_table_of_tcp() -> None:
    header = (
        "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
    )
    udp = header + "  1: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 101 0 20480 2 0000000000000000 0\n"
    both = (TABLES / "proc_net_tcp.txt").read_text() + udp
    [snapshot] = read_snapshots(both)
    assert len(snapshot.sockets) == 24
