"""What has misled observers: disorder at the tap, loss, damage, forgery, reuse. Each ladder is one such case."""

from collections.abc import Callable

from tests.ladders import Climb

Climber = Callable[..., Climb]

# --- disorder at the tap


def test_acknowledgement_before_the_fin_in_the_file(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100     <-- ESTABLISHED
        ESTABLISHED  --> P.  100:200(100) ack 310    --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 201             <-- ESTABLISHED
        FIN_WAIT_2   --> F.  200 ack 310             --> CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=3)


def test_syn_ack_before_the_syn_in_the_file(climb: Climber) -> None:
    climb("""
        ?            <-- S.  299 ack 100             <-- SYN_RECEIVED
        SYN_SENT     --> S   99                      --> SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300             --> ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 300    --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 201             <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=5, roles_from="syn")


def test_rst_that_overtakes_its_fin_by_a_frame_comes_after_it(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100     <-- ESTABLISHED
        ESTABLISHED  --> P.  100:200(100) ack 310    --> ESTABLISHED
        ?            --> R   201                     --> ?
        CLOSED       --> F.  200 ack 310             --> CLOSED
        CLOSED       <-- .   310 ack 201             <-- CLOSED
        ... 5s
    """).verdict("reset")


def test_rst_that_overtakes_its_data_is_no_doubtful_one(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100     <-- ESTABLISHED
        ?            --> R.  200 ack 310             --> ?
        CLOSED       --> P.  100:200(100) ack 310    --> CLOSED
        CLOSED       <-- .   310 ack 200             <-- CLOSED        # delayed on its way to the tap
        ... 5s
    """).verdict("reset")


def test_bytes_that_arrive_out_of_order_mid_stream_are_all_counted(climb: Climber) -> None:
    played = climb("""
        ESTABLISHED  --> .   300:400(100) ack 300    --> ESTABLISHED
        ESTABLISHED  --> .   100:200(100) ack 300    --> ESTABLISHED
        ESTABLISHED  --> .   150:300(150) ack 300    --> ESTABLISHED
        ESTABLISHED  <-- .   300 ack 400             <-- ESTABLISHED
    """)
    assert played.facts()[0]["bytes"] == 300
    assert played.doubled_facts()[0]["bytes"] == 300
    assert played.doubled_facts()[0]["packets"] == 6


def test_fin_before_the_data_it_follows(climb: Climber) -> None:
    played = climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100     <-- ESTABLISHED
        FIN_WAIT_1   --> F.  150:200(50) ack 310     --> ESTABLISHED
        FIN_WAIT_1   --> P.  100:150(50) ack 310     --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 201             <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=4)
    assert played.facts()[0]["bytes"] == 100


# --- FIN


def test_fin_retransmitted_with_more_data(climb: Climber) -> None:
    played = climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100     <-- ESTABLISHED
        ESTABLISHED  --> P.  100:150(50) ack 310     --> ESTABLISHED
        FIN_WAIT_1   --> F.  150 ack 310             --> ESTABLISHED
        FIN_WAIT_1   --> F.  100:150(50) ack 310 @250ms --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 151             <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=5)
    assert played.facts()[0]["bytes"] == 50


def test_fin_retransmitted_with_less_data(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100     <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:150(50) ack 310     --> ESTABLISHED
        FIN_WAIT_1   --> F.  140:150(10) ack 310 @250ms --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 151             <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=4)


def test_fin_held_back_by_a_zero_window(climb: Climber) -> None:
    """The client closes into a full window; nothing proves it until the window opens."""
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        ESTABLISHED  --> P.  100:200(100) ack 310         --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 200 win 0            <-- ESTABLISHED
        ESTABLISHED  --> .   199 ack 310 @200ms           --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 200 win 0            <-- ESTABLISHED
        ESTABLISHED  <-- .   310 ack 200 win 501 @9s      <-- ESTABLISHED
        FIN_WAIT_1   --> F.  200:250(50) ack 310          --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 251                  <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=8)


def test_fin_behind_a_hole_is_acknowledged_by_the_cumulative_ack_only(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        FIN_WAIT_1   --> F.  150:200(50) ack 310          --> ESTABLISHED
        FIN_WAIT_1   <-- .   310 ack 100                  <-- ESTABLISHED   # with SACK 150:201
        FIN_WAIT_1   --> P.  100:150(50) ack 310 @300ms   --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 201                  <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=5)


def test_first_ack_after_the_fin_covers_only_data(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        ESTABLISHED  --> P.  100:200(100) ack 310         --> ESTABLISHED
        FIN_WAIT_1   --> F.  200 ack 310                  --> ESTABLISHED
        FIN_WAIT_1   <-- .   310 ack 200                  <-- ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 201 @40ms            <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=5)


def test_acknowledgement_of_the_fin_rides_on_data(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300         --> ESTABLISHED
        FIN_WAIT_2   <-- P.  300:310(10) ack 201          <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 310                  --> CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=2)


def test_acknowledgement_of_the_fin_rides_on_a_rst(climb: Climber) -> None:
    played = climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 310         --> ESTABLISHED
        CLOSED       <-- R.  310 ack 201 @3s              <-- CLOSED
        ... 5s
    """).verdict("reset")
    left, right = played.facts()
    assert right["ack_high"] > left["fin"]


