"""`mcplens sql`: any question; without one, a prompt."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

import click

from mcplens.cli.asking import ask_much
from mcplens.cli.options import Reading, reading_options
from mcplens.cli.saying import say_store
from mcplens.reports.tables import views_table
from mcplens.reports.text import printable
from mcplens.reports.values import records, values_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from duckdb import DuckDBPyConnection
    from rich.text import Text

    from mcplens.cli.output import Output
    from mcplens.reports.screen import Screen

MOST_ROWS = 200
"""Rows that a table shows; JSON and CSV have all of them."""


@click.command(short_help="Any question in SQL; without one, a prompt.")
@click.argument("query", metavar="['select …']", required=False)
@reading_options
def sql(reading: Reading, query: str | None) -> None:
    """Answer QUERY, in DuckDB's SQL, from the views that `mcplens show` lists.

    Without QUERY: a prompt, or whatever is piped in.
    """
    con = reading.connect()
    out = reading.output()
    say_store(out, reading, con)
    if query is None and sys.stdin.isatty():
        from mcplens.cli.prompt import run_prompt
        from mcplens.metrics.connect import refresh

        def answer(text: str) -> None:
            refresh(con)
            answer_query(out, con, text)

        run_prompt(answer)
    else:
        answer_query(out, con, sys.stdin.read() if query is None else query)


def answer_query(out: Output, con: DuckDBPyConnection, text: str) -> None:
    """Answer one question, before which may stand what it needs, such as `set`."""
    answer = ask_much(con, text)
    if not out.is_table:
        out.rows(answer, lambda _: [])
        return
    rows = list(itertools.islice(answer.rows, MOST_ROWS + 1))
    if not rows:
        out.say("0 rows", style="dim")
    out.lines(lambda screen: _set(answer.names, rows[:MOST_ROWS], screen))
    if len(rows) > MOST_ROWS:
        out.say(f"the first {MOST_ROWS} rows; --format json or csv gives all", style="dim")


def _set(names: Sequence[str], rows: Sequence[Sequence[Any]], screen: Screen) -> list[Text]:
    """Set a table, or one block per row where a column that was asked for would not fit."""
    if list(names[1:]) == ["comment"]:
        # A sentence is read to its end.
        said = [(printable(str(name)), printable(str(text or ""))) for name, text in rows]
        return views_table([{"view_name": n, "comment": c} for n, c in said], screen)
    lines, left_out = values_table(names, rows, screen, keep_empty=True)
    return records(names, rows) if left_out else lines
