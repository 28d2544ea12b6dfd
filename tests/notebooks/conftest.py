"""What the notebooks' tests share."""

import pytest

from tests.notebooks.running import NOTEBOOKS, run


@pytest.fixture(scope="session")
def sample_run():
    """The report notebook, run on the sample."""
    return run(NOTEBOOKS / "tool_report.ipynb")
