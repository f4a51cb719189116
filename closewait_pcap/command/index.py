"""The index of many captures: the worst first, those that could not be read with their reasons."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from closewait_pcap.command.batch import Outcome
from closewait_pcap.command.settings import Settings
from closewait_pcap.delivery.folders import claim, write_folder
from closewait_pcap.errors import ReportError
from closewait_pcap.quantities import count, printable
from closewait_pcap.reports.escaping import markdown, markdown_cell
from closewait_pcap.reports.formats.pages import render_page
from closewait_pcap.version import VERSION

MEMBERS = ("index.html", "index.md", "index.json")


def write_index(folder: Path, outcomes: Sequence[Outcome], settings: Settings) -> None:
    """Write the index beside the bundles.

    Raises:
        ReportError: the folder holds something else, or cannot be written.
    """
    members = dict(zip(MEMBERS, (index_html(outcomes), index_markdown(outcomes), index_json(outcomes)), strict=True))
    bundles = [outcome.folder for outcome in outcomes if outcome.folder]
    write_folder(folder, members, {"options": settings.told()}, bundles=bundles)


def begin_index(folder: Path, names: Sequence[str], settings: Settings) -> None:
    """Take a folder for bundles of these names, before any of them is made.

    Raises:
        ReportError: the folder holds something else, or cannot be written; or it holds bundles that may show names and
            addresses beside new ones that do not.
    """
    _, older = claim(folder, of_bundles=True)
    if older and settings.key is not None:
        raise ReportError(f"{folder}: holds bundles of an earlier run, which may show addresses and names; name a new folder")
    write_folder(folder, {}, {"options": settings.told()}, bundles=names)


def worst_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Order captures: most stuck flows first, then most in CLOSE_WAIT, then as given; unreadable ones last."""
    return sorted(outcomes, key=lambda each: (bool(each.reason), -each.stuck, -each.close_wait))


def headline(outcomes: Sequence[Outcome]) -> str:
    """Say in one sentence what came of all of them."""
    read = [outcome for outcome in outcomes if not outcome.reason]
    close_wait, stuck = sum(each.close_wait for each in read), sum(each.stuck for each in read)
    waiting = sum(1 for each in read if each.close_wait)
    flows = f"{count(close_wait, 'flow')} in CLOSE_WAIT ({stuck:,} stuck) in {waiting:,} of them"
    unread = len(outcomes) - len(read)
    rest = f" {count(unread, 'capture')} could not be read." if unread else ""
    return f"{count(len(read), 'capture')} read: {flows}.{rest}"


def line(outcome: Outcome) -> str:
    """Say in one line what came of a capture."""
    return printable(f"{outcome.capture}: {outcome.headline or f'not read: {outcome.reason}'}")


def index_json(outcomes: Sequence[Outcome]) -> str:
    """Write the index for programs."""
    captures = [asdict(outcome) | {"read": not outcome.reason} for outcome in worst_first(outcomes)]
    for capture in captures:
        del capture["aside"]
    tool = {"name": "closewait-pcap", "version": VERSION}
    return json.dumps({"index_version": 1, "tool": tool, "headline": headline(outcomes), "captures": captures}, indent=1) + "\n"


def index_html(outcomes: Sequence[Outcome]) -> str:
    """Write the index as a page."""
    shown = [
        replace(each, capture=printable(each.capture), headline=printable(each.headline), reason=printable(each.reason))
        for each in worst_first(outcomes)
    ]
    return render_page(
        "index.html",
        headline=headline(outcomes),
        waits=any(each.close_wait for each in outcomes),
        captures=shown,
        read=[each for each in shown if not each.reason],
        unread=[each for each in shown if each.reason],
    )


def index_markdown(outcomes: Sequence[Outcome]) -> str:
    """Write the index for a person."""
    ordered = worst_first(outcomes)
    lines = [f"**{markdown(headline(outcomes))}**", ""]
    if any(not outcome.reason for outcome in ordered):
        lines += ["| capture | CLOSE_WAIT | stuck | flows | verdict |", "|---|---:|---:|---:|---|"]
    for outcome in ordered:
        if not outcome.reason:
            link = f"[report]({outcome.folder}/report.md): " if outcome.folder else ""
            counts = f"{outcome.close_wait:,} | {outcome.stuck:,} | {outcome.flows:,}"
            lines.append(f"| {markdown_cell(outcome.capture)} | {counts} | {link}{markdown_cell(outcome.headline)} |")
    if unread := [outcome for outcome in ordered if outcome.reason]:
        lines += ["", "**Not read**", ""]
        lines += [f"- {markdown(outcome.capture)}: {markdown(outcome.reason)}" for outcome in unread]
    return "\n".join(lines) + "\n"
