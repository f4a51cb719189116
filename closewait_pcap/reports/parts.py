"""What a report consists of before it is text, Markdown or anything else: titled sections of sentences and tables.

All of it is *plain* text: made of printable characters, with no markup of any kind. Each format escapes it in its own way.
"""

from typing import NamedTuple


class Sentence(NamedTuple):
    """A sentence, or a few."""

    text: str
    level: int = 0
    """1: says more of the sentence before it."""

    def __str__(self) -> str:
        return self.text


class Table(NamedTuple):
    """A table before it is known whether it fits the page."""

    titles: list[str]
    right: list[bool]
    """Which columns are numbers."""
    rows: list[list[str]]
    names: int
    """How many columns, from the left, name the row."""
    narrow: int
    """How many, from the left, a narrow page shows."""


class Command(NamedTuple):
    """Something to paste, whole: a command, or a display filter."""

    label: str
    text: str

    def __str__(self) -> str:
        return f"{self.label}: {self.text}"


class Listing(NamedTuple):
    """Lines that are shown as they are, none joined: of a program's output, say."""

    label: str
    lines: list[str]


Part = Sentence | Table | Command | Listing


class Section(NamedTuple):
    """Sentences that answer one question."""

    name: str
    """What programs call it."""
    title: str
    parts: list[Part]

    @property
    def sentences(self) -> list[str]:
        """Without the tables: what programs get; of a listing its label and its lines."""
        told: list[str] = []
        for part in self.parts:
            if isinstance(part, Listing):
                told += [f"{part.label}:", *part.lines]
            elif not isinstance(part, Table):
                told.append(str(part))
        return told


class TableMaker:
    """Makes a table whose empty columns are left out.

    Args:
        titles: of all columns.
        right: the titles of those that are numbers.
        keep: the titles of those that stay even if they are empty.
    """

    def __init__(self, titles: list[str], right: set[str], keep: set[str]) -> None:
        self._titles, self._right, self._keep = titles, right, keep

    def make(self, rows: list[list[str]], names: int, narrow: int) -> Table:
        """Make it.

        Args:
            rows: the cells.
            names: how many columns, from the left, name the row.
            narrow: how many columns, from the right, a narrow page leaves out.
        """
        told = [place for place, title in enumerate(self._titles) if title in self._keep or any(row[place] for row in rows)]
        titles = [self._titles[place] for place in told]
        cells = [[row[place] for place in told] for row in rows]
        return Table(titles, [title in self._right for title in titles], cells, names, len(titles) - narrow)
