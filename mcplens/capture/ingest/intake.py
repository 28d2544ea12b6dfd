"""Counting events: each once, and none before its line stands in the spool.

One intake writes into a store at a time. It writes before it answers and remembers what it wrote,
and when it begins it reads back what those before it wrote. So wherever a kill strikes, an event
that was sent again is counted once: not written, it is new; written, it is known.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self

from mcplens import __version__
from mcplens.capture.clock import Clock
from mcplens.capture.ingest.known import GENERATION, RECALLED, Known, gist, gist_of_event
from mcplens.capture.ingest.reading import PREFIX
from mcplens.capture.names import clean_name
from mcplens.errors import StoreError
from mcplens.events import SCHEMA_VERSION, Run
from mcplens.store.files import cause, take_lock
from mcplens.store.location import create
from mcplens.store.recall import recall
from mcplens.store.retention import part_age_s
from mcplens.store.spool import Spool, start_sealing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mcplens.capture.ingest.reading import Incoming
    from mcplens.capture.privacy import Keep
    from mcplens.events import Event, Row
    from mcplens.store.layout import Store

LOCK: Final = ".ingest"
"""The file that the one intake of a store holds a lock on."""

LOCK_WAIT_S: Final = 10.0
"""How long an intake that is ending is waited for."""

LOOK_S: Final = 0.05
"""How often it is asked whether it is gone."""

Fate = Literal["counted", "known", "conflict", "not_written"]


class Receipt(NamedTuple):
    """What became of an event."""

    fate: Fate
    event_id: str


class Intake:
    """One run of posted events, from any thread."""

    def __init__(
        self,
        store: Store,
        *,
        label: str | None = None,
        keep: Keep = "shape",
        clock: Clock | None = None,
        known: Known | None = None,
        seal: bool = True,
        lock_wait_s: float = LOCK_WAIT_S,
    ) -> None:
        """Take over a store and learn what was counted in it.

        Raises:
            StoreError: another intake writes into it, or it cannot be read or written.
        """
        self.run_id = os.urandom(6).hex()
        self.label = clean_name(label)
        self._store = store
        self._keep: Keep = keep
        self._clock = clock or Clock()
        self._seals = seal
        self._started_at = self._clock.utc(self._clock.ns())
        self._count = 0
        self._spool: Spool | None = None
        self._turn = threading.Lock()
        self._lock = _take_over(store, wait_s=lock_wait_s)
        try:
            self.known = known or Known()
            self.left_out = recall_known(store, self.known)
            """Files whose events are not known, each with the reason."""
            self._open_spool()
        except BaseException:
            os.close(self._lock)
            raise

    def take(self, events: Sequence[Incoming]) -> list[Receipt]:
        """Count events that are not known yet, all at once.

        Raises:
            StoreError: the store did not take them; none of them is counted.
        """
        # Between looking and writing nobody else may count the same event.
        with self._turn:
            return self._take(events)

    def _take(self, events: Sequence[Incoming]) -> list[Receipt]:
        receipts: list[Receipt] = []
        coming: dict[str, tuple[Event, bytes]] = {}
        for event, _ in events:
            id_, said = event.event_id, gist_of_event(event)
            before = coming[id_][1] if id_ in coming else self.known.gist(id_)
            if before is None:
                coming[id_] = event, said
            fate: Fate = "counted" if before is None else "known" if before == said else "conflict"
            receipts.append(Receipt(fate, id_))
        stands = self._write([event for event, _ in coming.values()])
        for number, (event, said) in enumerate(coming.values()):
            if number < stands:
                self.known.add(event.event_id, said)
                self._count += 1
        return receipts if stands == len(coming) else self._as_far_as_written(receipts)

    def rest(self) -> None:
        """Let what was counted long ago become Parquet, although nothing comes."""
        with self._turn, suppress(StoreError, OSError):
            if self._spool is not None:
                self._spool.rest()

    def close(self) -> None:
        """End the run; what was counted stands whatever happens here."""
        with suppress(StoreError):
            self._append([self._run_row(is_end=True)])
        if self._spool is not None:
            with suppress(OSError):
                self._spool.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _as_far_as_written(self, receipts: list[Receipt]) -> list[Receipt]:
        return [
            receipt if self.known.gist(receipt.event_id) else receipt._replace(fate="not_written")
            for receipt in receipts
        ]

    def _write(self, events: list[Event]) -> int:
        if not events:
            return 0
        for number, event in enumerate(events, start=self._count + 1):
            event.run_id = self.run_id
            event.connection_id = f"{self.run_id}-post"
            event.sequence = number
        return self._append(events)

    def _append(self, rows: Sequence[Row]) -> int:
        now = self._clock.utc(self._clock.ns())
        for row in rows:
            row.recorded_at = now
        return self._open_spool().write(rows)

    def _open_spool(self) -> Spool:
        if self._spool is not None and self._spool.is_in_place():
            return self._spool
        removed, self._spool = self._spool, None
        if removed is not None:
            removed.close()
        create(self._store.path)
        spool = Spool(
            self._store,
            run_id=self.run_id,
            max_age_s=part_age_s(self._store),
            clock=self._clock.unix_s,
            on_part_closed=self._seal,
        )
        try:
            spool.write([self._run_row()])
        except StoreError:
            spool.close()  # The next try opens one of its own.
            raise
        self._spool = spool
        return spool

    def _seal(self, part: Path) -> None:
        if self._seals and part.exists():
            start_sealing(self._store)  # Where that fails, any later one seals as well.

    def _run_row(self, *, is_end: bool = False) -> Run:
        now = self._clock.utc(self._clock.ns())
        row = Run(
            run_id=self.run_id,
            schema_version=SCHEMA_VERSION,
            label=self.label,
            observer="import",
            keep=self._keep,
            mcplens_version=__version__,
            started_at=self._started_at,
            recorded_at=now,
        )
        if is_end:
            row.ended_at = now
            row.event_count = self._count
            row.lost_count = 0
            row.recorder_cpu_ms = time.process_time_ns() / 1e6
        return row


def recall_known(store: Store, known: Known) -> list[str]:
    """Learn what was counted in a store, the oldest first; give what could not be read of it."""
    recalled = recall(store, prefix=PREFIX, columns=RECALLED, limit=2 * GENERATION)
    for event_id, *facts in recalled.rows:
        with suppress(ValueError):  # An id of ours that somebody changed is nobody's repeat.
            known.add(event_id, gist(facts))
    return recalled.left_out


def _take_over(store: Store, *, wait_s: float) -> int:
    create(store.path)
    path = store.path / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as trouble:
        raise StoreError(
            f"cannot write {path} ({cause(trouble)}). Allow writing there"
        ) from trouble
    deadline = time.monotonic() + wait_s
    while not take_lock(descriptor):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise StoreError(
                f"another `mcplens serve --ingest` writes into {store.path}. "
                "End it first, or name another store with --store"
            )
        time.sleep(LOOK_S)
    return descriptor
