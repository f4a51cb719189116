"""What stderr says while a capture is read: that the fast path is compiled, and how far the reading is."""

import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from closewait_pcap import engine
from closewait_pcap.terminal import complain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as Bar

    from closewait_pcap.analysis import Progress

_PROGRESS_AFTER_S = 1.0


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
    bar, announced = _Bar() if sys.stderr.isatty() else None, False

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


class _Bar:
    """A progress bar on stderr that shows itself after a second, also while nothing comes through the pipe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reached: tuple[int, int | None] = (0, None)
        self._bar: Bar | None = None
        self._stopped = False
        self._timer = threading.Timer(_PROGRESS_AFTER_S, self._show)
        self._timer.daemon = True
        self._timer.start()

    def update(self, done: int, total: int | None) -> None:
        self._reached = done, total
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._stopped = True
            if self._bar is not None:
                self._bar.stop()

    def _show(self) -> None:
        from rich import progress  # noqa: PLC0415 - 0.1 s, and most captures are read in less than one
        from rich.console import Console  # noqa: PLC0415

        size, speed, left = progress.DownloadColumn(), progress.TransferSpeedColumn(), progress.TimeRemainingColumn()
        bar = progress.Progress(
            progress.TextColumn("reading"), progress.BarColumn(), size, speed, left,
            console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        done, total = self._reached
        bar.add_task("", completed=done, total=total)
        with self._lock:
            if not self._stopped:
                bar.start()
                self._bar = bar
