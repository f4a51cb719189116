"""Many captures, each on its own: a bundle of each, and an index of all. One that cannot be read does not stop the others."""

import re
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from closewait_pcap.delivery.bundle import write_bundle
from closewait_pcap.delivery.hashing import Hashes
from closewait_pcap.delivery.settings import Settings
from closewait_pcap.errors import CaptureWarning, ClosewaitError
from closewait_pcap.quantities import short_names

_LONGEST = 100
"""Letters of a folder's name."""


@dataclass(frozen=True)
class Outcome:
    """What came of one capture."""

    capture: str
    headline: str = ""
    flows: int = 0
    close_wait: int = 0
    stuck: int = 0
    warnings: int = 0
    folder: str = ""
    """Of its bundle, beside the index."""
    reason: str = ""
    """Why it could not be read; empty where it could."""


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
    work = [(capture, settings, folder, name) for capture, name in zip(captures, folder_names(captures), strict=True)]
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
        return Outcome(task[0], reason="its process was killed (out of memory?)")


def _analyze(task: _Task) -> Outcome:
    capture, settings, folder, name = task
    hashes = Hashes([capture] if folder is not None else [])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CaptureWarning)  # the report says it
            analysis = settings.analyze((capture,))
        account = settings.account(analysis)
        summary = account.summary
        outcome = Outcome(
            capture,
            account.headline,
            summary.flows,
            summary.close_wait,
            summary.stuck,
            len(analysis.warnings),
            name if folder else "",
        )
    except ClosewaitError as error:
        return Outcome(capture, reason=str(error).removeprefix(f"{capture}: "))
    except Exception as error:
        return Outcome(capture, reason=f"{type(error).__name__}: {error}")
    if folder is not None:
        write_bundle(folder / name, analysis, settings, hashes)
    return outcome


def folder_names(captures: Sequence[str]) -> list[str]:
    """Give each capture a folder that no other one has, named as it is, in letters that are safe everywhere."""
    names: list[str] = []
    for capture in short_names(list(captures)):
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", capture.rpartition("/")[2] if len(captures) == 1 else capture).lstrip(".-_")
        name, number = plain[:_LONGEST] or "capture", 1
        while name.lower() in map(str.lower, names):
            number += 1
            name = f"{plain[:_LONGEST]}-{number}"
        names.append(name)
    return names
