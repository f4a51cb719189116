"""Damaged captures: mutations that know where a capture's lengths and headers lie, so that they reach past the first check."""

import random
from pathlib import Path

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*/capture.pcap*"))
_NASTY = (0, 1, 0x7F, 0x80, 0xFF)
_LENGTHS = (0, 1, 11, 12, 13, 15, 16, 31, 32, 0x7FFF, 0xFFFF, 0x10000, 0x3FFFFFF, 0x4000001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def seeds() -> list[bytes]:
    """The samples' captures, cut to their first 4 KiB: short enough to be mutated often."""
    return [path.read_bytes()[:4096] for path in SAMPLES]


def mutate(data: bytes, random_: random.Random) -> bytes:
    """Damage a capture in one to four places.

    Args:
        data: a capture.
        random_: the source of chance; the same one gives the same mutant.

    Returns:
        The mutant.
    """
    mutant = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(mutant) or 1)
        match random_.randrange(8):
            case 0:
                mutant[at : at + 1] = bytes([random_.randrange(256)])
            case 1:
                mutant[at : at + 1] = bytes([random_.choice(_NASTY)])
            case 2:  # a length, in either byte order, where lengths lie: on a multiple of four
                at -= at % 4
                mutant[at : at + 4] = random_.choice(_LENGTHS).to_bytes(4, random_.choice(("big", "little")))
            case 3:
                del mutant[at : at + random_.randint(1, 64)]
            case 4:
                mutant[at:at] = random_.randbytes(random_.randint(1, 64))
            case 5:
                del mutant[at:]
            case 6:  # the same packets again, out of place
                other = random_.randrange(len(mutant) or 1)
                mutant[at:at] = mutant[other : other + random_.randint(16, 512)]
            case 7:  # one bit
                if mutant:
                    mutant[min(at, len(mutant) - 1)] ^= 1 << random_.randrange(8)
    return bytes(mutant)
