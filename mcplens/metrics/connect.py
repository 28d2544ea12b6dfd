"""A DuckDB connection with every view on it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from duckdb import DuckDBPyConnection

from mcplens.errors import NewerSchemaError, StoreError, UsageError
from mcplens.metrics.layers import view_files
from mcplens.metrics.raw import (
    end_dead_runs,
    first_line,
    make_raw_tables,
    make_raw_views,
    quote_list,
    read_tails,
    sound_files,
)
from mcplens.metrics.selection import Selection, resolve
from mcplens.metrics.settling import (
    make_open_events,
    make_settled_tables,
    make_unique_events,
    number_tries,
    open_ids_sql,
)
from mcplens.store.location import locate, open_store
from mcplens.store.reading import Readable, SetAside, readable_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcplens.store.layout import Store


def connect(
    store: str | Path | None = None,
    *,
    run: str | Sequence[str] | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    server: str | None = None,
    tool: str | None = None,
) -> DuckDBPyConnection:
    """Open a store as a DuckDB connection with every view on it.

    The connection shows the store as it is now; `mcplens.metrics.connect.refresh` brings it up to
    date.

    Args:
        store: The store's folder; without it $MCPLENS_STORE, the nearest `.mcplens` upward, or the
            user's own.
        run: `last`, `last~1` and so on, a label, or the beginning of a run's id; or several whole
            ids, of which some may have recorded nothing.
        since: Only what began at or after this: `24h`, `7d`, a date, an ISO time, a datetime. UTC.
        until: Only what began before this.
        server: A server's name, or a glob.
        tool: A tool's name, with or without `server:` before it, or a glob.

    Raises:
        UsageError: a filter cannot be understood, or stands for nothing.
        StoreError: there is no store, or its manifest cannot be read.
        NewerSchemaError: all that is in it was written by a later mcplens.
    """
    opened = open_store(locate(store))
    con = duckdb.connect(
        # A missing extension must be an error, not a download.
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    con.execute("set timezone = 'UTC'; set parquet_metadata_cache = true")
    make_raw_tables(con)
    make_settled_tables(con)

    def choose() -> Selection:
        return resolve(
            con,
            now=datetime.now(UTC).replace(tzinfo=None),
            run=run,
            since=since,
            until=until,
            server=server,
            tool=tool,
        )

    selection = _look(con, opened, choose)
    con.execute(
        "insert into raw_connection values ($1, $2, $3, $4, $5, $6)",
        [
            str(opened.path),
            None if selection.run_ids is None else list(selection.run_ids),
            selection.since,
            selection.until,
            selection.server,
            selection.tool,
        ],
    )
    con.begin()  # Hundreds of statements: committed one by one they take a third longer.
    for view in view_files():
        if view.layer != "raw":
            con.execute(view.sql)
    con.commit()
    return con


def refresh(con: DuckDBPyConnection) -> None:
    """Show the store as it is now, through the same filters.

    Needed to see what was recorded after the connection was made, and by a connection of more than
    an hour, whose files may be gone. Cursors and relations of the connection stay valid.
    """
    try:
        [row] = con.execute("from raw_connection").fetchall()
    except duckdb.CatalogException:
        raise UsageError("this connection was not made by mcplens.connect()") from None
    path, run_ids, since, until, server, tool = row
    selection = Selection(
        run_ids=None if run_ids is None else tuple(run_ids),
        since=since,
        until=until,
        server=server,
        tool=tool,
    )
    _look(con, open_store(Path(path)), lambda: selection)


def set_aside(con: DuckDBPyConnection) -> list[SetAside]:
    """List the files that are not read, each with the reason."""
    rows = con.execute("select path, reason from raw_set_aside order by path").fetchall()
    return [SetAside(Path(path), reason) for path, reason in rows]


def _look(con: DuckDBPyConnection, store: Store, choose: Callable[[], Selection]) -> Selection:
    """Put the raw relations over what can be read of the store now, and is chosen of it."""
    try:
        return _load(con, readable_files(store), choose)
    except (duckdb.Error, OSError):
        # A file is torn inside, or was deleted since it was listed: find out which, and go on.
        readable = sound_files(con, readable_files(store))
    try:
        return _load(con, readable, choose)
    except duckdb.Error as trouble:
        raise StoreError(f"{store.path} cannot be read: {first_line(trouble)}") from trouble


def _show(con: DuckDBPyConnection, readable: Readable, selection: Selection) -> None:
    make_raw_views(
        con,
        selection.files(readable.parquet),
        where=selection.conditions(),
        uniform=readable.uniform,
        shown_from=readable.shown_from,
    )


def _is_empty(readable: Readable) -> bool:
    # The first of each list is a seed, which has no rows.
    return not readable.tails[1:] and not any(files[1:] for files in readable.parquet.values())


def _load(
    con: DuckDBPyConnection, readable: Readable, choose: Callable[[], Selection]
) -> Selection:
    newer = [left_out.reason for left_out in readable.set_aside if left_out.is_newer]
    if newer and _is_empty(readable):
        raise NewerSchemaError(newer[0])
    # A cursor in another thread must not meet new tails beside old files.
    con.begin()
    try:
        read_tails(con, readable.tails)
        _show(con, readable, Selection())
        for view in view_files():
            if view.layer == "raw":
                con.execute(view.sql)
        end_dead_runs(con, readable.dead_runs)
        unfinished = quote_list(sorted(readable.unfinished))
        con.execute(open_ids_sql(f"cast({unfinished} as varchar[])"))
        number_tries(con)
        # A run or a server is looked for in all there is; what follows is settled of the chosen.
        selection = choose()
        if selection != Selection():
            _show(con, readable, selection)
        make_unique_events(con)
        make_open_events(con)
        con.execute("delete from raw_set_aside")
        for left_out in readable.set_aside:
            con.execute(
                "insert into raw_set_aside values ($1, $2)", [str(left_out.path), left_out.reason]
            )
    except BaseException:
        con.rollback()
        raise
    con.commit()
    return selection
