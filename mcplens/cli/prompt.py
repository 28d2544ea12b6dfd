"""A prompt for SQL: several lines up to a semicolon, a history, and errors that end nothing."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from mcplens.errors import McplensError
from mcplens.reports.text import printable

FIRST: Final = "mcplens> "
MORE: Final = "    ...> "
LEAVE: Final = frozenset({"exit", "quit", ".exit", ".quit", "\\q"})
HELP: Final = frozenset({"help", ".help", "?", "\\h", "\\?"})
TABLES: Final = frozenset({".tables", "\\d", "\\dt"})
LIST_VIEWS: Final = """\
select view_name, comment from duckdb_views()
where not internal and comment is not null
    and not starts_with(view_name, 'stg_') and not starts_with(view_name, 'int_')
order by view_name;"""
WELCOME: Final = "Ask in SQL and end with a semicolon: from tool_metrics;   Leave with Ctrl-D."
HISTORY_LENGTH: Final = 1_000


def run_prompt(answer: Callable[[str], None], *, history: Path | None = None) -> None:
    """Read questions and answer them until the reader leaves."""
    click.echo(WELCOME, err=True)
    with _remembering(history or _history_file()):
        while (question := _read_question()) is not None:
            if not question:
                continue
            try:
                answer(question)
            except McplensError as error:
                click.echo(f"mcplens: {printable(str(error))}", err=True)
            except KeyboardInterrupt:
                click.echo("interrupted", err=True)


def _read_question() -> str | None:
    """Read lines up to a semicolon; None when the reader leaves, empty when they start anew."""
    lines: list[str] = []
    while True:
        try:
            line = _read_line(MORE if lines else FIRST)
        except EOFError:
            click.echo(err=True)
            return None
        except KeyboardInterrupt:
            click.echo(err=True)
            return ""
        word = "" if lines else line.strip().rstrip(";").lower()
        if word in LEAVE:
            return None
        if word in HELP:
            click.echo(f"{WELCOME}   Views: .tables", err=True)
            continue
        if word in TABLES:
            return LIST_VIEWS
        if line.strip() or lines:
            lines.append(line)
        if line.rstrip().endswith(";"):
            return "\n".join(lines)


def _read_line(prompt: str) -> str:
    if not sys.stdout.isatty():
        # The answers go to a file, and the prompt is no answer.
        click.echo(prompt, nl=False, err=True)
        prompt = ""
    return input(prompt)


@contextlib.contextmanager
def _remembering(path: Path) -> Iterator[None]:
    """Let the arrow keys find what was asked before, today and earlier."""
    try:
        import readline
    except ImportError:
        # Some Pythons come without it; a prompt without history is still a prompt.
        yield
        return
    readline.clear_history()
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        readline.set_history_length(HISTORY_LENGTH)
        # A home that cannot be written to keeps no history, and nobody is told at every exit.
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            # What was asked may hold names of customers.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            readline.write_history_file(path)


def _history_file() -> Path:
    from platformdirs import user_state_path

    return user_state_path("mcplens") / "sql_history"
