"""What a recorder had to drop, and how its readers learn of it."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING

from mcplens.events import SCHEMA_VERSION, Event, Notice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcplens.capture.clock import Clock
    from mcplens.events import Row


class Losses:
    """Counts what was dropped; a notice takes the place of dropped rows in their queue."""

    def __init__(self, run_id: str) -> None:
        self.total = 0
        """All that was dropped, told or not."""
        self._run_id = run_id
        self._notices = count(1)
        self._untold = 0
        self._on_the_way: Notice | None = None
        self._before_next_event = 0
        self._lock = threading.Lock()

    @property
    def is_untold(self) -> bool:
        """Whether it is time for a notice."""
        return self._untold > 0 and self._on_the_way is None

    def add(self, lost: int, *, is_told: bool = False) -> None:
        """Count what was dropped, from any thread; `is_told` when other rows tell of it."""
        if lost:
            with self._lock:
                self.total += lost
                self._untold += 0 if is_told else lost

    def begin_anew(self) -> None:
        """Forget, in a fork, what the process that was forked has to tell."""
        # Another thread may have held the lock when the process was forked.
        self._lock = threading.Lock()
        self.total = 0
        self._untold = 0
        self._on_the_way = None
        self._before_next_event = 0

    def tell(self, clock: Clock) -> Notice:
        """Make the notice that goes where the dropped rows would have gone."""
        with self._lock:
            lost, self._untold = self._untold, 0
        self._on_the_way = Notice(
            run_id=self._run_id,
            schema_version=SCHEMA_VERSION,
            notice_id=f"{self._run_id}-n{next(self._notices)}",
            noticed_at=clock.utc(clock.ns()),
            kind="lost",
            lost_count=lost,
        )
        return self._on_the_way

    def mark(self, rows: Iterable[Row]) -> None:
        """Say on the first event behind a notice how much is missing before it."""
        if self._on_the_way is None and not self._before_next_event:
            return
        for row in rows:
            if row is self._on_the_way:
                self._before_next_event += self._on_the_way.lost_count or 0
                self._on_the_way = None
            elif self._before_next_event and isinstance(row, Event):
                row.lost_before = (row.lost_before or 0) + self._before_next_event
                self._before_next_event = 0
