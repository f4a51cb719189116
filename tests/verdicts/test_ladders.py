"""One ladder for each verdict; the cases that mislead an observer are in `test_misleading_ladders`."""

from collections.abc import Callable

from tests.ladders import Climb

Climber = Callable[..., Climb]


def test_application_that_never_closes_is_stuck_in_close_wait(climb: Climber) -> None:
    """Kernel answers the FIN, application does not."""
    climb("""
        CLOSED                                           LISTEN
        SYN_SENT     --> S   99 wscale 7             --> LISTEN
        SYN_SENT     <-- S.  299 ack 100 wscale 7    <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300             --> ESTABLISHED
        ESTABLISHED  <-- P.  300:420(120) ack 100    <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:100(0)   ack 420    --> ESTABLISHED   # sent, not yet proved received
        FIN_WAIT_2   <-- .   420          ack 101    <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=6, held=5, roles_from="syn")


def test_client_that_never_closes_leaks_as_well(climb: Climber) -> None:
    climb("""
        SYN_SENT     --> S   99                      --> LISTEN
        SYN_SENT     <-- S.  299 ack 100             <-- SYN_RECEIVED
        ESTABLISHED  --> P.  100:150(50) ack 300     --> ESTABLISHED
        ESTABLISHED  <-- F.  300:420(120) ack 150    <-- FIN_WAIT_1
        CLOSE_WAIT   --> .   150 ack 421             --> FIN_WAIT_2
        ... 1s
    """).verdict("close_wait", side="client", stuck=True, since=5, held=1)


def test_capture_that_stops_at_the_fins_ack_is_too_young_to_be_stuck(climb: Climber) -> None:
    climb("""
        ESTABLISHED  --> P.  100:150(50) ack 300     --> ESTABLISHED
        ESTABLISHED  <-- P.  300:420(120) ack 150    <-- ESTABLISHED
        FIN_WAIT_1   --> F.  150 ack 420             --> ESTABLISHED
        FIN_WAIT_2   <-- .   420 ack 151             <-- CLOSE_WAIT
    """).verdict("close_wait", side="server", stuck=None, since=4, held=0, roles_from="port")


def test_half_close_that_still_sends_is_not_stuck_while_it_moves(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- P.  300:400(100) ack 201    <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 400             --> CLOSE_WAIT
        FIN_WAIT_2   <-- P.  400:500(100) ack 201 @5s <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 500             --> CLOSE_WAIT
        ... 500ms
    """).verdict("close_wait", side="server", stuck=False, since=2)


def test_half_close_that_stalls_is_stuck(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- P.  300:400(100) ack 201    <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 400             --> CLOSE_WAIT
        ... 30s
    """).verdict("close_wait", side="server", stuck=True, since=2)


def test_refused(climb: Climber) -> None:
    climb("""
        SYN_SENT  --> S   99           --> LISTEN
        CLOSED    <-- R.  0 ack 100    <-- CLOSED
    """).verdict("refused")


def test_rst_with_another_acknowledgement_does_not_refuse(climb: Climber) -> None:
    climb("""
        SYN_SENT  --> S   99           --> LISTEN
        SYN_SENT  <-- R.  0 ack 77     <-- LISTEN
    """).verdict("half_open")


def test_unanswered(climb: Climber) -> None:
    climb("""
        SYN_SENT  --> S   99           --> LISTEN
        SYN_SENT  --> S   99 @1s       --> LISTEN
        SYN_SENT  --> S   99 @3s       --> LISTEN
    """).verdict("unanswered")


def test_half_open_where_the_handshake_never_completed(climb: Climber) -> None:
    climb("""
        SYN_SENT  --> S   99               --> LISTEN
        SYN_SENT  <-- S.  299 ack 100      <-- SYN_RECEIVED
        SYN_SENT  <-- S.  299 ack 100 @1s  <-- SYN_RECEIVED
    """).verdict("half_open")


def test_half_open_where_the_accept_queue_is_full(climb: Climber) -> None:
    """The client has its SYN-ACK; the server dropped the ACK, says SYN-ACK again, and answers neither data nor FIN."""
    climb("""
        SYN_SENT     --> S   99                      --> LISTEN
        SYN_SENT     <-- S.  299 ack 100             <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300             --> ESTABLISHED
        ESTABLISHED  --> P.  100:120(20) ack 300     --> ESTABLISHED
        ESTABLISHED  <-- S.  299 ack 100 @1s         <-- SYN_RECEIVED   # its ACK was dropped
        ESTABLISHED  --> .   120 ack 300             --> SYN_RECEIVED
        FIN_WAIT_1   --> F.  120 ack 300 @2s         --> SYN_RECEIVED
        FIN_WAIT_1   <-- S.  299 ack 100 @3s         <-- SYN_RECEIVED
        ... 5s
    """).verdict("half_open")


def test_server_that_repeats_its_syn_ack_and_is_then_heard_was_taken(climb: Climber) -> None:
    climb("""
        SYN_SENT     --> S   99                      --> LISTEN
        SYN_SENT     <-- S.  299 ack 100             <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300             --> ESTABLISHED
        ESTABLISHED  <-- S.  299 ack 100 @1s         <-- SYN_RECEIVED
        FIN_WAIT_1   --> F.  100 ack 300             --> SYN_RECEIVED
        FIN_WAIT_2   <-- .   300 ack 101             <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=6)


