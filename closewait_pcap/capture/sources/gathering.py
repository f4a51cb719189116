"""What the user named, as single captures: folders, patterns and the files of a ring buffer are looked up here.

Only names and first bytes are looked at. What was named but does not count is told in sentences, never dropped in silence.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from closewait_pcap.capture.sniff import HEAD, foreign, is_capture, is_text
from closewait_pcap.capture.sources.compression import SUFFIXES, first_bytes
from closewait_pcap.capture.sources.opening import CaptureSource, is_url
from closewait_pcap.errors import CaptureError

NAMED = 3
"""How many of the files that are passed over a sentence names."""
_LOOK = 1 << 16
"""Bytes of a text in which packets must begin."""
_COMPRESSED = rf"(?:{'|'.join(map(re.escape, SUFFIXES))})*"
_COUNTED = r"[0-9]{1,5}"
"""What tcpdump -C appends. More digits are a date, or a time."""
_DUMPCAP = (
    r"(?P<stem>.+)_(?P<number>[0-9]{5,10})_[0-9]{14}(?P<suffix>\.[^.]+)?",  # dumpcap -b; editcap -c, -i
    r"(?P<stem>.+)_[0-9]{14}_(?P<number>[0-9]{5,10})(?P<suffix>\.[^.]+)?",  # dumpcap -b nametimenum:2
)
_TCPDUMP = rf"(?i:(?P<stem>.+)(?P<suffix>\.(?:pcap|pcapng|cap|dmp|dump|trace|tcpdump)))(?P<number>{_COUNTED})?"
_TIMES = dict.fromkeys("CdeHIklmMSyUVWg", r"[0-9 ]{2}") | {"Y": "[0-9]{4}", "G": "[0-9]{4}", "j": "[0-9]{3}", "s": "[0-9]+"}
_TIMES |= {
    "F": r"[0-9]+-[0-9]{2}-[0-9]{2}",
    "T": "[0-9]{2}:[0-9]{2}:[0-9]{2}",
    "R": "[0-9]{2}:[0-9]{2}",
    "z": "[+-][0-9]{4}",
    "c": ".+",
    "%": "%",
}
"""strftime's conversions, as what they write; the others write words."""


class Gathered(NamedTuple):
    """The captures that were meant."""

    sources: list[CaptureSource]
    """One capture each, in the order given; those of a folder, a pattern or a ring buffer by name, numbers by their value."""
    passed_over: list[str]
    """Sentences: what was found but does not count, and why."""
    explicit: bool
    """Whether each was named by itself; False where a folder, a pattern or a ring buffer's name brought some."""


def gather(sources: CaptureSource | Iterable[CaptureSource]) -> Gathered:
    """Find the captures that somebody means.

    Args:
        sources: one or several of: a capture, as `open_source` takes it; a folder, for the captures in it (told by content, not
            by name; hidden files and subfolders are passed over); a pattern with ``*``, ``?`` or ``[``; the name given to
            tcpdump's ``-w`` with ``-C`` or ``-G``, or to dumpcap's with ``-b``, for all the files of that ring buffer.

    Returns:
        Each capture once. A name that is nothing of all this is left as it is, for `open_source` to say what is wrong.

    Raises:
        CaptureError: a folder without captures, a pattern that nothing matches, or no source at all.
    """
    gathered = Gathered([], [], True)
    seen: dict[object, str] = {}
    for source in _each(sources):
        found = _expand(source, gathered.passed_over)
        gathered = gathered._replace(explicit=gathered.explicit and found == [source])
        for one in found:
            identity = _identity(one)
            name = _name(one)
            if identity in seen:
                first = seen[identity]
                again = "given twice" if first == name else f"the same file as {first}"
                gathered.passed_over.append(f"{name}: {again}; it counts once")
                continue
            seen[identity] = name
            gathered.sources.append(one)
    if not gathered.sources:
        raise CaptureError("no capture given: name files, folders, patterns such as 'trace*.pcap', or - for standard input")
    return gathered


def family_of(name: str) -> tuple[str, int] | None:
    """Tell which of the files of a ring buffer this is.

    Args:
        name: of a file, without its folder.

    Returns:
        The family, as the name that was given to ``-w``, and the file's number in it; None where the name tells none. The first
        file of ``tcpdump -C`` without ``-W`` has no number in its name, and is 0. Digits before the suffix are a date or whatever
        else, never a number: such a name is None.
    """
    name = re.sub(rf"{_COMPRESSED}\Z", "", name)
    for pattern in _DUMPCAP:
        if match := re.fullmatch(pattern, name):
            return match["stem"] + (match["suffix"] or ""), int(match["number"])
    match = re.fullmatch(_TCPDUMP, name)
    if match is None or (match["number"] is None and match["stem"][-1].isdigit()):
        return None
    return match["stem"] + match["suffix"], int(match["number"] or 0)


