"""Where a command's answer goes: rows to stdout, and what is said about them to stderr."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from mcplens.cli.formats import write_csv, write_json
from mcplens.reports.screen import Screen, print_lines, screen_of
from mcplens.reports.text import printable

if TYPE_CHECKING:
    from mcplens.cli.asking import Answer
    from mcplens.cli.formats import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The two streams of a command."""

    format: Format = "table"

    @property
    def is_table(self) -> bool:
        """Whether a person reads the answer."""
        return self.format == "table"

    def rows(self, answer: Answer, table: Callable[[Screen], Iterable[Text]]) -> None:
        """Answer with rows: set as a table for people, as they are for programs."""
        if self.format == "json":
            write_json(answer.names, answer.rows, sys.stdout)
        elif self.format == "csv":
            write_csv(answer.names, answer.rows, sys.stdout)
        else:
            self.lines(table)
        # What is said about the rows comes after them, also where both go to one screen.
        sys.stdout.flush()

    def lines(self, table: Callable[[Screen], Iterable[Text]]) -> None:
        """Write lines of the answer itself, set for the screen that they go to."""
        screen = screen_of(sys.stdout)
        print_lines(table(screen), sys.stdout, screen)
        sys.stdout.flush()

    def say(self, text: str, *, style: str = "") -> None:
        """Say something about the answer, broken between words where a terminal would break it."""
        lines = [text]
        if sys.stderr.isatty():
            lines = textwrap.wrap(text, screen_of(sys.stderr).width, break_long_words=False)
        for line in lines or [""]:
            _print(Text(line, style=style), sys.stderr)

    def gap(self) -> None:
        """Leave a line blank between what is said and a table."""
        if self.is_table:
            _print(Text(), sys.stderr)

    def hint(self, *hints: tuple[str, str]) -> None:
        """Name the commands to type next, each with what it is for; programs need none."""
        if self.is_table:
            widest = max(len(purpose) for purpose, _ in hints)
            for purpose, command in hints:
                line = Text.assemble(
                    ("  " + f"{purpose}:".ljust(widest + 3), "dim"), (printable(command), "bold")
                )
                _print(line, sys.stderr)


def _print(line: Text, stream: TextIO) -> None:
    print_lines([line], stream, screen_of(stream))
