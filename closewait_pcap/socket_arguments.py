"""``--sockets FILE...``: which of the words on a command line are socket tables."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

OPTION = "--sockets"
_HEAD = 4096
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BINARY = frozenset(range(9)) | frozenset(range(14, 27))
"""Bytes that no text has, and nearly every capture, compressed or not."""


class SocketCommand(click.Command):
    """A command whose ``--sockets`` takes several files, as a shell's ``ss*.txt`` gives them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the option before each table that follows the first."""
        return super().parse_args(ctx, list(each_named(args)))

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Say in the usage that a capture may be left out where there are tables."""
        return [*super().collect_usage_pieces(ctx), f"[{OPTION} FILE...]"]


def each_named(arguments: Sequence[str]) -> Iterator[str]:
    """Put ``--sockets`` before each socket table that follows it without one.

    Args:
        arguments: as typed. After ``--sockets FILE``, up to the next option, text files are tables, and all else captures.

    Yields:
        The arguments, each table behind a ``--sockets`` of its own.
    """
    value = following = ended = False
    for argument in arguments:
        if ended:
            yield argument
        elif value:
            value, following = False, True
            yield argument
        elif argument.startswith("-") and argument != "-":
            ended = argument == "--"
            value, following = argument == OPTION, argument.startswith(f"{OPTION}=")
            yield argument
        else:
            if following and is_text(argument):
                yield OPTION
            yield argument


def is_text(argument: Any) -> bool:
    """Say whether a word names a file that holds text."""
    try:
        path = Path(argument)
        if not path.is_file():  # what is no file (a pipe) must not be read from twice
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return False
    return bool(head) and (head.startswith(_UTF_16) or not _BINARY & set(head))