def test_one_direction_only_is_undetermined(climb: Climber) -> None:
    climb("""
        SYN_SENT     --> S   99                      --> LISTEN
        ?            --> .   100 ack 300             --> ?
        ?            --> F.  100:130(30) ack 300     --> ?
        ... 5s
    """).verdict("undetermined")


def test_closed_late_however_long_the_silence(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- F.  300 ack 201 @21m        <-- LAST_ACK
        TIME_WAIT    --> .   201 ack 301             --> CLOSED
    """).verdict("closed_late", side="server", stuck=None, since=2, held=21 * 60)


def test_closed_late_although_a_rst_ends_it(climb: Climber) -> None:
    """The orphan of the peer expired: its host answers the late FIN with a RST."""
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- F.  300 ack 201 @90s        <-- LAST_ACK
        CLOSED       --> R   201                     --> CLOSED
    """).verdict("closed_late", side="server", since=2, held=90)


def test_close_wait_reset_by_the_peer(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        CLOSED       --> R   201 @61s                --> CLOSED
    """).verdict("close_wait_reset", side="server", since=2, held=61)


def test_close_wait_reset_by_the_waiting_side(climb: Climber) -> None:
    """The process was killed with data unread."""
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        CLOSED       <-- R.  300 ack 201 @61s        <-- CLOSED
    """).verdict("close_wait_reset", side="server", since=2, held=61)


def test_rst_soon_after_the_fin_is_an_end_like_others(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        CLOSED       <-- R.  300 ack 201 @20ms       <-- CLOSED
    """).verdict("reset")


def test_reset_of_an_established_connection(climb: Climber) -> None:
    climb("""
        ESTABLISHED  --> P.  100:200(100) ack 300    --> ESTABLISHED
        ESTABLISHED  <-- .   300 ack 200             <-- ESTABLISHED
        CLOSED       --> R   200                     --> CLOSED
    """).verdict("reset")


def test_closed(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- F.  300 ack 201             <-- LAST_ACK
        TIME_WAIT    --> .   201 ack 301             --> CLOSED
        ... 5s
    """).verdict("closed")


def test_rst_after_both_have_closed_changes_nothing(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- F.  300 ack 201             <-- LAST_ACK
        TIME_WAIT    --> .   201 ack 301             --> CLOSED
        TIME_WAIT    --> R   201                     --> CLOSED
    """).verdict("closed")


def test_closed_where_the_capture_ends_on_the_last_fin(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- F.  300 ack 201             <-- LAST_ACK
    """).verdict("closed")


