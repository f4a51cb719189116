"""What a user asks for: how to analyse, and what of it to show. One for all captures of a run."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from closewait_pcap.analysis import MAX_FLOWS, STUCK_AFTER, Analysis, analyze
from closewait_pcap.choosing import choose
from closewait_pcap.quantities import moment
from closewait_pcap.reports.account import Account
from closewait_pcap.results import address_text

if TYPE_CHECKING:
    from closewait_pcap.analysis import Progress
    from closewait_pcap.capture.sources.opening import CaptureSource


@dataclass(frozen=True)
class Settings:
    """The options of the command that change what a report says."""

    stuck_after: str = STUCK_AFTER
    max_flows: int = MAX_FLOWS
    sockets: tuple[str, ...] = ()
    strict: bool = False
    tz: str = "UTC"
    host: tuple[int, int] | None = None
    port: int | None = None
    since: int | None = None
    until: int | None = None
    all_flows: bool = False

    def analyze(self, captures: "tuple[CaptureSource, ...]", progress: "Progress | None" = None) -> Analysis:
        """Analyse captures as one timeline."""
        return analyze(
            captures,
            stuck_after=self.stuck_after,
            max_flows=self.max_flows,
            sockets=self.sockets or None,
            tz=self.tz,
            strict=self.strict,
            progress=progress,
        )

    def account(self, analysis: Analysis) -> Account:
        """Gather what is to be said of it."""
        shown = choose(analysis.result, host=self.host, port=self.port, since=self.since, until=self.until)
        return Account(analysis.result, analysis.warnings, shown, self.all_flows, (self.since, self.until))

    def told(self) -> dict[str, Any]:
        """Give the options as a person writes them; None: not given."""
        told = asdict(self) | {"sockets": list(self.sockets), "host": self.host and address_text(*self.host)}
        return told | {name: None if told[name] is None else moment(told[name]) for name in ("since", "until")}
