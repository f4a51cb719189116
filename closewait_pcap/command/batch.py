"""Many captures, each on its own: a bundle of each, and an index of all. One that cannot be read does not stop the others."""

import re
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from closewait_pcap.command.settings import Settings
from closewait_pcap.delivery.hashing import Hashes
from closewait_pcap.errors import CaptureWarning, ClosewaitError
from closewait_pcap.quantities import short_names

_LONGEST = 100
"""Letters of a folder's name."""


@dataclass(frozen=True)
class Outcome:
    """What came of one capture."""

    capture: str
    """Its name, or where addresses are mapped its number."""
    headline: str = ""
    flows: int = 0
    close_wait: int = 0
    stuck: int = 0
    warnings: int = 0
    folder: str = ""
    """Of its bundle, beside the index."""
    reason: str = ""
    """Why it could not be read; empty where it could."""
    aside: tuple[str, ...] = ()
    """What only who runs the command is to know: it may have names that reports leave out."""


def analyze_each(captures: Sequence[str], settings: Settings, folder: Path | None, jobs: int) -> Iterator[Outcome]:
    """Analyse captures one by one.

    Args:
        captures: their names.
        settings: for all of them.
        folder: where each gets a bundle; None: nowhere.
        jobs: so many at the same time, each in a process of its own.

    Yields:
        What came of each, in their order.

    Raises:
        ReportError: a bundle cannot be written: then none of the others can.
    """
    work = [(capture, settings, folder, name) for capture, name in zip(captures, folder_names(captures, settings), strict=True)]
    if jobs == 1:
        yield from map(_analyze, work)
        return
    with ProcessPoolExecutor(jobs) as pool:
        futures = [_submit(pool, task) for task in work]
        for task, future in zip(work, futures, strict=True):
            yield _outcome(task, future)


_Task = tuple[str, Settings, Path | None, str]


def _submit(pool: ProcessPoolExecutor, task: _Task) -> "Future[Outcome] | None":
    try:
        return pool.submit(_analyze, task)
    except BrokenProcessPool:
        return None


def _outcome(task: _Task, future: "Future[Outcome] | None") -> Outcome:
    """Wait for a result. A process that is killed takes the others of its pool along: each of those is tried again, alone."""
    try:
        if future is not None:
            return future.result()
    except BrokenProcessPool:
        pass
    try:
        with ProcessPoolExecutor(1) as alone:
            return alone.submit(_analyze, task).result()
    except BrokenProcessPool:
        return Outcome(_called(task), reason="its process was killed (out of memory?)")


def _analyze(task: _Task) -> Outcome:
    capture, settings, folder, name = task
    called = _called(task)
    aside = () if called == capture else (f"{called} is {capture}",)
    with Hashes([capture] if folder is not None else []) as hashes:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CaptureWarning)  # the report says it
                analysis = settings.shown(settings.analyze((capture,)))
            account = analysis.account(settings.choice)
            summary = account.summary
            outcome = Outcome(
                called,
                account.headline,
                summary.flows,
                summary.close_wait,
                summary.stuck,
                len(analysis.warnings),
                name if folder else "",
                aside=aside,
            )
        except Exception as error:
            return _failed(task, error)
        if folder is None:
            return outcome
        written = settings.bundle(folder / name, analysis, account, hashes)
        return replace(outcome, aside=(*aside, *(written.sentences[1:] if written.evidence else written.sentences)))


def _failed(task: _Task, error: Exception) -> Outcome:
    """Say why a capture could not be read."""
    capture, settings, _, _ = task
    expected = isinstance(error, ClosewaitError)
    reason = str(error).removeprefix(f"{capture}: ") if expected else f"{type(error).__name__}: {error}"
    if settings.key is None:
        return Outcome(capture, reason=reason)
    return Outcome(_called(task), reason="it could not be read", aside=(f"{_called(task)} is {capture}: {reason}",))


def _called(task: _Task) -> str:
    """Name a capture in what may be shown."""
    capture, settings, _, name = task
    return capture if settings.key is None else name


def folder_names(captures: Sequence[str], settings: Settings) -> list[str]:
    """Give each capture a folder that no other one has.

    Args:
        captures: their names.
        settings: where they map addresses, names are left out, too.

    Returns:
        The captures' names, in letters that are safe everywhere; or their numbers.
    """
    if settings.key is not None:
        return [f"capture-{number}" for number in range(1, len(captures) + 1)]
    names: list[str] = []
    for capture in short_names(list(captures)):
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", capture.rpartition("/")[2] if len(captures) == 1 else capture).lstrip(".-_")
        name, number = plain[:_LONGEST] or "capture", 1
        while name.lower() in map(str.lower, names):
            number += 1
            name = f"{plain[:_LONGEST]}-{number}"
        names.append(name)
    return names
