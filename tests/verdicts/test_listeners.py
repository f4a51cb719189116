"""What connections to one port tell together: the accept queue is first in, first out, and what it keeps out is seen."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from closewait_pcap import Analysis, analyze
from closewait_pcap.capture.packets import ACK, FIN, PSH, RST, SYN
from closewait_pcap.tcp.sequence import Segment
from tests.ladders import EPOCH, MS
from tests.tcp.wire import LEFT_PORT, RIGHT_PORT, packet_records, pcap

SAMPLES = Path(__file__).parents[2] / "samples"
Sent = tuple[bool, Segment]


def served(at: int) -> list[Sent]:
    """A connection whose request is answered, and that the server then closes."""
    return [*asked(at), *segments(at + 4, (0, 200, 110, PSH | ACK, 50), (0, 250, 110, FIN | ACK, 0), (1, 110, 251, FIN | ACK, 0))]


def left(at: int) -> list[Sent]:
    """A connection whose request is not answered, and that the client leaves."""
    return [*asked(at), *segments(at + 5, (1, 110, 200, FIN | ACK, 0), (0, 200, 111, ACK, 0))]


def asked(at: int) -> list[Sent]:
    """A handshake and a request."""
    return segments(at, (1, 99, 0, SYN, 0), (0, 199, 100, SYN | ACK, 0), (1, 100, 200, ACK, 0), (1, 100, 200, PSH | ACK, 10))


def unanswered(at: int) -> list[Sent]:
    """A SYN, sent again after one second and after three."""
    return [sent for again in (0, 1000, 3000) for sent in segments(at + again, (1, 99, 0, SYN, 0))]


def not_taken(at: int) -> list[Sent]:
    """A handshake whose last ACK the server does not take: it sends its SYN-ACK again."""
    return [*asked(at), *segments(at + 1000, (0, 199, 100, SYN | ACK, 0), (1, 110, 200, ACK, 0))]


def segments(at: int, *packets: tuple[int, int, int, int, int]) -> list[Sent]:
    """Make packets, 1 ms apart, of who sends (1: the client), number, acknowledgement, flags and length."""
    return [
        (bool(client), Segment(0, EPOCH + (at + n) * MS, seq, ack, length, 501, -1, flags))
        for n, (client, seq, ack, flags, length) in enumerate(packets)
    ]


def captured(*connections: list[Sent], silence: int = 10_000, sockets: str | None = None) -> Analysis:
    """Analyse connections to one port, the first from port 40000; and some unrelated traffic ``silence`` ms later."""
    rows = []
    for number, connection in enumerate([*connections, segments(silence, (1, 5, 0, SYN, 0))]):
        for row in packet_records(connection):
            row.srcport, row.dstport = (port + number * (port == LEFT_PORT) for port in (row.srcport, row.dstport))
            rows.append(row)
    rows.sort(key=lambda row: row.time)
    return analyze(io.BytesIO(pcap(rows)), sockets=sockets)


SS = "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n{} 10.0.0.2:{} 10.0.0.1:{} timer:(persist,2sec,0) {}\n"
"""One row of `ss -tanpe`: state and queues, then inode and process."""


def table(state: str, holder: str) -> str:
    """Make a table of one socket, the server's."""
    return SS.format(state, RIGHT_PORT, LEFT_PORT, holder)


def blocked(at: int) -> list[Sent]:
    """The server fills the client's window; the client closes and reads nothing."""
    sent = [*asked(at), *segments(at + 4, (0, 200, 110, PSH | ACK, 501), (1, 110, 701, FIN | ACK, 0), (0, 701, 111, ACK, 0))]
    return [(client, segment._replace(window=0) if client and segment.flags & FIN else segment) for client, segment in sent]


