"""What is known of packets that were printed as text, beside the packets: where they stand, and what the text does not tell."""

import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from closewait_pcap.quantities import Dating

if TYPE_CHECKING:
    from array import array

LONGEST = 300
"""Characters kept of a line: tcpdump's longest, with all TCP options that fit, has about 250."""
_BLOCK = 512
"""Lines compressed together: to quote one, so many are unpacked."""
_UNPACKED = 64
"""Blocks that stay so for a while: who quotes many lines quotes neighbours."""
_LEVEL = 1


class Quotes:
    """The lines of printed packets, kept so that they can be quoted: compressed, since few of them ever are."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._last: list[str] = []

    def __len__(self) -> int:
        return len(self._blocks) * _BLOCK + len(self._last)

    def append(self, text: str) -> None:
        """Add a text; of a long one its beginning, with an ellipsis."""
        self._last.append(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
        if len(self._last) == _BLOCK:
            self._blocks.append(zlib.compress("\n".join(self._last).encode("utf-8", "replace"), _LEVEL))
            self._last = []

    def __getitem__(self, place: int) -> str:
        block, line = divmod(place, _BLOCK)
        return (self._last if block == len(self._blocks) else _unpacked(self._blocks[block]))[line]


@lru_cache(_UNPACKED)
def _unpacked(block: bytes) -> list[str]:
    return zlib.decompress(block).decode().split("\n")


@dataclass
class Printout:
    """One text in which packets are printed."""

    lines: "array[int]"
    """The line of each frame, from 1."""
    times: "array[int]"
    """The time of each frame, ns since the epoch; 0: not known."""
    quotes: Quotes | None
    """The lines themselves, frame by frame; None: they are not to be shown."""
    asides: list[tuple[int, str]] = field(default_factory=list)
    """The lines among which socket tables may be, with their numbers."""
    dating: Dating = Dating.FULL
    """What its times tell of when that was."""
    hosts: dict[tuple[int, int], str] = field(default_factory=dict)
    """Addresses, as two words, that stand for hosts which are printed by name alone."""
    services: frozenset[int] = frozenset()
    """Ports that stand for services which are printed by a name that nobody knows."""
    is_whole: bool = True
    """Whether no packet is known to be left out, or cut, or printed without flags and numbers."""
    remarks: list[str] = field(default_factory=list)
    """Sentences about what such a text cannot show."""
    names: list[str] = field(default_factory=list)
    """Of these, those that tell names of hosts and services."""

    def line_of(self, number: int) -> int:
        """Tell on which line a frame is printed, by its number from 1; 0 where there is no such frame."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else 0

    def quote(self, number: int) -> str:
        """Give what is printed of a frame, by its number from 1; empty where there is none, or it is not to be shown."""
        return self.quotes[number - 1] if self.quotes is not None and 0 < number <= len(self.quotes) else ""
