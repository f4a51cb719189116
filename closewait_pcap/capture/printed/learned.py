"""What a text tells of its packets, and of itself, while it is read."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import tzinfo

from closewait_pcap.capture.printed.asides import Asides
from closewait_pcap.capture.printed.ends import Ends
from closewait_pcap.capture.printed.lines import Lines
from closewait_pcap.capture.printed.numbers import Numbers
from closewait_pcap.capture.printed.placing import Places
from closewait_pcap.capture.printed.replays import Replays
from closewait_pcap.capture.printed.summary import Kind
from closewait_pcap.capture.printed.times import Times
from closewait_pcap.capture.printout import Quotes


@dataclass
class Learned:
    """All that reading one text adds to."""

    source: Lines
    clock: Times
    zone: tzinfo
    """Of printed dates and times of day."""
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    """Of each frame its line."""
    times: "array[int]" = field(default_factory=lambda: array("q"))
    """Of each frame its time, ns since the epoch; 0: not known."""
    quotes: Quotes = field(default_factory=Quotes)
    """Of each frame what is printed."""
    asides: Asides = field(default_factory=Asides)
    replays: Replays = field(default_factory=Replays)
    ends: Ends = field(default_factory=Ends)
    numbers: Numbers = field(default_factory=Numbers)
    places: Places = field(default_factory=Places)
    kinds: Counter[Kind] = field(default_factory=Counter)
    styles: set[str] = field(default_factory=set)
    """Whose printing it is."""
    dumped: int = 0
    """Packets that were read from their bytes."""
