"""The raw tables are defined once, and every column says what it means."""

from datetime import datetime

import msgspec
import pytest

from mcplens.events import SORTED_BY, TABLES, AnyRow, SideEffect, columns
from tests.builders import event


@pytest.mark.parametrize("table", TABLES)
def test_every_column_says_what_it_means(table):
    for column in columns(table):
        assert column.comment.endswith((".", "?")), column.name


@pytest.mark.parametrize("table", TABLES)
def test_a_table_begins_with_its_id_and_ends_with_the_recorder(table):
    names = [column.name for column in columns(table)]

    assert names[0].endswith(("_id", "_hash"))
    assert names[-2:] == ["recorded_at", "schema_version"]
    assert SORTED_BY[table] in names


def test_types_are_those_that_duckdb_reads():
    types = {column.name: column.type for column in columns("events")}

    assert types["started_at"] == "TIMESTAMP"
    assert types["content_kinds"] == "VARCHAR[]"
    assert types["side_effects"] == "STRUCT(kind VARCHAR, target VARCHAR, detail VARCHAR)[]"
    assert types["is_final"] == "BOOLEAN"


def test_a_row_comes_back_from_its_line_as_it_was():
    row = event(
        started_at=datetime(2026, 11, 20, 12, 0, 0, 123456),  # noqa: DTZ001  naive UTC
        side_effects=[SideEffect(kind="issue", target="#7")],
    )

    line = msgspec.json.encode(row)

    assert msgspec.json.decode(line, type=AnyRow) == row
    assert b'"table":"events"' in line
    assert b"null" not in line.replace(b'"detail":null', b"")
    assert b'"schema_version":1' in line
