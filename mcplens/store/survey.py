"""What would leave a store and what would stay, or what did; nothing is changed here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mcplens.store.layout import NO_DATE
from mcplens.store.leaving import Leaving, Look
from mcplens.store.links import Past, unneeded_links
from mcplens.store.manifest import Manifest, load_manifest
from mcplens.store.parts import standing_parts
from mcplens.store.retention import first_date, kept_bytes
from mcplens.store.wanted import Wanted, wanted_by

if TYPE_CHECKING:
    from mcplens.store.layout import Store
    from mcplens.store.reading import SetAside


@dataclass(slots=True, kw_only=True)
class Gone:
    """What left one table."""

    first_date: str
    last_date: str
    file_count: int = 0
    row_count: int = 0
    size_bytes: int = 0
    """Of files that stay without some of their rows, about that many."""


@dataclass(slots=True, kw_only=True)
class PruneReport:
    """What left a store, or would leave it."""

    archive: Path | None = None
    """Where it goes; None where it is deleted."""
    gone: dict[str, Gone] = field(default_factory=dict)
    """By table."""
    left_rows: int = 0
    left_bytes: int = 0
    """What stays, in Parquet and in the spool."""
    left_since: str | None = None
    """The oldest day that something happened on of what stays."""
    set_aside: list[SetAside] = field(default_factory=list)
    """Files that cannot be read and so were left as they are, and why."""

    def add(self, left: Leaving) -> None:
        """Count what leaves of a file."""
        file = left.file
        table = self.gone.setdefault(file.table, Gone(first_date=file.date, last_date=file.date))
        table.first_date = min(table.first_date, file.date)
        table.last_date = max(table.last_date, file.date)
        table.file_count += 1
        table.row_count += left.row_count
        table.size_bytes += left.size_bytes

    @property
    def size_bytes(self) -> int:
        """What left in all."""
        return sum(table.size_bytes for table in self.gone.values())

    def note_left(self, store: Store, manifest: Manifest, *, but: PruneReport | None) -> None:
        """Note what stays beside what is gone, where that stands in the manifest still."""
        going = but.gone.values() if but else ()
        self.left_rows = sum(file.row_count for file in manifest.files) - sum(
            table.row_count for table in going
        )
        self.left_bytes = kept_bytes(store, manifest) - sum(table.size_bytes for table in going)


def survey(
    store: Store,
    wanted: Wanted | None = None,
    *,
    archive: Path | None = None,
    clock: Callable[[], float] = time.time,
) -> PruneReport:
    """Say what would leave a store; without saying what is wanted, by what it is to keep.

    Raises:
        StoreError: the manifest cannot be read.
    """
    manifest, _ = load_manifest(store)
    wanted = wanted or wanted_by(manifest.retention, now=clock())
    look = Look(store=store, wanted=wanted)
    leaving = look.leaving(manifest)
    links = unneeded_links(look, manifest, leaving, past_of(wanted, newest_day(leaving)))
    report = PruneReport(archive=archive_for(manifest, wanted, archive), set_aside=look.set_aside)
    everything = [*leaving, *(link.leaving for link in links)]
    for left in everything:
        report.add(left)
    report.note_left(store, manifest, but=report)
    whole = {left.file.path for left in everything if left.is_whole}
    report.left_since = first_date(file for file in manifest.files if file.path not in whole)
    return report


def living_runs(store: Store, run_ids: Iterable[str]) -> list[str]:
    """Name those of these runs that still have something in the spool.

    Raises:
        StoreError: the manifest cannot be read.
    """
    standing = {part.run_id for part in standing_parts(store, load_manifest(store)[0])}
    return sorted(standing & set(run_ids))


def archive_for(manifest: Manifest, wanted: Wanted, named: Path | None) -> Path | None:
    """Say into which store it goes, if not nowhere; whole runs only into one that is named."""
    of_store = manifest.retention.archive
    if named is not None or of_store is None or wanted.run_ids is not None:
        return named
    return Path(of_store)


def past_of(wanted: Wanted, day: str) -> Past:
    """Say before when links are not needed by themselves."""
    limit = wanted.limit
    if limit is not None and not wanted.is_exact:
        # Few rows: a day's are taken together, rather than some at every look.
        limit = limit.replace(hour=0, minute=0, second=0, microsecond=0)
    return Past(limit=limit, day=day)


def newest_day(leaving: Iterable[Leaving]) -> str:
    """Name the newest day of which everything leaves because there is too much."""
    return max((left.file.date for left in leaving if left.is_too_much), default="")


def note_pruned(manifest: Manifest, wanted: Wanted, leaving: Iterable[Leaving]) -> Manifest:
    """Note in a manifest until when requests may lack, once these events have left."""
    files = [left.file for left in leaving if left.file.table == "events"]
    newest = max((file.date for file in files if file.date != NO_DATE), default=None)
    until = wanted.limit
    # Of whole runs nothing is left that anything could lack in. What leaves for want of room
    # leaves by the file, whatever moment of its day is in there.
    if wanted.size_bytes is not None and newest and (not until or newest > until.isoformat()[:10]):
        until = datetime.fromisoformat(newest) + timedelta(days=1)
    if newest is None or until is None:
        return manifest
    if manifest.pruned_until is not None and until <= manifest.pruned_until:
        return manifest
    return msgspec.structs.replace(manifest, pruned_until=until)
