"""The command `analyze`: the only catcher of errors, the only printer, the only exit."""

import os
import shutil
import sys
import threading
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import numpy as np

from closewait_pcap import __version__, engine
from closewait_pcap.analysis import MAX_FLOWS, STUCK_AFTER, Analysis, Progress, analyze, parse_span
from closewait_pcap.errors import CaptureWarning, ClosewaitError
from closewait_pcap.parameters import Address, Key, Moment, SocketCommand, Span
from closewait_pcap.quantities import printable
from closewait_pcap.reports import json, text
from closewait_pcap.reports.wording import summarize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as Bar

    from closewait_pcap.results import Values

EXIT_FOUND, EXIT_UNREADABLE, EXIT_SOME_UNREADABLE, EXIT_INTERRUPTED = 1, 2, 3, 130
_PROGRESS_AFTER_S = 1.0


@click.command(cls=SocketCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("captures", nargs=-1, metavar="CAPTURE...")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For a person, or for a program.",
)
@click.option("--all", "all_flows", is_flag=True, help="List every flow, not only those that wait or waited.")
@click.option("--stuck-after", type=Span(), default=STUCK_AFTER, show_default=True, help="A wait this long counts as stuck.")
@click.option("--host", type=Address(), help="Show flows of this address only.")
@click.option("--port", type=click.IntRange(0, 65535), help="Show flows of this port only.")
@click.option("--since", type=Moment(), help="Show flows that were there at or after this time (ISO 8601, UTC).")
@click.option("--until", type=Moment(), help="Show flows that were there at or before this time.")
@click.option(
    "--sockets",
    multiple=True,
    metavar="FILE...",
    help="What ss, netstat, lsof -i or /proc/net/tcp printed on an end's host, at one time or several; live: ask this host.",
)
@click.option(
    "--evidence",
    type=click.Path(dir_okay=False),
    help="Write the packets that prove what is said of the flows that wait or waited, as pcapng (.gz: compressed).",
)
@click.option("--payload", type=click.Choice(["cut", "keep"]), help="With --evidence: what becomes of payload (default: cut).")
@click.option(
    "--anonymize",
    type=Key(),
    metavar="[KEYFILE]",
    help="Map addresses, in reports and evidence alike, prefixes kept, and drop names; without a key, with a random one.",
)
@click.option("--fail-on", type=click.Choice(["close-wait", "stuck"]), help="Exit with 1 where such flows are shown.")
@click.option(
    "--max-flows",
    type=click.IntRange(1),
    default=MAX_FLOWS,
    show_default=True,
    help="Keep so many flows (0.6 KB each); the oldest finished ones leave first, and are only counted.",
)
@click.option("--strict", is_flag=True, help="Refuse a damaged or unreadable capture instead of analysing the rest.")
@click.option("--quiet", "-q", is_flag=True, help="Nothing on stderr but errors.")
@click.version_option(__version__, prog_name="closewait-pcap")
def command(captures: tuple[str, ...], **options: Any) -> None:
    """Find the TCP connections that somebody has failed to close.

    CAPTURE is a pcap or pcapng file (compressed or not), a URL, or - for standard input. Several are read as one timeline: given
    by name, as a folder, as a pattern, or by the name that tcpdump or dumpcap was given for its ring buffer. Filters choose what
    is shown, after all flows are numbered and judged.

    With --sockets each flow's sockets are looked up: who holds them, and whether the kernel's state is that of the packets.
    Without a capture, the report is of the socket tables alone.

    With --evidence the capture is read twice, so it cannot come from a pipe. --anonymize takes a file of 32 bytes or 64
    hexadecimal digits (openssl rand -hex 32); the same key gives the same addresses again. Keep it to yourself.

    Ctrl-C ends the reading; what was read by then is reported.

    Exit status: 0 analysed; 1 found what --fail-on names; 2 nothing could be analysed; 3 some captures could not; 130
    interrupted.
    """
    _check_evidence(captures, options)
    if not captures:
        if not options["sockets"]:
            raise click.UsageError("Missing argument 'CAPTURE...' (or --sockets FILE...).")
        _report_tables(options)
    if "-" in captures and "-" in options["sockets"]:
        raise click.UsageError("- can be the capture or a socket table, not both.")
    try:
        analysis = _analyze(captures, options)
        unreadable = analysis.unreadable
        if options["anonymize"] is not None:
            analysis = analysis.anonymized(options["anonymize"] or None)
    except ClosewaitError as error:
        _complain(str(error))
        sys.exit(EXIT_UNREADABLE)
    for sentence in unreadable:
        _complain(sentence)
    shown = _chosen(analysis, options)
    summary = summarize(analysis.result, shown)
    if options["format_"] == "json":
        report = json.describe(analysis.result, analysis.warnings, shown, all_flows=options["all_flows"])
        _print(json.render([report], __version__))
    else:
        _print(_page(analysis, shown, options))
    if options["evidence"]:
        _write_evidence(analysis, shown, options)
    if analysis.capture.interrupted:
        sys.exit(EXIT_INTERRUPTED)
    if analysis.unreadable:
        sys.exit(EXIT_SOME_UNREADABLE)
    found = {"close-wait": summary.close_wait, "stuck": summary.stuck}.get(options["fail_on"], 0) > 0
    sys.exit(EXIT_FOUND if found else 0)


