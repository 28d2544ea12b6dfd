"""`mcplens show`: any view as it is; without a name, what there is and what it answers."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click

from mcplens.cli.asking import Answer, ask, ask_much
from mcplens.cli.options import Reading, reading_options
from mcplens.cli.saying import say_store
from mcplens.errors import UsageError
from mcplens.reports.tables import views_table
from mcplens.reports.values import records, values_table
from mcplens.units import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from rich.text import Text

    from mcplens.cli.output import Output
    from mcplens.metrics.catalogue import ViewEntry
    from mcplens.reports.screen import Screen

MOST_ROWS = 50
"""Rows that a table shows; JSON and CSV have all of them."""

COLUMNS = "select column_name, comment from duckdb_columns() where table_name = 'calls'"
"""Shows what the columns of a view say, in words that anyone may change."""

NEWEST_FIRST = (
    "started_at",
    "spawned_at",
    "seen_at",
    "noticed_at",
    "sampled_at",
    "last_seen_at",
    "last_at",
)


@click.command(short_help="Any view; without a name, what there is.")
@click.argument("view", required=False)
@reading_options
def show(reading: Reading, view: str | None) -> None:
    """Show the rows of VIEW, the newest first; without it, list the views and what they answer."""
    from mcplens.metrics.catalogue import view_catalogue

    con = reading.connect()
    out = reading.output()
    say_store(out, reading, con)
    entries = view_catalogue(con)
    if view is None:
        _show_catalogue(out, reading, entries)
    else:
        _show_view(out, reading, con, _find(entries, view))


def _show_catalogue(out: Output, reading: Reading, entries: list[ViewEntry]) -> None:
    people = [entry for entry in entries if entry.layer == "marts"]
    answer = Answer(
        names=("view_name", "comment", "columns"),
        rows=[(e.name, e.comment, [column.name for column in e.columns]) for e in people],
    )
    out.rows(answer, lambda screen: views_table(answer.mappings(), screen))
    out.gap()
    out.hint(
        ("Look into one", reading.next("show", "calls")),
        ("Its columns", reading.next("sql", COLUMNS)),
    )


def _show_view(out: Output, reading: Reading, con: DuckDBPyConnection, entry: ViewEntry) -> None:
    out.say(entry.comment, style="dim")
    out.gap()
    newest = [c.name for c in entry.columns if c.name in NEWEST_FIRST]
    order = f"{newest[0]} desc nulls last, 1" if newest else "all"
    question = f'from "{entry.name}" order by {order}'
    if not out.is_table:
        out.rows(ask_much(con, question), lambda _: [])
        return
    answer = ask(con, f"{question} limit {MOST_ROWS}")
    names, rows = answer.names, list(answer.rows)
    hidden: list[str] = []

    def table(screen: Screen) -> list[Text]:
        lines, left_out = values_table(names, rows, screen)
        if left_out and len(rows) == 1:
            return records(names, rows)
        hidden.extend(left_out)
        return lines

    out.lines(table)
    out.gap()
    [[total]] = ask(con, f'select count(*) from "{entry.name}"').rows
    shown = (
        counted(len(rows), "row")
        if len(rows) == total
        else f"the first {MOST_ROWS} of {total:,} rows"
    )
    columns = f", {len(names) - len(hidden)} of {len(names)} columns" if hidden else ""
    out.say(f"{shown}{columns}", style="dim")
    if hidden or len(rows) < total:
        out.hint(("All of it", reading.next("show", entry.name, "--format", "json")))


def _find(entries: list[ViewEntry], name: str) -> ViewEntry:
    by_name = {entry.name: entry for entry in entries}
    if name in by_name:
        return by_name[name]
    near = difflib.get_close_matches(name, by_name, n=1)
    hint = f'Did you mean "{near[0]}"?' if near else "See: mcplens show"
    raise UsageError(f'there is no view "{name}". {hint}')
