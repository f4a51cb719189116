"""Run notebooks in clean kernels and store their outputs: ``python notebooks/store.py [NOTEBOOK...]``, by default all of them."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
SECONDS = 120
"""Of a cell at most: a whole notebook takes a few seconds, on a busy machine many."""


def executed(notebook: Path) -> nbformat.NotebookNode:
    """Run a notebook in its folder, in a new kernel of this very interpreter.

    Args:
        notebook: its path.

    Returns:
        The notebook with the outputs of this run, and without what differs from run to run and from machine to machine.

    Raises:
        CellExecutionError: a cell failed.
    """
    node: nbformat.NotebookNode = nbformat.read(notebook, as_version=4)
    with TemporaryDirectory() as own:
        manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # none that is installed: python3 is this interpreter
            transport="ipc",  # nothing listens on a port
            connection_file=str(Path(own, "kernel.json")),
        )
        where = {"metadata": {"path": str(notebook.parent)}}
        client = NotebookClient(node, km=manager, timeout=SECONDS, record_timing=False, resources=where)
        client.execute(cleanup_kc=True, env=_environment(Path(own)))
    node.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},  # what begins with "!" is no Python
    }
    return node


def _environment(own: Path) -> dict[str, str]:
    """Give the kernel the commands beside its interpreter, no settings of the user's, and no progress bars: they tell the time."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTEST_CURRENT_TEST", "MPLBACKEND")}
    commands = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    return environment | {"PATH": commands, "IPYTHONDIR": str(own), "TQDM_DISABLE": "1"}


if __name__ == "__main__":
    for path in [Path(name).resolve() for name in sys.argv[1:]] or sorted(FOLDER.glob("*.ipynb")):
        nbformat.write(executed(path), path)
