"""Taking out of a store what it is not to keep, or moving it into an archive.

Each step is one change of the manifest, so it can be interrupted anywhere and goes on when it is
called again. Files stay for a while after they are let go of, for readers that began before.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from mcplens.errors import StoreError
from mcplens.store.archive import copy_links, finish_move, move, why_not_movable
from mcplens.store.arrow import DAMAGED
from mcplens.store.commit import OnStep, Output, begin, commit, delete_retired
from mcplens.store.files import cause, digest_of, locked
from mcplens.store.going import ids_in, staying_rows
from mcplens.store.leaving import Leaving, Look
from mcplens.store.links import Unneeded, unneeded_links
from mcplens.store.manifest import Manifest, Moving, load_manifest
from mcplens.store.retention import first_date, grace_s, open_archive
from mcplens.store.survey import PruneReport, archive_for, newest_day, note_pruned, past_of
from mcplens.store.wanted import Wanted, wanted_by

if TYPE_CHECKING:
    from mcplens.store.layout import Store

OnProgress = Callable[[int, int], None]
"""Takes how many bytes are done, and how many there are in all."""


def prune(
    store: Store,
    wanted: Wanted | None = None,
    *,
    archive: Path | None = None,
    clock: Callable[[], float] = time.time,
    on_step: OnStep = lambda _: None,
    on_progress: OnProgress = lambda _done, _total: None,
) -> PruneReport:
    """Let a store go of what is wanted; without saying what, of what it is not to keep.

    Only Parquet leaves: seal before. What leaves by age or size goes into the store's archive, if
    it has one; whole runs are deleted unless an archive is named.

    Raises:
        StoreError: the store cannot be written, or its archive not be reached.
    """
    try:
        manifest, _ = load_manifest(store)
        wanted = wanted or wanted_by(manifest.retention, now=clock())
        work = _Work(
            store=store,
            look=Look(store=store, wanted=wanted),
            report=PruneReport(archive=archive_for(manifest, wanted, archive)),
            clock=clock,
            on_step=on_step,
            on_progress=on_progress,
        )
        while work.do_some():
            pass
        return work.finish()
    except DAMAGED as trouble:
        why = cause(trouble) if isinstance(trouble, OSError) else trouble
        raise StoreError(
            f"cannot prune {store.path} ({why}). What has not left stays readable"
        ) from trouble


@dataclass(slots=True, kw_only=True)
class _Work:
    store: Store
    look: Look
    report: PruneReport
    clock: Callable[[], float]
    on_step: OnStep
    on_progress: OnProgress
    total_bytes: int = 0
    day: str = ""

    def do_some(self) -> bool:
        """Make one change under the lock, and say whether there may be more to do."""
        with locked(self.store.lock, wait=True):
            manifest = begin(self.store)
            if manifest.moving is not None:
                self._go_on_moving(manifest, manifest.moving)
                return True
            leaving = self.look.leaving(manifest)
            manifest = note_pruned(manifest, self.look.wanted, leaving)
            if leaving and not self.total_bytes:
                self.total_bytes = sum(left.size_bytes for left in leaving)
                self.on_progress(0, self.total_bytes)
            self.day = max(self.day, newest_day(leaving))
            if part := next((left for left in leaving if not left.is_whole), None):
                self._split(manifest, part)
                return True
            if leaving:
                self._let_go(manifest, _oldest_month(leaving))
                return True
            links = unneeded_links(self.look, manifest, [], past_of(self.look.wanted, self.day))
            if links:
                self._let_go_of_links(manifest, links)
            return False

    def finish(self) -> PruneReport:
        """Delete what was let go of long enough ago, and say what was done."""
        with locked(self.store.lock, wait=True):
            manifest = begin(self.store)
            manifest = delete_retired(
                self.store,
                manifest,
                grace_s=grace_s(manifest.retention),
                now=self.clock(),
                on_step=self.on_step,
            )
        self.report.set_aside = self.look.set_aside
        self.report.note_left(self.store, manifest, but=None)
        self.report.left_since = first_date(manifest.files)
        return self.report

    def _go_on_moving(self, manifest: Manifest, moving: Moving) -> None:
        files = [file for file in manifest.files if file.path in moving.paths]
        manifest = finish_move(self.store, manifest, now=self.clock(), on_step=self.on_step)
        stay = {file.path for file in manifest.files}
        for file in (file for file in files if file.path not in stay):
            self._count(Leaving(file=file, row_count=file.row_count))

    def _split(self, manifest: Manifest, part: Leaving) -> None:
        """Write a file anew without the rows that leave; for an archive they get one of theirs."""
        file = part.file
        try:
            rows = pq.ParquetFile(self.store.path / file.path).read()
            going = self.look.going(part)
        except DAMAGED as trouble:
            self.look.decline(file, f"{self.store.path / file.path} cannot be read ({trouble})")
            return
        outputs = [self._output(part, staying_rows(rows, going))]
        if self.report.archive is not None:
            outputs.append(self._output(part, rows.filter(going), suffix="-old"))
        else:
            self._count(part)
        self._commit(manifest, outputs=outputs, retire=[file.path])

    def _let_go(self, manifest: Manifest, leaving: list[Leaving]) -> None:
        if self.report.archive is None:
            self._commit(manifest, outputs=[], retire=[left.file.path for left in leaving])
        else:
            leaving = [left for left in leaving if self._can_be_moved(left)]
            move(
                self.store,
                manifest,
                [left.file for left in leaving],
                archive=open_archive(self.report.archive),
                now=self.clock(),
                on_step=self.on_step,
            )
        for left in leaving:
            self._count(left)

    def _can_be_moved(self, left: Leaving) -> bool:
        path = self.store.path / left.file.path
        reason = why_not_movable(self.store, left.file)
        if reason is None and left.file.digest not in {None, digest_of(path)}:
            reason = f"{path} is not what was written"
        if reason is not None:
            self.look.decline(left.file, reason)
        return reason is None

    def _let_go_of_links(self, manifest: Manifest, links: list[Unneeded]) -> None:
        outputs = []
        held: tuple[set[str], set[str]] = (set(), set())
        for number, link in enumerate(links):
            file = link.leaving.file
            rows = pq.ParquetFile(self.store.path / file.path).read()
            going = pa.array(link.going)
            left = rows.filter(going)
            held[0].update(ids_in(left, "connection_id") if file.table != "runs" else ())
            held[1].update(ids_in(left, "run_id"))
            if not link.leaving.is_whole:
                kept = staying_rows(rows, going)
                outputs.append(self._output(link.leaving, kept, suffix=f"-{number}"))
        if self.report.archive is not None:
            copy_links(
                self.store,
                manifest,
                held,
                archive=open_archive(self.report.archive),
                now=self.clock(),
                on_step=self.on_step,
            )
        self._commit(manifest, outputs=outputs, retire=[link.leaving.file.path for link in links])
        for link in links:
            self._count(link.leaving)

    def _output(self, part: Leaving, rows: pa.Table, *, suffix: str = "") -> Output:
        return Output(
            table=part.file.table,
            date=part.file.date,
            content=rows,
            schema_version=part.file.schema_version,
            suffix=suffix,
        )

    def _commit(self, manifest: Manifest, *, outputs: list[Output], retire: list[str]) -> None:
        commit(
            self.store,
            manifest,
            name=f"pruned-{manifest.generation + 1:06d}",
            outputs=outputs,
            retire=retire,
            unfinished=manifest.unfinished,
            now=self.clock(),
            on_step=self.on_step,
        )

    def _count(self, left: Leaving) -> None:
        self.report.add(left)
        if self.total_bytes:
            self.on_progress(min(self.report.size_bytes, self.total_bytes), self.total_bytes)


def _oldest_month(leaving: list[Leaving]) -> list[Leaving]:
    months: dict[str, list[Leaving]] = defaultdict(list)
    for left in leaving:
        months[left.file.date[:7]].append(left)
    return months[min(months)]