def _each(sources: CaptureSource | Iterable[CaptureSource]) -> Iterator[CaptureSource]:
    if isinstance(sources, (str, os.PathLike)) or hasattr(sources, "read") or not isinstance(sources, Iterable):
        yield sources  # type: ignore[misc] # what is no source at all, open_source refuses
    else:
        yield from sources


def _expand(source: CaptureSource, passed_over: list[str]) -> list[CaptureSource]:
    if not isinstance(source, (str, os.PathLike)) or source == "-" or is_url(source):
        return [source]
    name = os.fspath(source)
    try:
        mode = os.stat(name).st_mode  # noqa: PTH116 - a Path would lose what the user wrote: ./ and //
    except (OSError, ValueError):
        return [*_family(name)] or _matches(name) or [source]
    return [*_captures_in(name, passed_over)] if stat.S_ISDIR(mode) else [source]


def _captures_in(folder: str, passed_over: list[str]) -> list[str]:
    """List the captures of a folder; printed packets only where there are no others: most are a print of one beside them."""
    captures: list[str] = []
    texts: list[str] = []
    others: list[str] = []
    for name in _listed(folder):
        path = os.path.join(folder, name)  # noqa: PTH118 - as above
        try:
            looked_into = not name.startswith(".") and Path(path).is_file()  # opening a pipe would wait for its other end
            holds = _holds(path) if looked_into else None
            (captures if holds == "capture" else texts if holds == "text" else others).append(path if holds else name)
        except OSError as error:
            passed_over.append(f"{path}: passed over, for it cannot be read: {error.strerror}")
    if captures:
        others = sorted([*others, *(text.rpartition("/")[2] for text in texts)], key=_by_numbers)
    captures = captures or texts
    what = f"{len(others):,} other {'entry' if len(others) == 1 else 'entries'} ({_some(others)})" if others else ""
    if not captures:
        raise CaptureError(
            f"{folder}: no capture in this folder, {f'only {what}' if others else 'it is empty'}; "
            "its subfolders and hidden files are not looked into: name them, or the files"
        )
    if others:
        passed_over.append(f"{folder}: passed over {what}")
    return captures


def _holds(path: str) -> Literal["capture", "text"] | None:
    """Tell by content, also inside a compressed file: a capture, text in which packets are printed, or neither."""
    with Path(path).open("rb") as stream:
        head = first_bytes(stream, HEAD)
        if is_capture(head) or foreign(head) is not None:
            return "capture"
        if not is_text(head):
            return None
        from closewait_pcap.capture.printed.stream import holds_packets  # noqa: PLC0415 - most captures are no text

        stream.seek(0)
        return "text" if holds_packets(first_bytes(stream, _LOOK)) else None


def _family(name: str) -> list[str]:
    """List the files that tcpdump or dumpcap wrote when it was given this name."""
    folder, base = os.path.split(name)
    if not base:
        return []
    pattern = re.compile(f"{_written(base)}({_COUNTED})?{_COMPRESSED}")
    try:
        names = _listed(folder or ".")
    except (OSError, ValueError):
        return []
    stripped = re.sub(rf"{_COMPRESSED}\Z", "", base)
    members = [one for one in names if pattern.fullmatch(one) or ((of := family_of(one)) and of[0] == stripped)]
    return [path for one in members if Path(path := os.path.join(folder, one)).is_file()]  # noqa: PTH118


def _written(base: str) -> str:
    """Turn a name with strftime's conversions into a pattern of the names that it becomes."""
    parts = re.split(r"%([A-Za-z%])", base)
    return "".join(_TIMES.get(part, r"\w+") if at % 2 else re.escape(part) for at, part in enumerate(parts))


def _matches(pattern: str) -> list[CaptureSource]:
    """Expand a pattern that no shell has expanded: Jupyter has none."""
    if not re.search(r"[*?[]", pattern):
        return []
    import glob  # noqa: PLC0415 - rarely needed

    found = sorted(glob.glob(pattern), key=_by_numbers)  # noqa: PTH207 - as the user wrote it
    files: list[CaptureSource] = [path for path in found if not Path(path).is_dir()]
    if not files:
        why = "only folders match this pattern; give a folder by name, or add /*" if found else "no file matches this pattern"
        raise CaptureError(f"{pattern}: {why}")
    return files


def _listed(folder: str) -> list[str]:
    return sorted(os.listdir(folder), key=_by_numbers)  # noqa: PTH208 - names


def _by_numbers(name: str) -> list[str | int]:
    """Sort a9 before a10."""
    return [int(part) if at % 2 else part for at, part in enumerate(re.split(r"([0-9]+)", name))]


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")


def _name(source: CaptureSource) -> str:
    if is_url(source):
        from closewait_pcap.capture.sources.remote import shown  # noqa: PLC0415

        return shown(str(source))
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else str(getattr(source, "name", "<stream>"))


def _identity(source: CaptureSource) -> object:
    """What two names of one file have in common."""
    if not isinstance(source, (str, os.PathLike)):
        return id(source)
    try:
        status = os.stat(source)  # noqa: PTH116
    except (OSError, ValueError):
        return os.fspath(source)
    return status.st_dev, status.st_ino
