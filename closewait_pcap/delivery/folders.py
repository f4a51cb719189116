"""A folder of files that a manifest lists: made, replaced, and never mixed with anything else."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from closewait_pcap.delivery.writing import write_files
from closewait_pcap.errors import ReportError
from closewait_pcap.version import VERSION

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1


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
        "members": [{"name": name, "bytes": size_of(data), "sha256": _sha256(data)} for name, data in members.items()],
    }
    manifest |= {} if bundles is None else {"bundles": sorted({*bundles, *folders})}
    text = json.dumps(manifest, indent=1, ensure_ascii=True) + "\n"
    write_files(folder, {**members, MANIFEST: text})  # the manifest last: what it lists is there
    for name in older - {*members, MANIFEST}:
        (folder / name).unlink(missing_ok=True)


def size_of(data: str | bytes) -> int:
    """Say how many bytes a file will have."""
    return len(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data)


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
