"""The report for a ticket: Markdown that GitHub, GitLab and Jira show alike when it is pasted."""

from collections.abc import Iterator

from closewait_pcap import quantities
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.escaping import code, markdown, markdown_cell
from closewait_pcap.reports.parts import Command, Listing, Part, Section, Sentence, Table
from closewait_pcap.reports.telling import tell

LIMIT = 32_000
"""Bytes: GitHub takes 65,536 characters in a comment, Jira 32,767."""
ROWS = 20
"""Of a table: the rest is counted."""
_WARNINGS, _LONGEST = 20, 500


def render(account: Account) -> str:
    """Write the report.

    Args:
        account: what is to be said.

    Returns:
        Markdown, shorter than `LIMIT`, ending in a newline.
    """
    *sections, last = [*tell(account)]
    end = [Section("warnings", "Warnings", _warnings(account))] if account.warnings else []
    kept = [f"**{markdown(account.headline)}**\n"]
    ending = [_section(section) for section in (*end, last)]
    room, left_out = LIMIT - _size(kept) - _size(ending) - 200, []
    for section in sections:
        text = _section(section)
        if len(text.encode()) <= room:
            kept.append(text)
            room -= len(text.encode()) + 1
        else:
            left_out.append(section.title)
    if left_out:
        kept.append(f"Too long to be pasted, see the other reports: {', '.join(left_out)}\n")
    return "\n".join(kept + ending)


def _size(texts: list[str]) -> int:
    return sum(len(text.encode()) + 1 for text in texts)


def _warnings(account: Account) -> list[Part]:
    more = len(account.warnings) - _WARNINGS
    rest = [Sentence(f"... and {quantities.count(more, 'more warning')}")] if more > 0 else []
    told = [warning if len(warning) <= _LONGEST else f"{warning[:_LONGEST]} ..." for warning in account.warnings[:_WARNINGS]]
    return [*map(Sentence, told), *rest]


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
