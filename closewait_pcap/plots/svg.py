"""Pictures as part of a web page: SVG without a file around it, in the page's own colours and letters."""

import io
import re
from threading import Lock
from typing import TYPE_CHECKING

from closewait_pcap.plots import style

if TYPE_CHECKING:
    from collections.abc import Callable

    from markupsafe import Markup
    from matplotlib.axes import Axes

_NAMES = {
    style.WAITING: "waiting",
    style.OPEN: "open",
    style.DONE: "done",
    style.INK: "ink",
    style.MUTED: "muted",
    style.RULE: "rule",
    style.PAPER: "paper",
}
"""The colours' names in the page, which has them for light and for dark."""
_COLOUR = re.compile("|".join(_NAMES))
_IDS = re.compile(r' id="([^"]*)"')
_USED = re.compile(r'(?:xlink:)?href="#([^"]*)"|url\(#([^)]*)\)')
_LETTERS = re.compile(r"(font: [^;\"']*px|font-family:) '[^;\"]*")
_TAG = re.compile(r"<[^>]*>")
_DECIMALS = re.compile(r"(\d\.\d\d)\d+")


_ONE_AT_A_TIME = Lock()
"""matplotlib's settings are those of all threads."""
Margins = tuple[float, float, float, float]
"""Inches around the axes: left, bottom, right, top."""


def picture(
    draw: "Callable[[Axes], object]", size: tuple[float, float], name: str, alt: str, margins: Margins = (0.5, 0.45, 0.05, 0.3)
) -> "Markup":
    """Draw a picture for a page.

    Args:
        draw: what draws it.
        size: in inches; the page makes it as wide as there is room.
        name: in the page unique: letters, digits and hyphens.
        alt: what it shows, for who does not see it: plain text.
        margins: room for what stands beside the axes. To find out how much is needed would take as long as drawing does.

    Returns:
        An ``svg`` element; the same input gives the same bytes.
    """
    return _embedded(file(draw, size, margins, transparent=True), name, alt)


def file(draw: "Callable[[Axes], object]", size: tuple[float, float], margins: Margins, *, transparent: bool = False) -> str:
    """Draw a picture as a file of its own.

    Args:
        draw: what draws it.
        size: in inches.
        margins: as of `picture`.
        transparent: without paper behind it.

    Returns:
        SVG; the same input gives the same bytes.
    """
    from matplotlib import rc_context  # noqa: PLC0415 - slow to import
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    text = io.StringIO()
    with _ONE_AT_A_TIME, rc_context({"svg.fonttype": "none", "svg.hashsalt": "closewait", "hatch.linewidth": 0.6}):
        figure = Figure(size)
        FigureCanvasSVG(figure)
        draw(style.prepare(figure.add_axes(_frame(size, *margins)), size))
        figure.savefig(text, format="svg", transparent=transparent, metadata={"Date": None})
    return text.getvalue()


def _frame(size: tuple[float, float], left: float, bottom: float, right: float, top: float) -> Margins:
    """Give the place of the axes as shares of the picture."""
    width, height = size
    return left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height


def _embedded(svg: str, name: str, alt: str) -> "Markup":
    """Take what a page needs of a file: no prologue, no identifiers but those in use, no colours but the page's."""
    from markupsafe import Markup, escape  # noqa: PLC0415

    body = svg[svg.index("<svg") :]
    view = re.search(r'viewBox="([^"]*)"', body)
    inner = body[body.index(">") + 1 : body.rindex("</svg>")]
    inner = re.sub(r"\s*<metadata>.*?</metadata>", "", inner, flags=re.DOTALL)
    inner = inner.replace("xlink:href", "href")
    used = {one or other for one, other in _USED.findall(inner)}
    inner = _IDS.sub(lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", inner)
    inner = re.sub(r'href="#|url\(#', lambda match: f"{match[0]}{name}-", inner)
    inner = _COLOUR.sub(lambda match: f"var(--{_NAMES[match[0]]})", inner)
    inner = _TAG.sub(lambda match: _DECIMALS.sub(r"\1", _LETTERS.sub(r"\1 var(--letters)", match[0])), inner)
    inner = re.sub(r"\s*\n\s*", "\n", inner)
    box = view[1] if view else "0 0 1 1"
    width = box.split()[2]
    return Markup(
        f'<svg viewBox="{box}" role="img" aria-labelledby="{name}" style="max-width:{float(width) * 4 / 3:.0f}px">'
        f'<title id="{name}">{escape(alt)}</title>{inner}</svg>'
    )
