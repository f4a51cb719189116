"""A built page loads nothing from elsewhere: it must be readable where there is no network, and tell nobody who reads it."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_REMOTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_CSS_REMOTE = re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//[^"')\s]+""", re.IGNORECASE)
_LOADING_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "manifest"}


class _Loads(HTMLParser):
    """Collects what a page loads from elsewhere by itself; links to follow are none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.remote: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        loaded = [values.get("src", ""), values.get("poster", ""), *values.get("srcset", "").split(",")]
        if tag == "link" and _LOADING_LINKS & set(values.get("rel", "").lower().split()):
            loaded.append(values.get("href", ""))
        self.remote += [url.strip() for url in loaded if _REMOTE.match(url)]
        self.remote += _CSS_REMOTE.findall(values.get("style", ""))


def remote_loads(folder: Path) -> list[str]:
    """Find what the pages and style sheets of a folder would load from elsewhere.

    Args:
        folder: of a built site.

    Returns:
        A sentence each.
    """
    found = []
    for path in sorted(folder.rglob("*.html")):
        page, loads = path.read_text(encoding="utf-8"), _Loads()
        loads.feed(page)
        styles = _CSS_REMOTE.findall("\n".join(re.findall(r"<style.*?</style>", page, re.DOTALL)))
        found += [f"{path.relative_to(folder)} loads {url}" for url in loads.remote + styles]
    for path in sorted(folder.rglob("*.css")):
        found += [f"{path.relative_to(folder)} loads {url}" for url in _CSS_REMOTE.findall(path.read_text(encoding="utf-8"))]
    return found


def check(app: "Sphinx", exception: Exception | None) -> None:
    """Fail a build whose pages would load anything from elsewhere."""
    from sphinx.util.logging import getLogger  # noqa: PLC0415 - the tests look at pages without Sphinx

    for sentence in remote_loads(Path(app.outdir)) if exception is None else ():
        getLogger(__name__).warning("not readable offline: %s", sentence)
