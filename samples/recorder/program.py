"""Applications: each a process of its own on one of the machines, which holds sockets and does with them as it is told.

Own processes, because the kernel's socket tables name them, and because a program that exits or is killed closes its
sockets in other ways than one that calls close().
"""

import ctypes
import fcntl
import multiprocessing
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import RecordingError
from .flow import Flow, Side
from .network import Host

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as Pipe

CLONE_NEWNET = 0x40000000  # linux/sched.h
SIOCOUTQNSD = 0x894B  # linux/sockios.h: bytes written that no segment has carried yet
PATIENCE = 10.0  # seconds: no step of any situation takes this long, so waiting longer would only hide a mistake

FULL = 0.5  # seconds: longer than the first zero-window probe takes, which may still carry a last few bytes


class Socket:
    """One socket that an application holds."""

    def __init__(self, program: "Program", handle: int) -> None:
        self.program = program
        self.handle = handle

    def close(self) -> None:
        """Close it as applications do: a FIN, or a RST if payload is left unread."""
        self.program.order("close", self.handle)


class Connection(Socket):
    """One end of a flow, as the application at that end holds it."""

    def __init__(self, program: "Program", handle: int, flow: Flow, side: Side) -> None:
        super().__init__(program, handle)
        self.flow = flow
        self.side: Side = side

    def send(self, data: bytes) -> None:
        """Write some payload."""
        self.program.order("send", self.handle, data)
        self.flow.sent[self.side] += len(data)

    def receive(self, size: int) -> bytes:
        """Read exactly so many bytes, or less at the end of the stream."""
        return bytes(self.program.order("receive", self.handle, size))

    def fill(self) -> None:
        """Write until the kernel takes no more.

        What never left this machine does not count as sent, for the capture has none of it.
        """
        written = int(self.program.order("fill", self.handle))
        self.flow.sent[self.side] += written - int(self.program.order("unsent", self.handle))

    def finish_sending(self) -> None:
        """Call shutdown(SHUT_WR): a FIN, but go on reading."""
        self.program.order("finish_sending", self.handle)

    def abort(self) -> None:
        """Close with SO_LINGER 0: a RST instead of a FIN."""
        self.program.order("abort", self.handle)


class Listener(Socket):
    """A listening socket."""

    def accept(self, flow: Flow) -> Connection:
        """Accept the next connection, which must be the one that is meant."""
        handle, port = self.program.order("accept", self.handle)
        if port != flow.client_port:
            raise RecordingError(f"accepted the connection from port {port}, meant {flow}")
        return Connection(self.program, handle, flow, "server")


class Program:
    """An application on one of the machines."""

    def __init__(self, host: Host, name: str) -> None:
        fork = multiprocessing.get_context("fork")
        self.name = name
        self._pipe, theirs = fork.Pipe()
        self._process = fork.Process(target=_live, args=(theirs, host.namespace, name), daemon=True)
        self._process.start()
        theirs.close()

    def listen(self, address: str, port: int, *, backlog: int = 5, receive_buffer: int | None = None) -> Listener:
        """Listen on a port."""
        return Listener(self, self.order("listen", address, port, backlog, receive_buffer))

    def connect(self, flow: Flow, *, send_buffer: int | None = None) -> Connection:
        """Connect as the flow says, from the very port it names, and wait for the handshake."""
        return Connection(self, self.order("connect", flow.ends, send_buffer, True), flow, "client")

    def start_connecting(self, flow: Flow) -> Connection:
        """Send the first SYN and do not wait for anything."""
        return Connection(self, self.order("connect", flow.ends, None, False), flow, "client")

    def hear(self, address: str, port: int) -> None:
        """Take datagrams on a port and ignore them."""
        self.order("hear", address, port)

    def say(self, address: str, port: int) -> None:
        """Send one datagram."""
        self.order("say", address, port)

    def order(self, order: str, *arguments: object) -> Any:
        """Have the process do something and return what came of it.

        Raises:
            RecordingError: It could not, or does not answer.
        """
        self._pipe.send((order, arguments))
        if not self._pipe.poll(PATIENCE):
            raise RecordingError(f"{self.name} does not come back from {order}{arguments}")
        done, result = self._pipe.recv()
        if not done:
            raise RecordingError(f"{self.name} could not {order}{arguments}: {result}")
        return result

    def quit(self) -> None:
        """End the process, whose kernel then closes whatever it held: FIN, or RST where payload was left unread."""
        self._process.kill()
        self._process.join()


