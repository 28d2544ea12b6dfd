"""Rows on their way from spool parts into Parquet: by table and day, open ones until they end."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from mcplens.events import SORTED_BY, AnyRow, Connection, Event
from mcplens.store.arrow import in_order, to_arrow
from mcplens.store.commit import Output
from mcplens.store.layout import NO_DATE
from mcplens.store.lines import BadLine
from mcplens.store.manifest import Unfinished

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_A_TIME = 5_000


class RowCollector:
    """Collect rows and give them back as one sorted Arrow table per table and day."""

    def __init__(self, unfinished: tuple[Unfinished, ...] = ()) -> None:
        self.misfits: list[BadLine] = []
        """Rows with a value that does not fit its column."""
        self.row_count = 0
        self._waiting: dict[tuple[str, str], list[AnyRow]] = defaultdict(list)
        self._packed: dict[tuple[str, str], list[pa.Table]] = defaultdict(list)
        self._versions: dict[tuple[str, str], int] = defaultdict(int)
        self._open_events: dict[str, Event] = {}
        self._unfinished = {(one.table, one.id): one for one in unfinished}

    def add(self, row: AnyRow) -> None:
        """Take one row; the rows of a run come in the order they were written."""
        if isinstance(row, Event):
            if row.outcome is None:
                self._open_events[row.event_id] = row
                return
            self._open_events.pop(row.event_id, None)
            self._unfinished.pop(("events", row.event_id), None)
        elif isinstance(row, Connection):
            self._note_connection(row)
        self._take(row)

    def finish(self) -> tuple[list[Output], tuple[Unfinished, ...]]:
        """Give back what was collected, and what of it and of before has no end yet."""
        for event in self._open_events.values():
            self._note("events", event.event_id, event)
            self._take(event)
        for key in list(self._waiting):
            self._pack(key)
        outputs = [
            Output(
                table=table,
                date=date,
                content=in_order(table, packed),
                schema_version=self._versions[table, date],
            )
            for (table, date), packed in sorted(self._packed.items())
        ]
        return outputs, tuple(self._unfinished.values())

    def _note_connection(self, row: Connection) -> None:
        if row.ended_at is None and row.end_reason is None:
            self._note("connections", row.connection_id, row)
        else:
            self._unfinished.pop(("connections", row.connection_id), None)

    def _note(self, table: str, id: str, row: AnyRow) -> None:  # noqa: A002  as the column
        self._unfinished[table, id] = Unfinished(
            run_id=row.run_id, table=table, id=id, date=date_of(row)
        )

    def _take(self, row: AnyRow) -> None:
        key = (table_of(row), date_of(row))
        self._versions[key] = max(self._versions[key], row.schema_version)
        self.row_count += 1
        rows = self._waiting[key]
        rows.append(row)
        if len(rows) >= _ROWS_AT_A_TIME:
            self._pack(key)

    def _pack(self, key: tuple[str, str]) -> None:
        rows, table = self._waiting.pop(key), key[0]
        try:
            packed = to_arrow(table, rows)
        except ValueError:
            # One value that does not fit its column must not cost the others.
            for row in rows:
                self._pack_alone(key, row)
        else:
            self._packed[key].append(packed)

    def _pack_alone(self, key: tuple[str, str], row: AnyRow) -> None:
        try:
            packed = to_arrow(key[0], [row])
        except ValueError as trouble:
            self.row_count -= 1
            line = msgspec.json.encode(row) + b"\n"
            self.misfits.append(BadLine(content=line, reason=str(trouble)))
        else:
            self._packed[key].append(packed)


def table_of(row: AnyRow) -> str:
    """Say which raw table a row belongs to."""
    return str(row.__struct_config__.tag)


def date_of(row: AnyRow) -> str:
    """Say which day a row belongs to, UTC: by its table's time, else by when it was recorded."""
    when: datetime | None = getattr(row, SORTED_BY[table_of(row)]) or row.recorded_at
    try:
        return (
            (when.astimezone(UTC) if when.tzinfo else when).date().isoformat() if when else NO_DATE
        )
    except OverflowError:
        return NO_DATE
