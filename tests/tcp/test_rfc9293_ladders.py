"""RFC 9293, figures 6 to 13, as ladders.

The RFC prints what each end knows; an observer knows of a SYN or a FIN that it has arrived only when it is acknowledged, so that
its receiver is one line behind. ``...`` in the RFC (still under way) is the tap's place beside the sender.
"""

from collections.abc import Callable

from tests.ladders import Climb

Climber = Callable[..., Climb]


def test_figure_6_basic_three_way_handshake(climb: Climber) -> None:
    climb("""
        CLOSED                                            LISTEN
        SYN_SENT     --> S   100                      --> LISTEN
        SYN_SENT     <-- S.  300 ack 101              <-- SYN_RECEIVED
        ESTABLISHED  --> .   101 ack 301              --> ESTABLISHED
        ESTABLISHED  --> P.  101:111(10) ack 301      --> ESTABLISHED
    """).verdict("open", roles_from="syn")


def test_figure_7_simultaneous_connection_synchronization(climb: Climber) -> None:
    climb("""
        CLOSED                                            CLOSED
        SYN_SENT     --> S   100                      --> LISTEN       # nothing tells a CLOSED end from a LISTEN one
        SYN_SENT     <-- S   300                      <-- SYN_SENT
        SYN_RECEIVED --> S.  100 ack 301              --> SYN_SENT
        ESTABLISHED  <-- S.  300 ack 101              <-- ESTABLISHED
    """).verdict("open", roles_from="syn")


def test_figure_8_recovery_from_old_duplicate_syn(climb: Climber) -> None:
    climb("""
        CLOSED                                            LISTEN
        SYN_SENT     --> S   100                      --> LISTEN
        == same numbers ==
        SYN_SENT     --> S   90                       --> LISTEN       # the duplicate
        SYN_SENT     <-- S.  300 ack 91               <-- SYN_RECEIVED
        CLOSED       --> R   91                       --> CLOSED       # the RFC's B goes on to listen
        == same numbers ==
        SYN_SENT     --> S   100                      --> LISTEN
        SYN_SENT     <-- S.  400 ack 101              <-- SYN_RECEIVED
        ESTABLISHED  --> .   101 ack 401              --> ESTABLISHED
    """).verdict("unanswered", flow=0).verdict("half_open", flow=1).verdict("open", flow=2)


def test_figure_9_half_open_connection_discovery(climb: Climber) -> None:
    """A has rebooted and the capture begins after that: what B says and A resets is none of the new connection's."""
    climb("""
        CLOSED                                            ESTABLISHED
        SYN_SENT     --> S   400                      --> LISTEN
        SYN_SENT     <-- .   300 ack 100              <-- LISTEN
        SYN_SENT     --> R   100                      --> LISTEN
        SYN_SENT     --> S   400 @1s                  --> LISTEN
    """).verdict("half_open")


def test_figure_9_where_the_old_connection_was_captured(climb: Climber) -> None:
    climb("""
        ESTABLISHED                                       ESTABLISHED
        ESTABLISHED  <-- P.  290:300(10) ack 100      <-- ESTABLISHED
        == same numbers ==
        SYN_SENT     --> S   400                      --> LISTEN
        ESTABLISHED  <-- .   300 ack 100 old          <-- ESTABLISHED
        CLOSED       --> R   100 old                  --> CLOSED
        SYN_SENT     --> S   400 @1s                  --> LISTEN
    """).verdict("reset", flow=0).verdict("unanswered", flow=1)


def test_figure_10_active_side_causes_half_open_connection_discovery(climb: Climber) -> None:
    climb("""
        CLOSED                                            ESTABLISHED
        ESTABLISHED  <-- P.  300:310(10) ack 100      <-- ESTABLISHED
        CLOSED       --> R   100                      --> CLOSED
    """).verdict("reset")


def test_figure_11_old_duplicate_syn_initiates_a_reset_on_two_passive_sockets(climb: Climber) -> None:
    climb("""
        LISTEN                                            LISTEN
        SYN_SENT     --> S   90                       --> LISTEN       # nobody can tell that A has not sent it just now
        SYN_SENT     <-- S.  300 ack 91               <-- SYN_RECEIVED
        CLOSED       --> R   91                       --> CLOSED
    """).verdict("half_open")


def test_figure_12_normal_close_sequence(climb: Climber) -> None:
    climb("""
        ESTABLISHED                                       ESTABLISHED
        FIN_WAIT_1   --> F.  100 ack 300              --> ESTABLISHED
        FIN_WAIT_2   <-- .   300 ack 101              <-- CLOSE_WAIT
        FIN_WAIT_2   <-- F.  300 ack 101              <-- LAST_ACK
        TIME_WAIT    --> .   101 ack 301              --> CLOSED
    """).verdict("closed")


def test_figure_13_simultaneous_close_sequence(climb: Climber) -> None:
    climb("""
        ESTABLISHED                                       ESTABLISHED
        FIN_WAIT_1   --> F.  100 ack 300              --> ESTABLISHED
        FIN_WAIT_1   <-- F.  300 ack 100              <-- FIN_WAIT_1
        CLOSING      --> .   101 ack 301              --> FIN_WAIT_2
        TIME_WAIT    <-- .   301 ack 101              <-- TIME_WAIT
    """).verdict("closed")
