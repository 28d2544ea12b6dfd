"""What is to leave a store: rows by age and by run, whole days by size. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mcplens.events import SORTED_BY
from mcplens.store.arrow import DAMAGED
from mcplens.store.layout import NO_DATE
from mcplens.store.manifest import LiveFile, Manifest, Retention, as_utc
from mcplens.store.reading import SetAside, why_not_parquet
from mcplens.store.retention import HAPPENINGS, SHORT_S, kept_bytes

if TYPE_CHECKING:
    from mcplens.store.layout import Store

Mask = Any
"""A pyarrow array of booleans, in one piece or several; the stubs keep those apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to leave a store; rows must be of these runs and from before the limit."""

    limit: datetime | None = None
    """The first moment that stays, naive UTC."""
    run_ids: frozenset[str] | None = None
    size_bytes: int | None = None
    """What may stay in all; the oldest days leave first."""
    tables: frozenset[str] | None = None
    """Only rows of these tables."""
    is_exact: bool = True
    """Whether rows leave at once that share a file with others that stay."""

    @property
    def goes_by_row(self) -> bool:
        """Whether rows are chosen one by one."""
        return self.limit is not None or self.run_ids is not None

    def is_of(self, table: str) -> bool:
        """Tell whether rows of a table may leave at all."""
        return self.tables is None or table in self.tables

    def is_of_run(self, run_id: str) -> bool:
        """Tell whether rows of a run may leave at all."""
        return self.run_ids is None or run_id in self.run_ids


def limit_of(age_s: float, *, now: float) -> datetime:
    """Say what is too young to leave at this age, naive UTC."""
    try:
        return as_utc(now) - timedelta(seconds=age_s)
    except OverflowError:
        return datetime.min  # noqa: DTZ901  nothing is that old


def wanted_by(retention: Retention, *, now: float) -> Wanted:
    """Say what is to leave a store that keeps this much."""
    age_s = retention.age_s
    return Wanted(
        limit=None if age_s is None else limit_of(age_s, now=now),
        size_bytes=retention.size_bytes,
        is_exact=age_s is not None and age_s < SHORT_S,
    )


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
            count = _count_going(self.store, file, self.wanted)
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


def needed_columns(table: str) -> list[str]:
    """Name the columns that decide whether a row leaves."""
    return [SORTED_BY[table], "recorded_at", "run_id"]


def is_going(rows: pa.Table, table: str, wanted: Wanted) -> Mask:
    """Say of each row whether it leaves by its age and its run."""
    going: Mask = pa.repeat(pa.scalar(True), rows.num_rows)
    if wanted.limit is not None:
        going = pc.and_(going, is_before(newest_moment(rows, table), wanted.limit))
    if wanted.run_ids is not None:
        going = pc.and_(going, pc.is_in(rows["run_id"], pa.array(sorted(wanted.run_ids))))
    return going


def newest_moment(rows: pa.Table, table: str) -> Any:
    """Say from when on each row counts: what was recorded late, such as a log, from then."""
    times = [rows[name] for name in (SORTED_BY[table], "recorded_at") if name in rows.column_names]
    return pc.max_element_wise(*times, skip_nulls=True)


def is_before(times: Any, limit: datetime) -> Mask:
    """Say of each time whether it is before a limit; an unknown one is not."""
    earlier = pc.less(times, pa.scalar(limit, pa.timestamp("us")))
    return pc.fill_null(earlier, False)


def staying_rows(rows: pa.Table, going: Mask) -> pa.Table:
    """Leave out the rows that leave."""
    staying: Mask = pc.invert(going)
    return rows.filter(staying)


def ids_in(rows: pa.Table, column: str) -> set[str]:
    """Name what a column names."""
    return {name for name in rows[column].unique().to_pylist() if name is not None}


def _count_going(store: Store, file: LiveFile, wanted: Wanted) -> int:
    with pq.ParquetFile(store.path / file.path) as opened:
        if (known := _known_from_footer(opened.metadata, file, wanted)) is not None:
            return known
        there = set(opened.schema_arrow.names)
        names = [name for name in needed_columns(file.table) if name in there]
        return sum(
            pc.sum(is_going(pa.Table.from_batches([batch]), file.table, wanted)).as_py() or 0
            for batch in opened.iter_batches(columns=names)
        )


def _known_from_footer(footer: Any, file: LiveFile, wanted: Wanted) -> int | None:
    """Say how many rows leave where a file's own statistics are enough."""
    if wanted.run_ids is not None:
        ids = _bounds(footer, "run_id")
        if ids and not any(ids[0] <= id_ <= ids[1] for id_ in wanted.run_ids):
            return 0
        return None
    own, recorded = _bounds(footer, SORTED_BY[file.table]), _bounds(footer, "recorded_at")
    if wanted.limit is None or not own or not recorded:
        return None
    if max(own[1], recorded[1]) < wanted.limit:
        return file.row_count
    return 0 if max(own[0], recorded[0]) >= wanted.limit else None


def _bounds(footer: Any, name: str) -> tuple[Any, Any] | None:
    """Give the least and the greatest value of a column that has no NULL."""
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    columns = [
        column
        for group in groups
        for column in (group.column(index) for index in range(group.num_columns))
        if column.path_in_schema == name
    ]
    known = [column.statistics for column in columns if column.statistics is not None]
    if not known or len(known) < len(groups):
        return None
    if any(not one.has_min_max or one.null_count != 0 for one in known):
        return None
    return min(one.min for one in known), max(one.max for one in known)
