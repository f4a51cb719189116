"""The command `analyze`: the only catcher of errors, the only printer, the only exit."""

import os
import sys
import warnings
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from closewait_pcap import __version__
from closewait_pcap.analysis import Analysis
from closewait_pcap.analyzing import MAX_FLOWS, STUCK_AFTER
from closewait_pcap.anonymizing import KEY_BYTES
from closewait_pcap.command.parameters import ADDRESS, MOMENT, SPAN, ZONE, Key, SocketCommand
from closewait_pcap.command.progress import announce_compiling, follow, will_compile
from closewait_pcap.command.settings import Settings
from closewait_pcap.command.terminal import complain, page, show
from closewait_pcap.command.usage import check
from closewait_pcap.errors import CaptureWarning, ClosewaitError, NoPackets
from closewait_pcap.notation import parse_span
from closewait_pcap.reports import formats
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.formats import FORMATS
from closewait_pcap.results.choosing import Choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from closewait_pcap.capture.sources.opening import CaptureSource
    from closewait_pcap.sockets.collecting import SocketSource

EXIT_FOUND, EXIT_UNREADABLE, EXIT_SOME_UNREADABLE, EXIT_INTERRUPTED = 1, 2, 3, 130


@click.command(cls=SocketCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("captures", nargs=-1, metavar="CAPTURE...")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="; ".join(f"{name}: {what}" for name, what in FORMATS.items()) + ".",
)
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write the report there, not to stdout.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a bundle for a ticket, too: reports, evidence (as --evidence) and a manifest; under 5 MB.",
)
@click.option("--each", is_flag=True, help="Analyse each capture on its own: one line and, with --report, one bundle each.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="With --each: so many at the same time.")
@click.option("--all", "all_flows", is_flag=True, help="List every flow, not only those that wait or waited.")
@click.option("--stuck-after", type=SPAN, default=STUCK_AFTER, show_default=True, help="A wait this long counts as stuck.")
@click.option("--host", type=ADDRESS, help="Show flows of this address only.")
@click.option("--port", type=click.IntRange(0, 65535), help="Show flows of this port only.")
@click.option("--since", type=MOMENT, help="Show flows that were there at or after this time (ISO 8601, UTC).")
@click.option("--until", type=MOMENT, help="Show flows that were there at or before this time.")
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
@click.option("--payload", type=click.Choice(["cut", "keep"]), help="In evidence: what becomes of payload (default: cut).")
@click.option(
    "--anonymize",
    type=Key(),
    metavar="[KEYFILE]",
    help="Map addresses, in reports and evidence alike, prefixes kept, and drop names; without a key, with a random one.",
)
@click.option("--tz", type=ZONE, default="UTC", show_default=True, help="The time zone of times in printed packets.")
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

    CAPTURE is a pcap or pcapng file (compressed or not), text with packets as tcpdump or tshark print them, a URL, or - for
    standard input. Several are read as one timeline: given by name, as a folder, as a pattern, or by the name that tcpdump or
    dumpcap was given for its ring buffer. Filters choose what is shown, after all flows are numbered and judged.

    With --sockets each flow's sockets are looked up: who holds them, and whether the kernel's state is that of the packets.
    Without a capture, the report is of the socket tables alone.

    With --each, each is analysed on its own instead. Those that cannot be read do not stop the others.

    For evidence the capture is read twice; what comes through a pipe is kept until then in a temporary file (TMPDIR).

    --anonymize takes a file of 32 bytes or 64 hexadecimal digits (openssl rand -hex 32); the same key gives the same addresses
    again. Keep it to yourself.

    Ctrl-C ends the reading; what was read by then is reported.

    Exit status: 0 analysed; 1 found what --fail-on names; 2 nothing could be analysed; 3 some captures could not; 130
    interrupted.
    """
    check(captures, options)
    choice = Choice(**{name: options[name] for name in ("host", "port", "since", "until", "all_flows")})
    how = {name: options[name] for name in ("stuck_after", "max_flows", "sockets", "strict", "tz")}
    key = options["anonymize"]
    if key is not None:
        key = key or os.urandom(KEY_BYTES)  # one for all captures and processes
    settings = Settings(**how, choice=choice, payload=options["payload"] == "keep", key=key)
    try:
        formats.require(options["format_"])
        if not captures:
            _report_tables(settings.sockets, settings, options)
        if options["each"]:
            _report_each(captures, settings, options)
        try:
            _report(captures, settings, options)
        except NoPackets as error:
            _report_text(error, settings, options)
    except ClosewaitError as error:
        complain(str(error))
        sys.exit(EXIT_UNREADABLE)


def _report_text(error: NoPackets, settings: Settings, options: dict[str, Any]) -> NoReturn:
    """Report on text without packets: on the socket tables that it holds."""
    from closewait_pcap.sockets.reading import read_lines  # noqa: PLC0415 - only with socket tables

    tables = [table for name, lines in error.texts.items() for table in read_lines(name, lines)]
    if not tables or options["format_"] not in formats.OF_TABLES or options["report"] is not None:
        raise error
    _report_tables([*settings.sockets, *tables], settings, options)


def _report(captures: tuple[str, ...], settings: Settings, options: dict[str, Any]) -> NoReturn:
    """Report on all captures as one timeline."""
    with ExitStack() as stack:
        hashes = None
        if options["report"] is not None:
            from closewait_pcap.delivery import folders, hashing  # noqa: PLC0415 - only with --report

            folders.claim(options["report"])
            hashes = stack.enter_context(hashing.Hashes(captures))
        captured = _analyze(captures, settings, options, stack)
        for sentence in captured.unreadable:
            complain(sentence)
        analysis = settings.shown(captured)
        account, format_ = analysis.account(settings.choice), options["format_"]
        if format_ == "text" and options["output"] is None:
            from closewait_pcap.reports.formats import text  # noqa: PLC0415

            show(text.render(account, **page()))
        else:
            _deliver(formats.render(format_, account), options["output"])
        if hashes is not None:
            written = settings.bundle(options["report"], analysis, account, hashes)
            for sentence in written.sentences if not options["quiet"] else ():
                complain(sentence)
        if options["evidence"]:
            _write_evidence(analysis, account, options)
    if analysis.capture.interrupted:
        sys.exit(EXIT_INTERRUPTED)
    if captured.unreadable:
        sys.exit(EXIT_SOME_UNREADABLE)
    summary = account.summary
    found = {"close-wait": summary.close_wait, "stuck": summary.stuck}.get(options["fail_on"], 0) > 0
    sys.exit(EXIT_FOUND if found else 0)


def _deliver(report: str | bytes, output: Path | None) -> None:
    if output is None:
        show(report)
        return
    from closewait_pcap.delivery.writing import write_file  # noqa: PLC0415 - only with -o

    write_file(output, report)


def _analyze(captures: tuple[str, ...], settings: Settings, options: dict[str, Any], stack: ExitStack) -> Analysis:
    quiet, spools = options["quiet"], []
    sources: tuple[CaptureSource, ...] = captures
    if options["report"] is not None or options["evidence"]:
        from closewait_pcap.capture.sources.spooling import Spool, rereadable  # noqa: PLC0415 - only with evidence

        sources = rereadable(captures)
        spools = [stack.enter_context(closing(source)) for source in sources if isinstance(source, Spool)]
    with warnings.catch_warnings(), follow(quiet) as progress:
        warnings.simplefilter("ignore", CaptureWarning)  # the report says it
        warnings.showwarning = lambda message, *_, **__: None if quiet else complain(str(message))
        if not quiet and will_compile(captures):
            announce_compiling()
        analysis = settings.analyze(sources, progress)
    for spool in spools:
        spool.end()
        if spool.failure is not None:
            complain(f"{spool.name}: not kept for a second reading, so that there is no evidence: {spool.failure}")
    return analysis


def _report_each(captures: tuple[str, ...], settings: Settings, options: dict[str, Any]) -> NoReturn:
    """Report on each capture by itself."""
    from closewait_pcap.capture.sources.gathering import gather  # noqa: PLC0415 - only with --each
    from closewait_pcap.command import batch, index  # noqa: PLC0415

    gathered = gather(captures)
    names, folder, outcomes = [str(source) for source in gathered.sources], options["report"], []
    for sentence in gathered.passed_over:
        complain(sentence)
    if folder is not None:
        index.begin_index(folder, batch.folder_names(names, settings), settings)
    for outcome in batch.analyze_each(names, settings, folder, options["jobs"]):
        outcomes.append(outcome)
        for sentence in outcome.aside if not options["quiet"] or outcome.reason else ():
            complain(sentence)
        if options["format_"] == "text" and options["output"] is None:
            show(index.line(outcome) + "\n")
        elif outcome.reason and not outcome.aside:
            complain(f"{outcome.capture}: {outcome.reason}")
    if options["format_"] == "json":
        _deliver(index.index_json(outcomes), options["output"])
    elif options["output"] is not None:
        _deliver("".join(index.line(outcome) + "\n" for outcome in outcomes), options["output"])
    if folder is not None:
        index.write_index(folder, outcomes, settings)
    unread = sum(1 for outcome in outcomes if outcome.reason)
    if unread:
        sys.exit(EXIT_UNREADABLE if unread == len(outcomes) else EXIT_SOME_UNREADABLE)
    counts = {"close-wait": sum(each.close_wait for each in outcomes), "stuck": sum(each.stuck for each in outcomes)}
    sys.exit(EXIT_FOUND if counts.get(options["fail_on"], 0) else 0)


def _write_evidence(analysis: Analysis, account: Account, options: dict[str, Any]) -> None:
    """Write evidence, and say what is in it."""
    from closewait_pcap.evidence.attaching import sentences  # noqa: PLC0415 - where it is asked for

    path = options["evidence"]
    try:
        summary = analysis.evidence(path, rows=account.shown, payload=options["payload"] == "keep")
    except OSError as error:
        complain(f"{path}: writing the evidence failed: {error.strerror or error}")
        sys.exit(EXIT_UNREADABLE)
    except ClosewaitError as error:
        complain(str(error))
        sys.exit(EXIT_UNREADABLE)
    if not options["quiet"]:
        for sentence in sentences(summary):
            complain(f"{path}: {sentence}")


def _report_tables(sources: "Sequence[SocketSource]", settings: Settings, options: dict[str, Any]) -> NoReturn:
    """Report on socket tables alone."""
    from closewait_pcap.reports import tables  # noqa: PLC0415 - only with socket tables
    from closewait_pcap.reports.formats import json  # noqa: PLC0415 - only with socket tables
    from closewait_pcap.socket_analysis import analyze_sockets  # noqa: PLC0415

    analysis = analyze_sockets(sources, strict=settings.strict).only(settings.choice.host, settings.choice.port)
    for sentence in analysis.unreadable:
        complain(sentence)
    hosts = analysis.hosts
    if options["format_"] == "json":
        _deliver(json.document([], json.describe_tables(hosts, tables.headline(hosts), analysis.warnings)), options["output"])
    elif options["format_"] in ("markdown", "html"):
        report = tables.render_page(options["format_"], hosts, analysis.warnings, all_sockets=settings.choice.all_flows)
        _deliver(report, options["output"])
    else:
        look = page() if options["output"] is None else {}
        _deliver(tables.render(hosts, analysis.warnings, all_sockets=settings.choice.all_flows, **look), options["output"])
    if analysis.unreadable:
        sys.exit(EXIT_SOME_UNREADABLE)
    span = parse_span(settings.stuck_after)
    counts = {
        "close-wait": sum(len(holding.close_wait) for host in hosts for holding in host.holdings()),
        "stuck": sum(len(host.lasting) for host in hosts if (host.span or 0) >= span),
    }
    sys.exit(EXIT_FOUND if counts.get(options["fail_on"], 0) else 0)


def main() -> None:
    """Run the command; the console scripts' entry."""
    try:
        status = command.main(prog_name="analyze", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except click.Abort:  # Ctrl-C
        complain("interrupted")
        status = EXIT_INTERRUPTED
    except OSError as error:
        complain(f"writing the report failed: {error.strerror or error}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered cannot be written either
        status = EXIT_UNREADABLE
    sys.exit(status)
