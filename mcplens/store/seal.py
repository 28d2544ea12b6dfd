"""Turning closed spool parts into Parquet.

A run whose last part is sealed has no writer any more: what it left open is ended here, as far as
anybody knows how it ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from mcplens.errors import StoreError
from mcplens.events import SCHEMA_VERSION
from mcplens.store.commit import OnStep, Output, begin, commit, delete_retired, quarantine
from mcplens.store.derived import CALL_COLUMNS, with_attempts, with_bins
from mcplens.store.ending import abandoned, end_abandoned
from mcplens.store.files import cause, locked
from mcplens.store.lines import BadLine, newest_schema, read_lines
from mcplens.store.manifest import GRACE_S, load_manifest
from mcplens.store.parts import Part, closed_parts, standing_parts
from mcplens.store.reading import SetAside, newer_schema
from mcplens.store.recent import recent_calls
from mcplens.store.rows import RowCollector

if TYPE_CHECKING:
    from mcplens.store.layout import Store
    from mcplens.store.manifest import Manifest

_BYTES_AT_A_TIME = 32_000_000


@dataclass(slots=True, kw_only=True)
class SealReport:
    """What a sealing did."""

    part_count: int = 0
    row_count: int = 0
    ended_count: int = 0
    """Requests and connections that their dead recorder left open."""
    torn_count: int = 0
    """Last lines without an end, as a killed writer leaves them."""
    quarantined_count: int = 0
    """Lines that are no rows, and rows that do not fit their table."""
    set_aside: list[SetAside] = field(default_factory=list)
    """Parts that were left where they are, and why."""


def seal(
    store: Store,
    *,
    grace_s: float = GRACE_S,
    clock: Callable[[], float] = time.time,
    on_step: OnStep = lambda _: None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> SealReport:
    """Turn every spool part that nobody writes to into Parquet; others at the same work take turns.

    Raises:
        StoreError: the store cannot be written or its manifest not be read.
    """
    report = SealReport()
    work = _Work(store=store, grace_s=grace_s, clock=clock, on_step=on_step, report=report)
    try:
        found = _closed_bytes(store)
        while work.do_some():
            on_progress(max(0, found - _closed_bytes(store)), found)
    except OSError as trouble:
        raise StoreError(
            f"cannot seal {store.path} ({cause(trouble)}). What is not sealed stays readable"
        ) from trouble
    return report


@dataclass(slots=True, kw_only=True)
class _Work:
    store: Store
    grace_s: float
    clock: Callable[[], float]
    on_step: OnStep
    report: SealReport
    declined: set[Path] = field(default_factory=set)

    def do_some(self) -> bool:
        """Make one change under the lock, and say whether there may be more to do."""
        with locked(self.store.lock, wait=True):
            manifest = begin(self.store)
            if group := self._next_group(manifest):
                self._seal_group(manifest, group)
                return True
            if left := abandoned(self.store, manifest):
                self.report.ended_count += end_abandoned(
                    self.store, manifest, left, now=self.clock(), on_step=self.on_step
                )
                return True
            delete_retired(
                self.store, manifest, grace_s=self.grace_s, now=self.clock(), on_step=self.on_step
            )
            return False

    def _next_group(self, manifest: Manifest) -> list[Part]:
        group: list[Part] = []
        room = _BYTES_AT_A_TIME
        for part in closed_parts(self.store, manifest, besides=self.declined):
            if reason := _why_not(part):
                self.declined.add(part.path)
                self.report.set_aside.append(SetAside(part.path, reason))
                # Its run may have later parts, which must wait for it.
                return group or self._next_group(manifest)
            room -= part.path.stat().st_size
            if group and room < 0:
                break
            group.append(part)
        return group

    def _seal_group(self, manifest: Manifest, group: list[Part]) -> None:
        collector = RowCollector(manifest.unfinished)
        torn_count, quarantined_count = 0, 0
        for part in group:
            bad: list[BadLine] = []
            for line in read_lines(part.path):
                if not isinstance(line, BadLine):
                    collector.add(line)
                elif line.is_torn:
                    torn_count += 1
                else:
                    bad.append(line)
            quarantined_count += _quarantine(self.store, part.path.name, bad)
        outputs, unfinished = collector.finish()
        outputs = derive(self.store, manifest, outputs, sealed=group)
        stem = group[0].path.stem
        quarantined_count += _quarantine(self.store, f"{stem}-misfits.jsonl", collector.misfits)
        commit(
            self.store,
            manifest,
            name=stem,
            outputs=outputs,
            retire=[self.store.relative(part.path) for part in group],
            unfinished=unfinished,
            now=self.clock(),
            on_step=self.on_step,
        )
        self.report.part_count += len(group)
        self.report.row_count += collector.row_count
        self.report.torn_count += torn_count
        self.report.quarantined_count += quarantined_count


def derive(
    store: Store, manifest: Manifest, outputs: Sequence[Output], *, sealed: Collection[Part]
) -> list[Output]:
    """Fill the columns of events that only sealing can."""
    derived: list[Output] = []
    # What a run without further parts left open is ended next, as what got no answer.
    alive = {part.run_id for part in standing_parts(store, manifest) if part not in sealed}
    before: list[pa.Table] = []  # The day before may have been sealed just now.
    for output in outputs:
        content = output.content
        if output.table == "events":
            earlier = pa.concat_tables([recent_calls(store, manifest, content), *before])
            content = with_bins(with_attempts(content, earlier=earlier, alive=alive))
            before = [content.select(CALL_COLUMNS)]
        derived.append(replace(output, content=content))
    return derived


def _closed_bytes(store: Store) -> int:
    parts = closed_parts(store, load_manifest(store)[0])
    return sum(part.path.stat().st_size for part in parts if part.path.exists())


def _why_not(part: Part) -> str | None:
    try:
        version = newest_schema(part.path)
    except OSError as trouble:
        return f"{part.path} cannot be read ({cause(trouble)}). Allow reading it"
    return newer_schema(part.path, version) if version > SCHEMA_VERSION else None


def _quarantine(store: Store, name: str, lines: Iterable[BadLine]) -> int:
    lines = list(lines)
    if lines:
        quarantine(
            store,
            name,
            content=b"".join(line.content for line in lines),
            reasons=[f"{name}, {line.reason}" for line in lines],
        )
    return len(lines)
