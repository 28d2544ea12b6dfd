"""The raw relations: what the recorder wrote, before anything is made of it.

Everything that knows files and this engine stays here; the views above are portable SQL. A live
tail is read once, when the connection is made, so that two questions to one connection get answers
that fit together, however busily the recorder goes on writing.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import duckdb

from mcplens.events import SCHEMA_VERSION, SORTED_BY, TABLES, columns
from mcplens.store.reading import Readable, SetAside
from mcplens.store.retention import HAPPENINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from duckdb import DuckDBPyConnection

BUDGETS_SQL = """\
create table if not exists raw_budgets (
    budget_id varchar, tool_pattern varchar, has_server boolean, quantile double, limit_ms double
)"""
"""Makes the relation that budgets are put into."""

_OF_A_CALL = (
    "call_id",
    "observer",
    "session_id",
    "server_name",
    "method",
    "target",
    "arguments_hash",
    "attempt",
    "started_at",
    "sequence",
    "duration_ms",
    "outcome",
    "error_class",
)

# By how much a tail may grow between looking at it and reading it.
_MARGIN = 16 * 1024 * 1024


def quote(text: str) -> str:
    """Write a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def first_line(error: Exception) -> str:
    """Shorten DuckDB's account of an error to its first line."""
    return str(error).strip().partition("\n")[0]


def quote_list(texts: Sequence[str]) -> str:
    """Write texts as an SQL list."""
    return "[" + ", ".join(quote(text) for text in texts) + "]"


def make_raw_tables(con: DuckDBPyConnection) -> None:
    """Make the relations that hold what the files of a store do not say."""
    con.execute(
        """
        create table raw_connection (
            store_path varchar,
            run_ids varchar[],
            since timestamp,
            until timestamp,
            server varchar,
            tool varchar
        );
        create table raw_set_aside (path varchar, reason varchar);
        """
    )
    kinds = {column.name: column.type for column in columns("events")}
    declared = ", ".join(f"{name} {kinds[name]}" for name in ("event_id", *_OF_A_CALL))
    con.execute(f"create table raw_recent_calls ({declared})")
    con.execute(BUDGETS_SQL)


def read_tails(con: DuckDBPyConnection, tails: Sequence[str]) -> None:
    """Copy the live tails' rows, of all tables, into `raw_tail`."""
    con.execute(tail_sql(quote_list(tails), line_limit=_line_limit(tails)))


def tail_sql(files: str, *, line_limit: int) -> str:
    """Build the statement that makes `raw_tail` of an SQL list of spool files."""
    # A line that a kill cut short is a row of NULLs; half a row must not count as one.
    return (
        f"create or replace table raw_tail as\n{_read_json(files, line_limit)}\n"
        f'where "table" is not null and schema_version <= {SCHEMA_VERSION}'
    )


def _read_json(files: str, line_limit: int) -> str:
    kinds = {"table": "varchar"}
    for table in TABLES:
        kinds |= {column.name: column.type for column in columns(table)}
    declared = _wrap(f"{quote(name)}: {quote(kind.lower())}" for name, kind in kinds.items())
    return (
        f"select * from read_json(\n    {files},\n"
        "    format = 'newline_delimited', ignore_errors = true,\n"
        f"    maximum_object_size = {line_limit},\n    columns = {{\n{declared}\n    }}\n)"
    )


def _wrap(items: Iterable[str]) -> str:
    # An item stays whole: its own blanks are no place to break a line.
    listed = ", ".join(item.replace(" ", "\0") for item in items)
    wrapped = fill(listed, width=100, initial_indent=" " * 4, subsequent_indent=" " * 4)
    return wrapped.replace("\0", " ")


def raw_view_sql(
    table: str, files: str, *, where: str | None = None, is_uniform: bool = False
) -> str:
    """Build the statement that makes one raw view of an SQL list of Parquet files and the tail.

    The first file must be the table's seed: columns that a file of an earlier mcplens lacks are
    NULL. Where all files are known to have its columns, only the seed is opened to learn them; else
    each is, whenever a question is put.
    """
    by_name = "" if is_uniform else ", union_by_name = true"
    listed = columns(table)
    names = _wrap(column.name for column in listed)
    everything = (
        f"select\n{names}\n"
        f"from read_parquet(\n    {files}{by_name}, hive_partitioning = false\n)\n"
        "union all\n"
        f"select\n{names}\n"
        f"from raw_tail\nwhere \"table\" = '{table}' and {listed[0].name} is not null"
    )
    if where:
        everything = f"select * from (\n{everything}\n)\nwhere {where}"
    return f"create or replace view raw_{table} as\n{everything}"


