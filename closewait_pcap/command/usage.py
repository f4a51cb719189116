"""What does not go together on a command line: refused before anything is read."""

import sys
from pathlib import Path
from typing import Any

import click

from closewait_pcap.reports import formats


def check(captures: tuple[str, ...], options: dict[str, Any]) -> None:
    """Refuse what does not go together.

    Args:
        captures: as typed.
        options: of the command, by their names in Python.

    Raises:
        click.UsageError: some of it does not; the message says what to do.
    """
    format_, output = options["format_"], options["output"]
    if not captures and not options["sockets"]:
        raise click.UsageError("Missing argument 'CAPTURE...' (or --sockets FILE...).")
    if "-" in captures and ("-" in options["sockets"] or options["each"]):
        raise click.UsageError("- can be the capture or a socket table, not both, and is no capture among --each.")
    if options["each"] and format_ not in ("text", "json"):
        raise click.UsageError(f"--format {format_} is of one analysis of captures; here: text or json.")
    if not captures:
        _check_tables(options)
    if format_ in formats.BINARY and output is None and sys.stdout.isatty():
        raise click.UsageError(f"--format {format_} is binary, which no terminal shows: write it to a file with -o.")
    if output is not None and output.is_file():
        for name in (*captures, *options["sockets"]):
            if Path(name).is_file() and output.samefile(name):
                raise click.UsageError(f"-o {output} would overwrite what is to be read.")
    if options["each"] and options["evidence"]:
        raise click.UsageError("--evidence is of one analysis of captures; with --each, --report DIR has it in each bundle.")
    if options["payload"] and not options["evidence"] and options["report"] is None:
        raise click.UsageError("--payload says what becomes of payload in --evidence FILE or --report DIR: give one of them.")


def _check_tables(options: dict[str, Any]) -> None:
    """Refuse what socket tables alone cannot give."""
    if options["format_"] not in formats.OF_TABLES:
        of_tables = ", ".join(formats.OF_TABLES)
        raise click.UsageError(f"--format {options['format_']} is of a capture; of socket tables alone: {of_tables}.")
    if options["report"] or options["each"]:
        raise click.UsageError("--report and --each are of captures, and there is none.")
    for name in ("evidence", "anonymize"):
        if options[name] is not None:
            raise click.UsageError(f"--{name} is of a capture, and there is none.")
    for name in ("since", "until"):
        if options[name] is not None:
            raise click.UsageError(f"--{name} chooses flows of a capture, and there is none.")
