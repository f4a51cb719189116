"""Why an end waits: what a single flow's packets prove, and no more."""

from collections.abc import Callable

import numpy as np
import pytest

from closewait_pcap.verdicts.cause import Cause
from closewait_pcap.verdicts.causes.diagnosis import explain
from tests.ladders import Climb

Climber = Callable[..., Climb]

HANDSHAKE = """
    SYN_SENT     --> S   99                      --> LISTEN
    SYN_SENT     <-- S.  299 ack 100             <-- SYN_RECEIVED
    ESTABLISHED  --> .   100 ack 300             --> ESTABLISHED
"""


def test_an_end_that_wrote_has_an_application(climb: Climber) -> None:
    climb(f"""{HANDSHAKE}
        ESTABLISHED  --> P.  100:150(50) ack 300     --> ESTABLISHED
        ESTABLISHED  <-- P.  300:420(120) ack 150    <-- ESTABLISHED
        FIN_WAIT_1   --> F.  150 ack 420             --> ESTABLISHED
        FIN_WAIT_2   <-- .   420 ack 151             <-- CLOSE_WAIT
        ... 5s
    """).cause("not_closed", "certain", "the server sent 120 bytes of payload, the first in frame 5")


def test_a_client_that_opened_and_never_wrote_has_one_as_well(climb: Climber) -> None:
    climb(f"""{HANDSHAKE}
        ESTABLISHED  <-- F.  300:420(120) ack 100    <-- FIN_WAIT_1
        CLOSE_WAIT   --> .   100 ack 421             --> FIN_WAIT_2
        ... 5s
    """).cause("not_closed", "certain", "the client opened the connection itself (frame 1)")


def test_an_end_that_closed_late_had_one(climb: Climber) -> None:
    climb(f"""{HANDSHAKE}
        FIN_WAIT_1   --> F.  100 ack 300             --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 101             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- F.  300 ack 101 @60s        <-- LAST_ACK
        TIME_WAIT    --> .   101 ack 301             --> CLOSED
    """).cause("not_closed", "certain", "the server closed in the end (frame 6)")


SILENT = """
    SYN_SENT     --> S   99                      --> LISTEN
    SYN_SENT     <-- S.  299 ack 100 win 6000    <-- SYN_RECEIVED
    ESTABLISHED  --> .   100 ack 300             --> ESTABLISHED
    ESTABLISHED  --> P.  100:5100(5000) ack 300  --> ESTABLISHED
    ESTABLISHED  <-- .   300 ack 5100 win 1000   <-- ESTABLISHED
"""
END = """
    FIN_WAIT_1   --> F.  5100 ack 300            --> ESTABLISHED
    FIN_WAIT_2   <-- .   300 ack 5101 win {}     <-- CLOSE_WAIT
    ... 5s
"""


def test_an_end_that_only_acknowledged_tells_nothing_of_its_application(climb: Climber) -> None:
    climb(SILENT + END.format(999)).cause("never_answered", "possible", "the server acknowledged 5,000 bytes and sent no payload")


def test_a_window_that_doubles_speaks_for_a_reader(climb: Climber) -> None:
    update = "ESTABLISHED  <-- .  300 ack 5100 win 6000  <-- ESTABLISHED\n"
    climb(SILENT + update + END.format(5999)).cause("not_closed", "possible", "5,999 bytes beyond all that the client sent")


def test_a_window_that_grows_with_an_acknowledgement_does_not(climb: Climber) -> None:
    """Autotuning lets a window grow with every segment; nobody need have read."""
    climb(SILENT + END.format(2001)).cause("never_answered", "possible")


def test_a_window_wider_than_reading_could_make_it_tells_nothing(climb: Climber) -> None:
    """SO_RCVBUF of 4 MiB: the first ACK opens it, and nobody need have read anything."""
    climb("""
        SYN_SENT     --> S   99 wscale 7             --> LISTEN
        SYN_SENT     <-- S.  299 ack 100 win 65535 wscale 7 <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300             --> ESTABLISHED
        FIN_WAIT_1   --> F.  100:600(500) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 601 win 32757   <-- CLOSE_WAIT
        ... 5s
    """).cause("never_answered", "possible")


def test_a_half_close_at_work_is_nobodys_fault(climb: Climber) -> None:
    climb(f"""{HANDSHAKE}
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- P.  300:400(100) ack 201 @5s <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 400             --> CLOSE_WAIT
        ... 500ms
    """).cause("still_sending", "certain", "the server went on sending after the client's FIN")