@pytest.mark.parametrize("state", ["CLOSING 1 5000", "LAST-ACK 1 5000", "CLOSE-WAIT 1 5000"])
def test_a_table_shows_what_waits_to_be_sent(state: str) -> None:
    """In CLOSING the server had closed before the client's FIN came, and its own waits behind the data all the same."""
    flow = captured(blocked(0), sockets=table(state, "ino:0 sk:1")).flows.iloc[0]
    assert (flow["cause"], flow["confidence"]) == ("send_blocked", "certain")
    assert "Send-Q 5,000" in flow["evidence"]


def test_a_table_may_tell_of_a_fin_from_before_the_capture() -> None:
    """The server answers a client that has closed its sending side long ago; it is not accused while it does."""
    moving = segments(
        9500, (0, 200, 110, PSH | ACK, 50), (1, 110, 250, ACK, 0), (0, 250, 110, PSH | ACK, 50), (1, 110, 300, ACK, 0)
    )
    holder = 'users:(("app",pid=7,fd=4)) ino:12 sk:1'
    flow = captured(moving, sockets=table("CLOSE-WAIT 1 0", holder)).flows.iloc[0]
    assert (flow["cause"], flow["confidence"]) == ("still_sending", "certain")
    flow = captured(moving, sockets=table("CLOSE-WAIT 1 0", holder), silence=15_000).flows.iloc[0]
    assert (flow["cause"], flow["confidence"]) == ("not_closed", "certain")


def causes(analysis: Analysis) -> list[tuple[str, str]]:
    """Cause and confidence of the flows that wait."""
    waiting = analysis.close_wait
    return list(zip(waiting["cause"].astype(str), waiting["confidence"].astype(str), strict=True))


def test_what_comes_after_the_last_served_one_was_not_accepted() -> None:
    """The first of them may be in hand; and a server that accepts all, and has ceased to answer, leaves the same packets."""
    analysis = captured(served(0), left(100), left(200), left(300))
    assert causes(analysis) == [("never_answered", "possible"), ("never_accepted", "possible"), ("never_accepted", "possible")]
    assert "stream 0 was the last to this port that was served" in analysis.close_wait["evidence"].iloc[1]
    assert "nor 1 other before it" in analysis.close_wait["evidence"].iloc[1]
    listener = analysis.listeners.iloc[0]
    assert (listener["handshakes"], listener["served"], listener["unserved"]) == (4, 1, 3)
    assert listener["served_until"] < listener["unserved_since"]
    assert pd.isna(listener["queue_limit"])


def test_what_comes_before_a_served_one_had_been_accepted() -> None:
    analysis = captured(left(0), served(100))
    assert causes(analysis) == [("not_closed", "possible")]
    assert "stream 1 to the same port completed its handshake later and was served" in analysis.close_wait["evidence"].iloc[0]


def test_alone_it_tells_nothing() -> None:
    assert causes(captured(left(0))) == [("never_answered", "possible")]


def test_connections_to_another_port_tell_nothing() -> None:
    other = [(client, segment) for client, segment in served(0)]
    rows = [*packet_records(left(100))]
    for row in packet_records(other):
        row.srcport, row.dstport = (port + (port == RIGHT_PORT) for port in (row.srcport, row.dstport))
        rows.append(row)
    rows.sort(key=lambda row: row.time)
    rows += packet_records(segments(9000, (1, 5, 0, SYN, 0)))
    analysis = analyze(io.BytesIO(pcap(rows)))
    assert causes(analysis) == [("never_answered", "possible")]


def test_the_order_is_that_of_the_handshakes_end_not_of_the_syn() -> None:
    """The first to ask completes its handshake last: what was served in between came before it."""
    slow = [*segments(0, (1, 99, 0, SYN, 0), (0, 199, 100, SYN | ACK, 0)), *segments(500, (1, 100, 200, ACK, 0))]
    slow += segments(600, (1, 100, 200, FIN | ACK, 0), (0, 200, 101, ACK, 0))
    assert causes(captured(slow, served(100), left(700))) == [("never_answered", "possible"), ("never_accepted", "possible")]