def test_acknowledgement_of_the_fin_on_the_next_connections_syn_is_none(climb: Climber) -> None:
    """Real case: stacks that put an old acknowledgement number into a bare SYN."""
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 310         --> ESTABLISHED
        == same numbers ==
        LISTEN       <-- S   900 ack 201 @3s              <-- SYN_SENT
        ... 5s
    """).verdict("fin_unanswered", flow=0)


def test_forged_fin_without_ack_flag(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        ESTABLISHED  --> P.  100:200(100) ack 310         --> ESTABLISHED
        ESTABLISHED  --> F   200                          --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 200                  <-- ESTABLISHED
        ... 5s
    """).verdict("open")


def test_forged_fin_before_its_senders_syn(climb: Climber) -> None:
    climb("""
        SYN_SENT     --> S   99                           --> LISTEN
        SYN_SENT     <-- F.  700 ack 42                   <-- ?
        SYN_SENT     <-- S.  299 ack 100                  <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300                  --> ESTABLISHED
        ... 5s
    """).verdict("open")


def test_forged_fin_far_below_what_was_acknowledged(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 1000         <-- ESTABLISHED
        ESTABLISHED  --> P.  1000:5000(4000) ack 310      --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 5000                 <-- ESTABLISHED
        ESTABLISHED  --> F.  2000 ack 310                 --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 5000                 <-- ESTABLISHED
        ... 5s
    """).verdict("open")


def test_forged_fin_outside_of_any_window(climb: Climber) -> None:
    climb("""
        SYN_SENT     --> S   99 wscale 7                  --> LISTEN
        SYN_SENT     <-- S.  299 ack 100 wscale 7         <-- SYN_RECEIVED
        ESTABLISHED  --> P.  100:200(100) ack 300         --> ESTABLISHED
        ESTABLISHED  <-- .   300 ack 200                  <-- ESTABLISHED
        ESTABLISHED  --> F.  30000000 ack 300             --> ESTABLISHED
        ESTABLISHED  --> F.  1700000000 ack 300           --> ESTABLISHED
        ESTABLISHED  <-- .   300 ack 200                  <-- ESTABLISHED
        ... 5s
    """).verdict("open")


def test_forged_fin_inside_the_window_is_refuted_by_more_data(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        ESTABLISHED  --> P.  100:200(100) ack 310         --> ESTABLISHED
        FIN_WAIT_1   --> F.  250 ack 310                  --> ESTABLISHED
        ESTABLISHED  --> P.  200:400(200) ack 310         --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 400                  <-- ESTABLISHED
        ... 5s
    """).verdict("open")


# --- probes


def test_keepalives_advance_nothing(climb: Climber) -> None:
    """One below next, with no byte (Linux) or one (Windows)."""
    played = climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 310         --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 201                  <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   200:201(1) ack 310 @60s      --> CLOSE_WAIT
        FIN_WAIT_2   <-- .   310 ack 201                  <-- CLOSE_WAIT
        FIN_WAIT_2   <-- .   309 ack 201 @120s            <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 310                  --> CLOSE_WAIT
        FIN_WAIT_2   <-- .   309:310(1) ack 201 @180s     <-- CLOSE_WAIT
        FIN_WAIT_2   --> .   201 ack 310                  --> CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=3)
    assert [int(end["bytes"]) for end in played.facts()] == [100, 10]


