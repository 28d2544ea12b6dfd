"""Questions in SQL, with errors in one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import duckdb

from mcplens.errors import QueryError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

Result = TypeVar("Result")

_KIND = re.compile(r"^[A-Z][A-Za-z ]* Error: ")
_HINTS = {"Did you mean ": "Did you mean ", "Candidate bindings: ": "Did you mean one of "}


def run_query(con: DuckDBPyConnection, sql: str) -> DuckDBPyRelation:
    """Run SQL once and keep its rows.

    Raises:
        QueryError: DuckDB does not accept it, or it fails on the way.
        KeyboardInterrupt: Ctrl-C came while it ran.
    """

    def run() -> DuckDBPyRelation | None:
        relation = con.sql(sql)
        # Not `relation and …`: whether a relation is true, DuckDB answers by running it.
        return None if relation is None else relation.materialize()

    try:
        rows = interruptible(con, run)
    except duckdb.Error as trouble:
        raise QueryError(explain(trouble)) from trouble
    if rows is None:
        raise QueryError("there is no query in it. Write one, such as: from tool_metrics")
    return rows


def interruptible(con: DuckDBPyConnection, work: Callable[[], Result]) -> Result:
    """Do work on a connection so that Ctrl-C ends it at once.

    DuckDB at work on the main thread lets Ctrl-C wait, more often than not until it is done; from
    another thread it can be told.
    """
    answer: Future[Result] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            answer.set_exception(error)

    worker = Thread(target=run, daemon=True)
    try:
        worker.start()
        return answer.result()
    except KeyboardInterrupt:
        while worker.is_alive():
            # Said again and again: what comes a moment before the query begins is forgotten.
            con.interrupt()
            worker.join(0.05)
        raise


def explain(error: duckdb.Error) -> str:
    """Say in one line what DuckDB says in several, with what it thinks was meant."""
    first, *rest = str(error).strip().splitlines()
    line = _KIND.sub("", first)
    for hint, words in _HINTS.items():
        for said in rest:
            if said.startswith(hint):
                return f"{line.rstrip('!.')}. {words}{said.removeprefix(hint).rstrip('?')}?"
    return line
