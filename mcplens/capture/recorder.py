"""From the observers to the spool: what happens on a call's path, and what happens behind it.

On the path there is a bound check and an append. One thread behind it asks the observers for what
they saw, encodes rows and writes them, a few at a time, so that it never holds up the process that
it watches. A store in trouble is told once; rows wait for it until the queue is full, and what
finds no room is counted.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol, Self

from mcplens import __version__
from mcplens.capture.clock import Clock
from mcplens.events import SCHEMA_VERSION, Event, Observer, Row, Run
from mcplens.store.location import Store, create
from mcplens.store.spool import Spool, start_sealing

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK: Final = 64
"""Rows encoded at once; a longer call into C would make the watched process wait for the GIL."""

BREATH_S: Final = 0.0005
"""Sleep between chunks, in seconds, in which the watched process runs."""

RETRY_S: Final = 1.0
"""How long a store in trouble is left alone, in seconds."""


class Source(Protocol):
    """What an observer hands its recorder: work that need not be done on the call's path."""

    def __call__(self, limit: int, /) -> int:
        """Handle at most `limit` messages and say how many there were; never raise."""


class Recorder:
    """One run: takes rows from any thread and spools them from its own."""

    def __init__(
        self,
        store: Store | None,
        *,
        observer: Observer,
        label: str | None = None,
        keep: str = "shape",
        run_id: str | None = None,
        clock: Clock | None = None,
        max_rows: int = 50_000,
        wake_s: float = 0.05,
        idle_s: float = 0.1,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Begin a run in a store; without a store, rows are taken and dropped.

        Args:
            store: Where to spool.
            observer: Where this recorder stands.
            label: The run's name for people.
            keep: What of contents is kept: none, shape or full.
            run_id: Random unless given.
            clock: What the time is; a test may turn it by hand.
            max_rows: Rows that may wait; what comes beyond is dropped and counted.
            wake_s: How often the thread looks for work while there is some, in seconds.
            idle_s: How often it looks when nothing comes, in seconds.
            say: Takes the one line about a store in trouble; stderr unless given.
        """
        self.run_id = run_id or os.urandom(6).hex()
        self.observer: Observer = observer
        self.label = label
        self.keep = keep
        self.clock = clock or Clock()
        self._store = store
        self._max_rows = max_rows
        self._wake_s = wake_s
        self._idle_s = idle_s
        self._say = say or _to_stderr
        self._queue: deque[Row] = deque()
        self._sources: list[Source] = []
        self._sequences = count(1)
        self._connections = count(1)
        self._lost = 0
        self._lost_told = 0
        self._lost_lock = threading.Lock()
        self._events = 0
        self._notices = count(1)
        self._spool: Spool | None = None
        self._is_troubled = False
        self._retry_ns = 0
        self._pid = os.getpid()
        self._closing = threading.Event()
        self._deadline_ns = 0
        self._started_ns = self.clock.ns()
        self._cpu_ns = time.process_time_ns if observer == "proxy" else time.thread_time_ns
        self._queue.append(self._run_row())
        self._thread = threading.Thread(target=self._work, name="mcplens-recorder", daemon=True)
        self._thread.start()

    @property
    def lost_count(self) -> int:
        """How many messages and rows had to be dropped so far."""
        return self._lost

    def next_sequence(self) -> int:
        """Number the next request of the run."""
        return next(self._sequences)

    def next_connection_id(self) -> str:
        """Name the next connection of the run."""
        return f"{self.run_id}-c{next(self._connections)}"

    def record(self, row: Row) -> None:
        """Take one row; never waits, never raises, and drops the row when the queue is full."""
        if len(self._queue) >= self._max_rows:
            self.count_lost(1)
        else:
            self._queue.append(row)

    def count_lost(self, lost: int) -> None:
        """Count what an observer had to drop before it became a row."""
        with self._lost_lock:
            self._lost += lost

    def attach(self, source: Source) -> None:
        """Ask this source for work from now on, on the recorder's thread."""
        self._sources = [*self._sources, source]

    def detach(self, source: Source) -> None:
        """Ask this source no more."""
        self._sources = [s for s in self._sources if s is not source]

    def close(self, timeout: float = 1.0) -> None:
        """Write what is left and end the run; returns within `timeout` seconds, come what may."""
        if os.getpid() != self._pid:
            return  # A fork has the rows, but its parent writes them.
        self._deadline_ns = self.clock.ns() + int(timeout * 0.8 * 1e9)
        self._closing.set()
        self._thread.join(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        pause = self._wake_s
        while not self._closing.wait(pause):
            came = self._step()
            pause = self._wake_s if came else min(pause * 2, self._idle_s)
        while self._step() and self.clock.ns() < self._deadline_ns:
            pass
        self._finish()

    def _step(self) -> bool:
        """Do what there is to do now, with breaths between; say whether there was any."""
        came = False
        while True:
            handled = [source(CHUNK) for source in self._sources]
            wrote = self._write_chunk()
            came = came or wrote or any(handled)
            if not (wrote and self._queue) and CHUNK not in handled:
                return came
            time.sleep(BREATH_S)

    def _write_chunk(self) -> bool:
        rows = [self._queue[i] for i in range(min(CHUNK, len(self._queue)))]
        if not rows:
            return False
        now = self.clock.utc(self.clock.ns())
        for row in rows:
            row.recorded_at = now
        if not self._write(rows):
            return False
        for row in rows:
            self._queue.popleft()
            self._events += isinstance(row, Event) and row.outcome is not None
        return True

    def _write(self, rows: list[Row]) -> bool:
        if self._store is None:
            return True
        if self._is_troubled and self.clock.ns() < self._retry_ns:
            return False
        try:
            if self._spool is None:
                self._spool = self._open_spool(self._store)
            self._spool.write(rows)
        except Exception as error:  # noqa: BLE001  whatever it is, the traffic goes on
            self._trouble(error)
            return False
        return True

    def _open_spool(self, store: Store) -> Spool:
        if not store.spool.is_dir():
            create(store.path)
        return Spool(
            store,
            run_id=self.run_id,
            clock=self.clock,
            on_part_closed=lambda: start_sealing(store),
        )

    def _trouble(self, error: Exception) -> None:
        if not self._is_troubled and self._store is not None:
            self._say(f"cannot record into {self._store.path} now: {error}")
        self._is_troubled = True
        self._retry_ns = self.clock.ns() + int(RETRY_S * 1e9)

    def _finish(self) -> None:
        self._retry_ns = 0
        self._write([self._run_row(is_end=True)])
        try:
            if self._spool is not None:
                self._spool.close()
        except Exception as error:  # noqa: BLE001  the run ends all the same
            self._trouble(error)

    def _run_row(self, *, is_end: bool = False) -> Run:
        row = Run(
            run_id=self.run_id,
            schema_version=SCHEMA_VERSION,
            label=self.label,
            observer=self.observer,
            keep=self.keep,
            mcplens_version=__version__,
            started_at=self.clock.utc(self._started_ns),
        )
        if is_end:
            row.ended_at = row.recorded_at = self.clock.utc(self.clock.ns())
            row.event_count = self._events
            row.lost_count = self._lost
            row.recorder_cpu_ms = self._cpu_ns() / 1e6
        return row


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"mcplens: {line}\n")
    sys.stderr.flush()