def open_ids_sql(unfinished: str) -> str:
    """Build the statement that makes `raw_open_ids` of an SQL list of what is open in Parquet.

    The manifest knows these, so that nobody has to look for an end among all events: the end of
    what is open there can only be in the tail, and that of what is open in the tail, too.
    """
    return f"""\
create or replace table raw_open_ids as
select event_id from raw_tail where "table" = 'events' and outcome is null
union
select unnest({unfinished})
except
select event_id from raw_tail where "table" = 'events' and outcome is not null"""


def open_events_sql(where: str) -> str:
    """Build the statement that makes `raw_open_events`: the rows of `raw_open_ids`, once each."""
    return (
        "create or replace table raw_open_events as\nselect * from raw_unique_events\n"
        "where outcome is null and event_id in (select event_id from raw_open_ids)"
        f" and {where}"
    )


def make_open_events(con: DuckDBPyConnection) -> None:
    """Make `raw_open_events`, without looking into files when nothing is open."""
    [(is_any,)] = con.execute("select count(*) > 0 from raw_open_ids").fetchall()
    con.execute(open_events_sql("true" if is_any else "false"))


def recent_calls_sql(since: str) -> str:
    """Build the statement that makes `raw_recent_calls`: what calls of the tail may be retries of.

    Sealing looks as far back, `mcplens.store.derived.RETRIED_WITHIN` before the first of them.
    """
    names = _wrap(["event_id", *_OF_A_CALL])
    return (
        f"create or replace table raw_recent_calls as\nselect\n{names}\nfrom raw_events\n"
        f"where\n    is_final and arguments_hash is not null and started_at >= {since}\n"
        "    and session_id in (select session_id from raw_tail where \"table\" = 'events')"
    )


TAIL_SINCE_SQL = """\
select min(started_at) - interval 1 hour
from raw_tail
where "table" = 'events' and is_final and arguments_hash is not null and attempt is null"""
"""Says from when on something is to be known about calls that those of the tail may repeat."""

NUMBER_TRIES_SQL = """\
update raw_tail
set attempt = raw_tries.attempt, retry_of = raw_tries.retry_of
from raw_tries
where
    raw_tail."table" = 'events'
    and raw_tail.attempt is null
    and raw_tail.event_id = raw_tries.event_id"""
"""Fills in the tail what sealing will."""


def number_tries(con: DuckDBPyConnection) -> None:
    """Say of the calls in the tail which try each is, as sealing will; `raw_tries` is there."""
    [(since,)] = con.execute(TAIL_SINCE_SQL).fetchall()
    if since is None:
        return
    # Written out, the time keeps all older files closed.
    con.execute(recent_calls_sql(f"timestamp '{since}'"))
    con.execute(NUMBER_TRIES_SQL)
    con.execute("delete from raw_recent_calls")


SHADOWED_SQL = "create or replace table raw_shadowed as\nselect * from raw_shadows"
"""Makes the table of connections that another observer recorded from further out."""


def unique_events_sql(*, is_plain: bool) -> str:
    """Build the statement that makes `raw_unique_events`: each request once, with its session.

    It leaves out what another observer saw from further out, and takes the session from the trace
    where one tells it. Where a store has neither, it `is_plain`: nothing is to be paid for then.
    """
    if is_plain:
        return "create or replace view raw_unique_events as\nselect * from raw_events"
    return """\
create or replace view raw_unique_events as
select
    raw_events.* replace (
        case
            when raw_traces.trace_id is not null
                and (raw_events.session_basis in ('handle', 'protocol')) is not true
                then raw_events.trace_id
            else raw_events.session_id
        end as session_id,
        case
            when raw_traces.trace_id is not null
                and (raw_events.session_basis in ('handle', 'protocol')) is not true
                then 'trace'
            else raw_events.session_basis
        end as session_basis
    )
from raw_events
anti join raw_shadowed on raw_events.connection_id = raw_shadowed.connection_id
-- Grouped, though a trace stands there once: then who asks for no sessions does not pay for it.
left join (select trace_id from raw_traces group by trace_id) as raw_traces
    on raw_events.trace_id = raw_traces.trace_id"""


