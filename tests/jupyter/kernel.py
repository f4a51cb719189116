"""A real kernel of Jupyter, of the interpreter that runs the tests, driven by a process of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NAME = "under-test"
DRIVER = """
import json, sys
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

name, specs = sys.argv[1:]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in json.load(sys.stdin)])
known = KernelSpecManager(kernel_dirs=[specs], ensure_native_kernel=False)
NotebookClient(notebook, km=AsyncKernelManager(kernel_name=name, kernel_spec_manager=known), timeout=120).execute()
json.dump([cell.outputs for cell in notebook.cells], sys.stdout)
"""


def run_cells(cells: Sequence[str], folder: Path, specs: Path) -> list[list[dict[str, Any]]]:
    """Run code in a clean kernel.

    Args:
        cells: the code.
        folder: where it runs.
        specs: an empty folder.

    Returns:
        The outputs of each cell, as a notebook stores them.
    """
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (specs / NAME).mkdir(exist_ok=True)
    (specs / NAME / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": NAME, "language": "python"}))
    command = [sys.executable, "-c", DRIVER, NAME, str(specs)]
    done = subprocess.run(
        command, input=json.dumps([*cells]), text=True, capture_output=True, cwd=folder, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return found
