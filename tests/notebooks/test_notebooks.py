import ast

import nbformat
import pytest

from mcplens.store.location import create
from mcplens.store.spool import Spool
from tests.builders import call
from tests.notebooks.running import NOTEBOOKS, is_parameters, outputs, run

pytestmark = pytest.mark.timeout(300)  # A kernel starts slowly on a busy machine.

REPORT = NOTEBOOKS / "tool_report.ipynb"
ALL = pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
VEGALITE_5 = "application/vnd.vegalite.v5+json"


@pytest.fixture
def own_store(tmp_path):
    store = create(tmp_path / "own store")
    spool = Spool(store, run_id="run1")
    spool.write([call(outcome="ok"), call(outcome="timeout")])
    spool.close()
    return store.path


def findings(notebook):
    """What the charts of an executed notebook say."""
    return [o.data["text/plain"] for o in outputs(notebook) if VEGALITE_5 in o.get("data", {})]


def test_it_runs_on_the_sample(sample_run):
    assert [o for o in outputs(sample_run) if o.output_type in ("error", "stream")] == []
    latency, outcomes = findings(sample_run)
    assert latency.startswith("search:fetch_url is the slowest of 16 tools: p95 7.38 s.")
    assert outcomes.startswith("6.1% of calls failed; search:fetch_url leads")


def test_it_runs_on_the_store_of_a_user(own_store, monkeypatch):
    monkeypatch.setenv("MCPLENS_STORE", str(own_store))

    latency, outcomes = findings(run(REPORT, run="last"))

    assert latency.startswith("files:read_file: p95 10 ms over 2 calls")
    assert outcomes.startswith("1 of 2 calls of files:read_file failed: timeout")


def test_it_runs_on_a_store_without_calls(tmp_path):
    executed = run(REPORT, store=str(create(tmp_path / "empty").path))

    assert findings(executed) == ["No tool has been called yet."] * 2


@ALL
def test_what_is_committed_is_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)

    assert notebook.metadata.kernelspec.name == "python3"
    assert outputs(notebook) == []
    assert sum(is_parameters(cell) for cell in notebook.cells) == 1


@ALL
def test_a_cell_calls_and_does_not_compute(path):
    cells = nbformat.read(path, as_version=4).cells
    trees = [ast.parse(cell.source) for cell in cells if cell.cell_type == "code"]

    computing = (ast.BinOp, ast.FunctionDef, ast.Lambda, ast.For, ast.If, ast.ListComp)
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, computing)]

    assert [ast.unparse(node) for node in found] == []
