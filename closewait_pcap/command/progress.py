"""What stderr says while a capture is read: that the fast path is compiled, and how far the reading is."""

import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from closewait_pcap import engine
from closewait_pcap.bar import Bar
from closewait_pcap.command.terminal import complain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from closewait_pcap.analyzing import Progress


def announce_compiling() -> None:
    """Say why nothing seems to happen."""
    complain("compiling the fast path for this machine, once (about 10 s)")


def will_compile(captures: tuple[str, ...]) -> bool:
    """Whether these captures are large enough for the fast path, and it has not been compiled yet."""
    size = 0
    for capture in captures:
        with suppress(OSError, ValueError):
            size += Path(capture).stat().st_size
    return size > engine.WORTH_COMPILING and not engine.is_cached() and engine.numba_available()


@contextmanager
def follow(quiet: bool) -> "Iterator[Progress | None]":
    """Follow the reading: say when a pipe turns out large enough to compile, and show a bar where a person is watching."""
    if quiet:
        yield None
        return
    bar, announced = Bar() if sys.stderr.isatty() else None, False

    def advance(done: int, total: int | None) -> None:
        nonlocal announced
        if total is None and not announced and done > engine.WORTH_COMPILING:
            announced = True
            if not engine.is_cached() and engine.numba_available():
                announce_compiling()
        if bar:
            bar.update(done, total)

    try:
        yield advance
    finally:
        if bar:
            bar.stop()
