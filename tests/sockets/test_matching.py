"""Socket tables joined to flows: real tables beside the captures of the same sockets, in every format."""

from ipaddress import ip_address

import numpy as np
import pytest

from closewait_pcap import State, analyze
from closewait_pcap.capture.packets import address_words
from closewait_pcap.flows.table import Facts
from closewait_pcap.sockets.addresses import Endpoint
from closewait_pcap.sockets.matching import NO_TIME, Matches, match
from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.sockets.table import Snapshot, Socket, TimeFrom, User
from closewait_pcap.tcp.records import BARE_SYN, END, FLOW, SPOKE, SYN_ACK
from tests.sockets.dated import NAMES, capture, expected, last_tables
from tests.sockets.tables import only

SECOND = 1_000_000_000
BEGIN = 1_795_000_000 * SECOND
END_TIME = BEGIN + 100 * SECOND
SERVER, CLIENT = "10.0.0.1", "10.0.0.2"


@pytest.mark.parametrize("tool", ["ss", "netstat"])
@pytest.mark.parametrize("name", NAMES)
def test_samples_are_joined_to_what_the_kernel_said(name: str, tool: str) -> None:
    flows = analyze(capture(name), sockets=last_tables(name, tool)).flows
    for (_, flow), known in zip(flows.iterrows(), expected(name)["flows"], strict=True):
        for side in ("client", "server"):
            state = flow[f"{side}_kernel_state"]
            wanted = known["kernel"][side]
            if wanted == "FIN-WAIT-2" and tool == "netstat":  # taken a moment later, by another tool: the same sockets
                assert state == "FIN_WAIT_2"
            elif wanted is None:
                assert not isinstance(state, str), (side, known)
            else:
                assert State[state] is State.parse(wanted), (side, known)


def facts(*ends: tuple[str, int, str, int, float]) -> Facts:
    """Flows of these ends (client, its port, server, its port, begin in seconds after `BEGIN`), complete handshakes."""
    flows, of_ends = np.zeros(len(ends), FLOW), np.zeros((len(ends), 2), END)
    for row, (client, client_port, server, server_port, begin) in enumerate(ends):
        pair = sorted(
            [(address_words(ip_address(client).packed), client_port), (address_words(ip_address(server).packed), server_port)]
        )
        ((flows["a_hi"][row], flows["a_lo"][row]), first_port), ((flows["b_hi"][row], flows["b_lo"][row]), second_port) = pair
        flows["ports"][row] = first_port << 16 | second_port
        flows["first_time"][row] = flows["last_time"][row] = BEGIN + round(begin * SECOND)
        flows["first_frame"][row] = row + 1
        opener = pair.index((address_words(ip_address(client).packed), client_port))
        of_ends["flags"][row, opener], of_ends["flags"][row, 1 - opener] = BARE_SYN | SPOKE, SYN_ACK | SPOKE
    return Facts(flows, of_ends)


def client_end(of: Facts) -> "np.ndarray[tuple[int], np.dtype[np.int8]]":
    return np.where(of.ends["flags"][:, 0] & BARE_SYN, 0, 1).astype(np.int8)


def joined(snapshots: list[Snapshot], of: Facts) -> Matches:
    return match(snapshots, of, client_end(of), begin=BEGIN, end=END_TIME)


def end(address: str | None, port: int | None) -> Endpoint:
    return Endpoint(ip_address(address) if address else None, port)


def socket(state: State, local: Endpoint, peer: Endpoint, **more: object) -> Socket:
    return Socket(state, local, peer)._replace(**more)


def table(*sockets: Socket, at: float | None = 100, time_from: TimeFrom = TimeFrom.CONTENT) -> Snapshot:
    return Snapshot(list(sockets), None if at is None else BEGIN + round(at * SECOND), time_from, "table", "ss")


SERVING = (end(SERVER, 80), end(CLIENT, 40000))
WAITING = socket(State.CLOSE_WAIT, *SERVING)
ONE = (CLIENT, 40000, SERVER, 80)


@pytest.fixture(scope="module")
def known_flows() -> Facts:
    """A flow for every connection of the 24 sockets that all tools printed."""
    connected = [one for one in only("ss_tanpe.txt").sockets if one.peer.address]
    pairs = {frozenset([(str(s.local.address), s.local.port), (str(s.peer.address), s.peer.port)]) for s in connected}
    sides = [sorted(pair, key=lambda each: each[1] or 0, reverse=True) for pair in pairs]  # the client's port is the higher
    return facts(*((c, cp or 0, s, sp or 0, 0) for (c, cp), (s, sp) in sorted(sides)))


