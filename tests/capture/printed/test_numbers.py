"""Sequence numbers: relative or the wire's own, with and without the segments that they count from."""

import pytest

from closewait_pcap import analyze_text
from tests.capture.printed.printing import ACK, DATA, FIN, ITS_ACK, LISTING, SYN, SYN_ACK, read_text

CLIENT, SERVER = 1471646537, 1893900356
ABSOLUTE = "\n".join(
    [
        SYN,
        SYN_ACK,
        ACK.replace("ack 1,", f"ack {SERVER + 1},"),
        DATA.replace("seq 1:6, ack 1,", f"seq {CLIENT + 1}:{CLIENT + 6}, ack {SERVER + 1},"),
        FIN.replace("seq 6, ack 1,", f"seq {CLIENT + 6}, ack {SERVER + 1},"),
        ITS_ACK.replace("ack 7,", f"ack {CLIENT + 7},"),
    ]
)
"""The listing as with ``-S``."""


def numbers(text: str) -> list[tuple[int, int]]:
    return [(row.seq, row.ack) for row in read_text(text).rows]


WHOLE = [
    (CLIENT, 0),
    (SERVER, CLIENT + 1),
    (CLIENT + 1, SERVER + 1),
    (CLIENT + 1, SERVER + 1),
    (CLIENT + 6, SERVER + 1),
    (SERVER + 1, CLIENT + 7),
]


def test_relative_numbers_are_those_of_the_wire() -> None:
    assert numbers(LISTING) == WHOLE
    assert numbers(ABSOLUTE) == WHOLE


@pytest.mark.parametrize("first", range(1, 5))
@pytest.mark.parametrize("text", [LISTING, ABSOLUTE], ids=["relative", "-S"])
def test_without_the_beginning_the_conclusion_is_the_same(first: int, text: str) -> None:
    """The numbers are invented where they must be, and agree with each other in both directions."""
    lines = text.splitlines()
    flow = analyze_text("\n".join(lines[first:])).flows.iloc[0]
    assert flow.verdict == ("close_wait" if first == 1 else "close_wait_possible")  # a FIN may have come before the first line
    assert (flow.waiting_side, flow.server_port) == ("server", 9000)
    assert (flow.client_bytes, flow.server_bytes) == (5 if first < 4 else 0, 0)


def test_a_capture_that_begins_amid_a_connection() -> None:
    """tcpdump's first line of it has the wire's numbers, and all others count from them."""
    text = (
        "11:00:00.000000 IP 10.0.0.1.5 > 10.0.0.2.9: Flags [P.], seq 3000000000:3000000010, ack 2000000000, win 5, length 10\n"
        "11:00:00.100000 IP 10.0.0.2.9 > 10.0.0.1.5: Flags [.], ack 10, win 5, length 0\n"
        "11:00:00.200000 IP 10.0.0.2.9 > 10.0.0.1.5: Flags [P.], seq 1:21, ack 10, win 5, length 20\n"
        "11:00:00.300000 IP 10.0.0.1.5 > 10.0.0.2.9: Flags [F.], seq 10, ack 21, win 5, length 0\n"
    )
    end = 3000000010
    assert numbers(text) == [(3000000000, 2000000000), (2000000000, end), (2000000000, end), (end, 2000000020)]


def test_the_first_segment_may_not_say_where_it_is() -> None:
    """It is an ACK without payload; tcpdump counts its sender's later numbers from one that it does not print."""
    first = "11:00:00.000000 IP 10.0.0.1.5 > 10.0.0.2.9: Flags [.], ack 2000000000, win 5, length 0\n"
    relative = first + "11:00:00.200000 IP 10.0.0.1.5 > 10.0.0.2.9: Flags [P.], seq 0:10, ack 1, win 5, length 10\n"
    assert numbers(relative) == [(0, 2000000000), (0, 2000000000)]
    own = (
        first
        + "11:00:00.200000 IP 10.0.0.1.5 > 10.0.0.2.9: Flags [P.], seq 3000000000:3000000010, ack 2000000000, win 5, length 10\n"
    )
    assert numbers(own) == [(3000000000, 2000000000), (3000000000, 2000000000)]
    told = first + "11:00:00.200000 IP 10.0.0.2.9 > 10.0.0.1.5: Flags [.], ack 3000000000, win 5, length 0\n"
    assert numbers(told) == [(3000000000, 2000000000), (2000000000, 3000000000)]


def test_a_reset_without_an_acknowledgement_has_the_wires_number() -> None:
    reset = f"11:02:58.000000 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [R], seq {CLIENT + 7}, win 0, length 0\n"
    assert numbers(LISTING + reset)[-1] == (CLIENT + 7, 0)
    answered = "11:02:58.000000 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [R.], seq 7, ack 1, win 0, length 0\n"
    assert numbers(LISTING + answered)[-1] == (CLIENT + 7, SERVER + 1)


def test_tcpdump_that_was_started_again() -> None:
    """The second run has not seen the handshake: its first line has the wire's numbers, and the next counts from them."""
    again = (
        "$ tcpdump -nn\n"
        f"11:02:57.000000 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [F.], seq {CLIENT + 6}, ack {SERVER + 1}, win 512, length 0\n"
        "11:02:57.040000 IP 10.0.0.2.9000 > 10.0.0.1.46098: Flags [.], ack 1, win 512, length 0\n"
    )
    assert numbers("\n".join([SYN, SYN_ACK, ACK, DATA, again])) == WHOLE


def test_numbers_wrap() -> None:
    top = 2**32 - 3
    text = LISTING.replace(str(CLIENT + 1), str(top + 1)).replace(str(CLIENT), str(top))
    assert numbers(text) == [
        (top, 0),
        (SERVER, top + 1),
        (top + 1, SERVER + 1),
        (top + 1, SERVER + 1),
        (top + 6 - 2**32, SERVER + 1),
        (SERVER + 1, top + 7 - 2**32),
    ]


def test_ports_that_are_used_again_count_from_new_numbers() -> None:
    """Until the new SYN is answered, what belongs to the old connection still counts from the old one."""
    text = LISTING + (
        "11:03:00.000000 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [S], seq 3000000000, win 65495, length 0\n"
        "11:03:00.000001 IP 10.0.0.2.9000 > 10.0.0.1.46098: Flags [.], ack 7, win 512, length 0\n"
        f"11:03:00.000002 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [R], seq {CLIENT + 7}, win 0, length 0\n"
        "11:03:01.000000 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [S], seq 3000000000, win 65495, length 0\n"
        "11:03:01.000001 IP 10.0.0.2.9000 > 10.0.0.1.46098: Flags [S.], seq 2500000000, ack 3000000001, win 65483, length 0\n"
        "11:03:01.000002 IP 10.0.0.1.46098 > 10.0.0.2.9000: Flags [.], ack 1, win 512, length 0\n"
    )
    assert numbers(text)[6:] == [
        (3000000000, 0),
        (SERVER + 1, CLIENT + 7),
        (CLIENT + 7, 0),
        (3000000000, 0),
        (2500000000, 3000000001),
        (3000000001, 2500000001),
    ]
    assert analyze_text(text).flows["verdict"].to_list() == ["close_wait_reset", "open"]


def test_a_missing_handshake_is_said() -> None:
    assert any("without a handshake: 1 flow" in remark for remark in read_text(FIN).info.printout.remarks)
    assert not any("without a handshake" in remark for remark in read_text(LISTING).info.printout.remarks)
