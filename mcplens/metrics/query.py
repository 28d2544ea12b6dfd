"""Questions in SQL, with errors in one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from mcplens.errors import QueryError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_KIND = re.compile(r"^[A-Z][A-Za-z ]* Error: ")
_HINTS = {"Did you mean ": "Did you mean ", "Candidate bindings: ": "Did you mean one of "}


def run_query(con: DuckDBPyConnection, sql: str) -> DuckDBPyRelation:
    """Run SQL once and keep its rows.

    Raises:
        QueryError: DuckDB does not accept it, or it fails on the way.
    """
    try:
        relation = con.sql(sql)
        rows = relation and relation.materialize()
    except duckdb.Error as trouble:
        raise QueryError(explain(trouble)) from trouble
    if rows is None:
        raise QueryError("there is no query in it. Write one, such as: from tool_metrics")
    return rows


def explain(error: duckdb.Error) -> str:
    """Say in one line what DuckDB says in several, with what it thinks was meant."""
    first, *rest = str(error).strip().splitlines()
    line = _KIND.sub("", first)
    for hint, words in _HINTS.items():
        for said in rest:
            if said.startswith(hint):
                return f"{line.rstrip('!.')}. {words}{said.removeprefix(hint).rstrip('?')}?"
    return line
