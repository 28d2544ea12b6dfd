"""What tests of the recording process share."""

import pytest

from tests.processes import Recorded


@pytest.fixture
def recorded(tmp_path):
    """Commands through `mcplens record`, into a store of the test's own."""
    recorded = Recorded(tmp_path / "store")
    yield recorded
    recorded.end_all()
