"""What the words on a command line mean: times, addresses, spans, and which files are socket tables."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from closewait_pcap.anonymizing import read_key
from closewait_pcap.notation import parse_address, parse_moment, parse_span

OPTION = "--sockets"
ANONYMIZE = "--anonymize"
_HEAD = 4096
_BEGIN = 1 << 16
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BINARY = frozenset(range(9)) | frozenset(range(14, 27))
"""Bytes that no text has, and nearly every capture, compressed or not."""


class Told(click.ParamType):  # type: ignore[type-arg] # generic in newer clicks only
    """What a function reads from a word; of a wrong one it says what is wrong.

    Args:
        name: what it is, for the help.
        read: gives the value; raises ValueError.
    """

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        try:
            return self._read(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _span(text: str) -> str:
    """Check a span of time; `analyze` reads it."""
    parse_span(text)
    return text


def _zone(text: str) -> str:
    """Check a time zone; `analyze` reads it."""
    if text != "UTC":
        from closewait_pcap.capture.printed.times import zone_of  # noqa: PLC0415 - for text alone

        zone_of(text)
    return text


MOMENT = Told("time", parse_moment)
"""ISO 8601, or as the reports print it; UTC where it names no zone."""
ADDRESS = Told("address", parse_address)
"""An IP address, in brackets or not."""
SPAN = Told("span", _span)
"""Such as 1s, 500ms or 2min."""
ZONE = Told("zone", _zone)
"""Such as UTC, +02:00 or Europe/Berlin."""


class Key(click.ParamType):  # type: ignore[type-arg] # generic in newer clicks only
    """A file that holds a key; without one, the empty key, which stands for a random one."""

    name = "keyfile"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Read the file."""
        if isinstance(value, bytes) or not value:
            return bytes(value or b"")
        try:
            with Path(value).open("rb") as file:
                return read_key(file.read(_HEAD))
        except OSError as error:
            self.fail(f"{value}: {error.strerror}", param, ctx)
        except ValueError as error:
            self.fail(f"{value}: {error}", param, ctx)


class SocketCommand(click.Command):
    """A command whose ``--sockets`` takes several files, as a shell's ``ss*.txt`` gives them, and ``--anonymize`` one or none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the option before each table that follows the first."""
        return super().parse_args(ctx, list(each_named(list(with_keys(args)))))

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Say in the usage that a capture may be left out where there are tables."""
        return [*super().collect_usage_pieces(ctx), f"[{OPTION} FILE...]"]


def each_named(arguments: Sequence[str]) -> Iterator[str]:
    """Put ``--sockets`` before each socket table that follows it without one.

    Args:
        arguments: as typed. After ``--sockets FILE``, up to the next option, text without packets is a table, all else a capture.

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
            if following and is_text(argument) and not _holds_packets(argument):
                yield OPTION
            yield argument


def _holds_packets(argument: str) -> bool:
    """Whether a text is packets that somebody printed, and so a capture."""
    from closewait_pcap.capture.printed.stream import holds_packets  # noqa: PLC0415 - for text behind --sockets alone

    with Path(argument).open("rb") as file:
        return holds_packets(file.read(_BEGIN))


def with_keys(arguments: Sequence[str]) -> Iterator[str]:
    """Join ``--anonymize`` with the file behind it, where that holds a key; a capture does not.

    Args:
        arguments: as typed.

    Yields:
        The arguments; ``--anonymize=FILE``, or ``--anonymize=`` where there is no key.
    """
    waiting = ended = False
    for argument in arguments:
        if waiting:
            waiting = False
            yield f"{ANONYMIZE}={argument if is_key(argument) else ''}"
            if is_key(argument):
                continue
        ended = ended or argument == "--"
        if argument == ANONYMIZE and not ended:
            waiting = True
        else:
            yield argument
    if waiting:
        yield f"{ANONYMIZE}="


def is_key(argument: str) -> bool:
    """Say whether a word names a file that holds a key."""
    try:
        path = Path(argument)
        if not path.is_file() or path.stat().st_size > _HEAD:
            return False
        read_key(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True


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
