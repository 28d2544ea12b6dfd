"""Which files of a store hold rows that are to leave; nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mcplens.store.arrow import DAMAGED
from mcplens.store.going import Mask, count_going, ids_in, is_going, needed_columns
from mcplens.store.layout import NO_DATE
from mcplens.store.reading import SetAside, why_not_parquet
from mcplens.store.retention import HAPPENINGS, kept_bytes

if TYPE_CHECKING:
    from mcplens.store.layout import Store
    from mcplens.store.manifest import LiveFile, Manifest
    from mcplens.store.wanted import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A file with rows that are to leave."""

    file: LiveFile
    row_count: int
    """How many of its rows leave."""
    is_too_much: bool = False
    """Whether its whole day leaves for want of room."""

    @property
    def is_whole(self) -> bool:
        """Whether none of its rows stays."""
        return self.row_count == self.file.row_count

    @property
    def size_bytes(self) -> int:
        """What leaves with them; of a part of a file about that much."""
        if self.is_whole:
            return self.file.size_bytes
        return self.file.size_bytes * self.row_count // self.file.row_count


@dataclass(slots=True, kw_only=True)
class Look:
    """Looks into the files of a store for rows that are to leave; into each file once."""

    store: Store
    wanted: Wanted
    set_aside: list[SetAside] = field(default_factory=list)
    """Files that cannot be read, and so stay."""
    _counts: dict[str, int] = field(default_factory=dict)
    _open: dict[str, set[str]] = field(default_factory=dict)
    """By file, the requests that rows which may leave say are open."""
    _declined: set[str] = field(default_factory=set)

    def leaving(self, manifest: Manifest) -> list[Leaving]:
        """List what is to leave by its own age, by its run, or because there is too much."""
        by_row = [one for file in manifest.files if (one := self._by_row(file, manifest))]
        return [*by_row, *self._by_size(manifest, by_row)]

    def going(self, leaving: Leaving) -> Mask:
        """Say of each row of a file whether it leaves."""
        return is_going(
            self.columns(leaving.file, needed_columns(leaving.file.table)),
            leaving.file.table,
            self.wanted,
        )

    def columns(self, file: LiveFile, names: Collection[str]) -> pa.Table:
        """Read a few columns of a file; one that it does not have yet is not among them.

        Raises:
            Exception: one of DAMAGED, where it cannot be read.
        """
        with pq.ParquetFile(self.store.path / file.path) as opened:
            there = set(opened.schema_arrow.names)
            return opened.read(columns=[name for name in names if name in there])

    def is_readable(self, file: LiveFile) -> bool:
        """Tell whether a file is whole; what cannot be read stays, and is told."""
        if file.path not in self._declined and (reason := why_not_parquet(self.store, file)):
            self.decline(file, reason)
        return file.path not in self._declined

    def decline(self, file: LiveFile, reason: str) -> None:
        """Leave a file as it is."""
        self._declined.add(file.path)
        self.set_aside.append(SetAside(self.store.path / file.path, reason))

    def _by_row(self, file: LiveFile, manifest: Manifest) -> Leaving | None:
        wanted = self.wanted
        # Of the other tables rows leave when nothing needs them any more: see `links`.
        if not wanted.goes_by_row or file.table not in HAPPENINGS or not wanted.is_of(file.table):
            return None
        if wanted.limit is not None and file.date > wanted.limit.date().isoformat():
            return None
        count = self._count(file)
        if not count:
            return None
        leaving = Leaving(file=file, row_count=count)
        if (
            leaving.is_whole
            or self._is_worth_it(file, count)
            or self._would_stay_open(leaving, manifest)
        ):
            return leaving
        return None

    def _count(self, file: LiveFile) -> int:
        if not self.is_readable(file):
            return 0
        if file.path in self._counts:
            return self._counts[file.path]
        try:
            count = count_going(self.store, file, self.wanted)
        except DAMAGED as trouble:
            self.decline(file, f"{self.store.path / file.path} cannot be read ({trouble})")
            return 0
        self._counts[file.path] = count
        return count

    def _is_worth_it(self, file: LiveFile, count: int) -> bool:
        """Tell whether to write a file anew for the rows that stay."""
        if self.wanted.is_exact or self.wanted.limit is None:
            return True
        # All of the limit's own day leaves tomorrow. A file before it may be kept by rows that
        # were recorded late, such as imported ones.
        return file.date < self.wanted.limit.date().isoformat() and 2 * count >= file.row_count

    def _would_stay_open(self, leaving: Leaving, manifest: Manifest) -> bool:
        """Tell whether a request would seem open because the row with its end leaves."""
        file = leaving.file
        if file.table != "events":
            return False
        if file.path not in self._open:
            try:
                rows = self.columns(file, [*needed_columns(file.table), "event_id", "outcome"])
            except (OSError, pa.ArrowException) as trouble:
                self.decline(file, f"{self.store.path / file.path} cannot be read ({trouble})")
                return False
            gone = rows.filter(is_going(rows, file.table, self.wanted))
            self._open[file.path] = ids_in(gone.filter(pc.is_null(gone["outcome"])), "event_id")
        return bool(self._open[file.path] - {one.id for one in manifest.unfinished})

    def _by_size(self, manifest: Manifest, by_row: Collection[Leaving]) -> Iterator[Leaving]:
        if self.wanted.size_bytes is None:
            return
        excess = kept_bytes(self.store, manifest) - self.wanted.size_bytes
        excess -= sum(one.size_bytes for one in by_row)
        done = {one.file.path for one in by_row}
        files = sorted(
            (
                file
                for file in manifest.files
                if file.table in HAPPENINGS and self.wanted.is_of(file.table)
            ),
            key=_day,
        )
        # The newest day leaves file by file, and never all of it.
        newest = _day(files[-1]) if files else ""
        begun = None
        for file in files[:-1]:
            day = _day(file)
            if excess <= 0 and (day != begun or day == newest):
                return
            if file.path not in done and self.is_readable(file):
                begun = day
                excess -= file.size_bytes
                is_day = day not in {"", newest}
                yield Leaving(file=file, row_count=file.row_count, is_too_much=is_day)


def _day(file: LiveFile) -> str:
    """Name a file's day; rows that know no time count as the oldest."""
    return "" if file.date == NO_DATE else file.date
