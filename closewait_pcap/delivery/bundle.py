"""The bundle for a ticket: a folder with the reports of one analysis, and a manifest that says what they are of."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from closewait_pcap.analysis import Analysis
from closewait_pcap.delivery.hashing import Hashes
from closewait_pcap.delivery.settings import Settings
from closewait_pcap.delivery.writing import write_files
from closewait_pcap.errors import ReportError
from closewait_pcap.reports import formats
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.json import timestamp
from closewait_pcap.version import VERSION

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1
LIMIT = 5_000_000
"""Bytes of all members: what the strictest ticket systems take."""
_MOST = 1000
"""Flows and endpoints that programs get of each; fewer where they take too much room."""


class Material(NamedTuple):
    """What members are made from."""

    analysis: Analysis
    account: Account


def _format(name: str) -> Callable[[Material], str | bytes]:
    return lambda material: formats.render(name, material.account)


MEMBERS: Mapping[str, Callable[[Material], str | bytes]] = {
    "report.md": _format("markdown"),
    "report.html": _format("html"),
    "report.json": _format("json"),
    "flows.csv": _format("csv"),
}
"""What is in a bundle, and how it is made."""


def write_bundle(folder: Path, analysis: Analysis, settings: Settings, hashes: Hashes | None = None) -> None:
    """Write the reports of an analysis into a folder.

    Args:
        folder: a new or an empty one, or an older bundle, which is replaced.
        analysis: what was found.
        settings: how, and what of it to show.
        hashes: of the captures, where they were begun before.

    Raises:
        ReportError: the folder holds something else, or cannot be written.
    """
    account = settings.account(analysis)
    members, listed = _make(Material(analysis, account))
    info, hashes = analysis.capture, hashes or Hashes()
    told: dict[str, Any] = {
        "options": settings.told(),
        "inputs": [hashes.describe(name) for name in (*info.files, *settings.sockets)],
        "time": {"first": timestamp(info.first_time), "end": timestamp(info.end_time)},
        "left_out": listed.left_out,
    }
    write_folder(folder, members, told)


def _make(material: Material) -> tuple[dict[str, str | bytes], Account]:
    """Make the members, with as many flows as there is room for."""
    most = _MOST
    while True:
        account = replace(material.account, most=most)
        members = {name: make(material._replace(account=account)) for name, make in MEMBERS.items()}
        if most == 1 or sum(map(_size, members.values())) <= LIMIT:
            return members, account
        most = max(most // 2, 1)


def _size(data: str | bytes) -> int:
    return len(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data)


def write_folder(
    folder: Path, members: Mapping[str, str | bytes], told: Mapping[str, Any], bundles: Sequence[str] | None = None
) -> None:
    """Write files and the manifest that lists them.

    Args:
        folder: a new or an empty one, or one that this function wrote.
        members: the files.
        told: what else the manifest says.
        bundles: folders in it that are bundles of their own; None: it holds no folders.

    Raises:
        ReportError: the folder holds something else, or cannot be written.
    """
    older, folders = claim(folder, of_bundles=bundles is not None)
    manifest = {
        "manifest_version": MANIFEST_VERSION,
        "tool": {"name": "closewait-pcap", "version": VERSION},
        **told,
        "members": [{"name": name, "bytes": _size(data), "sha256": _sha256(data)} for name, data in members.items()],
    }
    manifest |= {} if bundles is None else {"bundles": sorted({*bundles, *folders})}
    text = json.dumps(manifest, indent=1, ensure_ascii=True) + "\n"
    write_files(folder, {**members, MANIFEST: text})  # the manifest last: what it lists is there
    for name in older - {*members, MANIFEST}:
        (folder / name).unlink(missing_ok=True)


def _sha256(data: str | bytes) -> str:
    return hashlib.sha256(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data).hexdigest()


def claim(folder: Path, *, of_bundles: bool = False) -> tuple[set[str], set[str]]:
    """Make sure that a folder is there and may be written to.

    Args:
        folder: for a bundle.
        of_bundles: for many bundles, a folder each.

    Returns:
        The files of the older bundle in it, and its folders.

    Raises:
        ReportError: it holds files that no bundle lists, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = {path.name for path in folder.iterdir() if not path.is_dir()}
        folders = {path.name for path in folder.iterdir() if path.is_dir()}
    except FileExistsError as error:
        raise ReportError(f"{folder}: is a file, not a folder for reports") from error
    except OSError as error:
        raise ReportError(f"{folder}: cannot be written: {error.strerror or error}") from error
    known = _listed(folder / MANIFEST) if MANIFEST in found else set()
    foreign = sorted((found | folders) - known)
    if foreign:
        raise ReportError(
            f"{folder}: holds {foreign[0]!a}, which no report of this program lists; name a new folder, and nothing is lost"
        )
    if folders and not of_bundles:
        raise ReportError(f"{folder}: holds the bundles of many captures; name a new folder")
    return found, folders


def _listed(manifest: Path) -> set[str]:
    """Name what an older manifest lists, itself included; nothing where it is no manifest of this program."""
    try:
        told = json.loads(manifest.read_text(encoding="utf-8"))
        if told["tool"]["name"] != "closewait-pcap":
            return set()
        return {MANIFEST, *(str(member["name"]) for member in told["members"]), *map(str, told.get("bundles", []))}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