def test_what_went_on_sending_and_stopped_is_not_closed(climb: Climber) -> None:
    climb(f"""{HANDSHAKE}
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- P.  300:400(100) ack 201 @5s <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 400             --> CLOSE_WAIT
        ... 30s
    """).cause("not_closed", "certain", "the server sent 100 bytes of payload")


def test_a_zero_window_holds_the_fin_back(climb: Climber) -> None:
    climb(f"""{HANDSHAKE}
        FIN_WAIT_1   --> F.  100:200(100) ack 300 win 100 --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- P.  300:400(100) ack 201    <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 400 win 0       --> CLOSE_WAIT
        ... 30s
    """).cause("send_blocked", "probable", "the client's window is zero since")


def test_data_that_nobody_acknowledges_holds_the_fin_back(climb: Climber) -> None:
    climbed = climb(f"""{HANDSHAKE}
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- P.  300:400(100) ack 201    <-- CLOSE_WAIT
        FIN_WAIT_2   <-- P.  300:400(100) ack 201 @2s <-- CLOSE_WAIT
        ... 30s
    """)
    climbed.cause("send_blocked", "probable", "100 bytes of the server are unacknowledged")
    assert climbed.limits() == {"fin_waits"}


def test_data_on_its_way_leaves_a_doubt(climb: Climber) -> None:
    """A FIN may wait for the congestion window; with room in both windows it would have followed the data."""
    climb(f"""{HANDSHAKE}
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- P.  300:400(100) ack 201    <-- CLOSE_WAIT
        ... 100ms
    """).cause("not_closed", "probable")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("FIN_WAIT_2   --> .   201 ack 400 win 0       --> CLOSE_WAIT", "the client's window is zero since"),
        ("", "the server has filled the client's window"),
    ],
)
def test_a_window_just_filled_may_hold_a_fin_back(climb: Climber, answer: str, told: str) -> None:
    """Seen beside ss: a server that had written more than the client took, and had closed (LAST_ACK), half a second ago."""
    climb(f"""
        SYN_SENT     --> S   99 win 100              --> LISTEN
        SYN_SENT     <-- S.  299 ack 100             <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300 win 100     --> ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 300 win 100 --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- P.  300:400(100) ack 201    <-- CLOSE_WAIT
        {answer}
        ... 500ms
    """).cause("send_blocked", "possible", told)


def test_a_half_close_that_ends_with_the_answer_is_nobodys_fault(climb: Climber) -> None:
    climb(f"""{HANDSHAKE}
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- P.  300:400(100) ack 201 @5s <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 400             --> CLOSE_WAIT
        FIN_WAIT_2   <-- F.  400 ack 201             <-- LAST_ACK
        TIME_WAIT    --> .   201 ack 401             --> CLOSED
    """).cause("still_sending", "certain", "the server went on sending after the client's FIN")


def test_whose_syn_was_answered_has_opened_the_connection(climb: Climber) -> None:
    """The capture begins with the SYN-ACK; the client never writes."""
    climb("""
        ?            <-- S.  299 ack 100             <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300             --> ESTABLISHED
        ESTABLISHED  <-- P.  300:400(100) ack 100    <-- ESTABLISHED
        ESTABLISHED  --> .   100 ack 400             --> ESTABLISHED
        ESTABLISHED  <-- F.  400 ack 100             <-- FIN_WAIT_1
        CLOSE_WAIT   --> .   100 ack 401             --> FIN_WAIT_2
        ... 5s
    """).cause("not_closed", "certain", "the client opened the connection itself (frame 1 answers its SYN)")


def test_what_may_have_closed_unseen_has_no_cause(climb: Climber) -> None:
    climbed = climb("""
        ESTABLISHED  --> P.  100:200(100) ack 300    --> ESTABLISHED
        ESTABLISHED  <-- .   300 ack 200             <-- ESTABLISHED
        FIN_WAIT_1   --> F.  200 ack 300             --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        ... 5s
    """)
    climbed.cause("undetermined", "possible", "the flow began before the capture")
    assert climbed.limits() == {"began_before", "scale_unknown"}


