"""What a capture tells, for people who ask in Python: tables, reports, evidence, each made when it is asked for."""

from functools import cached_property, partial
from typing import TYPE_CHECKING

from closewait_pcap.capture.info import CaptureInfo
from closewait_pcap.capture.timeline import Timeline
from closewait_pcap.errors import CaptureError
from closewait_pcap.evidence.rereading import packet_values
from closewait_pcap.flows.table import FlowTable
from closewait_pcap.notation import parse_span
from closewait_pcap.quantities import count, span
from closewait_pcap.results.choosing import Choice, choose
from closewait_pcap.results.flow_values import display_filter
from closewait_pcap.results.result import Result
from closewait_pcap.verdicts.retirement import Retirement
from closewait_pcap.verdicts.verdict import Verdict
from closewait_pcap.version import VERSION

if TYPE_CHECKING:
    import datetime
    import os
    from typing import BinaryIO

    import pandas as pd

    from closewait_pcap.anonymizing import Anonymizer
    from closewait_pcap.delivery.bundle import Bundle
    from closewait_pcap.evidence.writing import EvidenceSummary
    from closewait_pcap.flow import Flow
    from closewait_pcap.reports.account import Account
    from closewait_pcap.results.values import Values

MOST_EVIDENCE = 4_000_000
"""Default for the bytes of a file of evidence: a ticket that takes 5 MB takes it with a report beside it."""


