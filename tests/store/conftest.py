"""A store, and what is in it as DuckDB reads it."""

import pytest

from mcplens.store.location import create


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")