def test_acknowledged_bytes_that_no_frame_carries_leave_it_open(climb: Climber) -> None:
    climbed = climb(f"""{HANDSHAKE}
        ESTABLISHED  --> .   100 ack 350             --> ESTABLISHED
        FIN_WAIT_1   --> F.  100 ack 350             --> ESTABLISHED
        FIN_WAIT_2   <-- .   350 ack 101             <-- CLOSE_WAIT
        ... 5s
    """)
    climbed.cause("undetermined", "possible", "the client acknowledges up to 50 beyond what frames show of the server")
    assert climbed.limits() == {"loss"}


FIN = f"{HANDSHAKE}FIN_WAIT_1 --> F. 100 ack 300 --> ESTABLISHED\n"
HEARD = f"{FIN}FIN_WAIT_2 <-- . 300 ack 101 <-- CLOSE_WAIT\n"
MID_STREAM = "ESTABLISHED --> P. 100:200(100) ack 300 --> ESTABLISHED\nESTABLISHED <-- P. 300:400(100) ack 200 <-- ?"


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (FIN, {"ack_pending"}),
        (f"{FIN}... 30s", {"not_delivered"}),
        (f"{HEARD}... 59s", set()),
        (f"{HEARD}... 61s", {"orphan_expired"}),
        (f"{HEARD}FIN_WAIT_2 <-- F. 300 ack 101 <-- LAST_ACK\nTIME_WAIT --> . 101 ack 301 --> CLOSED", set()),
        (MID_STREAM, {"began_before"}),
        (HANDSHAKE, set()),
    ],
)
def test_a_limit_is_attached_where_it_applies_and_only_there(climb: Climber, text: str, limit: set[str]) -> None:
    assert climb(text).limits() == limit


def test_nobody_read_anything_where_nobody_answered(climb: Climber) -> None:
    case = climb(SILENT + END.format(999)).diagnosis().case
    assert [int(column[0]) for column in case.unread] == [5001, 0, 5001]  # the FIN counts for one


def test_an_answer_tells_what_had_been_read(climb: Climber) -> None:
    """The server answers 100 of 150 bytes; 50 and the FIN are left, or less."""
    case = (
        climb(f"""{HANDSHAKE}
        ESTABLISHED  --> P.  100:200(100) ack 300    --> ESTABLISHED
        ESTABLISHED  <-- P.  300:420(120) ack 200    <-- ESTABLISHED
        ESTABLISHED  --> P.  200:250(50) ack 420     --> ESTABLISHED
        ESTABLISHED  <-- .   420 ack 250             <-- ESTABLISHED
        FIN_WAIT_1   --> F.  250 ack 420             --> ESTABLISHED
        FIN_WAIT_2   <-- .   420 ack 251             <-- CLOSE_WAIT
        ... 5s
    """)
        .diagnosis()
        .case
    )
    assert [int(column[0]) for column in case.unread] == [51, 0, 151]


def test_an_unread_close_notify_is_recognised_by_its_length(climb: Climber) -> None:
    """31 bytes of TLS 1.2 and the FIN are the Recv-Q of 32 that operators ask about."""
    climb(f"""{HANDSHAKE}
        ESTABLISHED  --> P.  100:200(100) ack 300    --> ESTABLISHED
        ESTABLISHED  <-- P.  300:420(120) ack 200    <-- ESTABLISHED
        FIN_WAIT_1   --> F.  200:231(31) ack 420     --> ESTABLISHED
        FIN_WAIT_2   <-- .   420 ack 232             <-- CLOSE_WAIT
        ... 5s
    """).cause("not_closed", "certain", "31 unread bytes, as long as a close_notify of TLS 1.2")


def test_what_began_before_the_capture_has_no_upper_bound(climb: Climber) -> None:
    case = (
        climb("""
        ESTABLISHED  --> P.  100:150(50) ack 300     --> ESTABLISHED
        ESTABLISHED  <-- P.  300:420(120) ack 150    <-- ESTABLISHED
        FIN_WAIT_1   --> F.  150 ack 420             --> ESTABLISHED
        FIN_WAIT_2   <-- .   420 ack 151             <-- CLOSE_WAIT
        ... 5s
    """)
        .diagnosis()
        .case
    )
    assert [int(column[0]) for column in case.unread] == [1, 0, -1]


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_explained(cause: Cause) -> None:
    explained = explain(cause)
    assert all(len(text) > 40 for text in explained), cause
    assert "What " not in " ".join(explained)


def test_causes_are_small_numbers_without_holes() -> None:
    assert np.array_equal([int(cause) for cause in Cause], np.arange(len(Cause)))
