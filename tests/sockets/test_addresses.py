"""One end of a socket, in all the ways in which tools print it."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closewait_pcap.sockets.addresses import LINUX_COLUMN, Endpoint, colon_endpoint, dotted_endpoint
from tests.sockets.tables import end

COLON = {
    "10.0.0.1:80": end("10.0.0.1", 80),
    "[::1]:80": end("::1", 80),
    "[::ffff:10.0.0.1]:80": end("10.0.0.1", 80),
    "::ffff:10.0.0.1:80": end("10.0.0.1", 80),
    "2001:db8::1:80": end("2001:db8::1", 80),
    "[fe80::1]%eth0:80": end("fe80::1", 80, "eth0"),
    "[fe80::1%3]:80": end("fe80::1", 80, "3"),
    "fe80::1%eth0:80": end("fe80::1", 80, "eth0"),
    "127.0.0.53%lo:53": end("127.0.0.53", 53, "lo"),
    "10.0.0.1:https": end("10.0.0.1", 443),
    "*:*": end(None, None),
    "*:80": end(None, 80),
    ":::80": end(None, 80),
    "[::]:*": end(None, None),
    "0.0.0.0:*": end(None, None),
    "10.0.0.1:0": end("10.0.0.1", 0),
    "10.0.0.1:no-such-service": Endpoint(IPv4Address("10.0.0.1"), None, "", "10.0.0.1:no-such-service"),
    "web-1.example:80": Endpoint(None, 80, "", "web-1.example:80"),
}
DOTTED = {
    "10.0.0.1.80": end("10.0.0.1", 80),
    "::1.80": end("::1", 80),
    "fe80::1%lo0.80": end("fe80::1", 80, "lo0"),
    "*.*": end(None, None),
    "*.22": end(None, 22),
    "10.0.0.1.https": end("10.0.0.1", 443),
    "192.168.100.200.61234": end("192.168.100.200", 61234),
}
NONE = ["", "x", "10.0.0.1", "10.0.0.1:", "1.2.3:80", "300.1.1.1:80", "10.0.0.1:65536", "10.0.0.1:123456", "[::1:80", "::1]:80"]
NONE += ["10.0.0.1:8 0", "a b:80", "zz::zz:80", "10.0.0.1:٣", "(x):1", "x" * 300 + ":1", "10.0.0.1:" + "x" * 300]


@pytest.mark.parametrize("text", COLON)
def test_port_after_a_colon(text: str) -> None:
    assert colon_endpoint(text) == COLON[text]


@pytest.mark.parametrize("text", DOTTED)
def test_port_after_a_dot(text: str) -> None:
    assert dotted_endpoint(text) == DOTTED[text]


@pytest.mark.parametrize("text", NONE)
def test_what_no_tool_writes(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a|no port"):
        colon_endpoint(text)


def test_a_wide_column_cuts_nothing() -> None:
    wide = 45
    assert dotted_endpoint("2001:db8:1111:2222:3333:4444:5555:6666.9000", wide) == end(
        "2001:db8:1111:2222:3333:4444:5555:6666", 9000
    )


def test_an_address_that_fills_the_column_may_be_cut_or_whole() -> None:
    whole = IPv6Address("2001:db8::1:2222")
    cut = colon_endpoint(f"{whole}:40030", LINUX_COLUMN - 1)
    assert cut == Endpoint(None, 40030, "", str(whole), truncated=True)
    assert cut.fits(whole, 40030)
    assert cut.fits(IPv6Address("2001:db8::1:2222:3"), 40030)
    assert cut.fits(IPv6Address("2001:db8::1:2223"), 40030) is False
    assert cut.fits(IPv6Address("2001:db8::1:2222"), 4003) is False
    assert colon_endpoint("192.168.100.200:40000", 21) == end("192.168.100.200", 40000)  # IPv4 is never cut


def test_which_flows_an_end_may_be() -> None:
    here, there = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")
    assert end("10.0.0.1", 80).fits(here, 80)
    assert not end("10.0.0.1", 80).fits(there, 80)
    assert not end("10.0.0.1", 80).fits(here, 81)
    assert end(None, 80).fits(there, 80)
    assert not colon_endpoint("web:80").fits(here, 80)


@given(st.ip_addresses(), st.integers(0, 65_535), st.sampled_from(["", "%eth0", "%12"]))
def test_every_address_comes_back(address: IPv4Address | IPv6Address, port: int, zone: str) -> None:
    bracketed = f"[{address}]" if address.version == 6 else str(address)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    wanted = None if address.is_unspecified else (mapped or address)
    wanted = None if wanted == ip_address("0.0.0.0") and mapped is None else wanted
    for text, read in ((f"{bracketed}{zone}:{port}", colon_endpoint), (f"{address}{zone}:{port}", colon_endpoint)):
        assert read(text) == Endpoint(wanted, port, zone[1:])
    assert dotted_endpoint(f"{address}{zone}.{port}", 45) == Endpoint(wanted, port, zone[1:])


@given(st.text(max_size=60))
@pytest.mark.parametrize("read", [colon_endpoint, dotted_endpoint])
def test_anything_else_is_refused_in_words(read: Callable[[str], Endpoint], text: str) -> None:
    try:
        read(text)
    except ValueError as error:
        assert str(error).startswith(("not a", "no port"))
