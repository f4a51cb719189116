"""Plays a plan in a network, with tcpdump listening, and asks the kernel about every socket in the end."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.recorded.network import Host, network, run
from tests.recorded.plan import Service, save

ROOT = Path(__file__).parents[2]
STARTING_S, SETTLING_S, DRAINING_S = 0.8, 0.4, 0.2
_ROW = re.compile(r"(\S+) +(\d+) +(\d+) +(\S+):(\d+) +(\S+):(\d+)(.*)")
End = tuple[str, int]


@dataclass(frozen=True)
class Socket:
    """What the kernel says of a socket."""

    state: str
    receive_queue: int
    send_queue: int
    held: bool
    """Whether a process has it."""


@dataclass(frozen=True)
class Recording:
    """A capture at the servers' interface, and the truth beside it."""

    capture: Path
    tables: list[Path]
    """What ``ss`` printed on the hosts."""
    servers: dict[tuple[End, End], Socket]
    """By the servers' own end, and the clients'."""
    clients: dict[tuple[End, End], Socket]
    """By the same: the servers' end first."""
    accepted: set[tuple[int, int]]
    """What applications accepted: by the servers' port and the clients'."""
    services: dict[int, Service]


def record(kind: str, services: list[Service], folder: Path) -> Recording:
    """Play services and visits, and freeze all processes before the kernel is asked, so that nothing changes meanwhile.

    Args:
        kind: of network.
        services: the plan.
        folder: for the files.
    """
    plan, log, capture = folder / "plan.json", folder / "accepted.txt", folder / "capture.pcap"
    save(services, plan)
    log.touch()
    with ExitStack() as stack:
        machines = stack.enter_context(network(kind))
        server, client = machines.server, machines.client
        listening = stack.enter_context(ExitStack())
        listening.enter_context(_tcpdump(server, capture))
        serving = stack.enter_context(_players(server, "serving", plan, server.address, log))
        time.sleep(STARTING_S)
        visiting = stack.enter_context(_players(client, "visiting", plan, server.address))
        assert visiting.stdout is not None
        assert visiting.stdout.readline() == b"through\n"
        for group in (serving, visiting):
            os.killpg(group.pid, signal.SIGSTOP)
        time.sleep(SETTLING_S)
        listening.close()  # before the processes end, which closes what they hold
        tables = {host: run(*host.command("ss", "-tanpeO")) for host in (server, client)}
    paths = [folder / f"{number}.ss.txt" for number in range(len(tables))]
    for path, text in zip(paths, tables.values(), strict=True):
        path.write_text(text)
    found = {host: dict(_sockets(text)) for host, text in tables.items()}
    accepted = {(int(port), int(peer)) for port, peer in map(str.split, log.read_text().splitlines())}
    turned = {(peer, own): socket for (own, peer), socket in found[client].items()}
    return Recording(capture, paths, found[server], turned, accepted, {service.port: service for service in services})


@contextmanager
def _tcpdump(host: Host, path: Path) -> Iterator[None]:
    """Capture at a host's interface, headers alone, for which there is room; that tcpdump lost packets is an error."""
    options = ["-i", host.interface, "-U", "-s", "256", "-B", "16384", "--immediate-mode", "-Z", "root", "-w", str(path), "tcp"]
    with subprocess.Popen(host.command("tcpdump", *options), stderr=subprocess.PIPE, text=True) as tcpdump:
        assert tcpdump.stderr is not None
        assert any("listening on" in line for line in iter(tcpdump.stderr.readline, ""))
        try:
            yield
            time.sleep(DRAINING_S)
        finally:
            tcpdump.send_signal(signal.SIGINT)
            said = tcpdump.communicate()[1]
        assert re.search(r"^0 packets dropped by kernel", said, re.MULTILINE), said


@contextmanager
def _players(host: Host, module: str, *arguments: object) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a module on a host, in a group of processes of its own."""
    command = host.command(sys.executable, "-m", f"tests.recorded.{module}", *map(str, arguments))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _sockets(text: str) -> Iterator[tuple[tuple[End, End], Socket]]:
    for line in text.splitlines()[1:]:
        row = _ROW.match(line)
        if row is not None and row[1] != "LISTEN":
            own, peer = ((row[at].strip("[]"), int(row[at + 1])) for at in (4, 6))
            yield (own, peer), Socket(row[1], int(row[2]), int(row[3]), "users:" in row[8])
