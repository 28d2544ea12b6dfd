"""Questions in SQL, with errors in one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from mcplens.errors import QueryError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Result = TypeVar("Result")

_BATCH = 10_000
_QUESTIONS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_KIND = re.compile(r"^[A-Z][A-Za-z ]* Error: ")
_HINTS = {"Did you mean ": "Did you mean ", "Candidate bindings: ": "Did you mean one of "}


def run_query(
    con: DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()
) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Run SQL; give the names of the columns, and the rows as they are read.

    The rows are there until the connection is asked something else.

    Raises:
        QueryError: DuckDB does not accept it, or it fails on the way.
        KeyboardInterrupt: Ctrl-C came while it ran.
    """
    with _errors_in_one_line():
        _refuse_several(con, sql)
        answer = interruptible(con, lambda: con.execute(sql, list(parameters)))
    # Where there is nothing to run, DuckDB answers with nothing at all.
    if answer is None or answer.description is None:
        raise QueryError("there is no query in it. Write one, such as: from tool_metrics")
    return _apart([column[0] for column in answer.description]), _rows(con)


def _refuse_several(con: DuckDBPyConnection, sql: str) -> None:
    """Refuse questions of which DuckDB would answer the last only; what sets up goes before it."""
    if ";" not in sql.rstrip("; \t\r\n"):
        return
    before = con.extract_statements(sql)[:-1]
    if any(statement.type in _QUESTIONS for statement in before):
        raise QueryError(
            "there are several questions in it, and one answer has room for one. Ask each by itself"
        )


def _apart(names: Sequence[str]) -> list[str]:
    """Number a name that stood before, as joins give them: an object has each name once."""
    apart: list[str] = []
    for name in names:
        shown, count = name, 0
        while shown in apart:
            count += 1
            shown = f"{name}_{count}"
        apart.append(shown)
    return apart


def _rows(con: DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    with _errors_in_one_line():
        while batch := interruptible(con, lambda: con.fetchmany(_BATCH)):
            yield from batch


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as trouble:
        raise QueryError(explain(trouble)) from trouble
    except OverflowError as trouble:
        raise QueryError(f"a value is too large to be read: {trouble}") from trouble


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
    if "'pytz'" in first:
        return "a time with a zone cannot be read here. Write cast(… as timestamp) for UTC"
    line = _KIND.sub("", first)
    for hint, words in _HINTS.items():
        for said in rest:
            if said.startswith(hint):
                return f"{line.rstrip('!.')}. {words}{said.removeprefix(hint).rstrip('?')}?"
    return line
