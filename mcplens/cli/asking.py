"""Questions to the views, and their answers as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Rows and the names of their columns."""

    names: Sequence[str]
    rows: Iterable[tuple[Any, ...]]

    def mappings(self) -> list[dict[str, Any]]:
        """Give each row under its columns' names."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]


def ask(con: DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()) -> Answer:
    """Ask a question whose answer is small."""
    cursor = con.execute(sql, list(parameters))
    return Answer(names=names_of(cursor), rows=cursor.fetchall())


def names_of(cursor: DuckDBPyConnection) -> list[str]:
    """Name the columns of the answer that a cursor holds."""
    return [column[0] for column in cursor.description or ()]


def rows_of(cursor: DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Fetch the answer that a cursor holds, however long, a batch at a time."""
    while batch := cursor.fetchmany(_BATCH):
        yield from batch
