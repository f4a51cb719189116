"""One ladder for every verdict, and for every case that SEMANTICS names."""

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
        FIN_WAIT_2   <-- .   420:420(0)   ack 101    <-- CLOSE_WAIT
        ... 5s
    """).verdict("close_wait", side="server", stuck=True, since=6, held=4.995)
