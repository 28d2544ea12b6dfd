"""What became of a file that was imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SHOWN_LINES: Final = 5
"""Bad lines that are named; the others are counted."""


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of one file."""

    calls: int = 0
    """Events that are new in the store."""
    known: int = 0
    """Events that were there already."""
    still_open: int = 0
    """Requests without an end, of a file that is still being written."""
    other: int = 0
    """Lines or spans that are sound, and no call of an MCP server."""
    bad: int = 0
    """Lines that could not be read."""
    without_unit: int = 0
    """Durations that say no unit."""
    bad_lines: list[str] = field(default_factory=list)
    """The first of them: file, line and reason."""

    def add_bad(self, line: str) -> None:
        """Count a line that could not be read, by its file, number and reason."""
        self.bad += 1
        if len(self.bad_lines) < SHOWN_LINES:
            self.bad_lines.append(line)
