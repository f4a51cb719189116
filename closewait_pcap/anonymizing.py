"""Addresses that tell nobody where they are from: mapped with a key, so that what is near stays near.

Crypto-PAn: two addresses that have their first n bits in common still do after it, and no more; whoever has not the key cannot
turn it back. IPv4 becomes IPv4, IPv6 becomes IPv6 with all its bits mapped (interface identifiers may hold MAC addresses). Built
on the AES of the package `cryptography`, all bits of many addresses at once: yacryptopan, the package that is maintained, maps
them one bit at a time (1 ms for an address of IPv6, where this takes 8 us; the images are the same).

The key is 32 bytes. It is in no output: who has it can test what an address was mapped from. To have the same mapping another
time, keep it in a file that only you can read, and out of the ticket.

Source: J. Xu, J. Fan, M. Ammar, S. Moon: Prefix-preserving IP address anonymization (ICNP 2002).
"""

import ipaddress
import os
from functools import cached_property
from typing import Any

import numpy as np

from closewait_pcap.capture.packets import address_bytes, address_words
from closewait_pcap.errors import MissingExtra

KEY_BYTES = 32
Words = np.ndarray[Any, np.dtype[np.int64]]
Octets = np.ndarray[Any, np.dtype[np.uint8]]
_BLOCK = 256
"""Addresses mapped at once: 0.5 MiB of cipher blocks."""
_MAPPED = bytes(10) + b"\xff\xff"
_SIGN = np.uint64(1 << 63)


class Anonymizer:
    """Maps addresses, always the same one to the same.

    Args:
        key: 32 bytes; None: random ones, so that nobody can ever turn it back.

    Raises:
        ValueError: the key is not 32 bytes.
        MissingExtra: the package `cryptography` is not installed.
    """

    def __init__(self, key: bytes | None = None) -> None:
        key = os.urandom(KEY_BYTES) if key is None else bytes(key)
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        try:
            from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise MissingExtra("addresses are mapped with AES: pip install 'closewait-pcap[anonymize]'") from error
        self._cipher = Cipher(algorithms.AES(key[:16]), modes.ECB())
        self._padding = np.frombuffer(self._encrypt(key[16:]), np.uint8)

    def __repr__(self) -> str:
        return "<Anonymizer>"  # nothing of the key, not even in a traceback

    def text(self, address: str) -> str:
        """Map an address as text.

        Args:
            address: IPv4 or IPv6.

        Returns:
            Its image, of the same kind.

        Raises:
            ValueError: it is no address.
        """
        packed = ipaddress.ip_address(address).packed
        image = self.words(np.array([address_words(packed)], np.int64))[0]
        return str(ipaddress.ip_address(address_bytes(*image.tolist())[16 - len(packed) :]))

    def words(self, words: Words) -> Words:
        """Map addresses as they are stored.

        Args:
            words: two words each (see `packets.address_words`), shape (n, 2). They need not differ.

        Returns:
            Their images, shape (n, 2).
        """
        if not len(words):
            return words
        different, place = np.unique(words, axis=0, return_inverse=True)
        octets = (different.astype(np.uint64) ^ _SIGN).astype(">u8").view(np.uint8).reshape(-1, 16)
        is_v4 = (octets[:, :12] == np.frombuffer(_MAPPED, np.uint8)).all(axis=1)
        images = octets.copy()
        images[is_v4, 12:] = self._map(octets[is_v4, 12:])
        images[~is_v4] = self._map(octets[~is_v4])
        stored: Words = (images.view(">u8").reshape(-1, 2).astype(np.uint64) ^ _SIGN).astype(np.int64)
        return stored[place.reshape(-1)]

    def _map(self, addresses: Octets) -> Octets:
        """Map addresses of one kind, shape (n, 4) or (n, 16)."""
        size, images = addresses.shape[1], addresses.copy()
        for at in range(0, len(addresses), _BLOCK):
            some = np.tile(self._padding, (len(addresses[at : at + _BLOCK]), 1))
            some[:, :size] = addresses[at : at + _BLOCK]
            # the n-th bit is turned by what the bits before it are encrypted to, filled up with the key's padding
            masks = self._masks[: 8 * size]
            blocks = (some[:, None, :] & masks) | (self._padding & ~masks)
            turned = np.frombuffer(self._encrypt(blocks.tobytes()), np.uint8).reshape(len(some), 8 * size, 16)[:, :, 0] >> 7
            images[at : at + _BLOCK] ^= np.packbits(turned, axis=1)
        return images

    def _encrypt(self, blocks: bytes) -> bytes:
        encrypted: bytes = self._cipher.encryptor().update(blocks)
        return encrypted

    @cached_property
    def _masks(self) -> Octets:
        """For each bit: those before it, shape (128, 16)."""
        return np.packbits(np.tri(128, 128, -1, np.uint8), axis=1)


def read_key(text: bytes) -> bytes:
    """Read a key as it stands in a file.

    Args:
        text: the file's content: 32 bytes, or 64 hexadecimal digits.

    Returns:
        The key.

    Raises:
        ValueError: it is neither.
    """
    if len(text) == KEY_BYTES:
        return text
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("no key: it must be 32 bytes, or 64 hexadecimal digits (openssl rand -hex 32)")
    return key