def test_last_fin_unanswered_long_before_the_captures_end(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   <-- F.  300 ack 201             <-- LAST_ACK
        FIN_WAIT_2   <-- F.  300 ack 201 @300ms      <-- LAST_ACK
        FIN_WAIT_2   <-- F.  300 ack 201 @800ms      <-- LAST_ACK
        ... 20s
    """).verdict("fin_unanswered")


def test_fin_unanswered(climb: Climber) -> None:
    climb("""
        ESTABLISHED  --> P.  100:200(100) ack 300    --> ESTABLISHED
        ESTABLISHED  <-- .   300 ack 200             <-- ESTABLISHED
        FIN_WAIT_1   --> F.  200 ack 300             --> ESTABLISHED
        FIN_WAIT_1   --> F.  200 ack 300 @250ms      --> ESTABLISHED
    """).verdict("fin_unanswered")


def test_fin_unanswered_though_sent_once_only(climb: Climber) -> None:
    climb("""
        ESTABLISHED  --> P.  100:200(100) ack 300    --> ESTABLISHED
        ESTABLISHED  <-- .   300 ack 200             <-- ESTABLISHED
        FIN_WAIT_1   --> F.  200 ack 300             --> ESTABLISHED
        ... 3s
    """).verdict("fin_unanswered")


def test_fin_at_the_captures_end_is_still_open(climb: Climber) -> None:
    """Its acknowledgement may be delayed by 40 ms."""
    climb("""
        ESTABLISHED  --> P.  100:200(100) ack 300    --> ESTABLISHED
        ESTABLISHED  <-- .   300 ack 200             <-- ESTABLISHED
        FIN_WAIT_1   --> F.  200 ack 300             --> ESTABLISHED
        ... 30ms
    """).verdict("open")


def test_missed_fin_is_no_accusation(climb: Climber) -> None:
    """Y acknowledges a byte of X that no frame carries: X's FIN was lost by the tap."""
    climb("""
        ESTABLISHED  <-- P.  300:400(100) ack 100    <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 400    --> ESTABLISHED
        FIN_WAIT_2   <-- .   400 ack 201             <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 401             --> CLOSE_WAIT
        ... 5s
    """).verdict("close_wait_possible", side="server", stuck=True, since=3)


def test_mid_stream_side_that_was_never_heard_to_send_may_have_closed_before(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait_possible", side="server", stuck=True, since=2, roles_from="port")


def test_mid_stream_side_that_sent_payload_has_not_closed_before(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100     <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 310    --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 201             <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=3)


def test_not_reading(climb: Climber) -> None:
    climb("""
        ESTABLISHED  --> P.  100:200(100) ack 300         --> ESTABLISHED
        ESTABLISHED  <-- .   300 ack 200 win 0            <-- ESTABLISHED
        ESTABLISHED  --> .   199 ack 300 @300ms           --> ESTABLISHED   # zero-window probe, as Linux does it
        ESTABLISHED  <-- .   300 ack 200 win 0            <-- ESTABLISHED
        ESTABLISHED  --> .   200:201(1) ack 300 @900ms    --> ESTABLISHED   # and as BSD does it
        ESTABLISHED  <-- .   300 ack 200 win 0            <-- ESTABLISHED
        ... 5s
    """).verdict("not_reading")


def test_window_that_opens_again_is_read(climb: Climber) -> None:
    climb("""
        ESTABLISHED  --> P.  100:200(100) ack 300         --> ESTABLISHED
        ESTABLISHED  <-- .   300 ack 200 win 0            <-- ESTABLISHED
        ESTABLISHED  <-- .   300 ack 200 win 501 @3s      <-- ESTABLISHED
        ... 5s
    """).verdict("open")


def test_open(climb: Climber) -> None:
    climb("""
        ESTABLISHED  --> P.  100:200(100) ack 300    --> ESTABLISHED
        ESTABLISHED  <-- P.  300:400(100) ack 200    <-- ESTABLISHED
        ... 60s
    """).verdict("open")


def test_stuck_after_is_the_callers(climb: Climber) -> None:
    ladder = """
        ESTABLISHED  <-- P.  300:310(10) ack 100     <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 310    --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 201             <-- CLOSE_WAIT
        ... 5s
    """
    climb(ladder, stuck_after=4.9).verdict("close_wait", side="server", stuck=True)
    climb(ladder, stuck_after=5.1).verdict("close_wait", side="server", stuck=None)
