"""`mcplens store doctor`: what keeping a store costs on this machine, and what is in its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from mcplens.cli.asking import Answer
from mcplens.cli.options import typed
from mcplens.cli.output import Output
from mcplens.cli.saying import short_path
from mcplens.cli.store.opening import format_option, store_option
from mcplens.reports.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcplens.capture.doctor.checks import Check
    from mcplens.cli.formats import Format


@click.command(short_help="Measure what watching costs on this machine.")
@store_option
@format_option
def doctor(named: str | None, format_: Format) -> None:
    """Measure what watching costs on this machine, and say what is wrong; takes a few seconds.

    A number in brackets is the range in which the median lies, 95 times of 100.
    """
    from mcplens.capture.doctor.checks import examine
    from mcplens.store.location import locate

    path = locate(named)
    out = Output(format=format_)
    out.say(f"store {short_path(path)}", style="dim")
    out.gap()
    checks = list(examine(path))
    out.rows(
        Answer(names=list(checks[0]._fields), rows=[tuple(check) for check in checks]),
        lambda _: [_line(check) for check in checks],
    )
    _conclude(out, checks)


def _line(check: Check) -> Text:
    mark = ("✓ ", "green") if check.is_ok else ("✗ ", "red")
    return Text.assemble(mark, printable(check.finding))


def _conclude(out: Output, checks: Sequence[Check]) -> None:
    out.gap()
    wrong = [check for check in checks if not check.is_ok]
    for check in wrong:
        if check.advice:
            out.say(f"{check.check}: {printable(check.advice)}", style="yellow")
    if not wrong:
        out.say("Nothing here is in the way of recording.", style="bold")
        out.hint(("Record a server", typed("record", "--", "COMMAND")))
