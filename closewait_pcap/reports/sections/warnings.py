"""What limits the analysis as a whole, where a page has no room for all of it."""

from collections.abc import Sequence

from closewait_pcap import quantities
from closewait_pcap.reports.parts import Section, Sentence

_MOST, _LONGEST = 20, 500


def say(warnings: Sequence[str]) -> Section | None:
    """Say it; nothing where nothing limits it."""
    told = [warning if len(warning) <= _LONGEST else f"{warning[:_LONGEST]} ..." for warning in warnings[:_MOST]]
    if len(warnings) > _MOST:
        told.append(f"... and {quantities.count(len(warnings) - _MOST, 'more warning')}")
    return Section("warnings", "Warnings", [Sentence(quantities.printable(warning)) for warning in told]) if told else None
