"""Plays the visits of a plan with real sockets: ``python -m tests.recorded.visiting PLAN ADDRESS``."""

import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.recorded.plan import LASTS, Service, Step, Visit, load

EVER = 1000.0
PATIENCE_S = 5.0
_kept: list[socket.socket] = []


def visit(address: str, service: Service, visit_: Visit) -> None:
    """Connect, and do what is planned; whatever fails ends it."""
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    if visit_.receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, visit_.receive_buffer)
    if visit_.source_port:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        connection.bind(("", visit_.source_port))
    connection.settimeout(PATIENCE_S)
    try:
        connection.connect((address, service.port))
        for step in visit_.steps:
            _play(connection, step)
    except OSError:
        connection.close()


def _play(connection: socket.socket, step: Step) -> None:
    what, *values = step
    if what in ("send", "try"):
        letter, size = values
        connection.settimeout(PATIENCE_S if what == "send" else 0.5)
        with suppress(TimeoutError if what == "try" else ()):
            connection.sendall(letter.encode() + b"r" * (size - 2) + b"\n")
    elif what == "receive":
        _receive(connection, *values)
    elif what == "sleep":
        time.sleep(values[0])
    elif what == "shut":
        connection.shutdown(socket.SHUT_WR)
    elif what == "hold":
        _kept.append(connection)
    else:
        if what == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def _receive(connection: socket.socket, seconds: float, most: int) -> None:
    end, got = time.monotonic() + seconds, 0
    with suppress(OSError):
        while got < most and (left := end - time.monotonic()) > 0:
            connection.settimeout(left)
            block = connection.recv(65_536)
            if not block:
                return
            got += len(block)


def main(plan: str, address: str) -> None:
    """Play all visits at their times; say when they are through, and stay until killed."""
    visits = [(each.at, service, each) for service in load(Path(plan)) for each in service.visits]
    begin = time.monotonic() + 0.2
    for at, service, each in sorted(visits, key=lambda planned: planned[0]):
        time.sleep(max(begin + at - time.monotonic(), 0))
        threading.Thread(target=visit, args=(address, service, each), daemon=True).start()
    time.sleep(max(begin + LASTS - time.monotonic(), 0))
    print("through", flush=True)
    time.sleep(EVER)


if __name__ == "__main__":
    main(*sys.argv[1:])
