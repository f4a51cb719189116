"""Damaged captures, by mutations that know where lengths, headers and times lie, so that they reach past the first check.

The one mutator of all tests: for a capture alone (`mutate`), and for what is given to the program (`mutant`): compressed, or
several captures to be read as one timeline.
"""

import bz2
import gzip
import lzma
import random
import struct
from collections.abc import Callable, Sequence

import lz4.frame
import zstandard

Inputs = list[bytes]
"""Captures that are read as one timeline; most often there is but one."""

CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 1),
    "bzip2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
}
LONGEST = 1 << 16
"""Bytes of a mutant, at most: splices of splices grow."""

_BYTES = (0, 1, 4, 5, 6, 0x0F, 0x40, 0x45, 0x60, 0x7F, 0x80, 0xFF)
_LENGTHS = (
    *(0, 1, 2, 8, 11, 12, 13, 15, 16, 20, 28, 31, 32, 0x7FFF, 0xFFFF, 0x10000, 1 << 20, 0x3FFFFFC, 0x3FFFFFF, 0x4000001),
    *(0x7FFFFFFF, 0x80000000, 0xFFFFFFFF),
)
_FAR_S = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def records_of(data: bytes | bytearray) -> list[int]:
    """Find where records, or blocks, begin: as far as the lengths lead, and no judgement of what is there."""
    pcapng = data[:4] == b"\x0a\x0d\x0d\x0a"
    order = ">" if data[8:12] == b"\x1a\x2b\x3c\x4d" or data[:2] == b"\xa1\xb2" else "<"
    found: list[int] = []
    at = 0 if pcapng else 24
    header = 24 if b"\x34\xcd\xb2\xa1" in (data[:4], data[3::-1]) else 16
    while at + 16 <= len(data) and len(found) < 1000:
        found.append(at)
        at += (
            max(struct.unpack_from(order + "I", data, at + 4)[0], 12)
            if pcapng
            else (header + struct.unpack_from(order + "I", data, at + 8)[0])
        )
    return found


def mutate(data: bytes, chance: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """Damage a capture in one to six places.

    Args:
        data: a capture.
        chance: the same one gives the same mutant.
        others: captures, of whatever format, to be spliced with it; none: there are no splices.

    Returns:
        The mutant.
    """
    mutant = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        if chance.randrange(4):
            _byte_by_byte(mutant, chance)
        else:
            _by_structure(mutant, chance, others)
    return bytes(mutant[:LONGEST])


def _byte_by_byte(mutant: bytearray, chance: random.Random) -> None:
    """Flip, overwrite, insert, delete, repeat or cut, wherever it may be."""
    at = chance.randrange(len(mutant) + 1)
    match chance.randrange(11):
        case 0 if at < len(mutant):
            mutant[at] ^= 1 << chance.randrange(8)
        case 1:
            mutant[at : at + 1] = bytes([chance.randrange(256)])
        case 2:
            mutant[at : at + 1] = bytes([chance.choice(_BYTES)])
        case 3:
            mutant[at:at] = chance.randbytes(chance.randint(1, 64))
        case 4:
            del mutant[at : at + chance.randint(1, 64)]
        case 5 | 6 as where:  # a length, where lengths lie: in files on a multiple of four, in frames on none
            at -= at % 4 if where == 5 else 0
            mutant[at : at + 4] = chance.choice(_LENGTHS).to_bytes(4, chance.choice(("big", "little")))
        case 7:
            mutant[at : at + 2] = chance.choice((0, 1, 2, 7, 8, 19, 20, 0x7FFF, 0xFFFF)).to_bytes(
                2, chance.choice(("big", "little"))
            )
        case 8:
            mutant[at:at] = mutant[max(0, at - 200) : at]
        case 9:  # the same packets again, out of place
            other = chance.randrange(len(mutant) + 1)
            mutant[at:at] = mutant[other : other + chance.randint(16, 512)]
        case 10 if not chance.randrange(3):
            del mutant[at:]


def _by_structure(mutant: bytearray, chance: random.Random, others: Sequence[bytes]) -> None:
    """Damage records as records: their headers, lengths and times; or whole stretches; or put two captures together."""
    records = records_of(mutant)
    at = chance.choice(records) if records else 0
    pcapng = mutant[:4] == b"\x0a\x0d\x0d\x0a"
    order = chance.choice("<>")
    match chance.randrange(8):
        case 0:  # a record's header
            mutant[at : at + 16] = chance.choice((chance.randbytes(16), b"\xff" * 16, b"\0\0\0\1" * 4))
        case 1:  # a record's length
            where = at + (4 if pcapng else chance.choice((8, 12)))
            mutant[where : where + 4] = struct.pack(order + "I", chance.choice(_LENGTHS))
        case 2:  # its time: none, far, back
            when = struct.pack(
                order + "II", chance.choice((*_FAR_S, chance.getrandbits(32))), chance.choice((0, 10**9, 2**32 - 1))
            )
            where = at + (12 if pcapng else 0)
            mutant[where : where + 8] = when
        case 3:
            begin = chance.randrange(len(mutant) + 1)
            end = min(begin + chance.randint(1, 1024), len(mutant))
            mutant[begin:end] = bytes(end - begin)
        case 4:  # records are lost
            del mutant[at : at + chance.randint(16, 2048)]
        case 5:  # records come again
            end = chance.choice(records) if records else 0
            mutant[at:at] = mutant[min(at, end) : max(at, end)]
        case 6 if others:  # one capture, and then the rest of another
            other = chance.choice(others)
            mutant[chance.choice((at, chance.randrange(len(mutant) + 1))) :] = other[chance.choice((0, *records_of(other))) :]
        case 7 if others:  # a capture within another
            mutant[at:at] = chance.choice(others)


def mutant(sources: Sequence[bytes], chance: random.Random) -> Inputs:
    """Make what is given to the program.

    Args:
        sources: sound captures.
        chance: the same one gives the same mutant.

    Returns:
        One capture, or several to be read as one timeline; each mutated, and some of them compressed, or compressed and mutated.
    """
    count = chance.choice((2, 2, 3, 5)) if chance.random() < 0.1 else 1
    parts = []
    for _ in range(count):
        part = mutate(chance.choice(sources), chance, sources)
        if chance.random() < 0.1:
            part = CODECS[chance.choice(list(CODECS))](part)
            part = mutate(part, chance) if chance.random() < 0.6 else part
        parts.append(part)
    return parts
