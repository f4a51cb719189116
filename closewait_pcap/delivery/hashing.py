"""Names a file by what is in it: SHA-256, computed in a thread beside the analysis, which is left alone when that fails."""

import hashlib
import threading
from collections.abc import Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_BLOCK = 1 << 20


class Hashes:
    """Hashes of files, which are computed while something else goes on; leaving its context ends that.

    Args:
        names: of files; what is none (a pipe, a URL, a pattern) is passed over.
    """

    def __init__(self, names: Iterable[object] = ()) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._known: dict[str, Future[tuple[int, str]]] = {}
        self._leaving = threading.Event()
        for name in names:
            self._begin(str(name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._leaving.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, name: str) -> None:
        if name not in self._known and Path(name).is_file():
            self._known[name] = self._pool.submit(self._hash, name)

    def describe(self, name: str) -> dict[str, Any]:
        """Tell a file's size and hash; None where it is no file that can be read again."""
        self._begin(name)
        try:
            size, digest = self._known[name].result()
        except (KeyError, OSError, CancelledError):
            return {"file": name, "bytes": None, "sha256": None}
        return {"file": name, "bytes": size, "sha256": digest}

    def _hash(self, name: str) -> tuple[int, str]:
        size, digest, buffer = 0, hashlib.sha256(), memoryview(bytearray(_BLOCK))
        with Path(name).open("rb", buffering=0) as file:
            while not self._leaving.is_set() and (count := file.readinto(buffer)):
                digest.update(buffer[:count])
                size += count
        if self._leaving.is_set():
            raise CancelledError
        return size, digest.hexdigest()
