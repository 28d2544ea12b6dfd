"""Reading back the calls of which those that are being sealed may be retries."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mcplens.store.arrow import DAMAGED, schema
from mcplens.store.derived import CALL_COLUMNS, RETRIED_WITHIN, is_tellable

if TYPE_CHECKING:
    from mcplens.store.layout import Store
    from mcplens.store.manifest import LiveFile, Manifest

_QUICK: Final = ("started_at", "session_id")
"""What tells whether a file is worth reading further."""


def recent_calls(store: Store, manifest: Manifest, events: pa.Table) -> pa.Table:
    """Read of the sessions of these events what was sealed of the hour before them."""
    calls = events.filter(
        pc.and_(pc.is_valid(events["arguments_hash"]), is_tellable(events["started_at"]))
    )
    nothing = pa.table(
        {name: pa.array([], schema("events").field(name).type) for name in CALL_COLUMNS}
    )
    first, last = _first_and_last(calls["started_at"])
    if first is None or last is None:
        return nothing
    since = first - RETRIED_WITHIN
    sessions = pc.unique(calls["session_id"]).drop_null()
    found = [
        piece
        for file in manifest.files
        if file.table == "events"
        and since.date().isoformat() <= file.date <= last.date().isoformat()
        for piece in _pieces(store, file, sessions, since, last)
    ]
    return pa.concat_tables([nothing, *found])


def _first_and_last(times: Any) -> tuple[datetime | None, datetime | None]:
    found = pc.min_max(times)
    return found["min"].as_py(), found["max"].as_py()


def _pieces(
    store: Store, file: LiveFile, sessions: Any, since: datetime, until: datetime
) -> list[pa.Table]:
    try:
        with pq.ParquetFile(store.path / file.path) as opened:
            return [
                piece
                for number in _row_groups(opened, since, until)
                if (piece := _piece(opened, number, sessions, since, until)) is not None
            ]
    except DAMAGED:
        return []  # Damage must not stop the sealing of what is sound.


def _row_groups(opened: pq.ParquetFile, since: datetime, until: datetime) -> list[int]:
    place = opened.schema_arrow.get_field_index("started_at")
    numbers = []
    for number in range(opened.num_row_groups):
        seen: Any = opened.metadata.row_group(number).column(place).statistics
        if seen is None or not seen.has_min_max or (seen.max >= since and seen.min <= until):
            numbers.append(number)
    return numbers


def _piece(
    opened: pq.ParquetFile, number: int, sessions: Any, since: datetime, until: datetime
) -> pa.Table | None:
    quick: Any = opened.read_row_group(number, columns=list(_QUICK))
    first, last = (
        pa.scalar(since, quick["started_at"].type),
        pa.scalar(until, quick["started_at"].type),
    )
    is_near: Any = pc.and_(
        pc.is_in(quick["session_id"], sessions),
        pc.and_(
            pc.greater_equal(quick["started_at"], first), pc.less_equal(quick["started_at"], last)
        ),
    )
    places = pc.indices_nonzero(is_near)
    if not len(places):
        return None
    whole = opened.read_row_group(number, columns=list(CALL_COLUMNS))
    return whole.select(CALL_COLUMNS).take(places)
