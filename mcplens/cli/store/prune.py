"""`mcplens store prune`: let a store go of what is too old, too much, or of a run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from mcplens.cli.asking import Answer
from mcplens.cli.bar import bar
from mcplens.cli.options import typed
from mcplens.cli.output import Output
from mcplens.cli.saying import short_path
from mcplens.cli.store.opening import format_option, interruptible, opened, store_option
from mcplens.errors import UsageError
from mcplens.events import TABLES
from mcplens.reports.grid import Column, fit, set_lines
from mcplens.reports.text import printable
from mcplens.store.retention import kept
from mcplens.units import counted, format_bytes, format_count, parse_bytes, parse_span_s

if TYPE_CHECKING:
    from mcplens.cli.formats import Format
    from mcplens.reports.screen import Screen
    from mcplens.store.layout import Store
    from mcplens.store.survey import Gone, PruneReport
    from mcplens.store.wanted import Wanted

NAMES = (
    "table_name",
    "first_date",
    "last_date",
    "file_count",
    "row_count",
    "size_bytes",
    "goes_to",
)


@click.command(short_help="Let go of what is too old, too much, or of a run.")
@click.option("--older-than", metavar="AGE", help="What happened longer ago: 5min, 90d, 52w.")
@click.option("--larger-than", metavar="SIZE", help="The oldest days, until the rest fits: 5GB.")
@click.option(
    "--run",
    "runs",
    metavar="RUN",
    multiple=True,
    help="This run: last, last~1, a label, an id; may be repeated.",
)
@click.option(
    "--table",
    "tables",
    type=click.Choice(list(TABLES)),
    metavar="TABLE",
    multiple=True,
    help="Only rows of this raw table, such as samples; may be repeated.",
)
@click.option("--archive", metavar="DIR", help="Move it into this store instead of deleting it.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@store_option
@format_option
def prune(
    *,
    older_than: str | None,
    larger_than: str | None,
    runs: tuple[str, ...],
    tables: tuple[str, ...],
    archive: str | None,
    dry_run: bool,
    named: str | None,
    format_: Format,
) -> None:
    """Let go of what the store is not to keep, or of exactly what the options say.

    Without options it is what `mcplens store retention` says. It can be interrupted at any time and
    goes on when it is called again. What a recorder is still writing stays.
    """
    out = Output(format=format_)
    store = opened(out, named)
    wanted = _wanted(store, older_than, larger_than, runs, tables)
    folder = Path(archive).expanduser().absolute() if archive else None
    again = _words(
        {
            "--older-than": [older_than],
            "--larger-than": [larger_than],
            "--run": runs,
            "--table": tables,
            "--archive": [archive],
            "--store": [named],
        }
    )
    if dry_run:
        from mcplens.store.survey import survey

        report = survey(store, wanted, archive=folder)
    else:
        report = _prune(out, store, wanted, folder, again=again)
    rows = sorted(report.gone.items(), key=lambda item: -item[1].size_bytes)
    if rows or not out.is_table:
        out.gap()
        out.rows(
            Answer(names=NAMES, rows=[_row(table, gone, report) for table, gone in rows]),
            lambda screen: _table(rows, report, screen),
        )
    out.gap()
    for aside in report.set_aside:
        out.say(f"left as it is: {printable(aside.reason)}", style="yellow")
    if not rows:
        why = " of what was asked for" if wanted else f": the store {kept(store).words}"
        out.say(f"There is nothing to prune{why}. It holds {_left(report)}.", style="bold")
    elif dry_run:
        _say_what_would_go(out, store, report, again)
    else:
        _say_what_is_gone(out, store, report)


def _words(options: dict[str, Iterable[str | None]]) -> str:
    """Write the command as it has to be typed to do what it says."""
    words = [
        word
        for name, values in options.items()
        for value in values
        if value is not None
        for word in (name, value)
    ]
    return typed("store", "prune", *words)


def _wanted(
    store: Store,
    older_than: str | None,
    larger_than: str | None,
    runs: tuple[str, ...],
    tables: tuple[str, ...],
) -> Wanted | None:
    """Put the options together; None where there are none."""
    from mcplens.store.links import LINKS
    from mcplens.store.wanted import Wanted, limit_of

    if not (older_than or larger_than or runs):
        if tables:
            raise UsageError(
                f"--table {tables[0]} narrows what goes. Say also --older-than, --larger-than or "
                "--run; all of it is --older-than 0s"
            )
        return None
    if runs and larger_than:
        raise UsageError("--larger-than takes the oldest days of all runs. Leave out --run")
    if runs and not older_than and (links := [table for table in tables if table in LINKS]):
        raise UsageError(
            f"--table {links[0]} with --run would leave what needs it. Leave out --table: whole "
            "runs go with everything"
        )
    return Wanted(
        limit=limit_of(parse_span_s(older_than), now=time.time()) if older_than else None,
        size_bytes=parse_bytes(larger_than) if larger_than else None,
        run_ids=_run_ids(store, runs) if runs else None,
        tables=frozenset(tables) if tables else None,
    )


def _run_ids(store: Store, runs: tuple[str, ...]) -> frozenset[str]:
    from mcplens.metrics.connect import connect
    from mcplens.store.survey import living_runs

    found: set[str] = set()
    for run in runs:
        [(run_ids,)] = (
            connect(store.path, run=run).sql("select run_ids from raw_connection").fetchall()
        )
        found.update(run_ids)
    if living := living_runs(store, found):
        raise UsageError(
            f"run {printable(living[0])} is still being recorded. Prune it when it has ended"
        )
    return frozenset(found)


def _prune(
    out: Output, store: Store, wanted: Wanted | None, archive: Path | None, *, again: str
) -> PruneReport:
    from mcplens.store.prune import prune
    from mcplens.store.retention import make_archive
    from mcplens.store.seal import seal

    if archive is not None:
        make_archive(archive, of=store)
    with interruptible(out, again):
        with bar("sealing") as on_progress:
            seal(store, on_progress=on_progress)
        with bar("pruning") as on_progress:
            return prune(store, wanted, archive=archive, on_progress=on_progress)


def _row(table: str, gone: Gone, report: PruneReport) -> tuple[object, ...]:
    return (
        table,
        gone.first_date,
        gone.last_date,
        gone.file_count,
        gone.row_count,
        gone.size_bytes,
        str(report.archive) if report.archive else "deleted",
    )


def _table(rows: list[tuple[str, Gone]], report: PruneReport, screen: Screen) -> list[Text]:
    where = short_path(report.archive) if report.archive else "deleted"
    gone = [one for _, one in rows]
    columns = [
        Column(title="table", cells=[Text(table) for table, _ in rows]),
        Column(title="days", cells=[Text(_days(one)) for one in gone], drop=2),
        Column(
            title="files",
            cells=[Text(format_count(one.file_count)) for one in gone],
            align="right",
            drop=3,
        ),
        Column(
            title="rows", cells=[Text(format_count(one.row_count)) for one in gone], align="right"
        ),
        Column(
            title="size", cells=[Text(format_bytes(one.size_bytes)) for one in gone], align="right"
        ),
        Column(title="goes to", cells=[Text(where) for _ in gone], drop=1),
    ]
    return set_lines(fit(columns, screen))


def _days(gone: Gone) -> str:
    if gone.first_date == gone.last_date:
        return gone.first_date
    return f"{gone.first_date} to {gone.last_date}"


def _left(report: PruneReport) -> str:
    since = f", from {report.left_since} on" if report.left_since else ""
    return (
        f"{counted(report.left_rows, 'row')} in Parquet, {format_bytes(report.left_bytes)}{since}"
    )


def _what(report: PruneReport) -> str:
    rows = counted(sum(gone.row_count for gone in report.gone.values()), "row")
    return f"{rows}, {format_bytes(report.size_bytes)}"


def _say_what_would_go(out: Output, store: Store, report: PruneReport, again: str) -> None:
    from mcplens.store.place import beside_parquet

    out.say(f"{_what(report)}, would go; {_left(report)}, would stay.", style="bold")
    if count := beside_parquet(store).dead_parts:
        parts = counted(count, "spool part")
        out.say(f"Not looked at: {parts} not in Parquet yet; pruning seals first.", style="dim")
    out.hint(("Do it", again))


def _say_what_is_gone(out: Output, store: Store, report: PruneReport) -> None:
    went = "have moved" if report.archive else "are gone"
    out.say(f"{_what(report)}, {went}; {_left(report)}, stay.", style="bold")
    out.say(
        f"Their files stay on disk for {kept(store).grace}, for readers that began before; the "
        "next recording or prune deletes them.",
        style="dim",
    )
    if report.archive is not None:
        out.hint(("Read them", typed("--store", str(report.archive))))
