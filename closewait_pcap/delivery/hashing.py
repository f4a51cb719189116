"""Names a file by what is in it: SHA-256, computed in a thread beside the analysis."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any


class Hashes:
    """Hashes of files, which are computed while something else goes on.

    Args:
        names: of files; what is none (a pipe, a URL, a pattern) is passed over.
    """

    def __init__(self, names: Iterable[object] = ()) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._known: dict[str, Future[tuple[int, str]]] = {}
        for name in names:
            self._begin(str(name))

    def _begin(self, name: str) -> None:
        if name not in self._known and Path(name).is_file():
            self._known[name] = self._pool.submit(_hash, name)

    def describe(self, name: str) -> dict[str, Any]:
        """Tell a file's size and hash; None where it is no file that can be read again."""
        self._begin(name)
        try:
            size, digest = self._known[name].result()
        except (KeyError, OSError):
            return {"file": name, "bytes": None, "sha256": None}
        return {"file": name, "bytes": size, "sha256": digest}


def _hash(name: str) -> tuple[int, str]:
    with Path(name).open("rb") as file:
        return Path(name).stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
