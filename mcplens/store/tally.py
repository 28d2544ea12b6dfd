"""What is counted while every row of a store is read once: ids that stand twice, numbers that lack.

A row costs 24 bytes of memory at most, however long its ids are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mcplens.store.arrow import schema

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIQUE_BY: dict[str, tuple[str, ...]] = {
    "events": ("event_id",),
    "definitions": ("connection_id", "definition_hash"),
    "notices": ("notice_id",),
    "samples": ("sample_id",),
}
"""What stands once in a table. Of connections and runs every row counts, and only the newest."""

OPEN = np.uint64(0x9E3779B97F4A7C15)
"""Tells the row of an open request from the one that ends it."""

_IN_FLIGHT_US = 2_000_000
"""A request of this age is in the spool, as open if nothing else: one second, and the drain."""


Batch = pa.RecordBatch | pa.Table


class Gap(NamedTuple):
    """Requests of a run that were counted and that no row tells of."""

    run_id: str
    missing: tuple[tuple[int, int], ...]
    """First and last number of each stretch."""
    missing_count: int
    lost_count: int
    """How many the run says it lost."""


def keys_of(table: str, batch: Batch) -> NDArray[np.uint64]:
    """Make a number of each row's id and state; equal in this process for what is equal."""
    return _hashed(batch, UNIQUE_BY[table])


def row_keys(table: str, batch: Batch) -> NDArray[np.uint64]:
    """Make a number of each row; where no id stands once, of all that the row says."""
    if table in UNIQUE_BY:
        return keys_of(table, batch)
    return _hashed(batch, [name for name in schema(table).names if name in batch.schema.names])


def is_open(batch: Batch) -> NDArray[np.bool_]:
    """Say of each event whether its row only tells that the request was open."""
    return np.asarray(pc.is_null(batch.column("outcome")).to_pylist(), dtype=bool)


def _hashed(batch: Batch, names: Sequence[str]) -> NDArray[np.uint64]:
    columns = [batch.column(name).to_pylist() for name in names]
    ids: Iterable[object] = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
    keys = np.fromiter(map(hash, ids), dtype=np.int64, count=batch.num_rows).astype(np.uint64)
    if "outcome" in batch.schema.names:
        keys[is_open(batch)] ^= OPEN
    return keys


class Tally:
    """Takes every batch of every table once."""

    def __init__(self) -> None:
        self.row_count = 0
        self._keys: dict[str, list[NDArray[np.uint64]]] = defaultdict(list)
        self._sequences: dict[str, list[NDArray[np.int64]]] = defaultdict(list)
        self._last_recorded: dict[str, int] = {}
        self._ended: set[str] = set()
        self._lost: dict[str, Counter[str]] = defaultdict(Counter)

    def take(self, table: str, batch: Batch) -> None:
        """Take rows of a table, all columns of them."""
        self.row_count += batch.num_rows
        if not batch.num_rows:
            return
        if table in UNIQUE_BY:
            self._keys[table].append(keys_of(table, batch))
        if table == "events":
            self._take_events(batch)
        elif table == "notices":
            self._take_losses("notices", batch, "lost_count")
        elif table == "runs":
            self._take_runs(batch)

    def lost_line(self, run_id: str) -> None:
        """Count a line of a run that is no row any more."""
        self._lost[run_id]["lines"] += 1

    def doubled(self) -> dict[str, NDArray[np.uint64]]:
        """Give the keys that may stand twice, by table."""
        doubled = {}
        for table, pieces in self._keys.items():
            keys = np.concatenate(pieces)
            pieces.clear()
            keys.sort()
            if len(twice := np.unique(keys[1:][keys[1:] == keys[:-1]])):
                doubled[table] = twice
        return doubled

    def gaps(self, *, pruned_until: datetime | None = None) -> Iterator[Gap]:
        """Find numbers that lack between the first and the last of a run, and are not told of.

        What is missing before the first was pruned, or never recorded: nobody can tell. Nor what
        is missing behind a request that began before what was pruned, and took longer.
        """
        since = _as_microseconds(pruned_until) if pruned_until else None
        for run_id, pieces in sorted(self._sequences.items()):
            both = np.concatenate(pieces, axis=1)
            both = both[:, np.argsort(both[0], kind="stable")]
            numbers, started = both
            [before] = np.nonzero(numbers[1:] > numbers[:-1] + 1)
            if run_id not in self._ended:
                # Its recorder is alive, or was killed: what was under way then has no row.
                limit = self._last_recorded.get(run_id, 0) - _IN_FLIGHT_US
                before = before[started[before + 1] < limit]
            if since is not None:
                before = before[started[before] >= since]
            missing = [(int(numbers[i]) + 1, int(numbers[i + 1]) - 1) for i in before]
            count = sum(last - first + 1 for first, last in missing)
            lost = self._lost[run_id]
            told = max(lost["runs"], lost["notices"], lost["events"])
            if count > told + lost["lines"]:
                yield Gap(run_id, tuple(missing), count, told)

    def _take_events(self, batch: Batch) -> None:
        self._take_losses("events", batch, "lost_before")
        started = _microseconds(batch, "started_at")
        recorded = _microseconds(batch, "recorded_at")
        both = np.stack([_integers(batch.column("sequence")), started])
        for run_id, rows in _by_run(batch):
            self._sequences[run_id].append(both[:, rows])
            newest = int(recorded[rows].max())
            self._last_recorded[run_id] = max(newest, self._last_recorded.get(run_id, newest))

    def _take_losses(self, source: str, batch: Batch, column: str) -> None:
        if column not in batch.schema.names:
            return
        for row in batch.select(["run_id", column]).filter(pc.field(column) > 0).to_pylist():
            self._lost[row["run_id"]][source] += row[column]

    def _take_runs(self, batch: Batch) -> None:
        for row in batch.to_pylist():
            lost = self._lost[row["run_id"]]
            lost["runs"] = max(lost["runs"], row.get("lost_count") or 0)
            if row.get("ended_at") is not None:
                self._ended.add(row["run_id"])


def _by_run(batch: Batch) -> Iterator[tuple[str, NDArray[np.intp]]]:
    names = batch.column("run_id")
    if isinstance(names, pa.ChunkedArray):
        names = names.combine_chunks()
    encoded = names.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(encoded.dictionary)))
    # What is split off behind the last run is empty.
    names_of = map(str, encoded.dictionary.to_pylist())
    yield from zip(names_of, np.split(order, ends), strict=False)


def _as_microseconds(when: datetime) -> int:
    return int(pa.scalar(when, pa.timestamp("us")).cast(pa.int64()).as_py())


def _microseconds(batch: Batch, name: str) -> NDArray[np.int64]:
    if name not in batch.schema.names:
        return np.zeros(batch.num_rows, dtype=np.int64)
    return _integers(batch.column(name).cast(pa.int64()))


def _integers(column: Any) -> NDArray[np.int64]:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(whole.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)
