"""Fills the templates of pages: whatever is put into them is text, and becomes no markup unless it was made here."""

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from closewait_pcap.reports.parts import Command, Listing, Part, Sentence, Table
from closewait_pcap.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Environment


def render_page(template: str, **values: Any) -> str:
    """Fill a template.

    Args:
        template: its name in the folder ``templates``.
        values: what is to stand in it; `markupsafe.Markup` as it is, all else escaped.

    Returns:
        HTML: with its style and script inside, the script named by its hash, so that no other one runs.
    """
    environment = _environment()
    css, script = (environment.loader.get_source(environment, name)[0] for name in ("page.css", "page.js"))  # type: ignore[union-attr]
    script_hash = base64.b64encode(hashlib.sha256(f"\n{script}".encode()).digest()).decode()
    page = environment.get_template(template)
    return page.render(css=_trusted(css), script=_trusted(script), script_hash=f"sha256-{script_hash}", version=VERSION, **values)


def render_part(template: str, **values: Any) -> str:
    """Fill a template of what stands in somebody else's page; see `render_page`."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - slow to import

    environment = Environment(
        loader=PackageLoader("closewait_pcap.reports.formats"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["grouped"] = _grouped
    return environment


def _trusted(text: str) -> Any:
    from markupsafe import Markup  # noqa: PLC0415

    return Markup(text)


class Item(NamedTuple):
    """A sentence, and what says more of it."""

    text: str
    more: list[str]


class Block(NamedTuple):
    """Neighbouring parts of a section that a page shows as one element."""

    table: Table | None = None
    command: Command | None = None
    listing: Listing | None = None
    items: tuple[Item, ...] = ()


def _block(part: "Table | Command | Listing") -> Block:
    if isinstance(part, Table):
        return Block(table=part)
    return Block(command=part) if isinstance(part, Command) else Block(listing=part)


def _grouped(parts: "list[Part]") -> "Iterator[Block]":
    """Gather sentences into lists."""
    items: list[Item] = []
    for part in parts:
        if not isinstance(part, Sentence):
            if items:
                yield Block(items=tuple(items))
                items = []
            yield _block(part)
        elif part.level and items:
            items[-1].more.append(part.text)
        else:
            items.append(Item(part.text, []))
    if items:
        yield Block(items=tuple(items))
