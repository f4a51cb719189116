"""The notebooks run in a clean kernel, and are stored with what such a run gives."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from matplotlib import font_manager

from notebooks.store import FOLDER, executed

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
assert font_manager.fontManager  # made here, where it says so on stderr on a new machine, and not in a notebook's cell
each = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) == 6
    assert sum(path.stat().st_size for path in NOTEBOOKS) < 2_000_000


@each
def test_stored_outputs_are_what_a_run_gives(notebook: Path) -> None:
    stored, run = nbformat.read(notebook, as_version=4), executed(notebook)
    assert stored.metadata == run.metadata
    for kept, ran in zip(stored.cells, run.cells, strict=True):
        assert not kept.metadata, kept.id
        assert kept.get("execution_count") == ran.get("execution_count"), kept.id
        outputs = [[_shown(output) for output in cell.get("outputs", [])] for cell in (kept, ran)]
        assert outputs[0] == outputs[1], f"{kept.id}: if this is as it should be, store it: python notebooks/store.py {notebook}"


@each
def test_outputs_are_clean(notebook: Path) -> None:
    outputs = [output for cell in nbformat.read(notebook, as_version=4).cells for output in cell.get("outputs", [])]
    kinds = {kind.partition("/")[0] for output in outputs for kind in output.get("data", {})}
    assert kinds == {"image", "text"}
    assert all(output.output_type != "error" for output in outputs)
    assert all(output.get("name") != "stderr" for output in outputs)
    text = "\n".join(str(_shown(output)) for output in outputs)
    for place in (FOLDER.parent, Path.home(), Path(tempfile.gettempdir()), Path(sys.prefix)):
        assert len(place.parts) < 2 or f"{place}/" not in text


def _shown(output: Any) -> Any:
    """Give what a reader sees of an output; of pictures only that they are there, for their bytes are each matplotlib's own."""
    if output.output_type == "stream":
        return output.name, output.text
    return {kind: None if kind.startswith("image/") else text for kind, text in output.get("data", {}).items()}
