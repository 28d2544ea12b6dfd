"""What time it is: one clock that never jumps, told as UTC where a row needs a date."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  the raw tables are naive UTC


class Clock:
    """Counts nanoseconds that never go back, and knows which UTC time each one was."""

    __slots__ = ("_anchor_ns", "_anchor_utc", "ns")

    def __init__(
        self,
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.ns = monotonic_ns
        # The wall clock is read once: it may be set while we record, and no call takes -3 ms.
        self._anchor_ns = monotonic_ns()
        self._anchor_utc = _EPOCH + timedelta(microseconds=wall_ns() // 1000)

    def utc(self, ns: int) -> datetime:
        """Say which UTC time a reading of `ns()` was, without a time zone on it."""
        return self._anchor_utc + timedelta(microseconds=(ns - self._anchor_ns) // 1000)
