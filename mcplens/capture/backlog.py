"""What was noted on a call's path and waits to be read on the recorder's thread.

On the path there is a bound check and an append. What finds no room is counted, and the reader is
told how much it was. Room is bounded by number, and by weight where whoever notes tells it.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_WAITING: Final = 10_000
"""Things that may wait to be read; what comes beyond is dropped and counted."""

MAX_WAITING_BYTES: Final = 64_000_000
"""About what they may weigh together; a single one may weigh more."""

READ_AT_ONCE: Final = 16
"""Things read between two breaths of the recorder."""


class Backlog(Generic[T]):
    """A queue that any thread fills and one thread reads."""

    __slots__ = (
        "_gone_bytes",
        "_lost",
        "_lost_told",
        "_max_bytes",
        "_max_waiting",
        "_noted_bytes",
        "_waiting",
    )

    def __init__(
        self, *, max_waiting: int = MAX_WAITING, max_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self._waiting: deque[tuple[T, int]] = deque()
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        # Those who note add to one and the reader to the other: what waits is the difference.
        self._noted_bytes = 0
        self._gone_bytes = 0
        self._lost = 0
        self._lost_told = 0

    def has_room(self, weight: int = 0) -> bool:
        """Tell whether one more may be noted; counts it as lost otherwise."""
        waiting = len(self._waiting)
        if waiting < self._max_waiting and (
            not waiting or self._noted_bytes - self._gone_bytes + weight <= self._max_bytes
        ):
            return True
        self._lost += 1
        return False

    def note(self, item: T, weight: int = 0) -> None:
        """Note something, room or not; ask for room first where it may be dropped."""
        self._noted_bytes += weight
        self._waiting.append((item, weight))

    def read_some(self, read: Callable[[T], object]) -> bool:
        """Read a few, and say whether more are waiting; `read` says False to what is not due."""
        for _ in range(READ_AT_ONCE):
            if not self._waiting:
                # Two who noted at once may count as one; it must not sum up over weeks.
                self._gone_bytes = self._noted_bytes
                return False
            item, weight = self._waiting.popleft()
            if read(item) is False:
                self._waiting.appendleft((item, weight))
                return False
            self._gone_bytes += weight
        return True

    def drop(self) -> None:
        """Count as lost what is still waiting."""
        self._lost += len(self._waiting)
        self._waiting.clear()
        self._gone_bytes = self._noted_bytes

    def take_lost(self) -> int:
        """Say how many were lost since this was last asked."""
        lost = self._lost - self._lost_told
        self._lost_told += lost
        return lost


_LOOKS: Final = 24
"""Values that are looked at to tell a weight: it is done on the call's path."""


def weigh(value: Any) -> int:
    """Tell about how many bytes a JSON value would take, from a few looks into it."""
    weight = 0
    inside = [value]
    for _ in range(_LOOKS):
        if not inside:
            break
        looked = inside.pop()
        kind = type(looked)
        if kind is str or kind is bytes:
            weight += len(looked)
        elif kind is dict:
            weight += 32 * len(looked)
            inside.extend(islice(looked.values(), _LOOKS))
        elif kind is list:
            weight += 32 * len(looked)
            inside.extend(islice(looked, _LOOKS))
    return weight
