"""What a reader finds in a store: the listed files, read by DuckDB."""

import duckdb

from mcplens.events import columns
from mcplens.store.reading import readable_files
from mcplens.store.spool import Spool


def rows_in(store, table, *, con=None):
    """Read the raw rows of a table, as dicts."""
    relation = (con or duckdb.connect()).sql(_select(readable_files(store), table))
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def event_ids_in(store, *, con=None):
    """Read the ids of all events, each as often as it is there."""
    sql = _select(readable_files(store), "events", names="event_id")
    return sorted(id_ for (id_,) in (con or duckdb.connect()).sql(sql).fetchall())


def finished_in(store):
    """Read how each event ended; None for one that is open. Fails on an end told twice."""
    outcomes = {}
    sql = _select(readable_files(store), "events", names="event_id, outcome")
    for event_id, outcome in duckdb.connect().sql(sql).fetchall():
        if outcome is not None:
            assert outcomes.get(event_id) is None, f"{event_id} ended twice"
        outcomes[event_id] = outcome or outcomes.get(event_id)
    return outcomes


def write_part(store, rows, *, run_id="run1"):
    """Spool rows as a writer that has come and gone; its part is closed."""
    spool = Spool(store, run_id=run_id)
    spool.write(rows)
    path = spool.path
    spool.close()
    return path


def leftovers_in(store):
    """List files that only a crash may leave behind."""
    return [path.name for path in store.path.rglob("*.tmp")]


def _select(readable, table, *, names=None):
    own = {column.name: column.type for column in columns(table)}
    names = names or ", ".join(own)
    declared = ", ".join(
        f"'{name}': '{kind}'" for name, kind in ({"table": "VARCHAR"} | own).items()
    )
    return f"""
        select {names} from read_parquet({readable.parquet[table]}, union_by_name = true)
        union all
        select {names} from read_json({readable.tails}, format = 'newline_delimited',
            ignore_errors = true, columns = {{{declared}}})
        where "table" = '{table}'
    """
