"""Runs a notebook from top to bottom in a real kernel."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def run(path, **parameters):
    """Execute a notebook where it stands; parameters come after its own, as with papermill."""
    notebook = nbformat.read(path, as_version=4)
    if parameters:
        [place] = [i for i, cell in enumerate(notebook.cells) if is_parameters(cell)]
        injected = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(injected))
    resources = {"metadata": {"path": str(path.parent)}}
    return NotebookClient(notebook, resources=resources, timeout=100).execute()


def is_parameters(cell):
    return "parameters" in cell.metadata.get("tags", [])


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]