@pytest.mark.parametrize(
    "name",
    ["ss_tan.txt", "ss_names.txt", "ss_multi_line.txt", "netstat_wide.txt", "netstat_cut.txt", "proc_net_tcp.txt", "busybox.txt"],
)
def test_every_format_joins_the_same_flows(name: str, known_flows: Facts) -> None:
    whole = joined([only("ss_tanpe.txt")], known_flows)
    assert len(whole.joined) == len(known_flows.flows)
    found = joined([only(name)], known_flows)
    for side in (0, 1):
        states = [
            [matches.sockets[place].state if place >= 0 else None for place in matches.of_side(side).tolist()]
            for matches in (whole, found)
        ]
        assert states[0] == states[1]
    assert found.partial == 0
    assert [place >= 0 for place in whole.listener.tolist()] == [place >= 0 for place in found.listener.tolist()]


def test_lsof_joins_what_processes_hold(known_flows: Facts) -> None:
    found = joined([only("lsof.txt")], known_flows)
    assert 0 < len(found.joined) <= len(known_flows.flows)
    assert found.partial == 0


def test_both_ends_in_one_table() -> None:
    both = table(WAITING, socket(State.FIN_WAIT_2, *reversed(SERVING)))
    matches = joined([both], facts((*ONE, 0)))
    assert (matches.server.tolist(), matches.client.tolist()) == ([0], [1])


def test_mapped_addresses_and_zones_are_the_same() -> None:
    text = (
        "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n"
        "CLOSE-WAIT 1 0 [::ffff:10.0.0.1]:80 [::ffff:10.0.0.2]:40000\n"
        "CLOSE-WAIT 1 0 [fe80::1%eth0]:80 [fe80::2]%eth0:40000\n"
    )
    matches = joined(read_snapshots(text), facts((*ONE, 0), ("fe80::2", 40000, "fe80::1", 80, 0)))
    assert matches.server.tolist() == [0, 1]


@pytest.mark.parametrize(("at", "row"), [(5, 0), (15, 1), (25, 2), (90, 2), (None, 2)])
def test_a_tuple_used_again_joins_the_flow_of_that_time(at: float | None, row: int) -> None:
    matches = joined([table(WAITING, at=at)], facts((*ONE, 0), (*ONE, 10), (*ONE, 20)))
    assert matches.flow_of.tolist() == [row]


def test_a_connection_tried_over_a_leaked_socket_leaves_it_to_the_old_one() -> None:
    of = facts((*ONE, 0), (*ONE, 10))
    of.ends["flags"][1] &= ~np.uint16(SYN_ACK | SPOKE)  # its SYN was met by a challenge ACK
    matches = joined([table(WAITING, socket(State.SYN_SENT, *reversed(SERVING)), at=20)], of)
    assert matches.flow_of.tolist() == [0, 1]


def test_a_flow_that_had_not_begun_is_not_joined() -> None:
    assert joined([table(WAITING, at=-60)], facts((*ONE, 0))).flow_of.tolist() == [-1]
    middle = facts((*ONE, 0))
    middle.ends["flags"] = SPOKE  # no SYN: it may be as old
    assert joined([table(WAITING, at=-60)], middle).flow_of.tolist() == [0]


def test_the_table_nearest_to_the_end_is_compared_and_all_are_remembered() -> None:
    tables = [table(WAITING._replace(recv_q=number), at=at) for number, at in enumerate([40, 99, 70, 130])]
    matches = joined(tables, facts((*ONE, 0)))
    assert matches.sockets[matches.server[0]].recv_q == 1
    assert matches.order == [1, 3, 2, 0], "of two as near, the one given last"
    assert matches.first_close_wait.tolist() == [BEGIN + 40 * SECOND]
    assert matches.last_close_wait.tolist() == [BEGIN + 130 * SECOND]
    unknown = joined([table(WAITING, at=None), table(WAITING, at=3)], facts((*ONE, 0)))
    assert unknown.order == [1, 0]
    assert joined([table(WAITING, at=None)], facts((*ONE, 0))).first_close_wait.tolist() == [NO_TIME]


def test_what_one_table_does_not_tell_another_of_that_moment_does() -> None:
    users = (User("python3", 7, 3),)
    bare, held = WAITING._replace(recv_q=6), WAITING._replace(users=users, inode=55)
    for pair in ([table(bare), table(held)], [table(held), table(bare)]):
        chosen = joined(pair, facts((*ONE, 0)))
        one = chosen.sockets[chosen.server[0]]
        assert (one.recv_q, one.users, one.inode) == (6, users, 55)
    for other in (table(held, at=50), table(held._replace(state=State.ESTABLISHED))):
        chosen = joined([other, table(bare)], facts((*ONE, 0)))
        assert chosen.sockets[chosen.server[0]].users == ()


