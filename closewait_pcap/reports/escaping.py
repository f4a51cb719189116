"""Makes plain text safe for what shows it: a capture's file name, or a process in it, must not become markup or a formula.

Terminals are served by `quantities.printable`, through which all text from outside has gone before it comes here: there are no
control, bidirectional or private characters left. XML and JSON are escaped by those who write them.
"""

import re

from closewait_pcap.quantities import printable

_WORD = re.compile(r"(?:[^\W_]|(?<=[^\W_])_+(?=[^\W_])|[.,:;()/'\"?!+=─-])+")
"""What is no markup in any dialect: letters and digits, underscores between those, some punctuation."""
_LIVELY = re.compile(r"://|^www\.|:[^:\d/]*[^\W\d][^:/]*:|^[-+=/#]|^\d+[.)]$", re.IGNORECASE)
"""What is plain text in Markdown, and yet becomes a link, an emoji, a quick action or a list where tickets are shown."""
_FILTER = re.compile(r"(tcp\.stream (?:eq \d+|in \{\d+(?:, \d+)*\}))")
"""A display filter in a sentence: it is copied whole."""
_FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet evaluates. Source: OWASP, CSV Injection."""


def markdown(text: str) -> str:
    """Write plain text as Markdown: every word that could be anything else than a word stands as code, a display filter as one.

    In code nothing has a meaning, not in GitHub's, GitLab's or Jira's dialect; a backslash is not enough against ``@user``.
    """
    pieces = _FILTER.split(printable(text))  # every second one is a filter
    return "".join(code(piece) if place % 2 else _words(piece) for place, piece in enumerate(pieces))


def _words(text: str) -> str:
    return " ".join(map(_word, text.split(" ")))


def _word(word: str) -> str:
    if not word or word == "-" or (_WORD.fullmatch(word) and not _LIVELY.search(word)):
        return word
    inner = word.rstrip(".,:;")
    return code(inner) + word[len(inner) :] if inner else code(word)


def code(text: str) -> str:
    """Write plain text as Markdown's inline code."""
    text = printable(text)
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def markdown_cell(text: str) -> str:
    """Write plain text as the cell of a Markdown table, which ends at a bar even in code."""
    return markdown(text).replace("|", "\\|")


def csv_cell(text: str) -> str:
    """Write plain text as the cell of a table that a spreadsheet opens: a formula gets an apostrophe before it."""
    text = printable(text)
    return f"'{text}" if _FORMULA.match(text) else text
