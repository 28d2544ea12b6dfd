"""What time it is: one clock that never jumps, told as UTC where a row needs a date.

Durations are counted without the time that the machine slept; dates are told with it.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  the raw tables are naive UTC
_MICROSECOND: Final = timedelta(microseconds=1)

_LEAP_NS: Final = 1_000_000_000
"""How far the wall clock has to be ahead for the machine to have slept."""


class Clock:
    """Counts nanoseconds that never go back, and knows which UTC time each one was."""

    __slots__ = ("_offset_ns", "_wall_ns", "ns")

    def __init__(
        self,
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.ns = monotonic_ns
        self._wall_ns = wall_ns
        self._offset_ns = wall_ns() - monotonic_ns()

    def utc(self, ns: int) -> datetime:
        """Say which UTC time a fresh reading of `ns()` was, without a time zone on it."""
        # The wall clock may be set back while we record, and no row shall be older than the one
        # before it; but it alone goes on while a laptop sleeps, often for longer than it is awake.
        offset_ns = self._wall_ns() - self.ns()
        if offset_ns - self._offset_ns > _LEAP_NS:
            self._offset_ns = offset_ns
        return _EPOCH + (ns + self._offset_ns) // 1000 * _MICROSECOND

    def unix_s(self) -> float:
        """Say how many seconds passed since 1970, by the same clock as `utc`."""
        return (self.utc(self.ns()) - _EPOCH).total_seconds()
