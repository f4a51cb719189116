"""What a user asks for: how to analyse, and what of it to show. One for all captures of a run."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from closewait_pcap.analysis import Analysis
from closewait_pcap.analyzing import MAX_FLOWS, STUCK_AFTER, analyze
from closewait_pcap.results.choosing import Choice

if TYPE_CHECKING:
    from closewait_pcap.analyzing import Progress
    from closewait_pcap.capture.sources.opening import CaptureSource
    from closewait_pcap.delivery.bundle import Bundle
    from closewait_pcap.delivery.hashing import Hashes
    from closewait_pcap.reports.account import Account


@dataclass(frozen=True)
class Settings:
    """The options of the command that change what a report says."""

    stuck_after: str = STUCK_AFTER
    max_flows: int = MAX_FLOWS
    sockets: tuple[str, ...] = ()
    strict: bool = False
    tz: str = "UTC"
    choice: Choice = field(default_factory=Choice)
    payload: bool = False
    """Keep payload in evidence."""
    key: bytes | None = field(default=None, repr=False)
    """What addresses are mapped with; None: they are shown as captured."""

    def analyze(self, captures: "tuple[CaptureSource, ...]", progress: "Progress | None" = None) -> Analysis:
        """Analyse captures as one timeline."""
        return analyze(
            captures,
            stuck_after=self.stuck_after,
            max_flows=self.max_flows,
            sockets=self.sockets or None,
            strict=self.strict,
            tz=self.tz,
            progress=progress,
        )

    def shown(self, analysis: Analysis) -> Analysis:
        """Give what may be shown of an analysis: with addresses mapped, where that is asked for."""
        return analysis if self.key is None else analysis.anonymized(self.key)

    def bundle(self, folder: Path, analysis: Analysis, account: "Account", hashes: "Hashes") -> "Bundle":
        """Write the bundle of what may be shown; the hashes of captures are told only where their names are."""
        from closewait_pcap.delivery.bundle import write_bundle  # noqa: PLC0415 - where it is asked for

        attach = partial(analysis.evidence, payload=self.payload)
        told_hashes = hashes if self.key is None else None
        return write_bundle(folder, account, attach, self.told(), told_hashes)

    def told(self) -> dict[str, Any]:
        """Give the options as a person writes them; None: not given. Where addresses are mapped, files have no names."""
        anonymizer, tables = None, list(self.sockets)
        if self.key is not None:
            from closewait_pcap.anonymizing import Anonymizer  # noqa: PLC0415 - where it is asked for

            anonymizer, tables = Anonymizer(self.key), [f"sockets-{number}" for number in range(1, len(tables) + 1)]
        told = {
            "stuck_after": self.stuck_after,
            "max_flows": self.max_flows,
            "sockets": tables,
            "strict": self.strict,
            "tz": self.tz,
        }
        how = {"payload": "keep" if self.payload else "cut", "anonymize": self.key is not None}
        return told | self.choice.told(anonymizer) | how
