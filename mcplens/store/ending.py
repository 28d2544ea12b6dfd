"""Ending what a dead recorder left open.

Its requests were never answered as far as anybody saw, and its connections ended when it did, which
nobody saw either: so the times stay unknown. Its run gets no row of its own, since a run without an
end already says that its recorder died.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from mcplens.events import AnyRow, Connection, Event
from mcplens.store.commit import OnStep, commit
from mcplens.store.manifest import LiveFile, Manifest, Unfinished, as_utc
from mcplens.store.parts import standing_parts
from mcplens.store.rows import RowCollector

if TYPE_CHECKING:
    from mcplens.store.layout import Store

_ID = {"events": "event_id", "connections": "connection_id"}


def abandoned(store: Store, manifest: Manifest) -> list[Unfinished]:
    """List what is open in Parquet of runs that have nothing left in the spool."""
    # A living writer always has a part there: the next is in place before the last is let go.
    alive = {part.run_id for part in standing_parts(store, manifest)}
    return [one for one in manifest.unfinished if one.run_id not in alive]


def end_abandoned(
    store: Store,
    manifest: Manifest,
    left: Collection[Unfinished],
    *,
    now: float,
    on_step: OnStep,
) -> int:
    """Write the row that ends each of them, and say how many were found; the lock is held."""
    collector = RowCollector(manifest.unfinished)
    for row in _newest_rows(store, manifest, left):
        row.recorded_at = as_utc(now)
        if isinstance(row, Event):
            row.outcome, row.outcome_basis = "unanswered", "recorder_died"
        elif isinstance(row, Connection):
            row.end_reason = "recorder_died"
        collector.add(row)
    outputs, unfinished = collector.finish()
    commit(
        store,
        manifest,
        name=f"ended-{manifest.generation + 1:06d}",
        outputs=outputs,
        retire=(),
        # What was not found is let go of too: it would be looked for every time.
        unfinished=set(unfinished) - set(left),
        now=now,
        on_step=on_step,
    )
    return collector.row_count


def _newest_rows(store: Store, manifest: Manifest, left: Collection[Unfinished]) -> list[AnyRow]:
    wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in left:
        wanted[one.table, one.date].add(one.id)
    newest: dict[tuple[str, str], AnyRow] = {}
    for file in manifest.files:
        if ids := wanted.get((file.table, file.date)):
            for id_, row in _rows_of(store, file, ids):
                known = newest.get((file.table, id_))
                if known is None or _recorded(row) >= _recorded(known):
                    newest[file.table, id_] = row
    return list(newest.values())


def _rows_of(store: Store, file: LiveFile, ids: Collection[str]) -> list[tuple[str, AnyRow]]:
    column = _ID[file.table]
    try:
        found = pq.read_table(
            store.path / file.path, filters=[(column, "in", sorted(ids))], partitioning=None
        )
        return [
            (values[column], msgspec.convert({"table": file.table, **values}, AnyRow))
            for values in found.to_pylist()
        ]
    except (OSError, OverflowError, pa.ArrowException, msgspec.ValidationError):
        # Damage must not stop the sealing of what is sound.
        return []


def _recorded(row: AnyRow) -> datetime:
    return row.recorded_at or datetime.min  # noqa: DTZ901  the raw tables are naive UTC
