"""What a cause rests on."""

from collections.abc import Callable
from typing import NamedTuple

from closewait_pcap.verdicts.cause import Cause, Confidence
from closewait_pcap.verdicts.evidence.waiting import Waiting
from closewait_pcap.verdicts.sides import Bools


class Ground(NamedTuple):
    """One reason for which a cause may be named."""

    cause: Cause
    confidence: Confidence
    applies: Bools
    """Of which waiting ends, shape (flows,)."""
    tell: Callable[[Waiting, int], str]
    """Says of one of them, by its place, what a person can check in Wireshark: frames, times, numbers."""
