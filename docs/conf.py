"""Sphinx builds the documentation: ``sphinx-build -W -c docs . build/docs``. It needs no network.

The checkout is the source folder, so that links between pages, notebooks and samples are the same in the site and in it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sphinx.application import Sphinx

from closewait_pcap import __version__
from docs import offline

project = "closewait-pcap"
author = "The closewait-pcap authors"
copyright = f"2026, {author}"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = ["docs/*.md", "docs/*/*.md", "notebooks/*.ipynb", "CHANGELOG.md"]
exclude_patterns = [".*", "build", "closewait_pcap", "samples", "tests", "venv"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # notebooks are stored with their outputs, and the tests run them
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

HIDDEN_COLON = "\ue000"

html_theme = "furo"
html_title = "closewait-pcap"
html_static_path = ["_static"]
html_extra_path = ["_start"]
html_css_files = ["docs.css"]
html_copy_source = False
html_show_sourcelink = False


def setup(app: Sphinx) -> None:
    """Show docstrings as they are meant, and refuse pages that would load anything from elsewhere."""
    app.connect("autodoc-process-docstring", hide_colons, priority=400)  # napoleon's own is 500
    app.connect("autodoc-process-docstring", show_colons, priority=600)
    app.connect("autodoc-process-signature", leave_out_constructors)
    app.connect("build-finished", offline.check)


def hide_colons(_app: Sphinx, what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Hide colons from napoleon where it would take what is before one for a type: types are annotated, sentences have colons."""
    sentence = what in ("attribute", "property")
    for number, line in enumerate(lines):
        if number and line and not line.startswith(" "):
            sentence = line == "Returns:"
        elif sentence:
            lines[number] = line.replace(":", HIDDEN_COLON)


def show_colons(_app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Put the colons back."""
    lines[:] = [line.replace(HIDDEN_COLON, ":") for line in lines]


def leave_out_constructors(
    _app: Sphinx, what: str, _name: str, _obj: object, _options: object, arguments: str | None, _to: str
) -> object:
    """Show no arguments of classes: analyses are made by functions, states and errors by the program."""
    return ("", "") if what in ("class", "exception") and arguments is not None else None
