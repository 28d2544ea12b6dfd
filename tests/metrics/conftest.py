"""Rows in, rows of a view out."""

import msgspec
import pytest

from mcplens.metrics.connect import connect
from mcplens.store.location import create


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")


@pytest.fixture(scope="session")
def write_rows():
    """Append rows to a spool part."""

    def write(path, rows, *, ending=b"\n"):
        with path.open("ab") as opened:
            opened.write(b"\n".join(msgspec.json.encode(row) for row in rows) + ending)

    return write


@pytest.fixture
def living_recorders(monkeypatch):
    """Have every tail count as being written to."""
    monkeypatch.setattr("mcplens.store.reading.has_writer", lambda _: True)


@pytest.fixture
def spool(store, write_rows, living_recorders):
    """Write rows into a live tail of the store."""

    def write(rows, *, name="run1-00001", ending=b"\n"):
        path = store.spool / f"{name}.jsonl"
        write_rows(path, rows, ending=ending)
        return path

    return write


@pytest.fixture
def metrics_of(store, spool):
    """Record rows, and read a view of them as objects whose attributes are its columns."""

    def read(rows, view, *, order_by="all", **filters):
        spool(rows)
        return rows_of(connect(store.path, **filters), f"from {view} order by {order_by}")

    return read


def rows_of(con, sql):
    relation = con.sql(sql)
    names = relation.columns
    return [Seen(dict(zip(names, row, strict=True))) for row in relation.fetchall()]


class Seen:
    """A row that knows its columns by name."""

    def __init__(self, values):
        self.__dict__.update(values)

    def __repr__(self):
        return f"Seen({self.__dict__})"
