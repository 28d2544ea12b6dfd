"""From a run's rows to its spool: what the recorder's thread does when there is something to write.

A store in trouble is told once and then left alone for a moment; a store that was removed is made
anew. Whatever happens here, nothing is raised.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from mcplens.events import Event, Run
from mcplens.store.location import Store, create
from mcplens.store.retention import part_age_s
from mcplens.store.spool import Spool, start_sealing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcplens.capture.clock import Clock
    from mcplens.capture.forks import ForkGate
    from mcplens.capture.losses import Losses
    from mcplens.events import Row

RETRY_NS: Final = 1_000_000_000
"""How long a store in trouble is left alone."""

REST_NS: Final = 1_000_000_000
"""How often somebody who has nothing to write looks whether a part has become old."""

SEAL_AGAIN_NS: Final = 60_000_000_000
"""How long sealing is left alone when it failed."""


class Writer:
    """Writes the rows of one run; used by one thread."""

    def __init__(
        self,
        store: Store | None,
        *,
        run: Run,
        losses: Losses,
        clock: Clock,
        gate: ForkGate,
        seal: bool,
        say: Callable[[str], None],
    ) -> None:
        """Write into a store; without one, rows are taken and dropped.

        Args:
            store: Where to spool.
            run: What is known of the run at its beginning.
            losses: What the run had to drop.
            clock: What the time is.
            gate: Held while files are half made.
            seal: Whether to start turning closed parts into Parquet.
            say: Takes the one line about a store in trouble.
        """
        self._store = store
        self._run = run
        self._losses = losses
        self._clock = clock
        self._gate = gate
        self._seals = seal
        self._say = say
        self._spool: Spool | None = None
        self._events = 0
        self._has_told = False
        self._retry_ns = 0
        self._rest_ns = 0
        self._seal_ns: int | None = None
        self._has_told_of_sealing = False
        self.trouble: str | None = None
        """What ails the store now."""

    @property
    def has_begun(self) -> bool:
        """Whether anything of the run stands."""
        return self._spool is not None

    def write(self, rows: Sequence[Row]) -> bool:
        """Write rows as the spool's next; False when they must be tried again later."""
        ended = self._stamp(rows)
        if self._store is not None:
            with self._gate:
                if not self._write(self._store, rows):
                    return False
        self._events += ended
        return True

    def rest(self) -> None:
        """See to what becomes due although nothing is written; cheap, so call it often."""
        now = self._clock.ns()
        if now < self._rest_ns or self._spool is None:
            return
        self._rest_ns = now + REST_NS
        with self._gate, suppress(Exception):  # Nothing waits for it: the next time will do.
            self._spool.rest()
        if self._seal_ns is not None and now >= self._seal_ns:
            self._start_sealing()

    def try_now(self) -> None:
        """Give a store in trouble its next chance at once."""
        self._retry_ns = 0

    def end(self) -> None:
        """Write that the run is over."""
        self.write([self._run_row(is_end=True)])

    def close(self) -> None:
        """Close the spool; nothing can be written after."""
        if self._spool is not None:
            with self._gate, suppress(Exception):  # What was written stands, closed or not.
                self._spool.close()

    def abandon(self) -> None:
        """Let go, in a fork, of what belongs to the process that was forked."""
        if self._spool is not None:
            with suppress(OSError):
                self._spool.abandon()

    def _stamp(self, rows: Sequence[Row]) -> int:
        """Say in the rows when they are written, and count the events among them that ended."""
        now = self._clock.utc(self._clock.ns())
        ended = 0
        for row in rows:
            row.recorded_at = now
            if type(row) is Event and row.outcome is not None:
                ended += 1
        return ended

    def _write(self, store: Store, rows: Sequence[Row]) -> bool:
        if self.trouble is not None and self._clock.ns() < self._retry_ns:
            return False
        self._losses.mark(rows)
        try:
            written = self._open_spool(store).write(rows)
        except Exception as error:  # noqa: BLE001  whatever it is, the traffic goes on
            self._tell(error)
            return False
        self._losses.add(len(rows) - written)
        self.trouble = None
        return True

    def _tell(self, error: Exception) -> None:
        if not self._has_told:
            self._say(f"recording waits, the traffic goes on: {error}")
        self._has_told = True
        self.trouble = str(error)
        self._retry_ns = self._clock.ns() + RETRY_NS

    def _open_spool(self, store: Store) -> Spool:
        if self._spool is not None and self._spool.is_in_place():
            return self._spool
        removed, self._spool = self._spool, None
        if removed is not None:
            removed.close()
        create(store.path)
        spool = Spool(
            store,
            run_id=self._run.run_id,
            max_age_s=part_age_s(store),
            clock=self._clock.unix_s,
            on_part_closed=lambda _: self._start_sealing(),
        )
        try:
            spool.write([self._run_row()])
        except Exception:
            spool.close()  # The next try opens one of its own.
            raise
        self._spool = spool
        return spool

    def _start_sealing(self) -> None:
        self._seal_ns = None
        # A store that was removed is not worth a process.
        if self._seals and self._store is not None and self._store.spool.exists():
            start_sealing(self._store, on_failure=self._sealing_failed)

    def _sealing_failed(self, reason: str) -> None:
        if self._store is None or not self._store.spool.exists():
            return
        self._seal_ns = self._clock.ns() + SEAL_AGAIN_NS
        if not self._has_told_of_sealing:
            self._has_told_of_sealing = True
            self._say(f"what is recorded is readable, but the store is not looked after: {reason}")

    def _run_row(self, *, is_end: bool = False) -> Run:
        row = msgspec.structs.replace(self._run)
        row.recorded_at = self._clock.utc(self._clock.ns())
        if is_end:
            row.ended_at = row.recorded_at
            row.event_count = self._events
            row.lost_count = self._losses.total
            row.recorder_cpu_ms = self._cpu_ns() / 1e6
        return row

    def _cpu_ns(self) -> int:
        """Measure what watching cost: all of a proxy, but only this thread of a host."""
        is_proxy = self._run.observer == "proxy"
        return time.process_time_ns() if is_proxy else time.thread_time_ns()
