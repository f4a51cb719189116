"""A real browser, offline: pages are opened as a reader's double click does, from a file."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

_PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync"]  # fmt: skip
needs_browser = pytest.mark.skipif(_PROGRAM is None, reason="Chromium is not installed (apt install chromium)")


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_PROGRAM, args=_QUIET)
        yield chromium
        chromium.close()


class Opened:
    """A page, and what it did when it was opened.

    Args:
        chromium: the browser.
        path: the file.
        options: of the browser's context: ``viewport``, ``color_scheme``, ``java_script_enabled``...
    """

    def __init__(self, chromium: Browser, path: Path, **options: Any) -> None:
        self.said: list[str] = []
        """On the console, errors included."""
        self.asked: list[str] = []
        """For what it sent requests, itself left out."""
        self.page: Page = chromium.new_context(**options).new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", self._refuse)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri(), wait_until="load")
        self.asked = [url for url in self.asked if url not in (path.as_uri(), "data:,")]

    def _refuse(self, dialog: Dialog) -> None:
        self.said.append(dialog.message)
        dialog.dismiss()
