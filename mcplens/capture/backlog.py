"""What was noted on a call's path and waits to be read on the recorder's thread.

On the path there is a bound check and an append. What finds no room is counted, and the reader is
told how much it was.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_WAITING: Final = 10_000
"""Things that may wait to be read; what comes beyond is dropped and counted."""

READ_AT_ONCE: Final = 16
"""Things read between two breaths of the recorder."""


class Backlog(Generic[T]):
    """A queue that any thread fills and one thread reads."""

    __slots__ = ("_lost", "_lost_told", "_max_waiting", "_waiting")

    def __init__(self, *, max_waiting: int = MAX_WAITING) -> None:
        self._waiting: deque[T] = deque()
        self._max_waiting = max_waiting
        self._lost = 0
        self._lost_told = 0

    def has_room(self) -> bool:
        """Tell whether one more may be noted; counts it as lost otherwise."""
        if len(self._waiting) < self._max_waiting:
            return True
        self._lost += 1
        return False

    def note(self, item: T) -> None:
        """Note something, room or not; ask for room first where it may be dropped."""
        self._waiting.append(item)

    def read_some(self, read: Callable[[T], None]) -> bool:
        """Read a few, and say whether more are waiting."""
        for _ in range(READ_AT_ONCE):
            if not self._waiting:
                return False
            read(self._waiting.popleft())
        return True

    def drop(self) -> None:
        """Count as lost what is still waiting."""
        self._lost += len(self._waiting)
        self._waiting.clear()

    def take_lost(self) -> int:
        """Say how many were lost since this was last asked."""
        lost = self._lost - self._lost_told
        self._lost_told += lost
        return lost
