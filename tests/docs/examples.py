"""The examples of the documentation: found in its pages, and run as a reader would.

A block of the language ``console`` shows commands behind ``$ `` and, below each, all that it prints at a terminal, word for word.
A line ``...`` stands for any lines, or none, and `` ...`` at a line's end for the rest of it. A command that fails must be
followed by ``$ echo $?``.
"""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md"))
COLUMNS = 88
"""As wide as a page shows without scrolling."""
PATIENCE = 60
"""Seconds without any output after which a command is taken to hang."""
_FENCE = re.compile(r"^(?P<fence>```+)(?P<language>[\w+-]*)[^\n]*\n(?P<text>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


class Example(NamedTuple):
    """A command, and what it is said to print."""

    command: str
    output: str


def blocks(page: Path, *languages: str) -> list[Block]:
    """Find a page's blocks of some languages."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(page, text.count("\n", 0, match.start()) + 2, match["language"], match["text"]) for match in _FENCE.finditer(text)
    ]
    return [block for block in found if block.language in languages]


def examples(block: Block) -> Iterator[Example]:
    """Split a console block into its commands; ``> `` goes on with one, as in a shell."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = f"{command[:-1]}{more.removeprefix('> ').lstrip()}"
        yield Example(command, output)


def run(command: str, folder: Path, status: int = 0) -> tuple[str, int]:
    """Run a command in a shell at a terminal of `COLUMNS` columns.

    Args:
        command: of the shell.
        folder: where; its ``bin`` comes first in the path.
        status: what ``$?`` is to be at its beginning.

    Returns:
        What it showed, and its exit status.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "FORCE_COLOR")}
    environment |= {
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "NO_COLOR": "1",
        "TERM": "xterm",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }
    words = ["bash", "-c", f"(exit {status}); {command}"]
    with subprocess.Popen(words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave) as process:
        os.close(slave)
        shown = b"".join(iter(lambda: _read(master), b""))
        os.close(master)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return shown.decode().replace("\r\n", "\n"), process.returncode


def _read(terminal: int) -> bytes:
    """What comes next, or nothing at the end, or when nothing comes for long."""
    try:
        return os.read(terminal, 65536) if select.select([terminal], [], [], PATIENCE)[0] else b""
    except OSError:  # Linux: nobody has the other end any more
        return b""


def fits(shown: str, said: str) -> bool:
    """Whether an output is what the page says, ``...`` standing for any lines, or the rest of one."""
    parts = re.split(r"^\.\.\.\n", said.rstrip("\n") + "\n", flags=re.MULTILINE)
    patterns = ["".join(f"{_pattern(line)}\n" for line in part.splitlines()) for part in parts]
    return re.fullmatch("(?:.*\n)*?".join(patterns), shown.rstrip("\n") + "\n") is not None


def _pattern(line: str) -> str:
    return f"{re.escape(line[:-3])}.*" if line.endswith(" ...") else re.escape(line)


def workshop(folder: Path) -> Path:
    """Make a folder in which the examples can be run: the samples, and the commands ``analyze`` and ``python``."""
    (folder / "samples").symlink_to(ROOT / "samples")
    (folder / "bin").mkdir()
    for name, words in {"analyze": "-m closewait_pcap", "python": ""}.items():
        command = folder / "bin" / name
        command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" {words} "$@"\n', encoding="utf-8")
        command.chmod(0o755)
    return folder