def test_keepalives_give_a_mid_stream_flow_no_base(climb: Climber) -> None:
    """The byte of a probe is no payload: this end may have closed before the capture."""
    played = climb("""
        ESTABLISHED  <-- .   309:310(1) ack 100           <-- ESTABLISHED
        ESTABLISHED  --> .   100 ack 310                  --> ESTABLISHED
        ESTABLISHED  <-- .   309:310(1) ack 100 @60s      <-- ESTABLISHED
        ESTABLISHED  --> .   100 ack 310                  --> ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 310         --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 201                  <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait_possible", side="server", stuck=True, since=6)
    assert played.facts()[1]["bytes"] == 0


def test_one_byte_answers_are_payload(climb: Climber) -> None:
    played = climb("""
        ESTABLISHED  --> .   100 ack 300                  --> ESTABLISHED
        ESTABLISHED  <-- P.  300:301(1) ack 100           <-- ESTABLISHED
        ESTABLISHED  --> .   100 ack 301                  --> ESTABLISHED
        FIN_WAIT_1   --> F.  100 ack 301                  --> ESTABLISHED
        FIN_WAIT_2   <-- .   301 ack 101                  <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=5)
    assert played.facts()[1]["bytes"] == 1


# --- RST


def test_rst_in_the_window_that_a_challenge_ack_answers_ends_nothing(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        ESTABLISHED  --> P.  100:200(100) ack 310         --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 200                  <-- ESTABLISHED
        CLOSED       --> R   350                          --> CLOSED
        ESTABLISHED  <-- .   310 ack 200                  <-- ESTABLISHED
        ... 5s
    """).verdict("open")


def test_rst_in_the_window_without_a_challenge_ack_is_believed(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        ESTABLISHED  --> P.  100:200(100) ack 310         --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 200                  <-- ESTABLISHED
        CLOSED       --> R   350                          --> CLOSED
        ... 5s
    """).verdict("reset")


def test_rst_outside_the_window_ends_nothing(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        ESTABLISHED  --> P.  100:200(100) ack 310         --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 200                  <-- ESTABLISHED
        ESTABLISHED  --> R   50                           --> ESTABLISHED
        ESTABLISHED  --> R   90000                        --> ESTABLISHED
        ... 5s
    """).verdict("open")


def test_rst_one_below_the_expected_number_ends_close_wait(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 310         --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 201                  <-- CLOSE_WAIT
        CLOSED       --> R   200 @30s                     --> CLOSED
        CLOSED       <-- .   310 ack 201                  <-- CLOSED         # crossing, no challenge
        ... 5s
    """).verdict("close_wait_reset", side="server", since=3, held=30)


def test_rst_is_refuted_by_bytes_beyond_its_own_number(climb: Climber) -> None:
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        ESTABLISHED  --> P.  100:200(100) ack 310         --> ESTABLISHED
        CLOSED       --> R   200                          --> CLOSED         # forged
        CLOSED       --> P.  100:200(100) ack 310 @300ms  --> CLOSED         # refutes nothing yet
        ESTABLISHED  --> P.  200:260(60) ack 310          --> ESTABLISHED
        ESTABLISHED  <-- .   310 ack 260                  <-- ESTABLISHED
        ... 5s
    """).verdict("open")


# --- opening


def test_fast_open(climb: Climber) -> None:
    played = climb("""
        SYN_SENT     --> S   99:149(50)                   --> LISTEN
        SYN_SENT     <-- S.  299 ack 150                  <-- SYN_RECEIVED
        SYN_SENT     <-- P.  300:310(10) ack 150          <-- SYN_RECEIVED
        ESTABLISHED  --> .   150 ack 310                  --> ESTABLISHED
        FIN_WAIT_1   --> F.  150 ack 310                  --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 151                  <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=6)
    assert [int(end["bytes"]) for end in played.facts()] == [50, 10]


def test_simultaneous_open_and_close(climb: Climber) -> None:
    climb("""
        SYN_SENT     --> S   99                           --> LISTEN
        SYN_SENT     <-- S   299                          <-- SYN_SENT
        SYN_RECEIVED --> S.  99 ack 300                   --> SYN_SENT
        ESTABLISHED  <-- S.  299 ack 100                  <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100 ack 300                  --> ESTABLISHED
        FIN_WAIT_1   <-- F.  300 ack 100                  <-- FIN_WAIT_1
        CLOSING      --> .   101 ack 301                  --> FIN_WAIT_2
        TIME_WAIT    <-- .   301 ack 101                  <-- TIME_WAIT
    """).verdict("closed", roles_from="syn")


