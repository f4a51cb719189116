"""Captures that are to be damaged: frames that say which they are, where their records begin, and junk."""

import random
import struct

from tests.capture.writers import TIME, Frame, Order, interface, pcap, pcapng, section, segment

SECOND = 1_000_000_000
HEAD = {"pcap": 24, "pcapng": len(section()) + len(interface(tsresol=9))}


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def frames(count: int, begin: int = 0) -> list[Frame]:
    """Frames of many sizes, a second apart; the sequence number says which it is."""
    return [Frame(segment(noise(i % 700, i), seq=i), TIME + i * SECOND) for i in range(begin, begin + count)]


def write(kind: str, some: list[Frame], order: Order = "<") -> bytes:
    return pcap(some, order=order) if kind == "pcap" else pcapng(some, order=order)


def offsets(kind: str, data: bytes | bytearray, order: Order = "<") -> list[int]:
    """Where the records, or blocks, begin."""
    at, found = HEAD[kind], []
    while at < len(data):
        found.append(at)
        length = 8 if kind == "pcap" else 4
        at += struct.unpack_from(order + "I", data, at + length)[0] + (16 if kind == "pcap" else 0)
    return found
