"""The thread behind a recorder: asks the sources, and writes rows a few at a time.

Between any two chunks it takes a breath, so that it never holds up the process it watches.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.clock import Clock
    from mcplens.capture.forks import ForkGate
    from mcplens.capture.losses import Losses
    from mcplens.capture.row_queue import RowQueue
    from mcplens.capture.writer import Writer

BREATH_S: Final = 0.0005
"""Sleep between chunks, in seconds, in which the watched process runs."""


class Source(Protocol):
    """An observer's work that need not be done on the call's path; called by one thread."""

    def work(self) -> bool:
        """Do a little of it, and say whether more is waiting."""

    def give_up(self) -> None:
        """Count what was not done in time, and leave it."""


class Drain:
    """Takes what waits in a queue to its writer, on a thread of its own."""

    def __init__(
        self,
        queue: RowQueue,
        *,
        writer: Writer,
        losses: Losses,
        clock: Clock,
        gate: ForkGate,
        wake_s: float,
        idle_s: float,
        is_lazy: bool,
        say: Callable[[str], None],
    ) -> None:
        """Begin at once.

        Args:
            queue: What it empties, and closes in the end.
            writer: Where the rows go.
            losses: What the run had to drop.
            clock: What the time is.
            gate: Tells when the process was forked.
            wake_s: How often to look for work while there is some, in seconds.
            idle_s: How often to look when nothing comes, in seconds.
            is_lazy: Whether the run begins with its first row.
            say: Takes the one line about what went wrong.
        """
        self._queue = queue
        self._writer = writer
        self._losses = losses
        self._clock = clock
        self._wake_s = wake_s
        self._idle_s = idle_s
        self._is_lazy = is_lazy
        self._say = say
        self._sources: tuple[Source, ...] = ()
        self._sources_lock = threading.Lock()
        self._has_stumbled = False
        self._deadline_ns = 0
        self._closing = threading.Event()
        self._process_id = os.getpid()
        gate.mind(self._abandon)
        self._thread = threading.Thread(target=self._run, name="mcplens-recorder", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # A machine may allow no more of them.
            self._closing.set()
            self._queue.close()
            say(f"recording nothing, the traffic goes on: {error}")

    def attach(self, source: Source) -> None:
        """Let this source work on the recorder's thread from now on."""
        with self._sources_lock:
            self._sources = (*self._sources, source)

    def detach(self, source: Source) -> None:
        """Let this source work no more."""
        with self._sources_lock:
            self._sources = tuple(s for s in self._sources if s is not source)

    def close(self, timeout: float) -> None:
        """Write what is left and end the run; returns within `timeout` seconds, come what may."""
        if os.getpid() != self._process_id:
            return  # A fork has a copy of the rows; the process that recorded them writes them.
        if self._thread.ident is None:
            return
        # A fifth is left for the last row and for the end of the spool.
        self._deadline_ns = self._clock.ns() + int(timeout * 0.8e9)
        self._closing.set()
        self._thread.join(timeout)

    def _abandon(self) -> None:
        """Let go, in a fork, of what belongs to the process that was forked; take no row there."""
        # Another thread may have held any lock when the process was forked.
        self._sources_lock = threading.Lock()
        self._losses.begin_anew()
        self._sources = ()
        self._queue.close()
        self._writer.abandon()

    def _run(self) -> None:
        if not self._is_lazy:
            self._writer.write([])  # The run is seen from its beginning.
        pause = self._wake_s
        while not self._closing.wait(pause):
            has_worked = self._work_on()
            pause = self._wake_s if has_worked else min(pause * 2, self._idle_s)
        self._writer.try_now()  # A store in trouble gets its last chance.
        self._work_on()
        self._finish()

    def _work_on(self) -> bool:
        try:
            has_worked = self._work_off()
            self._writer.rest()
        except Exception as error:  # noqa: BLE001  without this thread all that comes were lost
            if not self._has_stumbled:
                self._has_stumbled = True
                self._say(f"recording stumbled and goes on: {type(error).__name__}")
            return False
        return has_worked

    def _work_off(self) -> bool:
        """Do all there is to do, with breaths between; say whether there was any."""
        has_worked = False
        while True:
            is_more_waiting = self._ask_sources()
            has_written = self._write_chunk()
            has_worked = has_worked or is_more_waiting or has_written
            if not is_more_waiting and not (has_written and self._queue):
                return has_worked
            if not self._closing.is_set():
                time.sleep(BREATH_S)
            elif self._clock.ns() > self._deadline_ns:
                return has_worked

    def _ask_sources(self) -> bool:
        is_more_waiting = False
        for source in self._sources:
            try:
                is_more_waiting |= source.work()
            except Exception as error:  # noqa: BLE001  one broken source must not stop the others
                self.detach(source)
                # Its words could quote what was read.
                self._say(f"stopped reading a connection: {type(error).__name__}")
                with suppress(Exception):  # What it had not read yet is lost, and has to count.
                    source.give_up()
        return is_more_waiting

    def _write_chunk(self) -> bool:
        if self._losses.is_untold and self._queue.has_room():
            self._queue.insist(self._losses.tell(self._clock))
        rows = self._queue.chunk()
        if not rows or not self._writer.write(rows):
            return False
        self._queue.written(rows)
        return True

    def _finish(self) -> None:
        for source in self._sources:
            with suppress(Exception):  # The run has to end, whoever is broken.
                source.give_up()
        # What they said at the last; one piece of it even when the time is up.
        while self._write_chunk() and self._clock.ns() < self._deadline_ns:
            pass
        self._losses.add(self._queue.close())  # What comes now is dropped too, and counted.
        if not self._is_lazy or self._writer.has_begun:
            self._writer.end()
        self._writer.close()
