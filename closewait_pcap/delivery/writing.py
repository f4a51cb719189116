"""Writes files whole or not at all: what was there before stays until everything new is on the disk."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from closewait_pcap.errors import ReportError


def write_file(path: Path, data: str | bytes) -> None:
    """Write a file; what is no file (a device, a pipe) is written to as it is.

    Raises:
        ReportError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        with _told(path):
            path.write_bytes(_bytes(data))
        return
    place = path.resolve() if path.is_symlink() else path  # a link stays one
    write_files(place.parent, {place.name: data})


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write the files of a folder: first all beside their places, then each into it, in the order given.

    Args:
        folder: that exists.
        files: what is to be in which.

    Raises:
        ReportError: one cannot be written; then none has been, unless the folder itself fails in between.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for name, data in files.items():
            path = folder / name
            beside = folder / f".{name}.{secrets.token_hex(4)}.partial"
            with _told(path):
                staged.append((beside, path))
                with beside.open("xb") as file:
                    file.write(_bytes(data))
                    file.flush()
                    os.fsync(file.fileno())
        for beside, path in staged:
            with _told(path):
                beside.replace(path)
    finally:
        for beside, _ in staged:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say of which file an error is, in one line."""
    try:
        yield
    except OSError as error:
        raise ReportError(f"{path}: cannot be written: {error.strerror or error}") from error


def _bytes(data: str | bytes) -> bytes:
    return data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
