"""Which rows of a file go, by their age and their run; of a whole file often its footer tells."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mcplens.events import SORTED_BY

if TYPE_CHECKING:
    from mcplens.store.layout import Store
    from mcplens.store.manifest import LiveFile
    from mcplens.store.wanted import Wanted

Mask = Any
"""A pyarrow array of booleans, in one piece or several; the stubs keep those apart."""


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


def count_going(store: Store, file: LiveFile, wanted: Wanted) -> int:
    """Count the rows of a file that go, without reading it where its footer tells."""
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
