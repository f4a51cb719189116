"""Reads several socket tables: files, text, this very host."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import TextIOBase
from os import PathLike
from pathlib import Path
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
SAID = 10
"""So many bad lines of a table are told; the others are counted."""
_HEAD = 28
_LINE = re.compile(r"line (\d+): ")


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
    head = _head(source) if "no socket table" in str(error) else None
    if head is None:
        return error
    if is_capture(head):
        return SnapshotError(f"{source}: a capture, not a socket table: give it without --sockets")
    if head and (b"\0" not in head or head.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return SnapshotError(f"{error}; write one with: ss -tanpe > FILE (as root)")
    return SnapshotError(
        f"{source}: {'binary' if head else 'empty'}, no socket table; write one with: ss -tanpe > FILE (as root)"
    )


def _head(source: Source) -> bytes | None:
    """Look at the beginning of a file; None where it is none: a pipe cannot be read twice."""
    try:
        if isinstance(source, str | PathLike) and Path(source).is_file():
            with Path(source).open("rb") as file:
                return file.read(_HEAD)
    except (OSError, ValueError):
        pass
    return None


def table_warnings(snapshots: Sequence[Snapshot]) -> list[str]:
    """Say which lines of the tables could not be read."""
    found = []
    for snapshot in snapshots:
        complaints = [_located(snapshot.source, complaint) for complaint in snapshot.complaints]
        found += complaints[:SAID]
        if len(complaints) > SAID:
            found.append(f"{snapshot.source}: and {len(complaints) - SAID:,} more")
    return found


def _located(source: str, complaint: str) -> str:
    """Turn ``line 7: ...`` into ``FILE:7: ...``."""
    found = _LINE.match(complaint)
    return f"{source}:{found[1]}: {complaint[found.end() :]}" if found else f"{source}: {complaint}"
