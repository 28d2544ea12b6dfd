"""`mcplens store verify`: whether all in a store is as it was written, and putting it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from mcplens.cli.asking import Answer
from mcplens.cli.bar import bar
from mcplens.cli.options import typed
from mcplens.cli.output import Output
from mcplens.cli.saying import short_path
from mcplens.cli.store.opening import format_option, store_option
from mcplens.reports.text import printable
from mcplens.units import counted

if TYPE_CHECKING:
    from mcplens.cli.formats import Format
    from mcplens.store.findings import Finding
    from mcplens.store.verify import Verified


@click.command(short_help="Check every file, and repair what can be.")
@store_option
@click.option("--repair", "is_repairing", is_flag=True, help="Put right what can be put right.")
@format_option
def verify(named: str | None, is_repairing: bool, format_: Format) -> int:  # noqa: FBT001  a flag
    """Check every file of a store: bytes, rows, ids that stand twice, requests that lack.

    Exits with 1 when something is wrong that stands. Nothing is changed without --repair, and
    nothing is thrown away with it: what is damaged or nobody's goes to the store's quarantine.
    """
    from mcplens.store.findings import Finding
    from mcplens.store.location import locate, open_damaged_store
    from mcplens.store.repair import repair
    from mcplens.store.verify import verify as look

    path = locate(named)
    out = Output(format=format_)
    out.say(f"store {short_path(path)}", style="dim")
    store = open_damaged_store(path)
    with bar("verify") as on_progress:
        act = repair if is_repairing else look
        done = act(store, on_progress=on_progress)
    out.gap()
    out.rows(
        Answer(names=Finding._fields, rows=[tuple(found) for found in done.findings]),
        lambda _: [_line(found) for found in done.findings],
    )
    _conclude(out, done)
    if not is_repairing and any(found.is_mendable for found in done.findings):
        words = ("--store", named) if named else ()
        out.hint(("Repair what can be", typed("store", "verify", "--repair", *words)))
    return 0 if done.is_fine else 1


def _line(found: Finding) -> Text:
    if found.is_repaired:
        mark, end = ("✓ ", "green"), "Repaired"
    else:
        mark = ("✗ ", "red") if found.is_wrong else ("· ", "yellow")
        end = found.advice
    where = "the store" if found.where == "." else found.where
    return Text.assemble(mark, printable(f"{where} {found.what}. {end}"))


def _conclude(out: Output, done: Verified) -> None:
    out.gap()
    files = f"{counted(done.file_count, 'file')} and {counted(done.part_count, 'spool part')}"
    read = f"{counted(done.row_count, 'row')} in {files}"
    wrong = [found for found in done.findings if found.is_wrong]
    standing = [found for found in wrong if not found.is_repaired]
    if standing:
        out.say(f"{read}: {counted(len(standing), 'thing')} wrong.", style="bold red")
    elif wrong:
        out.say(f"{read}: what was wrong is repaired.", style="bold")
    else:
        is_hidden = any(found.is_out_of_sight for found in done.findings)
        rows = "every row that can be read" if is_hidden else "every row"
        out.say(f"{read}: {rows} stands once, and is as it was written.", style="bold")
