"""What is learned of a capture as a whole, beside its packets."""

from dataclasses import dataclass, field
from typing import NamedTuple

SAID = 10
"""So many damages, and so many joined files, are each told in a sentence; of the others there is only a count."""
MAX_HOLES = 10_000
"""Holes kept apart. What a hostile file has more of is added to the last one, so that memory stays bounded."""


class Hole(NamedTuple):
    """A stretch that was skipped: what happened on the wire meanwhile is not known, and silence there proves nothing."""

    start: int
    """Time of the last frame before it, ns since the epoch; 0 where none has a time."""
    end: int
    """Time of the first frame behind it; the same as ``start`` where none follows."""
    bytes: int
    """Bytes skipped."""


@dataclass
class CaptureInfo:
    """What was learned of a capture file as a whole."""

    file: str
    format: str
    link_types: list[str] = field(default_factory=list)
    frames: int = 0
    tcp_frames: int = 0
    first_time: int | None = None
    """ns since the epoch; None where no frame has a time."""
    last_time: int | None = None
    """The latest time of a frame."""
    end_time: int | None = None
    """The capture's end: the last frame, or later where the file says that the capture went on. Where the clock was set back,
    the last frame has not the latest time, and spans up to `last_time` would be too long by the step."""
    untimed: int = 0
    """Frames without a time of their own; each has that of the frame before it."""
    drops: int | None = None
    """Packets the capturing machine lost, as the file reports them (pcapng only); None: not reported."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Frames without a usable TCP header, by reason."""
    steps_back: int = 0
    """How often a frame's time lies before its predecessor's."""
    largest_step_back: int = 0
    """ns."""
    damages: list[str] = field(default_factory=list)
    """A sentence for each place where the file is damaged or cut; for more than `SAID`, the last one counts the rest."""
    holes: list[Hole] = field(default_factory=list)
    """What was skipped where the file is damaged, in the file's order."""
    joined: list[str] = field(default_factory=list)
    """A sentence for each further file that begins inside of this one; for more than `SAID`, the last one counts the rest."""
    interrupted: bool = False
    """The user stopped the reading; what was read by then is analysed."""

    @property
    def damage(self) -> str | None:
        """The first of `damages`."""
        return self.damages[0] if self.damages else None

    @property
    def files(self) -> list[str]:
        """The files the capture consists of."""
        return [self.file]

    @property
    def formats(self) -> list[str]:
        """Their formats."""
        return [self.format]

    def add_hole(self, hole: Hole) -> None:
        """Keep a hole."""
        if len(self.holes) < MAX_HOLES:
            self.holes.append(hole)
        else:
            last = self.holes[-1]
            self.holes[-1] = Hole(last.start, max(last.end, hole.end), last.bytes + hole.bytes)
