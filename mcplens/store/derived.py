"""What sealing adds to events: which try of a call each is, and the bin its time falls into.

A try is a retry when it began after the one before it had failed, and within an hour of that one's
beginning. The hour is what makes it possible to tell while sealing: no older file has to be read.
The views say the same of what is not sealed yet.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

RETRIED_WITHIN: Final = timedelta(hours=1)
"""How long after the beginning of a failed call the same call is a retry of it."""

BIN_RATIO: Final = 1.02
"""The upper end of a bin over its lower end: its middle is at most 1 % off any time in it."""

_SHORTEST_MS: Final = 1e-6
_LONGEST_MS: Final = 1e12
_FIRST: Any = pa.scalar(datetime(1970, 1, 1), pa.timestamp("us"))  # noqa: DTZ001  naive UTC
_LAST: Any = pa.scalar(datetime(9000, 1, 1), pa.timestamp("us"))  # noqa: DTZ001  naive UTC
_OK: Final = pa.array(["ok"])
_NO_FAILURE: Final = pa.array(["ok", "cancelled", "unknown", "input_required"])
FILLED: Final = frozenset({"attempt", "retry_of", "duration_bin"})
"""The columns that sealing adds; a row in the spool does not have them yet."""

CALL_COLUMNS: Final = (
    "event_id",
    "run_id",
    "call_id",
    "observer",
    "session_id",
    "server_name",
    "method",
    "target",
    "arguments_hash",
    "is_final",
    "attempt",
    "started_at",
    "sequence",
    "duration_ms",
    "outcome",
    "error_class",
)
"""What has to be known of a call to tell whether another is a retry of it."""


def with_bins(events: pa.Table) -> pa.Table:
    """Fill `duration_bin` where it is missing and `work_ms` is known."""
    work_ms = pc.max_element_wise(events["work_ms"], _SHORTEST_MS, skip_nulls=False)
    bins = pc.cast(pc.ceil(pc.divide(pc.ln(work_ms), math.log(BIN_RATIO))), pa.int64())
    return _with(events, "duration_bin", pc.coalesce(events["duration_bin"], bins))


def with_attempts(
    events: pa.Table, *, earlier: pa.Table | None = None, alive: Collection[str] | None = None
) -> pa.Table:
    """Fill `attempt` and `retry_of` where they are missing, and arguments and session are known.

    Args:
        events: Rows of the table events.
        earlier: `CALL_COLUMNS` of calls that the rows may be retries of.
        alive: Runs that still write; what the others left open has failed. None: all of them.
    """
    missing = pc.and_(_is_call(events), pc.is_null(events["attempt"]))
    if not pc.any(missing).as_py():
        return events
    events = _with(events, "attempt", pc.if_else(missing, 1, events["attempt"]))
    known = [events] if earlier is None else [events, earlier]
    failed = pa.concat_tables(
        [table.filter(_is_failed_call(table, alive)).select(["arguments_hash"]) for table in known]
    )
    if not failed.num_rows:
        return events
    hashes = failed["arguments_hash"].combine_chunks()
    asked = missing.to_pylist()
    tries = [
        one
        for number, table in enumerate(known)
        for one in _tries(table, hashes, alive, asked if number == 0 else None)
    ]
    retries = _retries(tries)
    return _with_retries(events, retries) if retries else events


class _Try(NamedTuple):
    """A call of which one with the same arguments failed."""

    place: int | None
    """Its row, where it is to be filled."""
    attempt: int | None
    """Which try it is, where that is known."""
    key: tuple[str | None, ...]
    event_id: str
    call_id: str
    began_at: datetime
    sequence: int
    ended_at: datetime
    is_open: bool
    is_failed: bool


def _tries(
    table: pa.Table, hashes: Any, alive: Collection[str] | None, asked: list[bool] | None
) -> list[_Try]:
    """List the calls of a table whose arguments are among those that failed."""
    wanted = pc.and_(
        pc.and_(_is_call(table), is_tellable(table["started_at"])),
        pc.is_in(table["arguments_hash"], hashes),
    )
    places = pc.indices_nonzero(wanted)
    rows = table.select(CALL_COLUMNS).take(places)
    is_failed: list[bool] = _is_failed_call(rows, alive).to_pylist()
    return [
        _try(row, place if asked is not None and asked[place] else None, is_failed=failed)
        for row, place, failed in zip(rows.to_pylist(), places.to_pylist(), is_failed, strict=True)
    ]


def _try(row: dict[str, Any], place: int | None, *, is_failed: bool) -> _Try:
    began_at: datetime = row["started_at"]
    took = timedelta(microseconds=math.floor(min(row["duration_ms"] or 0, _LONGEST_MS) * 1000))
    # Two observers of one call have each a row of it.
    names = ("session_id", "observer", "server_name", "method", "target", "arguments_hash")
    return _Try(
        place=place,
        attempt=row["attempt"] if place is None else None,
        key=tuple(row[name] for name in names),
        event_id=row["event_id"],
        call_id=row["call_id"] or row["event_id"],
        began_at=began_at,
        sequence=row["sequence"],
        ended_at=began_at + took,
        is_open=row["outcome"] is None,
        is_failed=is_failed,
    )


def _retries(tries: list[_Try]) -> dict[int, tuple[int, str]]:
    """Say of the rows that are retries which try each is, and of which call."""
    calls: dict[tuple[str | None, ...], dict[str, list[_Try]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for one in tries:
        calls[one.key][one.event_id].append(one)
    retries: dict[int, tuple[int, str]] = {}
    for same in calls.values():
        # What was written down as open counts once, as it ended.
        chain = [(min(rows, key=lambda one: one.is_open), rows) for rows in same.values()]
        chain.sort(key=lambda link: (link[0].began_at, link[0].sequence, link[0].event_id))
        before: _Try | None = None
        attempt = 0
        for one, rows in chain:
            is_retry = (
                before is not None
                and before.is_failed
                and before.ended_at <= one.began_at <= before.began_at + RETRIED_WITHIN
            )
            attempt = one.attempt or (attempt + 1 if is_retry else 1)
            if before is not None and is_retry:
                for row in rows:
                    if row.place is not None:
                        retries[row.place] = (attempt, before.call_id)
            before = one
    return retries


def _with_retries(events: pa.Table, retries: dict[int, tuple[int, str]]) -> pa.Table:
    places = sorted(retries)
    is_retry = [False] * events.num_rows
    for place in places:
        is_retry[place] = True
    mask = pa.array(is_retry)
    attempts = pa.array([retries[place][0] for place in places], pa.int64())
    earlier = pa.array([retries[place][1] for place in places], pa.string())
    events = _with(events, "attempt", _replaced(events["attempt"], mask, attempts))
    return _with(events, "retry_of", _replaced(events["retry_of"], mask, earlier))


def _is_call(events: pa.Table) -> Any:
    is_final: Any = events["is_final"]
    is_known = pc.and_(pc.is_valid(events["arguments_hash"]), pc.is_valid(events["session_id"]))
    return pc.and_(pc.fill_null(is_final, False), is_known)


def is_tellable(times: Any) -> Any:
    """Say of each time whether it can be reckoned with; a damaged row may name any year."""
    is_between: Any = pc.and_(pc.greater_equal(times, _FIRST), pc.less_equal(times, _LAST))
    return pc.fill_null(is_between, False)


def _is_failed_call(events: pa.Table, alive: Collection[str] | None) -> Any:
    outcome: Any = events["outcome"]
    has_class = pc.is_valid(events["error_class"])
    is_failed: Any = pc.or_(
        pc.invert(pc.is_in(outcome, _NO_FAILURE)), pc.and_(pc.is_in(outcome, _OK), has_class)
    )
    is_failed = pc.and_(pc.is_valid(outcome), pc.fill_null(is_failed, False))
    if alive is not None:
        is_alive = pc.is_in(events["run_id"], pa.array(sorted(alive), pa.string()))
        is_failed = pc.or_(is_failed, pc.and_(pc.is_null(outcome), pc.invert(is_alive)))
    return pc.and_(_is_call(events), is_failed)


def _replaced(column: Any, mask: pa.BooleanArray, values: Any) -> Any:
    return pc.replace_with_mask(pa.concat_arrays(column.chunks), mask, values)


def _with(events: pa.Table, name: str, values: Any) -> pa.Table:
    place = events.schema.get_field_index(name)
    return events.set_column(place, events.schema.field(place), values)