@pytest.mark.parametrize(
    ("at", "time_from", "moment", "sure"),
    [
        (-3600, TimeFrom.CONTENT, True, True),
        (7200, TimeFrom.CLOCK, True, True),
        (50, TimeFrom.MTIME, True, False),
        (500, TimeFrom.NAME, True, True),
        (3700, TimeFrom.NAME, False, False),  # an hour: a zone, perhaps
        (3700, TimeFrom.CONTENT_AS_UTC, False, False),
        (7200, TimeFrom.MTIME, False, False),
        (None, TimeFrom.UNKNOWN, False, False),
    ],
)
def test_what_a_time_is_good_for(at: float | None, time_from: TimeFrom, moment: bool, sure: bool) -> None:
    [placement] = joined([table(WAITING, at=at, time_from=time_from)], facts((*ONE, 0))).placements
    assert (placement.moment is not None, placement.sure) == (moment, sure)


def listening(address: str | None, queue: int = 0, limit: int = 5) -> Socket:
    return socket(State.LISTEN, end(address, 80), end(None, None), recv_q=queue, send_q=limit)


def test_the_listener_behind_a_flow() -> None:
    of = facts((*ONE, 0), (CLIENT, 40001, "10.0.0.9", 80, 0), (CLIENT, 40002, SERVER, 81, 0))
    assert joined([table(listening(SERVER))], of).listener.tolist() == [0, -1, -1]
    assert joined([table(listening(None))], of).listener.tolist() == [-1, -1, -1], "whose host is it?"
    assert joined([table(listening(None), WAITING)], of).listener.tolist() == [0, -1, -1]
    assert joined([table(listening(None), listening(SERVER), WAITING)], of).listener.tolist() == [1, -1, -1]
    shared = table(listening(SERVER, 1), listening(SERVER, 4), listening(SERVER, 2))
    assert joined([shared], of).listener.tolist() == [1, -1, -1], "the longest queue"
    assert joined([shared, table(listening(SERVER, 0), at=10)], of).listener.tolist() == [1, -1, -1], "of the best table"


def cut(text: str, port: int | None) -> Endpoint:
    return Endpoint(None, port, "", text, truncated=True)


def test_cut_addresses_join_where_only_one_fits() -> None:
    long, other = "2001:db8:1111:2222::5", "2001:db8:1111:2222::6"
    waiting = Socket(State.CLOSE_WAIT, cut("2001:db8:1111:2222:", 9000), cut("2001:db8:1111:222", 40030))
    of = facts((long, 40030, other, 9000, 0))
    assert joined([table(waiting)], of).server.tolist() == [0]
    again = joined([table(waiting, at=20)], facts((long, 40030, other, 9000, 0), (long, 40030, other, 9000, 50)))
    assert again.flow_of.tolist() == [0], "the same ends, used twice"
    two = joined([table(waiting)], facts((long, 40030, other, 9000, 0), (other, 40030, long, 9000, 0)))
    assert (two.flow_of.tolist(), two.partial) == ([-1], 1)
    portless = Socket(State.CLOSE_WAIT, end(other, 9000), cut(f"{long}.", None))
    assert joined([table(portless)], of).server.tolist() == [0]
    assert joined([table(Socket(State.CLOSE_WAIT, cut("2001:", None), cut("2001:", None)))], of).partial == 1


def test_unknown_services_and_names() -> None:
    of = facts((*ONE, 0))
    service = Socket(State.CLOSE_WAIT, Endpoint(ip_address(SERVER), None, "", f"{SERVER}:no-such-service"), end(CLIENT, 40000))
    assert joined([table(service)], of).server.tolist() == [0]
    named = Socket(State.CLOSE_WAIT, Endpoint(None, 80, "", "myhost:80"), end(CLIENT, 40000))
    assert (joined([table(named)], of).flow_of.tolist(), joined([table(named)], of).partial) == ([-1], 1)


def test_many_flows_of_the_same_ports_do_not_make_a_cut_address_slow() -> None:
    flows = [("2001:db8::1", 40030, f"2001:db8::{number:x}", 9000, 0.0) for number in range(2, 1500)]
    waiting = Socket(State.CLOSE_WAIT, cut("2001:db8:", 9000), cut("2001:db8:", 40030))
    assert joined([table(*[waiting] * 2000)], facts(*flows)).partial == 2000


def test_nothing_to_join() -> None:
    assert joined([], facts((*ONE, 0))).server.tolist() == [-1]
    assert joined([table(WAITING)], facts()).flow_of.tolist() == [-1]
    assert joined([table()], facts((*ONE, 0))).listener.tolist() == [-1]
