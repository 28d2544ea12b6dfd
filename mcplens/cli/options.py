"""The options that every reading command has, and the connection they describe."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from mcplens.cli.output import Output

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mcplens.cli.formats import Format

P = ParamSpec("P")
R = TypeVar("R")

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

        return connect(self.store, **{name: getattr(self, name) for name in _FILTERS})

    def store_path(self) -> Path:
        """Say where the store is that this reads."""
        from mcplens.store.location import locate

        return locate(self.store)

    def output(self) -> Output:
        """Open stdout and stderr for the answer."""
        return Output(format=self.format)

    def next(self, command: str, *words: str) -> str:
        """Write a command that reads the same store, ready to be typed."""
        options = [] if self.store is None else ["--store", self.store]
        return shlex.join(["mcplens", command, *words, *options])


def reading_options(
    command: Callable[Concatenate[Reading, P], R],
) -> Callable[P, R]:
    """Give a command the options of a reading command, as one value in first place."""

    @functools.wraps(command)
    def with_reading(*args: P.args, **options: Any) -> R:
        chosen = {field.name: options.pop(field.name) for field in fields(Reading)}
        return command(Reading(**chosen), *args, **options)

    for option in reversed(_OPTIONS):
        option(with_reading)
    return with_reading  # type: ignore[return-value]  # click passes options by name


_OPTIONS = (
    click.option("--store", metavar="DIR", help="Read this store."),
    click.option("--run", metavar="RUN", help="Only this run: last, last~1, a label, an id."),
    click.option("--since", metavar="WHEN", help="Only later than: 24h, 7d, 2026-11-20."),
    click.option("--until", metavar="WHEN", help="Only earlier than this."),
    click.option("--server", metavar="NAME", help="Only this server; * and ? match."),
    click.option("--tool", metavar="NAME", help="Only this tool; * and ? match."),
    click.option(
        "--format",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="How to answer.",
    ),
)
