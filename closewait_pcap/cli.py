"""The command `analyze`: the only catcher of errors, the only printer, the only exit."""

import os
import shutil
import sys
import time
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from closewait_pcap import __version__, engine
from closewait_pcap.analysis import STUCK_AFTER, Analysis, Progress, analyze, parse_span
from closewait_pcap.errors import CaptureError, CaptureWarning
from closewait_pcap.reports import json, text
from closewait_pcap.reports.wording import printable, summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from closewait_pcap.results import Values

EXIT_FOUND, EXIT_UNREADABLE, EXIT_SOME_UNREADABLE = 1, 2, 3
_PROGRESS_AFTER_S = 1.0


class Moment(click.ParamType):
    """A time: ISO 8601, UTC where it names no zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Turn text into ns since the epoch."""
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is no time; write 2026-11-21T10:00:00 (UTC) or 2026-11-21T11:00:00+01:00", param, ctx)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


class Span(click.ParamType):
    """A span of time, such as 1s, 500ms or 2min."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the text; `analyze` reads it."""
        try:
            parse_span(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True, help="For a person, or for a program.")
@click.option("--all", "all_flows", is_flag=True, help="List every flow, not only those that wait or waited.")
@click.option("--stuck-after", type=Span(), default=STUCK_AFTER, show_default=True, help="A wait this long counts as stuck.")
@click.option("--host", help="Show flows of this address only.")
@click.option("--port", type=click.IntRange(0, 65535), help="Show flows of this port only.")
@click.option("--since", type=Moment(), help="Show flows that were there at or after this time (ISO 8601, UTC).")
@click.option("--until", type=Moment(), help="Show flows that were there at or before this time.")
@click.option("--fail-on", type=click.Choice(["close-wait", "stuck"]), help="Exit with 1 where such flows are shown.")
@click.option("--strict", is_flag=True, help="Refuse a damaged capture instead of analysing what comes before the damage.")
@click.option("--quiet", "-q", is_flag=True, help="Nothing on stderr but errors.")
@click.version_option(__version__, prog_name="closewait-pcap")
def command(captures: tuple[str, ...], **options: Any) -> None:
    """Find the TCP connections that somebody has failed to close.

    CAPTURE is a pcap or pcapng file, or - for standard input. Filters choose what is shown, after all flows are numbered and
    judged.

    Exit status: 0 analysed; 1 found what --fail-on names; 2 nothing could be analysed; 3 some captures could not.
    """
    found, reports, unreadable = False, [], 0
    for number, capture in enumerate(captures):
        try:
            analysis = _analyze(capture, options)
        except CaptureError as error:
            click.echo(f"analyze: {printable(str(error))}", err=True)
            unreadable += 1
            continue
        shown = _chosen(analysis, options)
        summary = summarize(analysis.result, shown)
        found |= {"close-wait": summary.close_wait, "stuck": summary.stuck}.get(options["fail_on"], 0) > 0
        if options["format_"] == "json":
            reports.append(json.describe(analysis.result, analysis.warnings, shown, all_flows=options["all_flows"]))
        else:
            click.echo(("\n" if number else "") + _page(analysis, shown, options), nl=False)
    if options["format_"] == "json" and (reports or not unreadable):
        click.echo(json.render(reports, __version__), nl=False)
    if unreadable:
        sys.exit(EXIT_UNREADABLE if unreadable == len(captures) else EXIT_SOME_UNREADABLE)
    sys.exit(EXIT_FOUND if found else 0)


def _analyze(capture: str, options: dict[str, Any]) -> Analysis:
    quiet = options["quiet"]
    with warnings.catch_warnings(), _progress(quiet) as progress:
        warnings.simplefilter("ignore", CaptureWarning)  # the report says it
        warnings.showwarning = lambda message, *_, **__: None if quiet else click.echo(f"analyze: {message}", err=True)
        if not quiet and _will_compile(capture):
            click.echo("analyze: compiling the fast path for this machine, once (about 6 s)", err=True)
        return analyze(capture, stuck_after=options["stuck_after"], strict=options["strict"], progress=progress)


def _will_compile(capture: str) -> bool:
    try:
        large = capture != "-" and os.path.getsize(capture) > engine.WORTH_COMPILING  # noqa: PTH202 - accepts any text
    except (OSError, ValueError):
        return False
    return large and not engine.is_cached() and engine.numba_available()


@contextmanager
def _progress(quiet: bool) -> "Iterator[Progress | None]":
    """Show a progress bar on stderr once reading has taken a second, where a person is watching."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    task, begun, shown = bar.add_task("", total=None), time.monotonic(), False

    def advance(done: int, total: int | None) -> None:
        nonlocal shown
        if not shown and time.monotonic() - begun > _PROGRESS_AFTER_S:
            bar.start()
            shown = True
        if shown:
            bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        if shown:
            bar.stop()


def _chosen(analysis: Analysis, options: dict[str, Any]) -> "Values":
    """Pick the flows that the filters let through."""
    result = analysis.result
    streams = result.streams
    keep = np.ones(len(streams), np.bool_)
    client, client_port, server, server_port = result.endpoints_of(streams)
    if options["host"] is not None:
        words = np.array(_address_words(options["host"]))
        keep &= (client == words).all(axis=1) | (server == words).all(axis=1)
    if options["port"] is not None:
        keep &= (client_port == options["port"]) | (server_port == options["port"])
    first, last = result.facts.flows["first_time"][streams], result.facts.flows["last_time"][streams]
    held = result.judgement.held[streams]
    last = np.where(held >= 0, np.maximum(last, result.judgement.since[streams] + np.maximum(held, 0)), last)
    if options["since"] is not None:
        keep &= last >= options["since"]
    if options["until"] is not None:
        keep &= first <= options["until"]
    return streams[keep]


def _address_words(host: str) -> tuple[int, int]:
    import ipaddress  # noqa: PLC0415

    from closewait_pcap.capture.packets import address_words  # noqa: PLC0415

    try:
        return address_words(ipaddress.ip_address(host.strip("[]")).packed)
    except ValueError:
        raise click.BadParameter(f"{host!r} is no IP address", param_hint="--host") from None


def _page(analysis: Analysis, shown: "Values", options: dict[str, Any]) -> str:
    terminal = sys.stdout.isatty()
    width = max(shutil.get_terminal_size().columns, 80) if terminal else 160
    color = terminal and "NO_COLOR" not in os.environ
    return text.render(analysis.result, analysis.warnings, shown, all_flows=options["all_flows"], width=width, color=color)


def main() -> None:
    """Run the command; the console scripts' entry."""
    try:
        command(prog_name="analyze")
    except BrokenPipeError:
        # the reader (head, say) has gone: nothing more to tell, and nothing to complain of
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
