"""Where the lines of a table come from: files in any encoding, stdin, open files, pasted text."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import IO, NamedTuple, TextIO

from closewait_pcap.capture.printed.lines import encoding_of
from closewait_pcap.errors import SnapshotError

LONGEST = 65_536
"""Characters of a line that are looked at; what follows them is thrown away."""
_HEAD = 4096

Source = str | PathLike[str] | TextIO
"""A path, ``-`` for stdin, text with at least one line end, or a file open for reading text."""


class Lines(NamedTuple):
    """The lines of a source, and what is known of it."""

    name: str
    text: TextIO
    mtime: int | None
    """ns since the epoch; None where it is no file."""
    whole_lines: bool
    """Whether a last line without a line end means that it was cut: so in files that tools write, not in pasted text."""


@contextmanager
def opened(source: Source) -> Iterator[Lines]:
    """Open a source of text.

    Raises:
        SnapshotError: there is no such file, or it may not be read.
    """
    if isinstance(source, str) and "\n" in source:
        yield Lines("text", io.StringIO(source), None, whole_lines=False)
    elif source == "-":
        text = _decoded(sys.stdin.buffer)
        yield Lines("-", text, None, whole_lines=True)
        text.detach()  # stdin is not ours to close
    elif isinstance(source, str | PathLike):
        path = Path(fspath(source))
        try:
            with path.open("rb") as file:
                yield Lines(str(path), _decoded(file), path.stat().st_mtime_ns, whole_lines=True)
        except OSError as error:
            raise SnapshotError(f"{path}: {error.strerror or error}") from error
        except ValueError as error:
            if isinstance(error, SnapshotError):
                raise
            raise SnapshotError(f"{str(path)!r}: {error}") from error  # a path with a zero byte
    elif isinstance(source, io.TextIOBase):
        yield Lines(str(getattr(source, "name", "text")), source, None, whole_lines=False)
    else:
        raise SnapshotError(f"cannot read a socket table from {type(source).__name__}: give a path, text or a text file object")


def numbered(text: TextIO) -> Iterator[tuple[int, str]]:
    """Give the lines with their numbers, from 1; of overlong ones the beginning."""
    number, fresh = 0, True
    while line := text.readline(LONGEST):
        if fresh:
            number += 1
            yield number, line
        fresh = line.endswith("\n")


def _decoded(file: IO[bytes]) -> io.TextIOWrapper:
    """Put a decoder before a binary file: UTF-8, or UTF-16 as Windows PowerShell redirects."""
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(io.BytesIO(file.read()))
    return io.TextIOWrapper(buffered, encoding=encoding_of(buffered.peek(_HEAD)[:_HEAD]), errors="replace")