def test_a_syn_that_stays_unanswered_shows_a_full_queue() -> None:
    analysis = captured(left(0), left(100), left(200), unanswered(300))
    assert causes(analysis) == [("never_answered", "possible"), ("never_accepted", "probable"), ("never_accepted", "probable")]
    evidence = analysis.close_wait["evidence"].iloc[2]
    assert "the SYN of stream 3 (frame 19," in evidence
    assert "2 connections before this one had no answer, either" in evidence
    listener = analysis.listeners.iloc[0]
    assert (listener["unanswered"], listener["queue_limit"]) == (1, 2)
    assert listener["full_since"] == analysis.flows["start"][3]


def test_a_handshake_that_is_not_taken_shows_one_too() -> None:
    analysis = captured(left(0), left(100), not_taken(300))
    assert causes(analysis) == [("never_answered", "possible"), ("never_accepted", "probable")]
    assert "the handshake of stream 2 (frame 13," in analysis.close_wait["evidence"].iloc[1]
    assert analysis.listeners["queue_limit"].tolist() == [1]


def idle(at: int, *again: int) -> list[Sent]:
    """A client that says nothing, and that the server asks again, after so many ms each."""
    asked_again = [sent for late in again for sent in segments(at + late, (0, 199, 100, SYN | ACK, 0), (1, 100, 200, ACK, 0))]
    return [*asked(at)[:3], *asked_again]


def test_a_client_that_says_nothing_may_be_asked_again() -> None:
    """TCP_DEFER_ACCEPT does so, once, whatever room the queue has."""
    analysis = captured(left(0), left(100), idle(300, 1000))
    assert causes(analysis) == [("never_answered", "possible")] * 2
    assert analysis.listeners["queue_limit"].isna().all()
    assert analysis.listeners["syn_ack_again"].tolist() == [1]


def test_a_client_that_is_asked_twice_meets_a_full_queue() -> None:
    analysis = captured(left(0), left(100), idle(300, 1000, 3000))
    assert causes(analysis) == [("never_answered", "possible"), ("never_accepted", "probable")]
    assert analysis.listeners["queue_limit"].tolist() == [1]


def test_a_second_tap_asks_nobody_twice() -> None:
    assert (
        causes(captured(left(0), left(100), sorted(idle(300, 1000) * 2, key=lambda sent: sent[1].time)))
        == [("never_answered", "possible")] * 2
    )


def test_the_limit_is_what_had_no_answer_when_the_queue_was_full() -> None:
    """Two were answered later, and left room: they had stood in the queue all the same."""
    slow = [*asked(0), *[(client, segment._replace(time=segment.time + 4000 * MS)) for client, segment in served(0)[4:]]]
    later = [*asked(100), *[(client, segment._replace(time=segment.time + 4500 * MS)) for client, segment in served(0)[4:]]]
    analysis = captured(slow, later, left(200), unanswered(300))
    assert analysis.listeners["queue_limit"].tolist() == [2]


def test_a_connection_that_was_reset_stands_in_the_queue_as_before() -> None:
    """Recorded beside ss: Recv-Q of the listener counts it until somebody accepts it."""
    reset = [*asked(100), *segments(110, (1, 110, 200, RST | ACK, 0), (0, 200, 0, RST, 0))]
    analysis = captured(left(0), reset, left(200), unanswered(300))
    assert analysis.listeners["queue_limit"].tolist() == [2]


def test_a_fin_that_is_not_taken_shows_one_too() -> None:
    """With TCP_DEFER_ACCEPT a silent client completes its handshake early, and is kept out when it leaves."""
    late = [*idle(50, 1000), *segments(2000, (1, 100, 200, FIN | ACK, 0)), *segments(2300, (1, 100, 200, FIN | ACK, 0))]
    analysis = captured(left(100), left(200), late)
    assert causes(analysis) == [("never_answered", "possible"), ("never_accepted", "probable")]
    assert analysis.listeners["queue_limit"].tolist() == [1]


