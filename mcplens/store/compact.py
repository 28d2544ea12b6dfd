"""Making few files of many: what was sealed bit by bit becomes one file per table and day."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mcplens.errors import StoreError
from mcplens.store.arrow import DAMAGED, in_order
from mcplens.store.commit import OnStep, Output, begin, commit, delete_retired
from mcplens.store.derived import with_attempts, with_bins
from mcplens.store.files import cause, locked
from mcplens.store.manifest import GRACE_S, load_manifest
from mcplens.store.reading import SetAside, why_not_parquet

if TYPE_CHECKING:
    from mcplens.store.layout import Store
    from mcplens.store.manifest import LiveFile, Manifest

_SMALL_BYTES = 16_000_000
"""A file of this size is large enough to be left alone."""

_BYTES_AT_A_TIME = 200_000_000
"""How much is unpacked in memory at once, and a second time while it is sorted."""

MOST_WAITING_BYTES = 2_000_000_000
"""What replaced files may take until they are deleted; then compacting goes on."""

_ROW_BYTES = 500
"""What a row takes in memory beyond its bytes in the file: most columns are NULL and cost there."""


@dataclass(slots=True, kw_only=True)
class CompactReport:
    """What a compaction did."""

    replaced_count: int = 0
    """Files that were replaced."""
    written_count: int = 0
    """Files that stand in their place."""
    dropped_count: int = 0
    """Rows that only said a request was open, and whose end is known by now."""
    set_aside: list[SetAside] = field(default_factory=list)
    """Files that were left as they are, and why."""
    is_postponed: bool = False
    """Whether there is more to join once the replaced files are deleted."""


def compact(
    store: Store,
    *,
    at_least: int = 2,
    grace_s: float = GRACE_S,
    clock: Callable[[], float] = time.time,
    on_step: OnStep = lambda _: None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> CompactReport:
    """Join the small files of each table and day, where there are `at_least` so many of them.

    Raises:
        StoreError: the store cannot be written or its manifest not be read.
    """
    report = CompactReport()
    work = _Work(store=store, at_least=at_least, clock=clock, on_step=on_step, report=report)
    try:
        found = work.scattered_bytes()
        while work.do_some():
            on_progress(min(work.joined_bytes, found), found)
        with locked(store.lock, wait=True):
            delete_retired(store, begin(store), grace_s=grace_s, now=clock(), on_step=on_step)
    except OSError as trouble:
        raise StoreError(
            f"cannot compact {store.path} ({cause(trouble)}). Everything stays readable"
        ) from trouble
    return report


@dataclass(slots=True, kw_only=True)
class _Work:
    store: Store
    at_least: int
    clock: Callable[[], float]
    on_step: OnStep
    report: CompactReport
    declined: set[str] = field(default_factory=set)
    joined_bytes: int = 0
    """What was joined so far."""

    def scattered_bytes(self) -> int:
        """Add up the files that are to be joined, as far as can be said without opening them."""
        manifest, _ = load_manifest(self.store)
        return sum(file.size_bytes for files in self._scattered(manifest) for file in files)

    def do_some(self) -> bool:
        """Join one group under the lock, and say whether there may be more to do."""
        with locked(self.store.lock, wait=True):
            manifest = begin(self.store)
            group = next(self._groups(manifest), None)
            if group is None:
                return False
            # Both stand there until the grace is over: a disk must not fill up meanwhile.
            if self._waiting_bytes(manifest) + _bytes_of(group) > MOST_WAITING_BYTES:
                self.report.is_postponed = True
                return False
            self._join(manifest, group)
            self.joined_bytes += _bytes_of(group)
            return True

    def _waiting_bytes(self, manifest: Manifest) -> int:
        """Add up the replaced files that are still there."""
        waiting = 0
        for file in manifest.retired:
            with suppress(FileNotFoundError):
                waiting += (self.store.path / file.path).stat().st_size
        return waiting

    def _groups(self, manifest: Manifest) -> Iterator[list[LiveFile]]:
        for files in self._scattered(manifest):
            yield from self._groups_that_fit(files)

    def _scattered(self, manifest: Manifest) -> list[list[LiveFile]]:
        """List the small files of each table and day where there are enough of them."""
        small: dict[tuple[str, str], list[LiveFile]] = defaultdict(list)
        # An archive may have these already, and would not know them again in a joined file.
        moving = manifest.moving.paths if manifest.moving else ()
        alone = self.declined.union(moving)
        for file in manifest.files:
            if file.size_bytes < _SMALL_BYTES and file.path not in alone:
                small[file.table, file.date].append(file)
        return [files for files in small.values() if len(files) >= self.at_least]

    def _groups_that_fit(self, files: list[LiveFile]) -> Iterator[list[LiveFile]]:
        group: list[LiveFile] = []
        room = _BYTES_AT_A_TIME
        for file in files:
            unpacked = self._unpacked_bytes(file)
            if unpacked is None:
                continue
            if unpacked > room:
                if len(group) > 1:
                    yield group
                group, room = [], _BYTES_AT_A_TIME
            group.append(file)
            room -= unpacked
        if len(group) > 1:
            yield group

    def _unpacked_bytes(self, file: LiveFile) -> int | None:
        reason = why_not_parquet(self.store, file)
        if reason is None:
            try:
                footer = pq.read_metadata(self.store.path / file.path)
            except DAMAGED as trouble:
                reason = f"{self.store.path / file.path} cannot be read ({trouble})"
            else:
                groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
                return sum(group.total_byte_size + group.num_rows * _ROW_BYTES for group in groups)
        self._decline(file, reason)
        return None

    def _join(self, manifest: Manifest, group: list[LiveFile]) -> None:
        first = group[0]
        pieces = self._read(group)
        if len(pieces) < len(group):
            return  # What cannot be read was declined; the others are grouped anew.
        joined = in_order(first.table, pieces)
        if first.table == "events":
            # Of files that an earlier mcplens sealed, what it did not fill.
            joined = with_bins(with_attempts(_without_ended(joined)))
        output = Output(
            table=first.table,
            date=first.date,
            content=joined,
            schema_version=max(file.schema_version for file in group),
        )
        commit(
            self.store,
            manifest,
            name=f"compacted-{manifest.generation + 1:06d}",
            outputs=[output],
            retire=[file.path for file in group],
            unfinished=manifest.unfinished,
            now=self.clock(),
            on_step=self.on_step,
        )
        self.report.replaced_count += len(group)
        self.report.written_count += 1
        self.report.dropped_count += sum(file.row_count for file in group) - joined.num_rows

    def _read(self, group: list[LiveFile]) -> list[pa.Table]:
        pieces = []
        for file in group:
            try:
                # Pieces keep columns that a later mcplens added and this one does not know.
                pieces.append(pq.ParquetFile(self.store.path / file.path).read())
            except DAMAGED as trouble:
                self._decline(file, f"{self.store.path / file.path} cannot be read ({trouble})")
        return pieces

    def _decline(self, file: LiveFile, reason: str) -> None:
        self.declined.add(file.path)
        self.report.set_aside.append(SetAside(self.store.path / file.path, reason))


def _bytes_of(files: Iterable[LiveFile]) -> int:
    return sum(file.size_bytes for file in files)


def _without_ended(events: pa.Table) -> pa.Table:
    """Drop rows that say a request was open where another row says how it ended."""
    is_open = pc.is_null(events["outcome"])
    if not pc.any(is_open).as_py():
        return events  # The ids of all rows are worth looking at only then.
    ids, still_open = events["event_id"], events["event_id"].filter(is_open).combine_chunks()
    ended = ids.filter(pc.invert(is_open))
    has_ended = pc.is_in(ids, ended.filter(pc.is_in(ended, still_open)).combine_chunks())
    return events.filter(pc.invert(pc.and_(is_open, has_ended)))
