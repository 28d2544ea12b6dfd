"""What every mcplens before this one left is read as it was meant."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from mcplens.events import SCHEMA_VERSION, TABLES, columns
from mcplens.metrics.connect import connect, set_aside
from mcplens.store.layout import Store
from mcplens.store.verify import verify

CAPTURES = Path(__file__).parents[2] / "data" / "captures"
EVERY = sorted(path.name for path in CAPTURES.glob("v*"))


def expected_of(name):
    return json.loads((CAPTURES / name / "expected.json").read_text(encoding="utf-8"))


def read(name, sql):
    relation = connect(CAPTURES / name / "store").sql(sql)
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def plain(row):
    """Write a row as it stands in JSON; a column that is not there yet is unknown."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None
    }


def in_order(rows):
    return sorted(map(plain, rows), key=lambda row: json.dumps(row, sort_keys=True))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", EVERY)
def test_every_row_is_read_as_it_was_written(name, table):
    rows = read(name, f"from raw_{table}")

    assert in_order(rows) == in_order(expected_of(name)["tables"][table])


@pytest.mark.parametrize("name", EVERY)
def test_the_views_count_what_is_in_it(name):
    marts = expected_of(name)["marts"]
    con = connect(CAPTURES / name / "store")

    numbers = {sql: [list(row) for row in con.sql(sql).fetchall()] for sql in marts}

    assert numbers == marts
    assert set_aside(con) == []


@pytest.mark.parametrize("name", EVERY)
def test_nothing_is_wrong_with_it(name):
    found = verify(Store(CAPTURES / name / "store"))

    assert [one for one in found.findings if one.is_wrong] == []
    assert found.row_count == sum(map(len, expected_of(name)["tables"].values()))


def test_this_schema_has_a_capture_with_a_value_in_every_column():
    """A new version gets one with `python data/make_captures.py`, see data/README.md."""
    name = f"v{SCHEMA_VERSION}"

    assert name in EVERY
    for table in TABLES:
        known = {key for row in expected_of(name)["tables"][table] for key in plain(row)}
        assert known <= {column.name for column in columns(table)}
        filled = {key for row in read(name, f"from raw_{table}") for key in plain(row)}
        assert filled == known
