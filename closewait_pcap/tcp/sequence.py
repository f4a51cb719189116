"""Sequence numbers: 32 bits that wrap, and the stretches of payload they name.

Source: RFC 9293, section 3.4 (sequence numbers are compared modulo 2**32).
"""

MODULUS = 1 << 32
FARTHEST = 1 << 30
"""The largest window there can be (RFC 7323, section 2.3): numbers further away are no part of a connection."""


def distance(number: int, origin: int) -> int:
    """Say how far ``number`` lies after ``origin``, the shorter way round.

    Args:
        number: a sequence number; only its low 32 bits count.
        origin: another one.

    Returns:
        From -2**31 to 2**31 - 1.
    """
    return (number - origin + MODULUS // 2) % MODULUS - MODULUS // 2


class Stretches:
    """A set of sequence numbers, kept as disjoint stretches in ascending order."""

    def __init__(self) -> None:
        self._stretches: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> int:
        """Put in all numbers from ``start`` up to, not including, ``end``; return how many of them are new."""
        before = len(self)
        apart = [s for s in self._stretches if s[1] < start or s[0] > end]
        touching = [s for s in self._stretches if s not in apart]
        whole = (min([start, *(s[0] for s in touching)]), max([end, *(s[1] for s in touching)]))
        self._stretches = sorted([*apart, whole])
        return len(self) - before

    def __len__(self) -> int:
        return sum(end - start for start, end in self._stretches)
