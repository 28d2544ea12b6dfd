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
    declared = wrap(f"{quote(name)}: {quote(kind.lower())}" for name, kind in kinds.items())
    return (
        f"select * from read_json(\n    {files},\n"
        "    format = 'newline_delimited', ignore_errors = true,\n"
        f"    maximum_object_size = {line_limit},\n    columns = {{\n{declared}\n    }}\n)"
    )


def wrap(items: Iterable[str]) -> str:
    """Write names or declarations as lines of SQL."""
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
    names = wrap(column.name for column in listed)
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
