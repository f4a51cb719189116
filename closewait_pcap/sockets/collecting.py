"""Reads several socket tables: files, text, this very host."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import TextIOBase
from os import PathLike
from typing import cast

from closewait_pcap.capture.sniff import is_capture
from closewait_pcap.errors import SnapshotError
from closewait_pcap.sockets.live import live_snapshot
from closewait_pcap.sockets.reading import read_snapshots
from closewait_pcap.sockets.table import Snapshot
from closewait_pcap.sockets.text import Source

LIVE = "live"
"""Instead of a table: ask this host."""
SocketSource = Source | Snapshot
"""A path, ``-``, ``live``, text, an open text file, or a table that was read before."""
_HEAD = 28


@dataclass
class Collected:
    """The tables that could be read."""

    snapshots: list[Snapshot] = field(default_factory=list)
    """In the order given."""
    unreadable: list[str] = field(default_factory=list)
    """Why the others could not be read."""


def collect(sources: SocketSource | Iterable[SocketSource], *, strict: bool = False) -> Collected:
    """Read socket tables.

    Args:
        sources: one, or several.
        strict: raise on one that cannot be read.

    Returns:
        The tables, in the order given.

    Raises:
        SnapshotError: one cannot be read, and ``strict``.
    """
    collected = Collected()
    several = not isinstance(sources, str | PathLike | TextIOBase | Snapshot)
    for source in cast("Iterable[SocketSource]", sources if several else [sources]):
        try:
            collected.snapshots += _read(source)
        except SnapshotError as error:
            if strict:
                raise
            collected.unreadable.append(str(error))
    return collected


def _read(source: SocketSource) -> list[Snapshot]:
    if isinstance(source, Snapshot):
        return [source]
    if source == LIVE:
        return [live_snapshot()]
    try:
        return read_snapshots(source)
    except SnapshotError as error:
        raise _explained(source, error) from error


def _explained(source: Source, error: SnapshotError) -> SnapshotError:
    """Say what it is instead, where that is plain."""
    if not isinstance(source, str | PathLike) or source == "-" or "no socket table" not in str(error):
        return error
    try:
        with open(source, "rb") as file:  # noqa: PTH123 - as it was opened before
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return error
    if is_capture(head):
        return SnapshotError(f"{source}: a capture, not a socket table: give it without --sockets")
    if not head:
        return SnapshotError(f"{source}: empty, no socket table: write one with `ss -tanpe > FILE` as root")
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return SnapshotError(f"{source}: binary, no socket table: write one with `ss -tanpe > FILE` as root")
    return SnapshotError(f"{error}; write one with `ss -tanpe > FILE` as root")
