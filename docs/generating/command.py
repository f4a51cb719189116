"""The reference's page of the command line, from click's own parameters."""

import re

import click

from closewait_pcap import cli
from docs.generating.markdown import table

STATUSES = {
    0: "analysed (whatever was found, unless `--fail-on` names it)",
    cli.EXIT_FOUND: "found what `--fail-on close-wait` or `--fail-on stuck` names among the flows shown",
    cli.EXIT_UNREADABLE: "no capture (or no socket table) could be analysed, the command line is wrong, or the report could not "
    "be written",
    cli.EXIT_SOME_UNREADABLE: "some captures or socket tables could not be read; the others are in the report (this wins over 1)",
    cli.EXIT_INTERRUPTED: "interrupted",
}


def page() -> str:
    """Write the usage, every option, and what the exit status means."""
    context = click.Context(cli.command, info_name="analyze")
    usage = cli.command.get_usage(context).removeprefix("Usage: ")
    about = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", cli.command.help or "")]
    options = [option for option in cli.command.get_params(context) if isinstance(option, click.Option)]
    parts = [
        "# The command",
        "Made by `docs/generate.py` from the options of `closewait_pcap/cli.py`; `analyze --help` says the same.",
        f"```text\n{usage}\n```",
        *(_code(paragraph) for paragraph in about if not paragraph.startswith("Exit status:")),
        "## Options",
        "\n\n".join(_option(option, context) for option in options),
        "## Exit status",
        table(("status", "meaning"), ((str(status), meaning) for status, meaning in STATUSES.items())),
        "A damaged or cut capture is analysed but for what is damaged: a warning, not an exit status. `--strict` refuses it "
        "instead. The result is on standard output, all else on standard error.",
    ]
    return "\n\n".join(parts) + "\n"


def _option(option: click.Option, context: click.Context) -> str:
    names, help_ = option.get_help_record(context) or ("", "")
    names = names.replace(" INTEGER RANGE", " N")
    help_ = re.sub(r"\s+\[(.*)\]$", lambda match: f" *({match[1]})*", help_)
    return f"`{names}`\n: {_code(help_)}"


def _code(text: str) -> str:
    """Set options as code."""
    return re.sub(r"(?<![\w`-])(--[a-z][a-z-]*)", r"`\1`", text)
