"""`analyze_sockets`: what socket tables tell without a capture."""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from closewait_pcap.capture.packets import address_words
from closewait_pcap.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from closewait_pcap.sockets.addresses import Endpoint
    from closewait_pcap.sockets.collecting import SocketSource
    from closewait_pcap.sockets.table import Snapshot
    from closewait_pcap.views.holdings import Host


class SocketAnalysis:
    """What socket tables tell. Made by `analyze_sockets`; the DataFrames are built when first asked for."""

    def __init__(self, snapshots: "list[Snapshot]", unreadable: list[str], warnings: list[str]) -> None:
        self.snapshots = snapshots
        """The tables, in the order given."""
        self.unreadable = unreadable
        """Why the others could not be read."""
        self.warnings = warnings
        """What limits the conclusions: bad lines."""

    @cached_property
    def hosts(self) -> "list[Host]":
        """The tables by the hosts they were taken on, and what they tell of each."""
        from closewait_pcap.views.holdings import hosts  # noqa: PLC0415 - only with socket tables

        return hosts(self.snapshots)

    @cached_property
    def sockets(self) -> "pd.DataFrame":
        """One row per row of the tables; columns: `columns.SOCKETS`."""
        from closewait_pcap.frames import table_frame  # noqa: PLC0415 - pandas: only for who asks for a DataFrame

        return table_frame(self.snapshots)

    @cached_property
    def close_wait(self) -> "pd.DataFrame":
        """The rows of `sockets` that are in CLOSE_WAIT."""
        return self.sockets[self.sockets["state"] == "CLOSE_WAIT"]

    @cached_property
    def endpoints(self) -> "pd.DataFrame":
        """One row per endpoint with sockets in CLOSE_WAIT, the most first; columns: `columns.HOLDINGS`."""
        from closewait_pcap.frames import holdings_frame  # noqa: PLC0415

        return holdings_frame(self.hosts)

    @cached_property
    def processes(self) -> "pd.DataFrame":
        """One row per process that holds sockets in CLOSE_WAIT in its host's last table; columns: `columns.HOLDERS`."""
        from closewait_pcap.frames import holders_frame  # noqa: PLC0415

        return holders_frame(self.hosts)

    @cached_property
    def queues(self) -> "pd.DataFrame":
        """One row per listener in the last tables, the fullest first; columns: `columns.QUEUES`."""
        from closewait_pcap.frames import queues_frame  # noqa: PLC0415

        return queues_frame(self.hosts)

    def only(self, host: "tuple[int, int] | None" = None, port: int | None = None) -> "SocketAnalysis":
        """Choose sockets by their ends.

        Args:
            host: an address of either end, as two words (see `capture.packets.address_words`); None: any.
            port: of either end; None: any.

        Returns:
            An analysis of those alone.
        """
        if host is None and port is None:
            return self

        def fits(end: "Endpoint") -> bool:
            here = host is None or (end.address is not None and address_words(end.address.packed) == host)
            return here and (port is None or end.port == port)

        chosen = [
            replace(snapshot, sockets=[one for one in snapshot.sockets if fits(one.local) or fits(one.peer)])
            for snapshot in self.snapshots
        ]
        return SocketAnalysis(chosen, self.unreadable, self.warnings)

    def __repr__(self) -> str:
        waiting = sum(len(holding.close_wait) for host in self.hosts for holding in host.holdings())
        return f"<SocketAnalysis of {len(self.snapshots):,} tables: {waiting:,} sockets in CLOSE_WAIT>"


def analyze_sockets(sources: "SocketSource | Iterable[SocketSource]", *, strict: bool = False) -> SocketAnalysis:
    """Read socket tables, and tell who holds sockets in CLOSE_WAIT.

    Args:
        sources: what ``ss``, ``netstat``, ``lsof -i`` or /proc/net/tcp printed: a path, text, a text file, or a list of those, of
            one host or of several, at one time or at several; ``"live"`` asks this host.
        strict: raise on a table that cannot be read.

    Returns:
        The analysis.

    Raises:
        SnapshotError: none of them can be read, or one cannot, and ``strict``.
    """
    from closewait_pcap.sockets.collecting import collect, table_warnings  # noqa: PLC0415 - only with socket tables

    collected = collect(sources, strict=strict)
    if not collected.snapshots:
        raise SnapshotError("; ".join(collected.unreadable) or "no socket table was given")
    warnings = collected.unreadable + table_warnings(collected.snapshots)
    return SocketAnalysis(collected.snapshots, collected.unreadable, warnings)
