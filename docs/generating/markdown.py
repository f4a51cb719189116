"""Markdown tables."""

from collections.abc import Iterable, Sequence


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; text is taken as Markdown, but for bars, which would end a cell."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"|{'|'.join(_cell(cell) for cell in line)}|" for line in lines)


def _cell(text: str) -> str:
    return text if text == "---" else f" {text.replace('|', chr(92) + '|')} "
