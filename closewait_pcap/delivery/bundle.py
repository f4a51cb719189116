"""The bundle for a ticket: a folder with the reports of one analysis, its evidence, and a manifest that says what they are of."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from closewait_pcap.delivery.folders import size_of, write_folder
from closewait_pcap.delivery.hashing import Hashes
from closewait_pcap.errors import CaptureError
from closewait_pcap.evidence.attaching import sentences
from closewait_pcap.evidence.writing import EvidenceSummary
from closewait_pcap.reports import formats
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.formats.json import timestamp
from closewait_pcap.results.values import Values

LIMIT = 5_000_000
"""Bytes of all members: what the strictest ticket systems take."""
EVIDENCE = "evidence.pcapng.gz"
EVIDENCE_LIMIT = 2_000_000
"""Bytes of that, so that most of a bundle is left to what a person reads."""
_FIRST = 10
"""Flows of which the manifest says what the evidence alone tells otherwise; the rest is counted."""
_MOST = 1000
"""Flows and endpoints that programs get of each; fewer where they take too much room."""


class Material(NamedTuple):
    """What reports are made from."""

    account: Account


def _format(name: str) -> Callable[[Material], str | bytes]:
    return lambda material: formats.render(name, material.account)


MEMBERS: Mapping[str, Callable[[Material], str | bytes]] = {
    "report.md": _format("markdown"),
    "report.html": _format("html"),
    "report.json": _format("json"),
    "flows.csv": _format("csv"),
}
"""The reports in a bundle, and how each is made."""


class Attach(Protocol):
    """Writes evidence: `Analysis.evidence`."""

    def __call__(self, target: io.BytesIO, /, *, rows: Values, most_bytes: int, compressed: bool) -> EvidenceSummary:
        """Write it."""


class Bundle(NamedTuple):
    """What was written."""

    folder: Path
    members: tuple[str, ...]
    """The files in it, beside the manifest."""
    evidence: EvidenceSummary | None
    no_evidence: str
    """Why there is no evidence; empty where there is."""

    @property
    def sentences(self) -> list[str]:
        """What a person should know of the evidence: what is in it, what was left out, or why there is none."""
        if self.evidence is not None:
            return [f"{self.folder / EVIDENCE}: {sentence}" for sentence in sentences(self.evidence)]
        return [] if self.no_evidence == NOTHING else [f"{self.folder}: no evidence in it: {self.no_evidence}"]


NOTHING = "no flow waits or waited"


def write_bundle(folder: Path, account: Account, attach: Attach, options: Mapping[str, Any], hashes: Hashes | None) -> Bundle:
    """Write the reports of an analysis into a folder, and the evidence for them.

    Args:
        folder: a new or an empty one, or an older bundle, which is replaced.
        account: what is to be said.
        attach: writes the evidence.
        options: how it was found, and what of it is shown, as the manifest is to say it.
        hashes: of the captures, where they were begun before; None: nothing by which who has a capture could know it is to be
            told: no hash, no size, no name.

    Returns:
        What was written.

    Raises:
        ReportError: the folder holds something else, or cannot be written.
    """
    info, matches = account.result.capture, account.result.matches
    names = dict.fromkeys((*info.files, *(snapshot.source for snapshot in (matches.snapshots if matches else ()))))
    evidence, summary, why = _evidence(account, attach, named=hashes is not None)
    members, listed = _reports(Material(account), LIMIT - len(evidence))
    members |= {EVIDENCE: evidence} if evidence else {}
    told: dict[str, Any] = {
        "options": dict(options),
        "inputs": [{"file": name, "bytes": None, "sha256": None} if hashes is None else hashes.describe(name) for name in names],
        "time": {"first": timestamp(info.first_time), "end": timestamp(info.end_time)},
        "left_out": listed.left_out,
        "evidence": _told(summary, why),
    }
    write_folder(folder, members, told)
    return Bundle(folder, tuple(members), summary, why)


def _evidence(account: Account, attach: Attach, *, named: bool) -> tuple[bytes, EvidenceSummary | None, str]:
    """Make the evidence: the file, what is in it, and why there is none."""
    if not len(account.flagged):
        return b"", None, NOTHING
    stream = io.BytesIO()
    try:
        summary = attach(stream, rows=account.rows, most_bytes=EVIDENCE_LIMIT, compressed=True)
    except CaptureError as error:
        return b"", None, str(error) if named else "the capture cannot be read a second time"
    except OSError as error:  # of temporary files: there is no room, say
        return b"", None, f"making it failed: {error.strerror or error}"
    return stream.getvalue(), summary, ""


def _told(summary: EvidenceSummary | None, why: str) -> dict[str, Any]:
    """Say in the manifest what the evidence shows, and what not."""
    if summary is None:
        return {"member": None, "why": why}
    return {
        "member": EVIDENCE,
        "flows": summary.flows,
        "supporting_flows": summary.supporting,
        "frames": summary.frames,
        "payload": "kept" if summary.payload else "cut",
        "addresses": "mapped" if summary.anonymized else "as captured",
        "left_out": {"flows": summary.left_out, "frames": summary.trimmed},
        "told_otherwise": {"flows": len(summary.different), "first": list(summary.different[:_FIRST])},
    }


def _reports(material: Material, room: int) -> tuple[dict[str, str | bytes], Account]:
    """Make the reports, with as many flows as there is room for."""
    most = _MOST
    while True:
        account = material.account.shortened(most=most)
        members = {name: make(material._replace(account=account)) for name, make in MEMBERS.items()}
        if most == 1 or sum(map(size_of, members.values())) <= room:
            return members, account
        most = max(most // 2, 1)
