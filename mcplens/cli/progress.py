"""What a person sees while a command works: one line per step, counting on a terminal."""

from __future__ import annotations

import os
from typing import Final, TextIO

from mcplens.units import format_count

WIDTH: Final = 28


class Progress:
    """Lines about steps that take a while."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._title = ""
        self._calls = 0

    def say(self, line: str) -> None:
        """Write a line of its own."""
        print(line, file=self._stream, flush=True)

    def begin(self, title: str) -> None:
        """Begin a step."""
        self._title, self._calls = title, 0
        if self._is_live:
            self._write("\r")

    def count(self) -> None:
        """Say that one more call has been made."""
        self._calls += 1
        if self._is_live:
            self._write("\r")

    def end(self, *, failure_count: int) -> None:
        """End the step, and leave its line standing."""
        self._write("\r" if self._is_live else "", f", {failure_count} failed\n")

    def _write(self, before: str, after: str = "") -> None:
        calls = f"{format_count(self._calls):>5} calls"
        print(
            f"{before}  {self._title:<{WIDTH}}{calls}{after}", end="", file=self._stream, flush=True
        )
