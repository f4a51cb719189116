"""Mapped addresses: the published images, prefixes kept, nothing of the key shown."""

import ipaddress
import os
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closewait_pcap.anonymizing import Anonymizer, read_key
from closewait_pcap.errors import MissingExtra

pytest.importorskip("cryptography")

KEY = bytes([21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16]) + bytes(
    [216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2]
)
"""The key of the sample that comes with Crypto-PAn."""
ANONYMIZER = Anonymizer(KEY)


@pytest.mark.parametrize(
    ("address", "image"),
    [
        ("128.11.68.132", "135.242.180.132"),  # from Crypto-PAn's own sample
        ("129.118.74.4", "134.136.186.123"),
        ("130.132.252.244", "133.68.164.234"),
        ("141.223.7.43", "141.167.8.160"),
        ("2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"),  # as yacryptopan 1.0.2 maps them
        ("::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"),
    ],
)
def test_images_are_those_of_others(address: str, image: str) -> None:
    assert ANONYMIZER.text(address) == image


def common_bits(one: str, other: str) -> int:
    a, b = (ipaddress.ip_address(address) for address in (one, other))
    return a.max_prefixlen - (int(a) ^ int(b)).bit_length()


@given(st.ip_addresses(v=4), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_prefixes_are_kept_in_ipv4(address: ipaddress.IPv4Address, bits: int, other: int) -> None:
    mask = (1 << (32 - bits)) - 1
    near = ipaddress.IPv4Address((int(address) & ~mask) | (other & mask))
    images = [ANONYMIZER.text(str(each)) for each in (address, near)]
    assert common_bits(*images) == common_bits(str(address), str(near))


@given(st.ip_addresses(v=6), st.integers(0, 128), st.integers(0, 2**128 - 1))
def test_prefixes_are_kept_in_ipv6(address: ipaddress.IPv6Address, bits: int, other: int) -> None:
    mask = (1 << (128 - bits)) - 1
    near = ipaddress.IPv6Address((int(address) & ~mask) | (other & mask))
    if address.ipv4_mapped or near.ipv4_mapped:
        return  # is IPv4
    images = [ANONYMIZER.text(str(each)) for each in (address, near)]
    assert common_bits(*images) == common_bits(str(address), str(near))


def test_many_at_once_are_as_one_by_one() -> None:
    words = np.frombuffer(os.urandom(16 * 700), np.int64).reshape(-1, 2)
    images = ANONYMIZER.words(words)
    assert len(np.unique(images, axis=0)) == 700
    assert (ANONYMIZER.words(words[600:601]) == images[600]).all()
    assert (ANONYMIZER.words(words[::-1]) == images[::-1]).all()
    assert ANONYMIZER.words(words[:0]).shape == (0, 2)


def test_keys() -> None:
    assert Anonymizer().text("10.0.0.1") != Anonymizer().text("10.0.0.1")  # one in four thousand million
    assert read_key(KEY) == read_key(KEY.hex().encode() + b"\n") == KEY
    assert KEY.hex() not in repr(vars(ANONYMIZER)) + repr(ANONYMIZER)
    assert str(KEY) not in repr(vars(ANONYMIZER))
    for wrong in (b"", b"short", b"z" * 64, bytes(33), bytes.fromhex("ff" * 64)):
        with pytest.raises(ValueError, match="no key"):
            read_key(wrong)
    with pytest.raises(ValueError, match="32 bytes"):
        Anonymizer(b"short")


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(MissingExtra, match=r"pip install 'closewait-pcap\[anonymize\]'"):
        Anonymizer(KEY)
