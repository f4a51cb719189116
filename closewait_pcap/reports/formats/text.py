"""The report for a person at a terminal.

What does not fit the page as a table is written as one paragraph per row: an address is never cut or broken, so that it can be
copied.
"""

import textwrap

from closewait_pcap import quantities
from closewait_pcap.reports.account import Account
from closewait_pcap.reports.parts import Command, Listing, Part, Section, Table
from closewait_pcap.reports.telling import tell

_RED, _YELLOW, _GREEN, _BOLD, _WARNING = "1;31", "1;33", "1;32", "1", "33"


class Page:
    """Lines of text.

    Args:
        width: in characters; None: as wide as need be.
        color: with ANSI colours.
    """

    def __init__(self, width: int | None, color: bool) -> None:
        self.lines: list[str] = []
        self._width = width
        self._color = color

    def say(self, text: str = "", style: str = "", indent: str = "") -> None:
        """Add a sentence, or an empty line."""
        lines = [indent + text]
        if self._width is not None and len(lines[0]) > self._width:
            lines = textwrap.wrap(
                text,
                self._width,
                initial_indent=indent,
                subsequent_indent=indent + "  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        self.lines += [self._paint(line, style) for line in lines]

    def section(self, section: Section) -> None:
        """Add a section: its title on a line, what it says below."""
        self.say()
        indent = "  " if section.title else ""
        if section.title:
            self.say(f"{section.title}:", _BOLD)
        before: Part | None = None
        for part in section.parts:
            if isinstance(part, Table):
                if before is not None:
                    self.say()
                self.table(part)
            elif isinstance(part, Command):
                self._command(part, indent)
            elif isinstance(part, Listing):
                self.say(f"{part.label}:", indent=indent)
                for line in part.lines:
                    self.say(line, indent=f"{indent}  ")
            else:
                self.say(part.text, indent=indent + "  " * (part.level and not isinstance(before, Table)))
            before = part

    def _command(self, command: Command, indent: str) -> None:
        """Add what is to be pasted: it is never broken."""
        line = f"{indent}{command}"
        fits = self._width is None or len(line) <= self._width
        self.lines += [line] if fits else [f"{indent}{command.label}:", f"{indent}  {command.text}"]

    def table(self, table: Table) -> None:
        """Add a table, or where it is too wide a paragraph per row."""
        widths = [max(map(len, column)) for column in zip(table.titles, *table.rows, strict=True)]
        for gap in (3, 2):
            total = sum(widths) + gap * (len(widths) - 1)
            if self._width is None or total <= self._width:
                break
        else:
            for row in table.rows:
                self._paragraph(table, row)
            return
        for number, row in enumerate([table.titles, *table.rows]):
            cells = [
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, widths, table.right, strict=True)
            ]
            self.lines.append(self._paint((" " * gap).join(cells).rstrip(), "" if number else _BOLD))
            if not number:
                self.lines.append("─" * total)

    def _paragraph(self, table: Table, row: list[str]) -> None:
        pairs = zip(table.titles, row, strict=True)
        cells = [cell if title == "verdict" or not cell else f"{title} {cell}" for title, cell in pairs]
        self._pack(cells[: table.names], "", _BOLD)
        self._pack(cells[table.names : table.narrow], "  ", "")

    def _pack(self, cells: list[str], indent: str, style: str) -> None:
        """Put as many cells on a line as fit, and break none."""
        lines: list[str] = []
        for cell in filter(None, cells):
            if lines and len(lines[-1]) + len(cell) + 2 < (self._width or 0):
                lines[-1] += f", {cell}"
            else:
                lines.append((indent if indent or not lines else "  ") + cell)
        self.lines += [self._paint(line + "," * (line is not lines[-1]), style) for line in lines]

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if style and self._color else text


def render(account: Account, *, width: int | None = None, color: bool = False) -> str:
    """Write the report.

    Args:
        account: what is to be said.
        width: of the page, in characters; None: sentences and tables are as long as they are.
        color: with ANSI colours.

    Returns:
        The text, ending in a newline.
    """
    page, summary = Page(width, color), account.summary
    page.say(account.headline, _RED if summary.stuck else _YELLOW if summary.close_wait else _GREEN)
    for section in tell(account):
        page.section(section)
    for warning in account.warnings:
        page.say(f"Warning: {quantities.printable(warning)}", _WARNING)
    return "\n".join(page.lines) + "\n"
