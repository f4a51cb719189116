"""The report for a ticket: Markdown that GitHub, GitLab and Jira show alike when it is pasted."""

from collections.abc import Iterator, Sequence

from closewait_pcap.reports.account import Account
from closewait_pcap.reports.escaping import code, markdown, markdown_cell
from closewait_pcap.reports.parts import Command, Listing, Section, Table
from closewait_pcap.reports.sections.warnings import say as say_warnings
from closewait_pcap.reports.telling import tell

LIMIT = 32_000
"""Bytes: GitHub takes 65,536 characters in a comment, Jira 32,767."""
ROWS = 20
"""Of a table: the rest is counted."""


def render(account: Account) -> str:
    """Write the report.

    Args:
        account: what is to be said.

    Returns:
        Markdown, shorter than `LIMIT`, ending in a newline.
    """
    return page(account.headline, tell(account), account.warnings)


def page(headline: str, told: Sequence[Section], warnings: Sequence[str]) -> str:
    """Write a report that is short enough to be pasted.

    Args:
        headline: in one sentence.
        told: what follows, at least one section; of what is too long, only the titles are left, but never of the last one.
        warnings: what limits it.

    Returns:
        Markdown, shorter than `LIMIT`, ending in a newline.
    """
    *sections, last = told
    end = filter(None, [say_warnings(warnings)])
    kept = [f"**{markdown(headline)}**\n"]
    ending = [_section(section) for section in (*end, last)]
    room, left_out = LIMIT - _size(kept) - _size(ending) - 200, []
    for section in sections:
        text = _section(section)
        if len(text.encode()) <= room:
            kept.append(text)
            room -= len(text.encode()) + 1
        else:
            left_out.append(section.title or section.name)
    if left_out:
        kept.append(f"Too long to be pasted, see the other reports: {', '.join(left_out)}\n")
    return "\n".join(kept + ending)


def _size(texts: list[str]) -> int:
    return sum(len(text.encode()) + 1 for text in texts)


def _section(section: Section) -> str:
    lines = [f"**{section.title}**", ""] if section.title else []
    table_before = False
    for part in section.parts:
        if isinstance(part, Table):
            lines += [*([""] if lines and lines[-1] else []), *_table(part), ""]
        elif isinstance(part, Command):
            lines.append(f"- {markdown(part.label)}: {code(part.text)}")
        elif isinstance(part, Listing):
            lines += [f"- {markdown(part.label)}:", "", "  ```", *(f"  {line}" for line in part.lines), "  ```"]
        else:
            lines.append(f"{'' if table_before else '  ' * part.level}- {markdown(part.text)}")
        table_before = isinstance(part, Table)
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(table: Table) -> Iterator[str]:
    yield _row(table.titles)
    yield "|" + "|".join("---:" if right else "---" for right in table.right) + "|"
    for row in table.rows[:ROWS]:
        yield _row(row)
    if len(table.rows) > ROWS:
        yield _row([f"and {len(table.rows) - ROWS:,} more", *[""] * (len(table.titles) - 1)])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(map(markdown_cell, cells)) + " |"