class _Application:
    """What runs in the process: the sockets by their file descriptor, and one method per order."""

    def __init__(self) -> None:
        self._sockets: dict[int, socket.socket] = {}

    def _keep(self, new: socket.socket) -> int:
        self._sockets[new.fileno()] = new
        return new.fileno()

    def listen(self, address: str, port: int, backlog: int, receive_buffer: int | None) -> int:
        listener = socket.socket(_family(address))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.bind((address, port))
        listener.listen(backlog)
        return self._keep(listener)

    def accept(self, handle: int) -> tuple[int, int]:
        accepted, peer = self._sockets[handle].accept()
        return self._keep(accepted), int(peer[1])

    def connect(self, ends: tuple[str, int, str, int], send_buffer: int | None, wait: bool) -> int:
        client, client_port, server, server_port = ends
        caller = socket.socket(_family(server))
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if send_buffer is not None:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        caller.bind((client, client_port))
        caller.setblocking(wait)
        with suppress(BlockingIOError):
            caller.connect((server, server_port))
        return self._keep(caller)

    def send(self, handle: int, data: bytes) -> None:
        self._sockets[handle].sendall(data)

    def receive(self, handle: int, size: int) -> bytes:
        return self._sockets[handle].recv(size, socket.MSG_WAITALL)

    def fill(self, handle: int) -> int:
        written = 0
        self._sockets[handle].settimeout(FULL)
        with suppress(TimeoutError):
            while True:
                written += self._sockets[handle].send(b"." * 1024)
        return written

    def unsent(self, handle: int) -> int:
        answer = fcntl.ioctl(self._sockets[handle], SIOCOUTQNSD, struct.pack("i", 0))
        return int(struct.unpack("i", answer)[0])

    def finish_sending(self, handle: int) -> None:
        self._sockets[handle].shutdown(socket.SHUT_WR)

    def abort(self, handle: int) -> None:
        self._sockets[handle].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close(handle)

    def close(self, handle: int) -> None:
        self._sockets.pop(handle).close()

    def hear(self, address: str, port: int) -> None:
        ear = socket.socket(_family(address), socket.SOCK_DGRAM)
        ear.bind((address, port))
        self._keep(ear)

    def say(self, address: str, port: int) -> None:
        with socket.socket(_family(address), socket.SOCK_DGRAM) as mouth:
            mouth.sendto(b"still here", (address, port))


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _live(orders: "Pipe[Any, Any]", namespace: str, name: str) -> None:
    """Move to the machine, take the name that `ss` will show, then do as told until nobody is left to tell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the recorder, which ends its programs itself
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _enter(namespace)
    Path("/proc/self/comm").write_text(name)
    application = _Application()
    with suppress(EOFError):
        while True:
            order, arguments = orders.recv()
            try:
                orders.send((True, getattr(application, order)(*arguments)))
            except OSError as error:
                orders.send((False, str(error)))


def _enter(namespace: str) -> None:
    with Path("/run/netns", namespace).open() as door:
        if ctypes.CDLL(None, use_errno=True).setns(door.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), namespace)


class Netcat:
    """A real `nc`, as one of the articles uses it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def interrupt(self) -> None:
        """Press Ctrl+C."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE)


@contextmanager
def netcat(host: Host, *arguments: str) -> Iterator[Netcat]:
    """Run `nc` on a machine, with a keyboard nobody types on."""
    with subprocess.Popen(
        host.command("nc", *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield Netcat(process)
        finally:
            process.kill()
