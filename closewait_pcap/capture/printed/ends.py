"""The ends of a printed packet: addresses, names that stand for them, ports and names of services.

A name is never looked up: whoever printed it may have been anywhere, at any time. It gets an address of its own, the same in
every text: one of IPv4's reserved ones (240.0.0.0/4, which nothing on the Internet has), or of IPv6's for documentation
(2001:db8::/32). Only names that say what they stand for are known: those of the loopback address, and Amazon's of its hosts.
"""

import hashlib
import re
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, inet_pton

from closewait_pcap.services import service_port

_LOOPBACK = frozenset(("localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"))
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_AMAZON = re.compile(r"ip-(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})(?:\.|$)")
_COLON_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]):(\w[\w-]*)")
_RESERVED, _DOCUMENTATION = 0xF0000000, 0x20010DB8 << 96
_KNOWN = 1 << 16
"""Ends kept read; a text with more of them is read a little slower."""
_FIRST_PORT = 1024

End = tuple[bytes, int]
"""A packed address and a port."""


class Ends:
    """Reads ends, and keeps what stands for which name."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, bool], bytes] = {}
        """Packed addresses that stand for names, of IPv4 and of IPv6."""
        self.telling: dict[str, bytes] = {}
        """Those of names that tell their own."""
        self.services: dict[str, int] = {}
        """Ports that stand for names of services that nobody knows."""
        self.named_services: dict[str, int] = {}
        """Ports of names of services, as they are known here."""
        self.resolved: dict[tuple[str, bool], bytes] = {}
        """Addresses of names, as packets' own bytes tell."""
        self.known_services: dict[str, int] = {}
        """Ports of names of services, likewise."""
        self._known: dict[tuple[str, bool], End | None] = {}
        self._taken: set[bytes] = set()

    def read(self, text: str, six: bool) -> End | None:
        """Read an end.

        Args:
            text: as printed: ``10.0.0.1.80``, ``2001:db8::1.80``, ``web01.example.com.http``, ``10.0.0.1:80``.
            six: whether the line speaks of IPv6, for names.

        Returns:
            Address and port; None where it is no end.
        """
        key = text, six
        if key not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[key] = self._read(text, six)
        return self._known[key]

    def learn(self, text: str, six: bool, end: End) -> None:
        """Take note of what an end is that was printed so, since its packet's bytes were printed, too."""
        host, _, service = text.rpartition(".")
        if host and _packed(host) is None and _NAME.fullmatch(host):
            self.resolved[host.lower(), six] = end[0]
            self._known.pop((text, six), None)
        if service and not service.isdecimal():
            self.known_services[service] = end[1]

    def named(self) -> dict[bytes, str]:
        """Give the names by the addresses that stand for them, each once: one that has both kinds tells of which it is."""
        return {
            address: f"{host} (IPv6)" if six and (host, False) in self.names else host
            for (host, six), address in self.names.items()
        }

    def _read(self, text: str, six: bool) -> End | None:
        colon = _COLON_PORT.fullmatch(text)
        host, _, service = (colon[1].strip("[]"), "", colon[2]) if colon else text.rpartition(".")
        address = _packed(host) or self._stand_in(host, six)
        port = self._port(service)
        return None if address is None or port is None else (address, port)

    def _port(self, service: str) -> int | None:
        if service.isascii() and service.isdecimal():
            return int(service) if len(service) < 6 and int(service) < 65_536 else None
        if not _NAME.fullmatch(service):
            return None
        if service in self.known_services:
            return self.known_services[service]
        known = service_port(service)
        if known is not None:
            self.named_services[service] = known
            return known
        number = int.from_bytes(hashlib.sha256(service.encode()).digest()[:4], "big")
        return self.services.setdefault(service, _FIRST_PORT + number % (65_536 - _FIRST_PORT))

    def _stand_in(self, host: str, six: bool) -> bytes | None:
        if not _NAME.fullmatch(host):
            return None
        host = host.lower()
        if (host, six) in self.resolved:
            return self.resolved[host, six]
        if host in _LOOPBACK:
            return IPv6Address(1).packed if six else IPv4Address("127.0.0.1").packed
        if (told := _AMAZON.match(host)) and (its_own := _packed(".".join(told.groups()))):
            self.telling[host] = its_own
            return its_own
        if (host, six) not in self.names:
            number = int.from_bytes(hashlib.sha256(host.encode()).digest()[:12], "big")
            while (address := _of_number(number, six)) in self._taken:
                number += 1
            self.names[host, six] = address
            self._taken.add(address)
        return self.names[host, six]


def _of_number(number: int, six: bool) -> bytes:
    if six:
        return IPv6Address(_DOCUMENTATION | number & ((1 << 96) - 1)).packed
    return IPv4Address(_RESERVED | number % 0x0FFFFFFF).packed


def _packed(host: str) -> bytes | None:
    host = host.partition("%")[0]
    try:
        return inet_pton(AF_INET6 if ":" in host else AF_INET, host)
    except (OSError, ValueError):
        return None
