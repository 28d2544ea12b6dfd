"""The options that every reading command has, and the connection they describe."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcplens.cli.output import Output

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mcplens.cli.formats import Format

Option = Callable[[Callable[..., Any]], Callable[..., Any]]

_FILTERS = ("run", "since", "until", "server", "tool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a command reads and how it answers, as its options say."""

    store: str | None = None
    run: str | None = None
    since: str | None = None
    until: str | None = None
    server: str | None = None
    tool: str | None = None
    format: Format = "table"

    def connect(self) -> DuckDBPyConnection:
        """Open the store, with the filters on every view."""
        from mcplens.metrics.connect import connect

        con = connect(self.store, **{name: getattr(self, name) for name in _FILTERS})
        # DuckDB would draw it on stdout, between the rows.
        con.execute("set enable_progress_bar = false")
        return con

    def store_path(self) -> Path:
        """Say where the store is that this reads."""
        from mcplens.store.location import locate

        return locate(self.store)

    def output(self) -> Output:
        """Open stdout and stderr for the answer."""
        return Output(format=self.format)

    def filters(self) -> tuple[str, ...]:
        """Write the filters as they are typed; none where the whole store is read."""
        return self._words(*_FILTERS)

    def whole(self) -> Reading:
        """Read the same store without a filter."""
        return Reading(store=self.store, format=self.format)

    def next(self, command: str, *words: str) -> str:
        """Write a command that reads the same of the same store, ready to be typed."""
        names = [*_FILTERS, "store"]
        if command == "tools" and words:
            # The word is the tool, and narrower than any filter on tools.
            names.remove("tool")
        return typed(command, *words, *self._words(*names))

    def _words(self, *names: str) -> tuple[str, ...]:
        chosen = [(name, getattr(self, name)) for name in names]
        return tuple(
            word for name, value in chosen if value is not None for word in (f"--{name}", value)
        )


def typed(*words: str) -> str:
    """Write a command as it has to be typed here: with `uv run` for whoever came that way."""
    program = ["uv", "run", "mcplens"] if os.environ.get("UV_RUN_RECURSION_DEPTH") else ["mcplens"]
    return " ".join([*program, *(_quoted(word) for word in words)])


def _quoted(word: str) -> str:
    # SQL is full of single quotes; shlex would turn each into five characters.
    if "'" in word and not set(word) & set('"$`\\!'):
        return f'"{word}"'
    return shlex.quote(word)


Command = Callable[..., None]


def selecting_options(command: Command) -> Command:
    """Give a command the options that say what of which store it reads."""
    return _with(_SELECTION, command)


def reading_options(command: Command) -> Command:
    """Give a command the options that say what it reads, and how it answers."""
    return _with((*_SELECTION, _FORMAT), command)


def _with(options: tuple[Option, ...], command: Command) -> Command:
    @functools.wraps(command)
    def with_reading(**others: Any) -> None:
        chosen = {f.name: others.pop(f.name) for f in fields(Reading) if f.name in others}
        command(Reading(**chosen), **others)

    for option in reversed(options):
        option(with_reading)
    return with_reading


_SELECTION = (
    click.option("--store", metavar="DIR", help="Read this store."),
    click.option("--run", metavar="RUN", help="Only this run: last, last~1, a label, an id."),
    click.option("--since", metavar="WHEN", help="Only later than: 24h, 7d, 2026-11-20."),
    click.option("--until", metavar="WHEN", help="Only earlier than this."),
    click.option("--server", metavar="NAME", help="Only this server; * and ? match."),
    click.option("--tool", metavar="NAME", help="Only this tool; * and ? match."),
)
_FORMAT = click.option(
    "--format",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to answer.",
)
