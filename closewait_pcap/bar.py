"""A progress bar for what takes longer than a second: the same at a terminal and in a notebook."""

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tqdm import tqdm

    Progress = Callable[[int, int | None], None]

_AFTER_S = 1.0


class Bar:
    """A progress bar on stderr that shows itself after a second, also while nothing comes through the pipe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reached: tuple[int, int | None] = (0, None)
        self._bar: tqdm[None] | None = None
        self._stopped = False
        self._timer = threading.Timer(_AFTER_S, self._show)
        self._timer.daemon = True
        self._timer.start()

    def update(self, done: int, total: int | None) -> None:
        """Say how far it is, in bytes."""
        self._reached = done, total
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._bar.n)

    def stop(self) -> None:
        """Take it away."""
        self._timer.cancel()
        with self._lock:
            self._stopped = True
            if self._bar is not None:
                self._bar.close()

    def _show(self) -> None:
        from tqdm import tqdm  # noqa: PLC0415 - most captures are read in less than a second

        with self._lock:
            if not self._stopped:
                done, total = self._reached
                self._bar = tqdm(
                    desc="reading", total=total, initial=done, unit="B", unit_scale=True, leave=False, file=sys.stderr,
                    dynamic_ncols=sys.stderr.isatty(),
                )  # fmt: skip


@contextmanager
def shown_in_a_notebook(progress: "Progress | None") -> "Iterator[Progress | None]":
    """Show a bar where a notebook's reader is waiting, unless the caller follows the progress itself."""
    if progress is not None or not _is_notebook():
        yield progress
        return
    bar = Bar()
    try:
        yield bar.update
    finally:
        bar.stop()


def _is_notebook() -> bool:
    """Whether the code runs in a kernel of Jupyter."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
