"""Questions to the views, and their answers as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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
    answer = ask_much(con, sql, parameters)
    return Answer(names=answer.names, rows=list(answer.rows))


def ask_much(con: DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()) -> Answer:
    """Ask a question whose answer may be long; its rows come as they are read, and once."""
    from mcplens.metrics.query import run_query

    names, rows = run_query(con, sql, parameters)
    return Answer(names=names, rows=rows)
