"""Two machines on one wire, or one machine with a loopback: network namespaces that are gone when the recording is."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .errors import RecordingError

CLIENT_MAC = "00:00:5e:00:53:01"  # RFC 7042, section 2.1.2: reserved for documentation, as the addresses below are
SERVER_MAC = "00:00:5e:00:53:02"
NOBODYS_MAC = "00:00:5e:00:53:ff"


def run(*command: str) -> str:
    """Run a tool and return what it printed.

    Raises:
        RecordingError: The tool failed; the message carries its own words.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RecordingError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.returncode}")
    return done.stdout


@dataclass(frozen=True)
class Host:
    """One machine: the namespace it lives in, its interface and the address it is reached at."""

    role: str
    namespace: str
    interface: str
    address: str

    def command(self, *command: str) -> list[str]:
        """Return the command line that runs a command on this machine."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def run(self, *command: str) -> str:
        """Run a tool on this machine and return what it printed."""
        return run(*self.command(*command))

    def set(self, key: str, value: int) -> None:
        """Set a sysctl of this machine alone."""
        self.run("sysctl", "-qw", f"{key}={value}")

    def knows(self, peer: "Host", mac: str) -> None:
        """Tell this machine the hardware address of another, so that no ARP or neighbour discovery is needed.

        Frames that waited for the address (see `forgets`) leave now.
        """
        neighbour = ["neigh", "replace", peer.address, "lladdr", mac, "dev", self.interface, "nud", "permanent"]
        run("ip", "-n", self.namespace, *neighbour)

    def forgets(self, peer: "Host") -> None:
        """Drop the hardware address of another machine: frames to it wait until it is known again.

        So that ARP does not find it meanwhile, neither machine answers (arp_ignore 8).
        """
        for host in (self, peer):
            host.set(f"net.ipv4.conf.{host.interface}.arp_ignore", 8)
        run("ip", "-n", self.namespace, "neigh", "del", peer.address, "dev", self.interface)


@dataclass(frozen=True)
class Network:
    """The client's machine and the server's; on loopback they are one and the same."""

    client: Host
    server: Host

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The machines there really are."""
        return (self.client,) if self.client is self.server else (self.client, self.server)


@contextmanager
def _namespace(role: str) -> Iterator[str]:
    name = f"closewait-{os.getpid()}-{role}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        run("ip", "netns", "del", name)


@contextmanager
def loopback() -> Iterator[Network]:
    """One machine that talks to itself, as three of the four articles do."""
    with _namespace("host") as name:
        host = Host("host", name, "lo", "127.0.0.1")
        yield Network(host, host)


@contextmanager
def _wire(client_address: str, server_address: str, prefix: int) -> Iterator[Network]:
    with _namespace("client") as near, _namespace("server") as far:
        client = Host("client", near, "eth0", client_address)
        server = Host("server", far, "eth0", server_address)
        plug = ["link", "add", "eth0", "netns", near, "address", CLIENT_MAC]
        run("ip", *plug, "type", "veth", "peer", "name", "eth0", "netns", far, "address", SERVER_MAC)
        for host in (client, server):
            run("ip", "-n", host.namespace, "link", "set", "eth0", "addrgenmode", "none")
            duplicate_check = ["nodad"] if ":" in host.address else []
            run("ip", "-n", host.namespace, "addr", "add", f"{host.address}/{prefix}", "dev", "eth0", *duplicate_check)
            run("ip", "-n", host.namespace, "link", "set", "eth0", "up")
        client.knows(server, SERVER_MAC)
        server.knows(client, CLIENT_MAC)
        yield Network(client, server)


@contextmanager
def wire() -> Iterator[Network]:
    """Two machines joined by a cable, IPv4 (RFC 5737 documentation addresses)."""
    with _wire("192.0.2.1", "192.0.2.2", 24) as network:
        yield network


@contextmanager
def wire_ipv6() -> Iterator[Network]:
    """Two machines joined by a cable, IPv6 (RFC 3849 documentation addresses)."""
    with _wire("2001:db8::1", "2001:db8::2", 64) as network:
        yield network