def _analyze(captures: tuple[str, ...], options: dict[str, Any]) -> Analysis:
    quiet = options["quiet"]
    with warnings.catch_warnings(), _progress(quiet) as progress:
        warnings.simplefilter("ignore", CaptureWarning)  # the report says it
        warnings.showwarning = lambda message, *_, **__: None if quiet else _complain(str(message))
        if not quiet and _will_compile(captures):
            _announce_compiling()
        return analyze(
            captures,
            stuck_after=options["stuck_after"],
            max_flows=options["max_flows"],
            sockets=options["sockets"] or None,
            strict=options["strict"],
            progress=progress,
        )


def _check_evidence(captures: tuple[str, ...], options: dict[str, Any]) -> None:
    """Refuse what cannot be, before anything is read."""
    if options["payload"] and not options["evidence"]:
        raise click.UsageError("--payload says what becomes of payload in --evidence FILE, and there is none.")
    for name in ("evidence", "anonymize"):
        if not captures and options[name] is not None:
            raise click.UsageError(f"--{name} is of a capture, and there is none.")
    pipes = [name for name in captures if name == "-" or _is_pipe(Path(name))]
    if options["evidence"] and pipes:
        what = "standard input" if pipes[0] == "-" else f"a pipe ({pipes[0]})"
        raise click.UsageError(f"--evidence reads the capture twice, which {what} does not allow: save it to a file first.")


