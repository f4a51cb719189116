"""Plays the services of a plan with real sockets: ``python -m tests.recorded.serving PLAN ADDRESS LOG``.

Whenever an application accepts a connection, it writes both ports to LOG.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.recorded.plan import Service, load

EVER = 1000.0
SHARED_PORT = 15
"""SO_REUSEPORT, which Python does not know everywhere."""


class Application:
    """What a service's processes do with connections.

    Args:
        service: the service.
        address: to listen at.
        log: a descriptor to append to.
    """

    def __init__(self, service: Service, address: str, log: int) -> None:
        self.service, self._address, self._log = service, address, log
        self.kept: list[socket.socket] = []

    def listen(self, *, shared: bool = False) -> socket.socket:
        """Open the listener."""
        options, family = self.service.options, socket.AF_INET6 if ":" in self._address else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, SHARED_PORT, 1)
        for name, option in (("receive_buffer", socket.SO_RCVBUF), ("send_buffer", socket.SO_SNDBUF)):
            if options.get(name):
                listener.setsockopt(socket.SOL_SOCKET, option, options[name])
        if options.get("defer"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, options["defer"])
        listener.bind((self._address, self.service.port))
        listener.listen(self.service.backlog)
        return listener

    def accept(self, listener: socket.socket) -> socket.socket:
        """Accept a connection, and say so."""
        connection, peer = listener.accept()
        os.write(self._log, f"{self.service.port} {peer[1]}\n".encode())
        return connection

    def handle(self, connection: socket.socket) -> None:
        """Deal with a connection as the first letter of its request says."""
        with suppress(OSError):
            if self.service.options.get("banner"):
                connection.sendall(b"220 hello there\r\n")
            if self.service.options.get("unread"):
                time.sleep(EVER)
            self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        request = connection.recv(50)
        letter = request[:1].decode()
        if letter == "P":
            time.sleep(EVER)
        while request and not request.endswith(b"\n"):
            request = connection.recv(65_536)
        if letter == "H":
            time.sleep(EVER)
        if letter == "N":
            while connection.recv(65_536):
                pass
            time.sleep(EVER)
        if letter in "OAL":
            connection.sendall(b"x" * 300)
        if letter == "L":
            time.sleep(2)
        while letter == "B":
            connection.sendall(b"z" * 1000)
            time.sleep(0.2)
        if letter in ("C", "Q"):
            connection.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    connection.send(b"q" * 65_536)
        if letter in ("A", "Q"):
            self.kept.append(connection)
        else:
            connection.close()


def serial(application: Application) -> None:
    """Let each of some processes deal with one connection after the other."""
    listener = application.listen()
    for _ in range(application.service.workers - 1):
        if not os.fork():
            break
    while True:
        application.handle(application.accept(listener))


def shared_port(application: Application) -> None:
    """Let each of some processes have a listener of its own at the same port."""
    for _ in range(application.service.workers - 1):
        if not os.fork():
            break
    listener = application.listen(shared=True)
    while True:
        application.handle(application.accept(listener))


def threads(application: Application) -> None:
    """Let a thread deal with each connection."""
    listener = application.listen()
    while True:
        threading.Thread(target=application.handle, args=(application.accept(listener),), daemon=True).start()


def forks(application: Application) -> None:
    """Let a process deal with each connection; the parent closes its own descriptor, or forgets to."""
    listener = application.listen()
    while True:
        connection = application.accept(listener)
        if not os.fork():
            listener.close()
            application.handle(connection)
            time.sleep(EVER if application.kept else 0)
            os._exit(0)
        if application.service.options.get("parent_keeps"):
            application.kept.append(connection)
        else:
            connection.close()


def never(application: Application) -> None:
    """Accept nothing."""
    listener = application.listen()
    time.sleep(EVER)
    listener.close()


def stops(application: Application) -> None:
    """Accept so many, and then no more."""
    listener = application.listen()
    for _ in range(application.service.workers):
        threading.Thread(target=application.handle, args=(application.accept(listener),), daemon=True).start()
    time.sleep(EVER)


BEHAVIOURS: dict[str, Callable[[Application], None]] = {
    each.__name__: each for each in (serial, shared_port, threads, forks, never, stops)
}


def main(plan: str, address: str, log: str) -> None:
    """Play all services, each in a process of its own, until the group of processes is killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for service in load(Path(plan)):
        if not os.fork():
            BEHAVIOURS[service.behaviour](Application(service, address, descriptor))
    time.sleep(EVER)


if __name__ == "__main__":
    main(*sys.argv[1:])
