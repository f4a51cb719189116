"""Random packets among a few ends, made to collide: reused ports, equal and unequal numbers, quotes, short headers."""

import random
import struct
from typing import NamedTuple

from tests.capture.writers import ACK, FIN, RST, SYN, TIME, Frame, ethernet, ipv4, tcp

_FLAGS = (
    *[SYN] * 4, *[SYN | ACK] * 2, *[ACK] * 2, RST, RST | ACK, FIN | ACK, 0, SYN | FIN, SYN | RST, SYN | ACK | RST,
)  # fmt: skip
_NUMBERS = (0, 1, 100, 101, 102, 0x80000000, 0xFFFFFFFF)


class Case(NamedTuple):
    """Packets between one pair of ends."""

    first: int
    """Frame number of the first one."""
    packets: list[str]
    """For a person who has to find out why it failed."""


def random_capture(count: int, chance: random.Random) -> tuple[list[Frame], list[Case]]:
    """Make ``count`` pairs of ends, and two to eight packets for each.

    Returns:
        All frames in order, and what they are by pair.
    """
    frames: list[Frame] = []
    cases = []
    now = TIME
    for number in range(count):
        if chance.random() < 0.1:  # both ends are one
            ports, addresses = (77, 77), (f"10.1.{number >> 8}.{number & 255}",) * 2
        else:
            ports = (10000 + number, chance.choice((80, 443, 60000)))
            addresses = chance.choice((("10.0.0.1", "10.0.0.2"), ("10.0.0.9", "10.0.0.9"), ("10.0.0.2", "10.0.0.1")))
        case = Case(len(frames) + 1, [])
        known = chance.sample(_NUMBERS, 3)
        for _ in range(chance.randint(2, 8)):
            turned = chance.random() < 0.4
            flags, seq, ack = chance.choice(_FLAGS), chance.choice(known), chance.choice((*known, 0))
            offset = chance.choice((0, 4)) if chance.random() < 0.05 else None
            quoted, captured = chance.random() < 0.1, chance.choice((16, 17, 19)) if chance.random() < 0.05 else None
            segment = tcp(
                bytes(chance.choice((0, 0, 5))),
                ports=ports[::-1] if turned else ports,
                seq=seq,
                ack=ack,
                flags=flags,
                offset=offset,
            )
            ip = ipv4(segment, addresses=addresses[::-1] if turned else addresses)
            wirelen = None
            if quoted:
                ip = ipv4(struct.pack("!BBHI", 3, 1, 0, 0) + ip, protocol=1, addresses=("10.9.9.9", addresses[0]))
            elif captured:
                wirelen = 14 + len(ip)
                ip = ip[: 20 + captured]
            now += chance.choice((1_000, 1_000_000_000, 100_000_000_000))
            frames.append(Frame(ethernet(ip), now, wirelen))
            case.packets.append(f"{'<-' if turned else '->'} {flags=} {seq=} {ack=} {offset=} {quoted=} {captured=}")
        cases.append(case)
    return frames, cases
