"""One end of a socket as tools print it: brackets, zones, names, wildcards, and addresses cut to their column."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from closewait_pcap.services import service_port

Address = IPv4Address | IPv6Address

LINUX_COLUMN = 23
"""net-tools' netstat without -W cuts the address so that it fills 23 characters with its port (`%-23s`)."""
BSD_COLUMN, BSD_NARROW = 22, 18
"""macOS and FreeBSD: the field, and the field under -A (inet.c, inetprint). A wide one (-W, macOS 26) has 45."""
BSD_HOST, BSD_NARROW_NAME = 16, 12
"""What they leave of an address or name in such fields, before the port is appended."""

_WILDCARDS = frozenset(("*", "0.0.0.0", "::", ""))
_NAME = re.compile(r"[\w.-]{1,255}", re.ASCII)
_SERVICE = re.compile(r"[\w.+/-]{1,40}", re.ASCII)
_NUMBERS = re.compile(r"[\d.]+")
_CACHED = 65_536


class Endpoint(NamedTuple):
    """An address and a port; None where it is a wildcard, or where `text` says what was printed instead."""

    address: Address | None
    """IPv4 addresses mapped into IPv6 are IPv4 here."""
    port: int | None
    zone: str = ""
    """Interface name or number after `%`."""
    text: str = ""
    """What was printed, where it is a host's name, an unknown service, or cut."""
    truncated: bool = False
    """The tool cut it to its column: `text` is the beginning of it, `port` is None unless it is whole."""

    def fits(self, address: Address, port: int) -> bool:
        """Say whether this may be the end of that address and port: equal, a wildcard, or cut and beginning alike."""
        if self.truncated and self.port is None:
            return any(f"{address}{mark}{port}".startswith(self.text) for mark in ":.")
        if self.truncated:
            return self.port == port and str(address).startswith(self.text)
        if self.text:
            return False
        return self.address in (None, address) and self.port in (None, port)


@lru_cache(_CACHED)
def colon_endpoint(text: str, column: int = 0) -> Endpoint:
    """Read an end as ss, Linux, BusyBox, Windows, lsof and sockstat write it, the port after the last colon.

    Args:
        text: such as ``10.0.0.1:80``, ``[::1]:https``, ``:::22``, ``[fe80::1]%eth0:22``, ``*:*``.
        column: how wide the column is to which the tool cuts addresses; 0 where it does not.

    Returns:
        The end.

    Raises:
        ValueError: no tool writes an end like this; the message says what is wrong with it.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"no port in {text[:60]!r}")
    number = _port(port, text)
    cut = len(text) == column and not text.startswith("[")
    address, zone, name = _host(host, may_be_cut=cut)
    if cut and not isinstance(address, IPv4Address) and (address or name):
        return Endpoint(None, number, zone, host, truncated=True)
    if name or (number is None and port != "*"):
        return Endpoint(address, number, zone, text)
    return Endpoint(address, number, zone)


@lru_cache(_CACHED)
def dotted_endpoint(text: str, column: int = BSD_COLUMN) -> Endpoint:
    """Read an end as netstat of macOS and the BSDs writes it, the port after the last dot.

    Args:
        text: such as ``10.0.0.1.80``, ``::1.https``, ``fe80::1%lo0.22``, ``*.*``, ``fe80::aede:48ff:.61677`` (cut).
        column: width of the address column, as the header tells it.

    Returns:
        The end; where the column was too narrow, marked as truncated.

    Raises:
        ValueError: no tool writes an end like this.
    """
    host, dot, port = text.rpartition(".")
    if not dot:
        raise ValueError(f"no port in {text[:60]!r}")
    number = _port(port, text)
    narrow = column < BSD_COLUMN
    port_cut = len(text) >= column and (narrow or number is None)  # below 22, even a number does not fit
    address, zone, name = _host(host, may_be_cut=column <= BSD_COLUMN)
    room = BSD_NARROW_NAME if narrow and not address and ":" not in name else BSD_HOST
    host_cut = column <= BSD_COLUMN and len(host) >= room and not isinstance(address, IPv4Address)
    if port_cut:
        return Endpoint(address if isinstance(address, IPv4Address) else None, None, zone, text, truncated=True)
    if host_cut or ":" in name:
        return Endpoint(None, number, zone, host, truncated=True)
    if name or (number is None and port != "*"):
        return Endpoint(address, number, zone, text)
    return Endpoint(address, number, zone)


def plain(address: Address) -> Address:
    """Give the IPv4 address that an IPv6 one maps, or the address itself."""
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _host(text: str, *, may_be_cut: bool) -> tuple[Address | None, str, str]:
    """Split into address, zone and, where it is no whole address, the name."""
    if text.startswith("[") != ("]" in text):
        raise ValueError(f"not an address: {text[:60]!r}")
    host, _, zone = text.partition("%")
    host, zone = host.strip("[]"), zone.strip("[]")
    if host in _WILDCARDS:
        return None, zone, ""
    try:  # twice as fast as ipaddress, on the line that a table of a million sockets spends its time in
        if ":" in host:
            return plain(IPv6Address(inet_pton(AF_INET6, host))), zone, ""
        return IPv4Address(inet_pton(AF_INET, host)), zone, ""
    except (OSError, ValueError):
        pass
    if _NUMBERS.fullmatch(host) or (":" in host and not may_be_cut) or not _NAME.fullmatch(host.replace(":", "")):
        raise ValueError(f"not an address: {text[:60]!r}")
    return None, zone, host


def _port(text: str, whole: str) -> int | None:
    if text == "*":
        return None
    if text.isdecimal() and text.isascii():
        if len(text) > 5 or int(text) > 65_535:
            raise ValueError(f"not a port: {text[:20]!r}")
        return int(text)
    if not _SERVICE.fullmatch(text):
        raise ValueError(f"no port in {whole[:60]!r}")
    return service_port(text)
