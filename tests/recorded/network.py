"""Machines that are network namespaces: one that talks to itself, two on a wire, or two with a bad line between them."""

import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

TOOLS = ("ip", "ss", "tcpdump")
LOSS, TWICE, DELAY_S, JITTER_S = 0.03, 0.02, 0.002, 0.012
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


@dataclass(frozen=True)
class Host:
    """One machine."""

    namespace: str
    interface: str
    address: str

    def command(self, *command: str) -> list[str]:
        """Give the command line that runs a command there."""
        return ["ip", "netns", "exec", self.namespace, *command]


@dataclass(frozen=True)
class Network:
    """The clients' machine and the servers'; on loopback they are the same."""

    client: Host
    server: Host


def run(*command: str) -> str:
    """Run a tool, and give what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


@contextmanager
def network(kind: str) -> Iterator[Network]:
    """Make a network, gone when it is left.

    Args:
        kind: ``loopback``, ``wire``, ``wire IPv6`` or ``bad line``.
    """
    with ExitStack() as stack:
        if kind == "loopback":
            host = Host(stack.enter_context(_namespace("host")), "lo", "127.0.0.1")
            yield Network(host, host)
            return
        near, far = (stack.enter_context(_namespace(role)) for role in ("client", "server"))
        addresses, prefix = (("2001:db8::1", "2001:db8::2"), 64) if kind == "wire IPv6" else (("192.0.2.1", "192.0.2.2"), 24)
        if kind == "bad line":
            interface = "tun0"
            stack.enter_context(_bad_line(near, far, interface))
        else:
            interface = "eth0"
            run("ip", "link", "add", interface, "netns", near, "type", "veth", "peer", "name", interface, "netns", far)
        hosts = [Host(name, interface, address) for name, address in zip((near, far), addresses, strict=True)]
        for each in hosts:
            checked = ["nodad"] if ":" in each.address else []
            run("ip", "-n", each.namespace, "addr", "add", f"{each.address}/{prefix}", "dev", interface, *checked)
            run("ip", "-n", each.namespace, "link", "set", interface, "up")
        yield Network(*hosts)


@contextmanager
def _namespace(role: str) -> Iterator[str]:
    name = f"closewait-test-{os.getpid()}-{role}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        run("ip", "netns", "del", name)


@contextmanager
def _bad_line(near: str, far: str, interface: str) -> Iterator[None]:
    """Join two machines by a process that loses packets, sends some twice, and lets some overtake others."""
    mine, others = socket.socketpair()
    with mine, others:
        for namespace in (near, far):
            command = ["ip", "netns", "exec", namespace, sys.executable, "-m", __name__, "open", interface, str(others.fileno())]
            subprocess.run(command, pass_fds=[others.fileno()], check=True)
        ends = [socket.recv_fds(mine, 1, 1)[1][0] for _ in (near, far)]
    command = [sys.executable, "-m", __name__, "carry", *map(str, ends)]
    with subprocess.Popen(command, pass_fds=ends) as carrier:
        for end in ends:
            os.close(end)
        try:
            yield
        finally:
            carrier.kill()


def open_end(interface: str, hand_over: str) -> None:
    """Make an interface of this namespace, and hand its other side over."""
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH", interface.encode(), _IFF_TUN | _IFF_NO_PI))
    with socket.socket(fileno=int(hand_over)) as other:
        socket.send_fds(other, [b"x"], [end])


def carry(*ends: str) -> None:
    """Carry packets from one end to the other, badly."""
    chance, waiting, number = random.Random(1), list[tuple[float, int, int, bytes]](), 0
    a, b = map(int, ends)
    while True:
        ready, _, _ = select.select([a, b], [], [], max(waiting[0][0] - time.monotonic(), 0) if waiting else 1)
        for end in ready:
            packet = os.read(end, 70_000)
            copies = 0 if chance.random() < LOSS else 2 if chance.random() < TWICE else 1
            for _ in range(copies):
                number += 1
                due = time.monotonic() + DELAY_S + chance.random() * JITTER_S
                heapq.heappush(waiting, (due, number, b if end == a else a, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, end, packet = heapq.heappop(waiting)
            os.write(end, packet)


if __name__ == "__main__":
    {"open": open_end, "carry": carry}[sys.argv[1]](*sys.argv[2:])
