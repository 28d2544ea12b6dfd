"""The rows that wait to be written, bounded by their number and by what they weigh.

Any thread appends, one thread takes chunks from the other end and says when they are written; until
then they stay where they are, so that a store in trouble costs no row.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from mcplens.events import Definition, Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcplens.events import Row

MAX_ROWS: Final = 50_000
"""Rows that may wait; what comes beyond is dropped and counted."""

MAX_BYTES: Final = 64_000_000
"""About what they may weigh together; a single one may weigh more."""

CHUNK_ROWS: Final = 64
"""Rows written at once; a longer call into C would make the watched process wait for the GIL."""

CHUNK_BYTES: Final = 256_000
"""About what they may weigh together, for the same reason; a single one may weigh more."""

ROW_BYTES: Final = 1_000
"""About what a row without contents takes in memory."""


class RowQueue:
    """A queue that any thread fills and one thread empties."""

    __slots__ = (
        "_added_bytes",
        "_chunk_bytes",
        "_max_bytes",
        "_max_rows",
        "_rows",
        "_written_bytes",
    )

    def __init__(self, *, max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES) -> None:
        self._rows: deque[Row] = deque()
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        # Those who append add to one and the writer to the other: what waits is the difference.
        self._added_bytes = 0
        self._written_bytes = 0
        self._chunk_bytes = 0

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, row: Row) -> bool:
        """Take a row, unless there is no room; on a call's own path."""
        weight = ROW_BYTES
        if type(row) is Event:  # What `weigh` does, without the price of a call.
            if type(row.arguments) is str:
                weight += len(row.arguments)
            if type(row.result) is str:
                weight += len(row.result)
        elif type(row) is Definition:
            weight = weigh(row)
        waiting = len(self._rows)
        if waiting >= self._max_rows or (
            waiting and self._added_bytes - self._written_bytes + weight > self._max_bytes
        ):
            return False
        self._added_bytes += weight
        self._rows.append(row)
        return True

    def has_room(self) -> bool:
        """Say whether a row without contents would be taken."""
        waiting = self._added_bytes - self._written_bytes
        return len(self._rows) < self._max_rows and waiting + ROW_BYTES <= self._max_bytes

    def insist(self, row: Row) -> None:
        """Take a row, room or not."""
        self._added_bytes += weigh(row)
        self._rows.append(row)

    def is_filled(self, *, below: int) -> bool:
        """Say whether as many rows wait, or so much that whoever can wait should."""
        waiting = len(self._rows)
        return waiting >= below or (
            waiting > 0 and self._added_bytes - self._written_bytes > self._max_bytes // 2
        )

    def chunk(self) -> list[Row]:
        """Give what is to be written next, and keep it until it is."""
        waiting = self._rows
        # Never iterated: that fails when another thread appends in the middle of it.
        rows = [waiting[number] for number in range(min(CHUNK_ROWS, len(waiting)))]
        self._chunk_bytes = ROW_BYTES * len(rows)
        if self._added_bytes - self._written_bytes > ROW_BYTES * len(self._rows):
            rows = self._light_enough(rows)
        return rows

    def _light_enough(self, rows: list[Row]) -> list[Row]:
        self._chunk_bytes = 0
        for number, row in enumerate(rows):
            weight = weigh(row)
            if number and self._chunk_bytes + weight > CHUNK_BYTES:
                return rows[:number]
            self._chunk_bytes += weight
        return rows

    def written(self, chunk: Sequence[Row]) -> None:
        """Let go of the chunk that was given last."""
        rows = self._rows
        for _ in chunk:
            rows.popleft()
        self._written_bytes += self._chunk_bytes
        if not rows:
            # Two who added at once may have been counted as one; it must not sum up over weeks.
            self._written_bytes = self._added_bytes

    def close(self) -> int:
        """Take nothing any more, and say how many rows are dropped with it."""
        self._max_rows = 0
        dropped = len(self._rows)
        self._rows.clear()
        return dropped


def weigh(row: Row) -> int:
    """Tell about how many bytes a row takes; a row that is made wrong is no reason to fail."""
    if type(row) is Event:
        return ROW_BYTES + _length(row.arguments) + _length(row.result)
    if type(row) is Definition:
        return ROW_BYTES + _length(row.definition)
    return ROW_BYTES


def _length(text: str | None) -> int:
    return len(text) if type(text) is str else 0