def _is_pipe(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.exists() and not path.is_dir() and not path.is_file()
    return False


def _write_evidence(analysis: Analysis, shown: "Values", options: dict[str, Any]) -> None:
    """Write evidence, and say what is in it."""
    from closewait_pcap.attaching import sentences  # noqa: PLC0415 - where it is asked for

    path = options["evidence"]
    try:
        summary = analysis.evidence(path, rows=shown, payload=options["payload"] == "keep")
    except OSError as error:
        _complain(f"{path}: writing the evidence failed: {error.strerror or error}")
        sys.exit(EXIT_UNREADABLE)
    except ClosewaitError as error:
        _complain(str(error))
        sys.exit(EXIT_UNREADABLE)
    if not options["quiet"]:
        for sentence in sentences(summary):
            _complain(f"{path}: {sentence}")


def _report_tables(options: dict[str, Any]) -> NoReturn:
    """Report on socket tables alone."""
    for name in ("since", "until"):
        if options[name] is not None:
            raise click.UsageError(f"--{name} chooses flows of a capture, and there is none.")
    from closewait_pcap.reports import tables  # noqa: PLC0415 - only with socket tables
    from closewait_pcap.socket_analysis import analyze_sockets  # noqa: PLC0415

    try:
        analysis = analyze_sockets(options["sockets"], strict=options["strict"]).only(options["host"], options["port"])
    except ClosewaitError as error:
        _complain(str(error))
        sys.exit(EXIT_UNREADABLE)
    for sentence in analysis.unreadable:
        _complain(sentence)
    if options["format_"] == "json":
        described = json.describe_tables(analysis.hosts, tables.headline(analysis.hosts), analysis.warnings)
        _print(json.render([], __version__, described))
    else:
        _print(tables.render(analysis.hosts, analysis.warnings, all_sockets=options["all_flows"], **_terminal()))
    if analysis.unreadable:
        sys.exit(EXIT_SOME_UNREADABLE)
    span = parse_span(options["stuck_after"])
    counts = {
        "close-wait": sum(len(holding.close_wait) for host in analysis.hosts for holding in host.holdings()),
        "stuck": sum(len(host.lasting) for host in analysis.hosts if (host.span or 0) >= span),
    }
    sys.exit(EXIT_FOUND if counts.get(options["fail_on"], 0) else 0)


def _complain(message: str) -> None:
    click.echo(f"analyze: {printable(message)}", err=True)


def _announce_compiling() -> None:
    _complain("compiling the fast path for this machine, once (about 10 s)")


def _will_compile(captures: tuple[str, ...]) -> bool:
    size = 0
    for capture in captures:
        with suppress(OSError, ValueError):
            size += Path(capture).stat().st_size
    return size > engine.WORTH_COMPILING and not engine.is_cached() and engine.numba_available()


@contextmanager
def _progress(quiet: bool) -> "Iterator[Progress | None]":
    """Follow the reading: say when a pipe turns out large enough to compile, and show a bar where a person is watching."""
    if quiet:
        yield None
        return
    bar, announced = _Bar() if sys.stderr.isatty() else None, False

    def advance(done: int, total: int | None) -> None:
        nonlocal announced
        if total is None and not announced and done > engine.WORTH_COMPILING:
            announced = True
            if not engine.is_cached() and engine.numba_available():
                _announce_compiling()
        if bar:
            bar.update(done, total)

    try:
        yield advance
    finally:
        if bar:
            bar.stop()


class _Bar:
    """A progress bar on stderr that shows itself after a second, also while nothing comes through the pipe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reached: tuple[int, int | None] = (0, None)
        self._bar: Bar | None = None
        self._stopped = False
        self._timer = threading.Timer(_PROGRESS_AFTER_S, self._show)
        self._timer.daemon = True
        self._timer.start()

    def update(self, done: int, total: int | None) -> None:
        self._reached = done, total
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._stopped = True
            if self._bar is not None:
                self._bar.stop()

    def _show(self) -> None:
        from rich import progress  # noqa: PLC0415 - 0.1 s, and most captures are read in less than one
        from rich.console import Console  # noqa: PLC0415

        size, speed, left = progress.DownloadColumn(), progress.TransferSpeedColumn(), progress.TimeRemainingColumn()
        bar = progress.Progress(
            progress.TextColumn("reading"), progress.BarColumn(), size, speed, left,
            console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        done, total = self._reached
        bar.add_task("", completed=done, total=total)
        with self._lock:
            if not self._stopped:
                bar.start()
                self._bar = bar


def _chosen(analysis: Analysis, options: dict[str, Any]) -> "Values":
    """Pick the flows that the filters let through."""
    result = analysis.result
    rows = result.rows
    if all(options[name] is None for name in ("host", "port", "since", "until")):
        return rows  # the addresses of ten million flows would take a gigabyte
    keep = np.ones(len(rows), np.bool_)
    client, client_port, server, server_port = result.endpoints_of(rows)
    if options["host"] is not None:
        words = np.array(options["host"])
        keep &= (client == words).all(axis=1) | (server == words).all(axis=1)
    if options["port"] is not None:
        keep &= (client_port == options["port"]) | (server_port == options["port"])
    first, last = result.facts.flows["first_time"][rows], result.facts.flows["last_time"][rows]
    held = result.judgement.held[rows]
    last = np.where(held >= 0, np.maximum(last, result.judgement.since[rows] + np.maximum(held, 0)), last)
    if options["since"] is not None:
        keep &= last >= options["since"]
    if options["until"] is not None:
        keep &= first <= options["until"]
    return rows[keep]


def _page(analysis: Analysis, shown: "Values", options: dict[str, Any]) -> str:
    return text.render(analysis.result, analysis.warnings, shown, all_flows=options["all_flows"], **_terminal())


def _terminal() -> dict[str, Any]:
    """Say how wide the page is, and whether in colours."""
    terminal = sys.stdout.isatty()
    return {
        "width": max(shutil.get_terminal_size().columns, 40) if terminal else None,
        "color": terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb",
    }


def _print(result: str) -> None:
    """Write to stdout. A reader that has gone (head, say) wants no more, and changes nothing of what was found."""
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


def main() -> None:
    """Run the command; the console scripts' entry."""
    try:
        status = command.main(prog_name="analyze", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except click.Abort:  # Ctrl-C
        _complain("interrupted")
        status = EXIT_INTERRUPTED
    except OSError as error:
        _complain(f"writing the report failed: {error.strerror or error}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered cannot be written either
        status = EXIT_UNREADABLE
    sys.exit(status)