def test_silent_connections_from_before_the_capture_may_stand_in_the_queue_too() -> None:
    older = segments(50, (1, 100, 200, FIN | ACK, 0), (0, 200, 101, ACK, 0))
    analysis = captured(older, left(100), left(200), unanswered(300))
    assert analysis.listeners["queue_limit"].isna().all()


def held(at: int) -> list[Sent]:
    """A connection whose request is answered, and that neither end closes."""
    return served(at)[:5]


def test_as_many_as_were_in_hand_at_once_may_be_in_hand_again() -> None:
    """Three workers: what hangs in silence may be with them."""
    together = [served(0), [*held(100), *served(300)[5:]], [*held(200), *served(400)[5:]]]
    silent = [left(1000 + 100 * number) for number in range(4)]
    expected = [("never_answered", "possible")] * 2
    assert causes(captured(*together, *silent))[:2] == expected
    assert causes(captured(*together, *silent, unanswered(2000)))[2:] == [("never_accepted", "probable")] * 2


def test_behind_one_that_is_still_in_hand_nobody_else_is() -> None:
    """The single worker talks to the first client; what waits behind it was not accepted."""
    assert causes(captured(held(0), left(100))) == [("never_accepted", "possible")]


def test_a_handshake_not_taken_before_one_that_is_shows_none() -> None:
    """Something between tap and host dropped that ACK: the queue had room for the next."""
    assert causes(captured(not_taken(0), left(2000))) == [("never_answered", "possible")]


def test_a_syn_to_a_dead_host_shows_no_full_queue() -> None:
    analysis = captured(left(0), unanswered(5000))
    assert causes(analysis) == [("never_answered", "possible")]
    assert analysis.listeners["queue_limit"].isna().all()


def test_a_syn_just_sent_shows_no_full_queue() -> None:
    analysis = captured(left(0), segments(50, (1, 99, 0, SYN, 0)))
    assert causes(analysis) == [("never_answered", "possible")]


def test_a_scan_makes_no_listeners() -> None:
    rows = []
    for port in range(1, 200):
        for row in packet_records(unanswered(port)):
            row.dstport = port
            rows.append(row)
    rows.sort(key=lambda row: row.time)
    assert len(analyze(io.BytesIO(pcap(rows))).listeners) == 0


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("backlog_python", [("never_accepted", "probable")]),
        ("busy_worker", [("never_accepted", "possible")]),
        ("backlog_nc", [("never_answered", "possible")]),
        ("client_pool_leak", [("not_closed", "certain")] * 4),
        ("half_close_sending", [("still_sending", "certain")]),
    ],
)
def test_real_servers(sample: str, expected: list[tuple[str, str]]) -> None:
    capture = next((SAMPLES / sample).glob("capture.pcap*"))
    assert causes(analyze(capture)) == expected


@pytest.mark.parametrize("sample", sorted(path.parent for path in SAMPLES.glob("*/expected.json")), ids=lambda path: path.name)
def test_a_socket_table_settles_it(sample: Path) -> None:
    """With ss -tanpe of the capture's end every cause of a socket in CLOSE_WAIT is certain, and what the table says."""
    tables = [str(table) for table in sorted(sample.glob("*_end*ss.txt"))]
    expected: dict[str, Any] = json.loads((sample / "expected.json").read_text())
    flows = analyze(next(sample.glob("capture.pcap*")), sockets=tables).flows
    for (_, flow), known in zip(flows.iterrows(), expected["flows"], strict=True):
        side = known["waiting_side"]
        if not side or known["kernel"][side] != "CLOSE-WAIT" or known["stuck"] is False:
            continue
        cause = "never_accepted" if flow[f"{side}_inode"] == 0 else "not_closed"
        assert (flow["cause"], flow["confidence"]) == (cause, "certain"), flow["evidence"]
        assert "ss.txt line" in flow["evidence"]
