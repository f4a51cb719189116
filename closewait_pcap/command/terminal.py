"""The two streams: the result goes to stdout, and all that a person should know beside it to stderr."""

import os
import shutil
import sys
from typing import Any

import click

from closewait_pcap.quantities import printable


def complain(message: str) -> None:
    """Say something on stderr."""
    click.echo(f"analyze: {printable(message)}", err=True)


def page() -> dict[str, Any]:
    """Say how wide the page is, and whether in colours."""
    terminal = sys.stdout.isatty()
    return {
        "width": max(shutil.get_terminal_size().columns, 40) if terminal else None,
        "color": terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb",
    }


def show(result: str | bytes) -> None:
    """Write to stdout. A reader that has gone (head, say) wants no more, and changes nothing of what was found."""
    if isinstance(result, bytes):
        sys.stdout.buffer.write(result)
        sys.stdout.flush()
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        result.encode(encoding)
    except UnicodeEncodeError:
        result = result.replace("─", "-").replace("µ", "u").encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stdout.write(result)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
