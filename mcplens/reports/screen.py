"""What a terminal can show, and printing to it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from rich.console import Console

from mcplens.reports.text import to_ascii

if TYPE_CHECKING:
    from rich.text import Text

DUMB: Final = frozenset({"dumb", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """How wide a table may be, and whether it must do with ASCII."""

    width: int = 80
    is_ascii: bool = False


def screen_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Screen:
    """Find out what the terminal behind a stream can show.

    NO_COLOR, a dumb terminal and an encoding other than UTF-8 all mean plain ASCII.
    """
    is_plain = bool(environment.get("NO_COLOR")) or environment.get("TERM") in DUMB
    # Rich finds the width also where only stdin or stderr is a terminal, as in `| less`.
    width = Console(file=stream, _environ=dict(environment)).width
    return Screen(width=width, is_ascii=is_plain or not is_utf8(stream))


def is_utf8(stream: TextIO) -> bool:
    """Tell whether a stream takes every letter; one without an encoding keeps text as it is."""
    encoding: str | None = getattr(stream, "encoding", "utf-8")
    return (encoding or "utf-8").lower().replace("-", "") == "utf8"


def print_lines(lines: Iterable[Text], stream: TextIO, screen: Screen) -> None:
    """Print lines as they are: in colour where that is wanted, never wrapped or cut."""
    if isinstance(stream, io.TextIOWrapper):
        # Half a character in a name must not stop a table.
        stream.reconfigure(errors="backslashreplace")
    if screen.is_ascii:
        stream.writelines(f"{to_ascii(line.plain)}\n" for line in lines)
        return
    console = _Console(file=stream, highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(line, soft_wrap=True)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # Rich would end the process with 1; whoever called decides what a closed pipe means.
        raise BrokenPipeError
