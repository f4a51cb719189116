"""What is learned of a capture as a whole, beside its packets."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from closewait_pcap.capture.packets import FRAME_BITS
from closewait_pcap.quantities import Dating

if TYPE_CHECKING:
    from closewait_pcap.capture.printout import Printout

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


class Gap(NamedTuple):
    """A hole between two files that were read together: what is silent in it may have closed unseen."""

    start: int
    """Until when the file before it shows what happens, ns since the epoch."""
    end: int
    """Time of the first frame behind it."""
    why: str
    """How it is known to be a hole and no pause, in words that name both files."""


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
    longest_pause: int = 0
    """ns between two frames."""
    fragments_incomplete: int = 0
    """Fragmented datagrams that may hold TCP and of which some part is not in the capture."""
    flannel: int = 0
    """TCP frames in VXLAN on port 8472, which tshark does not decode by default."""
    damages: list[str] = field(default_factory=list)
    """A sentence for each place where the file is damaged or cut; for more than `SAID`, the last one counts the rest."""
    holes: list[Hole] = field(default_factory=list)
    """What was skipped where the file is damaged, in the file's order."""
    pauses: list[tuple[int, int]] = field(default_factory=list)
    """Spans in which, as pcapng's statistics blocks say, no interface of the file captured; ns since the epoch."""
    watched: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """From when until when, as these say, each interface captured, by the number of its name; empty where not all say so."""
    joined: list[str] = field(default_factory=list)
    """A sentence for each further file that begins inside of this one; for more than `SAID`, the last one counts the rest."""
    missing_flows: dict[str, int] = field(default_factory=dict)
    """Flows that left the table because it may not grow any further, by verdict: they are counted, and have no row."""
    interrupted: bool = False
    """The user stopped the reading; what was read by then is analysed."""
    printout: "Printout | None" = None
    """Where packets were printed as text: what else is known of it."""
    parts: "list[CaptureInfo]" = field(default_factory=list)
    """The files that were read together, in the order of their first times; none where this is a single file."""
    gaps: list[Gap] = field(default_factory=list)
    """Where those files leave holes between them, by time."""

    @property
    def damage(self) -> str | None:
        """The first of `damages`."""
        return self.damages[0] if self.damages else None

    @property
    def is_text(self) -> bool:
        """Whether packets were printed as text, in one of its files at least."""
        return any(printout is not None for printout in self.printouts)

    @property
    def dating(self) -> Dating:
        """What is known of the day of its times: of several files, all dates are told where one tells any."""
        first, *others = (Dating.FULL if printout is None else printout.dating for printout in self.printouts)
        return first if all(other is first for other in others) else Dating.FULL

    @property
    def printouts(self) -> "list[Printout | None]":
        """What is known of packets that were printed as text, file by file; None: they were not."""
        return [part.printout for part in self.parts or [self]]

    def printed(self, frame: int) -> tuple[int, str]:
        """Tell where and how a frame is printed.

        Args:
            frame: as in a PACKET record.

        Returns:
            The number of its line in the text, from 1, and what stands there; 0 and nothing where packets were not printed.
        """
        printouts = self.printouts
        printout = printouts[min(frame >> FRAME_BITS, len(printouts) - 1)]
        number = frame & ((1 << FRAME_BITS) - 1)
        return (0, "") if printout is None else (printout.line_of(number), printout.quote(number))

    @property
    def files(self) -> list[str]:
        """The files the capture consists of: in tables, a file is known by its place here."""
        return [part.file for part in self.parts or [self]]

    @property
    def formats(self) -> list[str]:
        """Their formats."""
        return [part.format for part in self.parts or [self]]

    def add_hole(self, hole: Hole) -> None:
        """Keep a hole."""
        if len(self.holes) < MAX_HOLES:
            self.holes.append(hole)
        else:
            last = self.holes[-1]
            self.holes[-1] = Hole(last.start, max(last.end, hole.end), last.bytes + hole.bytes)


def combine(parts: list[CaptureInfo]) -> CaptureInfo:
    """Describe captures that were read together as one.

    Args:
        parts: at least one, in the order of their first times.

    Returns:
        Sums, spans and unions; the very same where there is but one.
    """
    if len(parts) == 1:
        return parts[0]

    def known(name: str) -> list[int]:
        return [value for part in parts if (value := getattr(part, name)) is not None]

    return CaptureInfo(
        file=f"{parts[0].file} ... {parts[-1].file} ({len(parts)} files)",
        format=", ".join(sorted({part.format for part in parts})),
        link_types=sorted({name for part in parts for name in part.link_types}),
        frames=sum(part.frames for part in parts),
        tcp_frames=sum(part.tcp_frames for part in parts),
        first_time=min(known("first_time"), default=None),
        last_time=max(known("last_time"), default=None),
        end_time=max(known("end_time"), default=None),
        drops=sum(known("drops")) if known("drops") else None,
        skipped=dict(sum((Counter(part.skipped) for part in parts), Counter())),
        steps_back=sum(part.steps_back for part in parts),
        largest_step_back=max(part.largest_step_back for part in parts),
        longest_pause=max(part.longest_pause for part in parts),
        fragments_incomplete=sum(part.fragments_incomplete for part in parts),
        flannel=sum(part.flannel for part in parts),
        untimed=sum(part.untimed for part in parts),
        damages=[sentence for part in parts for sentence in part.damages],
        holes=[hole for part in parts for hole in part.holes],
        joined=[sentence for part in parts for sentence in part.joined],
        interrupted=any(part.interrupted for part in parts),
        parts=parts,
    )
