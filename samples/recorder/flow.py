"""One connection of a situation: who talks to whom, how much they wrote, and what must come out."""

from dataclasses import dataclass, field
from typing import Literal

Side = Literal["client", "server"]
Verdict = Literal[
    "close_wait",
    "close_wait_reset",
    "closed",
    "closed_late",
    "fin_unanswered",
    "not_reading",
    "open",
    "reset",
    "unanswered",
]
State = Literal[
    "CLOSED",
    "LISTEN",
    "SYN_SENT",
    "ESTABLISHED",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "CLOSE_WAIT",
    "TIME_WAIT",
]
KernelStates = tuple[str | None, str | None]
"""What `ss` prints for the client's socket and for the server's; None where it has none."""


@dataclass(frozen=True)
class Expectation:
    """What an observer of the packets must conclude, and what the kernel must say at the same moment."""

    verdict: Verdict
    client_state: State
    server_state: State
    waiting_side: Side | None
    stuck: bool | None
    kernel: KernelStates


@dataclass
class Flow:
    """A connection, by its addresses and ports, with the payload bytes that each application wrote so far."""

    client: str
    client_port: int
    server: str
    server_port: int
    sent: dict[Side, int] = field(default_factory=lambda: {"client": 0, "server": 0})
    expectation: Expectation | None = None

    def expect(
        self,
        verdict: Verdict,
        client_state: State,
        server_state: State,
        *,
        waiting_side: Side | None = None,
        stuck: bool | None = None,
        kernel: KernelStates | None = None,
    ) -> None:
        """Say what the capture must show.

        Args:
            verdict: The verdict that the packets prove.
            client_state: The client's state as the packets show it.
            server_state: The server's.
            waiting_side: Who is, or was, in CLOSE_WAIT for long.
            stuck: Whether it is stuck there at the end; None where it is not there, or the capture is too short to say.
            kernel: What `ss` must show, where that is not simply the same states in its own spelling.
        """
        same = (_as_ss_prints(client_state), _as_ss_prints(server_state))
        self.expectation = Expectation(verdict, client_state, server_state, waiting_side, stuck, kernel or same)

    @property
    def ends(self) -> tuple[str, int, str, int]:
        """Both addresses and ports, the client's first."""
        return self.client, self.client_port, self.server, self.server_port

    def __str__(self) -> str:
        return f"{self.client} port {self.client_port} -> {self.server} port {self.server_port}"


def _as_ss_prints(state: State) -> str | None:
    if state in ("CLOSED", "LISTEN"):
        return None  # no socket with these two ends: a listener has none
    return "ESTAB" if state == "ESTABLISHED" else state.replace("_", "-")
