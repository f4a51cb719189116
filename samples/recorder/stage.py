"""Where a situation is played: its machines and programs, the tables taken at each step, and what must come of it."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from . import sockets
from .errors import RecordingError
from .flow import Flow, KernelStates
from .network import Host, Network
from .program import PATIENCE, Netcat, Program, netcat

STUCK_AFTER = 1.0  # seconds: the analyzer's default
GLANCE = 0.01  # seconds between two looks at the socket table
DELAYED_ACK = 0.1  # seconds: Linux delays an acknowledgement by 40 ms at first
DISCARD = 9  # the port of RFC 863, whose service ignores whatever comes


class Stage(AbstractContextManager["Stage"]):
    """One situation being played; its programs end with it."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.client = network.client
        self.server = network.server
        self._network = network
        self._folder = folder
        self._flows: list[Flow] = []
        self._steps = 0
        self._tables: dict[Host, str] = {}
        self._taken_at = 0
        self._programs = ExitStack()
        self._bystander = self.program(self.client, "bystander")
        self.program(self.server, "discard").hear(self.server.address, DISCARD)

    def __exit__(self, *_: object) -> None:
        """End all programs."""
        self._programs.close()

    def __enter__(self) -> Self:
        """Raise the curtain."""
        return self

    def program(self, host: Host, name: str) -> Program:
        """Start an application on one of the machines."""
        program = Program(host, name)
        self._programs.callback(program.quit)
        return program

    def netcat(self, host: Host, *arguments: str) -> Netcat:
        """Start an `nc` on one of the machines."""
        return self._programs.enter_context(netcat(host, *arguments))

    def flow(self, client_port: int, server_port: int, *, back: bool = False) -> Flow:
        """Announce the next connection, in the order of their first packets.

        Args:
            client_port: the port it is opened from.
            server_port: the port it is opened to.
            back: the server's machine opens it, to the client's.
        """
        near, far = (self.server, self.client) if back else (self.client, self.server)
        flow = Flow(near.address, client_port, far.address, server_port)
        self._flows.append(flow)
        return flow

    def tables(self, step: str) -> None:
        """Take down what `ss` and `netstat` say now on every machine, each below the time, as ``(date -u; ss)`` has it."""
        for host in self._network.hosts:
            name = f"{self._steps:02}_{step}" + (f".{host.role}" if len(self._network.hosts) > 1 else "")
            self._tables[host] = sockets.ss(host)
            self._taken_at = time.time_ns()
            dated = f"{_iso(self._taken_at)}\n"
            (self._folder / f"{name}.ss.txt").write_text(dated + self._tables[host])
            (self._folder / f"{name}.netstat.txt").write_text(dated + sockets.netstat(host))
        self._steps += 1

    def wait_for(self, flow: Flow, client: str | None, server: str | None) -> None:
        """Wait until both sockets of a flow are in the given states, in the spelling of `ss`; None: until it is gone.

        Raises:
            RecordingError: They do not get there.
        """
        _until(
            lambda: self._states(flow, {host: sockets.ss(host) for host in self._network.hosts}) == (client, server),
            f"{flow} does not get to {(client, server)}",
        )

    def wait_for_listener(self, port: int) -> None:
        """Wait until somebody listens on the server's machine.

        Raises:
            RecordingError: Nobody does.
        """
        _until(lambda: sockets.somebody_listens(self.server, port), f"nobody listens on port {port}")

    def settle(self) -> None:
        """Let the acknowledgements leave that the kernel delays."""
        time.sleep(DELAYED_ACK)

    def let_pass(self, seconds: float) -> None:
        """Let time pass, then have somebody else send a datagram.

        A capture ends with its last frame; without one, nobody could tell from the file that it went on listening.
        """
        time.sleep(seconds)
        self._bystander.say(self.server.address, DISCARD)

    def finish(self, situation: str) -> None:
        """Take the last tables, compare them with what the situation expects, and write that down.

        Raises:
            RecordingError: The kernel contradicts the situation.
        """
        self.tables("end")
        expected = {
            "situation": situation,
            "stuck_after_s": STUCK_AFTER,
            "kernel_taken_at": _iso(self._taken_at),
            "flows": [self._outcome(number) for number in range(len(self._flows))],
        }
        (self._folder / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")

    def _outcome(self, number: int) -> dict[str, Any]:
        flow = self._flows[number]
        expected = flow.expectation
        if expected is None:
            raise RecordingError(f"the situation does not say what it expects of {flow}")
        replaced = flow.ends in [later.ends for later in self._flows[number + 1 :]]
        kernel = (None, None) if replaced else self._states(flow, self._tables)
        if kernel != expected.kernel:
            raise RecordingError(f"{flow}: the kernel says {kernel}, the situation expects {expected.kernel}")
        return {
            "client": flow.client,
            "client_port": flow.client_port,
            "server": flow.server,
            "server_port": flow.server_port,
            "verdict": expected.verdict,
            "waiting_side": expected.waiting_side,
            "stuck": expected.stuck,
            "client_state": expected.client_state,
            "server_state": expected.server_state,
            "client_bytes": flow.sent["client"],
            "server_bytes": flow.sent["server"],
            "kernel": {"client": kernel[0], "server": kernel[1]},
        }

    def _states(self, flow: Flow, tables: dict[Host, str]) -> KernelStates:
        """Look up both sockets of a flow, each in the table of its own machine."""
        near, near_port, far, far_port = flow.ends
        of = {host.address: sockets.states(table) for host, table in tables.items()}
        return of[near].get((near, near_port, far, far_port)), of[far].get((far, far_port, near, near_port))


def _until(condition: Callable[[], bool], otherwise: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > give_up:
            raise RecordingError(otherwise)
        time.sleep(GLANCE)


def _iso(nanoseconds: int) -> str:
    seconds, fraction = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09}Z"
