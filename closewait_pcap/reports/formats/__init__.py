"""The formats, by the name that ``--format`` takes: each is a module with a function ``render(account)``."""

from importlib import import_module
from importlib.util import find_spec

from closewait_pcap.errors import MissingExtra
from closewait_pcap.reports.account import Account

FORMATS = {
    "text": "for a person at a terminal",
    "markdown": "for a ticket",
    "html": "a page with pictures, for a browser",
    "json": "for a program: everything",
    "jsonl": "flows, one a line",
    "csv": "flows, for a spreadsheet",
    "parquet": "flows, for a data frame",
    "junit": "for a CI job: one test case per service",
}
OF_TABLES = ("text", "markdown", "html", "json")
"""Those of socket tables alone."""
BINARY = frozenset({"parquet"})
"""What no terminal shows."""


_NEEDS = {"parquet": "pyarrow"}
"""Packages that an extra of the format's name brings."""


def require(format_: str) -> None:
    """Make sure that a format can be written.

    Raises:
        MissingExtra: it needs a package that is not installed.
        ValueError: there is no such format.
    """
    if format_ not in FORMATS:
        raise ValueError(f"no such format: {format_!r}; there are {', '.join(FORMATS)}")
    package = _NEEDS.get(format_)
    if package is not None and find_spec(package) is None:
        raise MissingExtra(f"{format_} needs {package}: pip install 'closewait-pcap[{format_}]'")


def render(format_: str, account: Account) -> str | bytes:
    """Write a report.

    Args:
        format_: one of `FORMATS`.
        account: what is to be said.

    Raises:
        MissingExtra: the format needs a package that is not installed.
    """
    require(format_)
    module = import_module(f"closewait_pcap.reports.formats.{format_}")  # only what is asked for: some import much
    report: str | bytes = module.render(account)
    return report
