"""From the observers to the spool: what happens on a call's path, and what happens behind it.

On the path there is a bound check and an append. One thread behind it asks the observers for what
they saw, encodes rows and writes them, a few at a time, so that it never holds up the process that
it watches. A store in trouble is told once; rows wait for it until the queue is full, and what
finds no room is counted.
"""

from __future__ import annotations

import os
import time
from itertools import count
from typing import TYPE_CHECKING, Self

from mcplens import __version__
from mcplens.capture.clock import Clock
from mcplens.capture.correlator import Correlator
from mcplens.capture.drain import BREATH_S, Drain
from mcplens.capture.forks import ForkGate
from mcplens.capture.losses import Losses
from mcplens.capture.names import clean_name
from mcplens.capture.privacy import Keep, Privacy
from mcplens.capture.row_queue import MAX_BYTES, MAX_ROWS, RowQueue
from mcplens.capture.stderr import say as say_on_stderr
from mcplens.capture.writer import Writer
from mcplens.config import NO_SETTINGS, Settings, hash_key
from mcplens.errors import StoreError
from mcplens.events import SCHEMA_VERSION, Observer, Row, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.drain import Source
    from mcplens.capture.identity import ConnectionFacts
    from mcplens.store.layout import Store


class Recorder:
    """One run: takes rows from any thread and spools them from its own."""

    def __init__(
        self,
        store: Store | None,
        *,
        observer: Observer,
        label: str | None = None,
        keep: Keep | None = None,
        settings: Settings = NO_SETTINGS,
        run_id: str | None = None,
        clock: Clock | None = None,
        max_rows: int = MAX_ROWS,
        max_bytes: int = MAX_BYTES,
        wake_s: float = 0.05,
        idle_s: float = 0.1,
        seal: bool = True,
        is_lazy: bool = False,
        say: Callable[[str], None] = say_on_stderr,
    ) -> None:
        """Begin a run in a store; without a store, rows are taken and dropped.

        Args:
            store: Where to spool.
            observer: Where this recorder stands.
            label: The run's name for people.
            keep: What of contents is kept where the settings name no tool; theirs unless given.
            settings: What mcplens.toml says.
            run_id: Random unless given.
            clock: What the time is.
            max_rows: Rows that may wait; what comes beyond is dropped and counted.
            max_bytes: About what they may weigh together.
            wake_s: How often the thread looks for work while there is some, in seconds.
            idle_s: How often it looks when nothing comes, in seconds.
            seal: Whether to start turning closed parts into Parquet; not for a store that is soon
                thrown away.
            is_lazy: Whether the run begins with its first row; else it is seen from its beginning.
            say: Takes the one line about a store in trouble.
        """
        self.run_id = run_id or os.urandom(6).hex()
        self.observer: Observer = observer
        self.label = clean_name(label)
        self.settings = settings.with_keep(keep)
        self.keep: Keep = self.settings.keep or "shape"
        hashing = hash_key()
        self.privacy = Privacy(key=hashing.key, settings=self.settings)
        if settings.trouble:
            say(f"keeping no contents: {settings.trouble}")
        if hashing.trouble:
            say(hashing.trouble)
        self.clock = clock or Clock()
        self.store = store
        self._queue = RowQueue(max_rows=max_rows, max_bytes=max_bytes)
        self._sequences = count(1)
        self._connections = count(1)
        self._losses = Losses(self.run_id)
        gate = ForkGate()
        self._writer = Writer(
            store,
            run=Run(
                run_id=self.run_id,
                schema_version=SCHEMA_VERSION,
                label=self.label,
                observer=observer,
                keep=self.keep,
                mcplens_version=__version__,
                started_at=self.clock.utc(self.clock.ns()),
            ),
            losses=self._losses,
            clock=self.clock,
            gate=gate,
            seal=seal,
            say=say,
        )
        self._drain = Drain(
            self._queue,
            writer=self._writer,
            losses=self._losses,
            clock=self.clock,
            gate=gate,
            wake_s=wake_s,
            idle_s=idle_s,
            is_lazy=is_lazy,
            say=say,
        )

    @property
    def lost_count(self) -> int:
        """How many messages and rows had to be dropped so far."""
        return self._losses.total

    def next_sequence(self) -> int:
        """Number the next request of the run."""
        return next(self._sequences)

    def next_connection_id(self) -> str:
        """Name the next connection of the run."""
        return f"{self.run_id}-c{next(self._connections)}"

    def correlator(
        self,
        facts: ConnectionFacts,
        *,
        server_name: str | None = None,
        emit: Callable[[Row], None] | None = None,
        clock: Clock | None = None,
    ) -> Correlator:
        """Begin a connection, whose rows become this run's.

        Args:
            facts: What the observer knows before the first message.
            server_name: What to call the server, instead of what it calls itself.
            emit: Takes the rows instead of `record`, to which it must hand them on.
            clock: What the times of its messages are told by, where they are not this machine's.
        """
        return Correlator(
            run_id=self.run_id,
            connection=facts,
            privacy=self.privacy,
            clock=clock or self.clock,
            next_sequence=self.next_sequence,
            settings=self.settings,
            server_name_option=server_name,
            emit=emit or self.record,
        )

    def record(self, row: Row) -> None:
        """Take one row; never waits, never raises, and drops the row when the queue is full."""
        if not self._queue.append(row):
            self._losses.add(1)

    def wait_for_room(self, *, below: int = 1) -> None:
        """Wait until fewer rows than `below` wait, and no heap of contents.

        For whoever would rather wait than lose a row.

        Raises:
            StoreError: the store does not take them.
        """
        while self._queue.is_filled(below=below):
            if self._writer.trouble is not None:
                raise StoreError(self._writer.trouble)
            time.sleep(BREATH_S)

    def count_lost(self, lost: int, *, is_told: bool = True) -> None:
        """Count messages that an observer had to drop; `is_told` when its own rows tell of it."""
        self._losses.add(lost, is_told=is_told)

    def attach(self, source: Source) -> None:
        """Let this source work on the recorder's thread from now on."""
        self._drain.attach(source)

    def detach(self, source: Source) -> None:
        """Let this source work no more."""
        self._drain.detach(source)

    def close(self, timeout: float = 5.0) -> None:
        """Write what is left and end the run; returns within `timeout` seconds, come what may."""
        self._drain.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
