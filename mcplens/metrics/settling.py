"""What is settled of the raw rows when a connection is made, so that no question has to.

Which requests are open, which try of its call each is that is not sealed yet, and what another
observer recorded from further out. Where a store has nothing of the kind, it costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcplens.events import columns
from mcplens.metrics.raw import wrap

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
    names = wrap(["event_id", *_OF_A_CALL])
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


def make_settled_tables(con: DuckDBPyConnection) -> None:
    """Make the table that the view `raw_tries` reads, still without rows."""
    kinds = {column.name: column.type for column in columns("events")}
    declared = ", ".join(f"{name} {kinds[name]}" for name in ("event_id", *_OF_A_CALL))
    con.execute(f"create table raw_recent_calls ({declared})")