class Analysis:
    """What a capture tells of its TCP flows. Made by `analyze`; the tables are built when first asked for."""

    def __init__(self, result: Result, timeline: Timeline, max_flows: int | None, warnings: list[str]) -> None:
        self.result = result
        """Facts and judgement as NumPy arrays: what reports are made from."""
        self.warnings = warnings
        """What limits the conclusions: damage, drops, clock steps."""
        self.unreadable = timeline.unreadable
        """Why which captures and socket tables could not be read; the others are analysed."""
        self.passed_over: list[str] = []
        """What else was named or found with the captures, and does not count."""
        self._timeline = timeline
        self._max_flows = max_flows
        self._captured = result
        self.anonymizer: Anonymizer | None = None
        """How addresses are mapped; None: they are those captured."""

    @property
    def capture(self) -> CaptureInfo:
        """The capture as a whole: format, link types, frames, times, drops, damage, gaps, skipped frames by reason."""
        return self.result.capture

    @cached_property
    def flows(self) -> "pd.DataFrame":
        """One row per flow, index ``stream`` (Wireshark's tcp.stream); columns: `columns.FLOWS`."""
        from closewait_pcap.frames import flows_frame  # noqa: PLC0415 - pandas: only for who asks for a table

        return flows_frame(self.result, self.result.rows)

    @cached_property
    def close_wait(self) -> "pd.DataFrame":
        """The rows of `flows` whose verdict is ``close_wait``."""
        from closewait_pcap.frames import flows_frame  # noqa: PLC0415

        return flows_frame(self.result, self.result.with_verdict(Verdict.close_wait))

    @cached_property
    def events(self) -> "pd.DataFrame":
        """Every state change of either end, ordered by stream and time; columns: `columns.EVENT_COLUMNS`."""
        from closewait_pcap.frames import events_frame  # noqa: PLC0415

        return events_frame(self.result, self.result.rows)

    @cached_property
    def endpoints(self) -> "pd.DataFrame":
        """One row per endpoint that waits or did, the worst first; columns: `columns.ENDPOINTS`."""
        from closewait_pcap.frames import endpoints_frame  # noqa: PLC0415

        return endpoints_frame(self.result)

    @cached_property
    def listeners(self) -> "pd.DataFrame":
        """One row per listener behind which a silent server waits, or whose queue was full; columns: `columns.LISTENERS`."""
        from closewait_pcap.frames import listeners_frame  # noqa: PLC0415

        return listeners_frame(self.result)

    @cached_property
    def sockets(self) -> "pd.DataFrame":
        """One row per row of the socket tables, with the flow it belongs to; columns: `columns.SOCKETS`."""
        from closewait_pcap.frames import sockets_frame  # noqa: PLC0415

        return sockets_frame(self.result)

    @cached_property
    def agreement(self) -> "pd.DataFrame":
        """The kernel's state against that of the packets, for each end with a socket; columns: `columns.AGREEMENT`."""
        from closewait_pcap.frames import agreement_frame  # noqa: PLC0415

        return agreement_frame(self.result)

    def timeline(self, every: "str | float | datetime.timedelta" = "1s") -> "pd.DataFrame":
        """Count how many connections are in which state over time, for each endpoint: to be plotted, or resampled.

        Args:
            every: how far the instants lie apart: ``"1s"``, ``"100ms"``, ``"5min"``, seconds as a number, or a timedelta.

        Returns:
            One row per instant, index ``time`` (UTC); columns are pairs of ``endpoint`` and ``state``, int64: how many of the
            endpoint's ends are in that state then. The 20 services with the most waits, or else the most flows, have their own
            columns, all others are ``other servers``; clients that wait, or did, come after them. States in which nothing is
            held any more (CLOSED, TIME_WAIT) are left out, as are those that never occur. For all endpoints' CLOSE_WAIT:
            ``timeline().xs("CLOSE_WAIT", axis=1, level="state")``.

        Raises:
            ValueError: ``every`` is no span of time, or so short that there would be more than a million rows.
        """
        from closewait_pcap.frames import timeline_frame  # noqa: PLC0415

        return timeline_frame(self.result, max(parse_span(every), 1))

    def flow(self, stream: int) -> "Flow":
        """Look at one flow: in a notebook its ladder is drawn, elsewhere it is written.

        Args:
            stream: the flow's number.

        Returns:
            The flow, which shows itself.

        Raises:
            KeyError: there is no such flow.
        """
        from closewait_pcap.flow import Flow  # noqa: PLC0415

        return Flow(self.result, self._row(stream))

    def _row(self, stream: int) -> int:
        rows = self.result.rows[self.result.streams_of(self.result.rows) == stream]
        if not len(rows):
            raise KeyError(f"no flow {stream} in {self.capture.file}")
        return int(rows[0])

    def packets(self, stream: int) -> "pd.DataFrame":
        """Read the capture again for one flow's packets.

        Args:
            stream: the flow's number.

        Returns:
            One row per frame; columns: `columns.PACKETS`.

        Raises:
            KeyError: there is no such flow.
            CaptureError: the capture came from a pipe and cannot be read again.
        """
        from closewait_pcap.frames import packets_frame  # noqa: PLC0415

        return packets_frame(self._packets(self._row(stream), "packets"), self.result)

    def to_tcpdump_text(self, stream: int) -> str:
        """Write one flow's packets as ``tcpdump -nn -tttt`` prints them; `analyze_text` reads them back.

        Args:
            stream: the flow's number.

        Returns:
            A line per packet, with its time in UTC; of the options only the window scale.

        Raises:
            KeyError: there is no such flow.
            CaptureError: the capture came from a pipe and cannot be read again.
        """
        from closewait_pcap.evidence.printing import flow_lines  # noqa: PLC0415 - where it is asked for

        row = self._row(stream)
        return "".join(f"{line}\n" for line in flow_lines(self.result, row, self._packets(row, "to_tcpdump_text")))

    def _packets(self, row: int, wanted: str) -> "dict[str, Values]":
        """Read one flow's packets."""
        if not self._timeline.is_rereadable:
            raise CaptureError(
                f"{self.capture.file}: {wanted}() reads the capture again, which a pipe does not allow; save it to a file first"
            )
        table = FlowTable(most=self._max_flows, retire=Retirement(self.result.stuck_after))
        return packet_values(self._captured, row, self._timeline, table)

    def anonymized(self, key: "bytes | Anonymizer | None" = None) -> "Analysis":
        """Give the same analysis with addresses mapped and names dropped, for reports that anybody may see.

        Args:
            key: 32 bytes, or an `Anonymizer`; None: a random key that is kept nowhere. See `anonymizing`.

        Returns:
            An analysis of the same flows; its `evidence` has the same addresses.

        Raises:
            ValueError: the key is not 32 bytes.
            MissingExtra: the package `cryptography` is not installed.
        """
        from closewait_pcap.anonymizing import Anonymizer  # noqa: PLC0415 - where it is asked for
        from closewait_pcap.results.masking import anonymized, masked_sentences  # noqa: PLC0415

        anonymizer = key if isinstance(key, Anonymizer) else Anonymizer(key)
        result, rename = anonymized(self._captured, anonymizer)
        not_of_it = [*self.passed_over, *self.unreadable]
        warnings = masked_sentences(self._captured, self.warnings, not_of_it, rename)
        masked = Analysis(result, self._timeline, self._max_flows, warnings)
        masked.unreadable = ["a capture or a socket table could not be read" for _ in self.unreadable]
        masked._captured, masked.anonymizer = self._captured, anonymizer
        return masked

    def evidence(
        self,
        target: "str | os.PathLike[str] | BinaryIO",
        *,
        rows: "Values | None" = None,
        payload: bool = False,
        most_bytes: int = MOST_EVIDENCE,
        compressed: bool | None = None,
    ) -> "EvidenceSummary":
        """Read the capture again, and write the packets that prove what is said of the flows that wait or waited, as pcapng.

        Frames are written anew from a list of header fields (see `closewait_pcap.evidence`). Analysing the file gives the same
        verdicts, waits and causes; it is read to see that it does.

        Args:
            target: a path, or a binary stream to write to.
            rows: of the flows to choose from, as in `result`; None: all.
            payload: keep payload.
            most_bytes: how large the file may become: flows for which there is no room are left out, the shortest waits first.
            compressed: with gzip; None: a path that ends in ``.gz`` is.

        Returns:
            What was written, what was left out, and what the file tells otherwise.

        Raises:
            CaptureError: the capture came from a pipe and cannot be read again, or would be overwritten.
            OSError: the file cannot be written.
        """
        from closewait_pcap.evidence.attaching import attach  # noqa: PLC0415 - where it is asked for
        from closewait_pcap.reports.wording import flagged  # noqa: PLC0415

        chosen = flagged(self.result, self.result.rows if rows is None else rows)
        return attach(
            self._captured, self.result, self._timeline, chosen, target,
            application=f"closewait-pcap {VERSION}", payload=payload, anonymizer=self.anonymizer, most_bytes=most_bytes,
            compressed=str(target).endswith(".gz") if compressed is None else compressed,
        )  # fmt: skip

    def report(
        self,
        format_: str = "text",
        *,
        host: str | None = None,
        port: int | None = None,
        since: "str | datetime.datetime | None" = None,
        until: "str | datetime.datetime | None" = None,
        all_flows: bool = False,
    ) -> str | bytes:
        """Write what the command prints.

        Args:
            format_: as ``--format`` takes it: one of `reports.formats.FORMATS`, such as ``"text"``, ``"markdown"`` or ``"json"``.
            host: speak of flows of this IP address only; of an anonymised analysis, too, the address as captured.
            port: speak of flows of this port only.
            since: speak of flows that were there at or after this time: ISO 8601, or a datetime; UTC where it names no zone.
            until: speak of flows that were there at or before this time.
            all_flows: list every flow, not only those that wait or waited.

        Returns:
            The report; bytes where the format is binary (``"parquet"``).

        Raises:
            ValueError: there is no such format, ``host`` is no IP address, or ``since`` or ``until`` no time.
            MissingExtra: the format needs a package that is not installed.
        """
        from closewait_pcap.reports import formats  # noqa: PLC0415 - where it is asked for

        return formats.render(format_, self.account(Choice.parse(host, port, since, until, all_flows)))

    def bundle(
        self,
        folder: "str | os.PathLike[str]",
        *,
        host: str | None = None,
        port: int | None = None,
        since: "str | datetime.datetime | None" = None,
        until: "str | datetime.datetime | None" = None,
        all_flows: bool = False,
        payload: bool = False,
    ) -> "Bundle":
        """Write the folder for a ticket, as ``--report`` does: reports, evidence, and a manifest that says what they are of.

        Args:
            folder: a new or an empty one, or an older bundle, which is replaced.
            host: as for `report`, likewise ``port``, ``since``, ``until`` and ``all_flows``.
            port: likewise.
            since: likewise.
            until: likewise.
            all_flows: likewise.
            payload: keep payload in the evidence.

        Returns:
            What was written, and why there is no evidence where there is none.

        Raises:
            ReportError: the folder holds something else, or cannot be written.
            ValueError: ``host`` is no IP address, or ``since`` or ``until`` no time.
        """
        from pathlib import Path  # noqa: PLC0415 - where it is asked for

        from closewait_pcap.delivery.bundle import write_bundle  # noqa: PLC0415
        from closewait_pcap.delivery.hashing import Hashes  # noqa: PLC0415

        choice = Choice.parse(host, port, since, until, all_flows)
        tables = [] if self.result.matches is None else [snapshot.source for snapshot in self.result.matches.snapshots]
        options = {"stuck_after": span(self.result.stuck_after), "max_flows": self._max_flows, "sockets": tables}
        options |= choice.told(self.anonymizer)
        options |= {"payload": "keep" if payload else "cut", "anonymize": self.anonymizer is not None}
        hashes = Hashes() if self.anonymizer is None else None
        return write_bundle(Path(folder), self.account(choice), partial(self.evidence, payload=payload), options, hashes)

    def account(self, choice: Choice) -> "Account":
        """Gather what is to be said: what all reports are made from.

        Args:
            choice: of which flows; its address is one as captured.
        """
        from closewait_pcap.reports.account import Account  # noqa: PLC0415 - where it is asked for

        shown = choose(self._captured, choice)
        return Account(self.result, self.warnings, shown, choice.all_flows, (choice.since, choice.until))

    def display_filter(self, stream: int) -> str:
        """The Wireshark display filter that shows one flow."""
        return display_filter(stream)

    def _repr_html_(self) -> str:
        """What a notebook shows: who does not close, since when, and how many at a time."""
        from closewait_pcap.reports.formats.card import render  # noqa: PLC0415

        return render(self.account(Choice()))

    def __repr__(self) -> str:
        waiting = len(self.result.with_verdict(Verdict.close_wait))
        return f"<Analysis of {self.capture.file}: {count(len(self.result.rows), 'flow')}, {waiting:,} in CLOSE_WAIT>"
