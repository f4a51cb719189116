"""Makes a file of evidence: writes it, shrinks it where it is too large, and reads it to see that it says the same."""

import gzip
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, BinaryIO, cast

from closewait_pcap.anonymizing import Anonymizer
from closewait_pcap.capture.timeline import Timeline
from closewait_pcap.errors import CaptureError
from closewait_pcap.evidence.comparing import differences
from closewait_pcap.evidence.writing import EvidenceSummary, write_evidence
from closewait_pcap.flows.table import FlowTable
from closewait_pcap.quantities import count
from closewait_pcap.results.concluding import conclude
from closewait_pcap.results.joining import join
from closewait_pcap.results.result import Result
from closewait_pcap.results.values import Values
from closewait_pcap.verdicts.retirement import Retirement

_COMPRESSED = 2.3
"""How much smaller gzip makes it, at least: measured, 2.3 to 2.9. Sequence numbers and times are as good as random."""
_ATTEMPTS = 4
_NAMED = 3
"""Flows that a sentence names."""
_LEVEL = 6
Target = str | os.PathLike[str] | BinaryIO


def attach(
    captured: Result,
    shown: Result,
    timeline: Timeline,
    rows: Values,
    target: Target,
    *,
    application: str,
    payload: bool,
    anonymizer: Anonymizer | None,
    most_bytes: int,
    compressed: bool,
) -> EvidenceSummary:
    """Write evidence.

    Args:
        captured: an analysis, with the addresses as captured.
        shown: the same with the addresses that the file is to have.
        timeline: the capture.
        rows: of the flagged flows, those that matter most first.
        target: a path, or a binary stream.
        application: what the file is to say it was written by.
        payload: keep payload.
        anonymizer: how to map addresses; None: leave them.
        most_bytes: how large the file may become.
        compressed: with gzip.

    Returns:
        What was written, and which of the flows it tells otherwise.

    Raises:
        CaptureError: the capture cannot be read again, or the target is the capture.
        OSError: the target cannot be written.
    """
    if not timeline.is_rereadable:
        raise CaptureError(
            f"{captured.capture.file}: evidence takes a second reading, which a pipe does not allow; save it to a file first"
        )
    path = Path(cast("str", target)) if isinstance(target, (str, os.PathLike)) else None
    if path is not None:
        _refuse_overwriting(path, captured)
    room = int(most_bytes * _COMPRESSED) if compressed else most_bytes
    with ExitStack() as stack:
        for attempt in range(_ATTEMPTS):
            plain = stack.enter_context(tempfile.TemporaryFile())
            summary = write_evidence(
                captured, timeline, cast("BinaryIO", plain), rows,
                application=application, payload=payload, anonymizer=anonymizer, most_bytes=room,
            )  # fmt: skip
            ready = _compressed(plain, stack.enter_context(tempfile.TemporaryFile())) if compressed else plain
            size = ready.tell()
            if size <= most_bytes or summary.flows <= 1 or attempt == _ATTEMPTS - 1:
                break
            room = int(min(room, summary.bytes) * 0.95 * most_bytes / size)
        summary = replace(summary, different=_check(shown, plain, rows[: summary.flows]))
        ready.seek(0)
        stream = stack.enter_context(path.open("wb")) if path is not None else cast("BinaryIO", target)
        shutil.copyfileobj(ready, stream)
    return summary


def sentences(summary: EvidenceSummary) -> list[str]:
    """Say of a file of evidence what is in it, and what is not.

    Args:
        summary: of what was written.

    Returns:
        Sentences.
    """
    flows = count(summary.flows, "flow")
    others = f", and {summary.supporting:,} more that their causes rest on" if summary.supporting else ""
    payload = "payload kept" if summary.payload else "payload cut"
    addresses = "addresses mapped" if summary.anonymized else "addresses as captured"
    found = [f"{flows}{others}; {count(summary.frames, 'frame')}; {payload}, {addresses}"]
    if not summary.flows:
        found = ["no flow waits or waited: there are no packets in it"]
    if summary.left_out:
        found.append(f"{count(summary.left_out, 'flow')} that waited less long found no room and are left out")
    if summary.trimmed:
        found.append(f"{count(summary.trimmed, 'frame')} in the middle of long conversations are left out")
    if summary.payload and summary.anonymized:
        found.append("payload may hold names and addresses: it is not mapped")
    if summary.different:
        named = "; ".join(summary.different[:_NAMED])
        found.append(f"by itself it tells {count(len(summary.different), 'flow')} otherwise than the capture: {named}")
    return found


def _refuse_overwriting(path: Path, captured: Result) -> None:
    for name in captured.capture.files:
        with suppress(OSError, ValueError):  # there is no such file yet, or it is none: a URL, say
            if path.samefile(name):
                break
    else:
        return
    raise CaptureError(f"{path}: that is the capture itself; give the evidence another name")


def _compressed(plain: IO[bytes], spool: IO[bytes]) -> IO[bytes]:
    """Compress a file without name and time, so that the same evidence is the same bytes."""
    plain.seek(0)
    with gzip.GzipFile("", "wb", _LEVEL, spool, 0) as stream:
        shutil.copyfileobj(plain, stream, 1 << 20)
    return spool


def _check(shown: Result, plain: IO[bytes], rows: Values) -> tuple[str, ...]:
    """Read what was written, and compare."""
    plain.seek(0)
    timeline = Timeline([cast("BinaryIO", plain)])
    retirement = Retirement(shown.stuck_after)
    table = FlowTable(retire=retirement)
    for _ in table.read(timeline):
        pass
    result = conclude(timeline, table, retirement, shown.stuck_after)
    if shown.matches is not None:
        result.hosts = shown.hosts
        join(result, shown.matches.snapshots)
    return differences(shown, result, rows)