def test_syn_retransmitted_is_the_same_flow(climb: Climber) -> None:
    played = climb("""
        SYN_SENT     --> S   99                           --> LISTEN
        SYN_SENT     --> S   99 @1s                       --> LISTEN
        SYN_SENT     <-- S.  299 ack 100                  <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300                  --> ESTABLISHED
        FIN_WAIT_1   --> F.  100 ack 300                  --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 101                  <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=6)
    assert all(len(way.facts.flows) == 1 for way in played.played.values())


def test_rst_that_killed_an_older_try_does_not_stick_to_the_one_that_succeeds(climb: Climber) -> None:
    climb("""
        SYN_SENT     --> S   99                           --> LISTEN
        CLOSED       <-- R.  0 ack 100                    <-- CLOSED
        SYN_SENT     --> S   99 @1s                       --> LISTEN
        SYN_SENT     <-- S.  299 ack 100                  <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300                  --> ESTABLISHED
        FIN_WAIT_1   --> F.  100 ack 300                  --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 101                  <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=7)


def test_copy_of_a_syn_behind_its_rst_is_no_new_try(climb: Climber) -> None:
    climb("""
        SYN_SENT     --> S   99                           --> LISTEN
        CLOSED       <-- R.  0 ack 100                    <-- CLOSED
        CLOSED       --> S   99                           --> CLOSED         # the second tap's
    """).verdict("refused")


# --- reuse


def test_syn_over_time_wait(climb: Climber) -> None:
    climb("""
        FIN_WAIT_1   --> F.  100:200(100) ack 300         --> ESTABLISHED
        FIN_WAIT_2   <-- F.  300 ack 201                  <-- LAST_ACK
        TIME_WAIT    --> .   201 ack 301                  --> CLOSED
        == the client takes the same port again ==
        SYN_SENT     --> S   99 @2s                       --> LISTEN
        SYN_SENT     <-- S.  299 ack 100                  <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300                  --> ESTABLISHED
        ... 5s
    """).verdict("closed", flow=0).verdict("open", flow=1)


def test_port_reuse_over_a_leaked_socket(climb: Climber) -> None:
    """The challenge ACK and the RST that answers it have the old flow's numbers, and belong to it."""
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 310         --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 201                  <-- CLOSE_WAIT
        == the client takes the same port again ==
        SYN_SENT     --> S   99 @90s                      --> LISTEN
        FIN_WAIT_2   <-- .   310 ack 201 old              <-- CLOSE_WAIT
        CLOSED       --> R   201 old                      --> CLOSED
        SYN_SENT     --> S   99 @91s                      --> LISTEN
        SYN_SENT     <-- S.  299 ack 100                  <-- SYN_RECEIVED
        ESTABLISHED  --> P.  100:150(50) ack 300          --> ESTABLISHED
        ESTABLISHED  <-- P.  300:320(20) ack 150          <-- ESTABLISHED
        ... 5s
    """).verdict("close_wait_reset", side="server", since=3, held=90, flow=0).verdict("open", flow=1)


def test_flow_replaced_by_another_keeps_its_verdict_of_that_moment(climb: Climber) -> None:
    """The server never closed; a NAT gave the port to another connection, which goes on for an hour."""
    climb("""
        ESTABLISHED  <-- P.  300:310(10) ack 100          <-- ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 310         --> ESTABLISHED
        FIN_WAIT_2   <-- .   310 ack 201                  <-- CLOSE_WAIT
        == another connection ==
        SYN_SENT     --> S   99 @30s                      --> LISTEN
        SYN_SENT     <-- S.  299 ack 100                  <-- SYN_RECEIVED
        ESTABLISHED  --> .   100 ack 300                  --> ESTABLISHED
        ... 60m
    """).verdict("close_wait", side="server", stuck=True, since=3, held=30, flow=0).verdict("open", flow=1)


# --- loss at the tap


def test_rst_is_judged_by_its_number_where_only_the_tap_missed_the_syn_ack(climb: Climber) -> None:
    """Its acknowledgement covers a FIN: it answers no SYN."""
    climb("""
        SYN_SENT     --> S   99                           --> LISTEN
        ?            --> .   100 ack 300                  --> ?
        FIN_WAIT_1   --> F.  100:107(7) ack 300           --> ?
        CLOSED       <-- R.  300 ack 108                  <-- CLOSED
        ... 5s
    """).verdict("reset")


def test_lost_data_is_no_accusation(climb: Climber) -> None:
    """Y acknowledges bytes of X beyond all that was captured: they may have been the end of what X had to say, or not."""
    climb("""
        ESTABLISHED  <-- P.  300:400(100) ack 100         <-- ESTABLISHED
        ESTABLISHED  --> .   100 ack 900                  --> ESTABLISHED
        FIN_WAIT_1   --> F.  100:200(100) ack 900         --> ESTABLISHED
        FIN_WAIT_2   <-- .   900 ack 201                  <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait_possible", side="server", stuck=True, since=4)
