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

html_theme = "furo"
html_title = "closewait-pcap"
html_static_path = ["_static"]
html_extra_path = ["_start"]
html_css_files = ["docs.css"]
html_copy_source = False
html_show_sourcelink = False


def setup(app: Sphinx) -> None:
    """Refuse pages that would load anything from elsewhere."""
    app.connect("build-finished", offline.check)
