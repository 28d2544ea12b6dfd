"""Every observer, and every way a call can end: what is recorded is what the README says."""

import pytest

from tests.matrix.client import TOOLS
from tests.matrix.columns import PLAYS, Stage
from tests.matrix.table import COLUMNS, EXPECTED, NEVER, ROWS, cell


def test_the_table_is_whole():
    assert tuple(ROWS) == TOOLS
    assert tuple(PLAYS) == tuple(EXPECTED) == COLUMNS
    assert all(tuple(column) == TOOLS for column in EXPECTED.values())


@pytest.mark.parametrize("column", COLUMNS)
def test_each_observer_records_what_it_can_know(column, tmp_path, python_with):
    recorded = Stage(tmp_path, python_with).play(column)

    found = {
        tool: NEVER if expected == NEVER else cell(recorded.get(tool))
        for tool, expected in EXPECTED[column].items()
    }
    assert found == EXPECTED[column]