def make_unique_events(con: DuckDBPyConnection) -> None:
    """Make `raw_unique_events` as simple as what is recorded allows; `raw_shadows` is there."""
    # Where observers of one kind recorded all there is, nothing can be seen twice: years of
    # connections need not be compared to learn that.
    [(may_be_shadowed,)] = con.execute(
        "select coalesce(min(observer) <> max(observer) or max(shadowed_by) is not null, false)"
        " from raw_connections"
    ).fetchall()
    con.execute(SHADOWED_SQL if may_be_shadowed else f"{SHADOWED_SQL} limit 0")
    is_plain = not con.execute(
        "select connection_id from raw_shadowed"
        " union all (select trace_id from raw_events where trace_id is not null limit 1)"
        " limit 1"
    ).fetchall()
    con.execute(unique_events_sql(is_plain=is_plain))


def make_raw_views(
    con: DuckDBPyConnection,
    parquet: Mapping[str, Sequence[str]],
    *,
    where: Mapping[str, str] | None = None,
    uniform: Collection[str] = (),
    shown_from: datetime | None = None,
) -> None:
    """Put a raw view of every table over its Parquet files and the tails that were read.

    Of what happened before `shown_from` nothing is shown, though it may not be deleted yet.
    """
    for table in TABLES:
        conditions = [(where or {}).get(table)]
        if shown_from is not None and table in HAPPENINGS:
            newest = f"greatest({SORTED_BY[table]}, recorded_at)"
            conditions.append(f"({newest} >= timestamp '{shown_from}') is not false")
        told = " and ".join(f"({condition})" for condition in conditions if condition)
        con.execute(
            raw_view_sql(
                table,
                quote_list(parquet[table]),
                where=told or None,
                is_uniform=table in uniform,
            )
        )


def end_dead_runs(con: DuckDBPyConnection, runs: Collection[str]) -> None:
    """Add to `raw_tail` the rows that end what dead recorders left open, as sealing will."""
    if not runs:
        return
    ends = {
        "events": ("outcome", "'unanswered' as outcome, 'recorder_died' as outcome_basis"),
        "connections": ("coalesce(end_reason, ended_at::varchar)", "'recorder_died' as end_reason"),
    }
    for table, (end, ended) in ends.items():
        id_ = columns(table)[0].name
        con.execute(
            # One moment later than the newest row, so that it is the newest itself.
            f"""
            insert into raw_tail by name
            select '{table}' as "table", * replace (
                coalesce(recorded_at, timestamp 'epoch') + to_microseconds(1) as recorded_at,
                {ended}
            )
            from raw_{table}
            where run_id in (select unnest($1))
            qualify
                count({end}) over (partition by {id_}) = 0
                and row_number() over (
                    partition by {id_} order by recorded_at desc nulls last
                ) = 1
            """,
            [sorted(runs)],
        )


def sound_files(con: DuckDBPyConnection, readable: Readable) -> Readable:
    """Try every file by itself, and set aside the ones that DuckDB cannot read."""
    set_aside = list(readable.set_aside)

    def sound(files: Sequence[str], trial: Callable[[str], str]) -> list[str]:
        troubles = {file: _trouble(con, trial(file)) for file in files}
        set_aside.extend(
            SetAside(Path(file), f"{file} cannot be read: {trouble}")
            for file, trouble in troubles.items()
            if trouble
        )
        return [file for file, trouble in troubles.items() if not trouble]

    def parquet_trial(file: str) -> str:
        return f"select * from read_parquet({quote(file)}) limit 0"

    def tail_trial(file: str) -> str:
        return f"select count(*) from ({_read_json(quote_list([file]), _line_limit([file]))})"

    return Readable(
        parquet={table: sound(files, parquet_trial) for table, files in readable.parquet.items()},
        tails=sound(readable.tails, tail_trial),
        set_aside=set_aside,
        dead_runs=readable.dead_runs,
        unfinished=readable.unfinished,
        shown_from=readable.shown_from,
    )


def _trouble(con: DuckDBPyConnection, sql: str) -> str | None:
    try:
        con.execute(sql).fetchall()
    except duckdb.Error as trouble:
        return first_line(trouble)
    return None


def _line_limit(tails: Sequence[str]) -> int:
    # A line longer than DuckDB's limit would end the whole query; none is longer than its file.
    sizes = [path.stat().st_size for tail in tails if (path := Path(tail)).exists()]
    return _MARGIN + max(sizes, default=0)
