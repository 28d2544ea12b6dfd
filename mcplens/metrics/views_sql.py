"""The same views for a plain DuckDB shell: one static file that comes with every store.

`python -m mcplens.metrics.views_sql` writes it anew; with `--check` it only says whether that is
due.
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent

from mcplens.events import SCHEMA_VERSION, TABLES
from mcplens.metrics.layers import view_files
from mcplens.metrics.raw import BUDGETS_SQL, raw_view_sql, tail_sql
from mcplens.metrics.settling import (
    NUMBER_TRIES_SQL,
    SHADOWED_SQL,
    TAIL_SINCE_SQL,
    open_events_sql,
    open_ids_sql,
    recent_calls_sql,
    unique_events_sql,
)
from mcplens.store.layout import VIEWS_SQL, seed_path

# A shell cannot look at the files first, as Python does; no line that a recorder writes is longer.
_LONGEST_LINE = 128 * 1024 * 1024

_HEAD = """\
-- Every view of mcplens, for a plain DuckDB shell (1.5 or later):
--
--     MCPLENS_STORE=path/to/.mcplens duckdb -init path/to/.mcplens/views.sql
--
-- Without the variable it is .mcplens in the current folder. Read this again to see what was
-- recorded meanwhile. In Python, mcplens.connect() does the same and more: it filters, and it goes
-- on when a file is damaged. This file is generated: python -m mcplens.metrics.views_sql

set variable store = rtrim(coalesce(nullif(getenv('MCPLENS_STORE'), ''), '.mcplens'), '/');

-- The tails are listed before the manifest is read: what is sealed in between is retired there.
set variable listed = (
    select list(file)
    from glob(regexp_replace(getvariable('store'), '([*?[])', '[\\1]', 'g') || '/spool/*.jsonl')
);

create or replace table raw_manifest as
select * from read_json(
    getvariable('store') || '/manifest.json',
    columns = {
        files: 'struct("table" varchar, path varchar, schema_version bigint)[]',
        retired: 'struct(path varchar)[]',
        unfinished: 'struct("table" varchar, id varchar)[]'
    }
);

set variable tails = (
    select list(tail.file order by tail.file)
    from (select unnest(getvariable('listed')) as file) as tail
    where not exists (
        select 1
        from (select unnest(retired).path as path from raw_manifest) as done
        where done.path = 'spool/' || parse_filename(tail.file)
    )
);
"""

_UNFINISHED = """(
    select list(one.id)
    from (select unnest(unfinished, recursive := true) from raw_manifest) as one
    where one."table" = 'events'
)"""


def views_sql() -> str:
    """Build the file's text."""
    parts = [_HEAD, tail_sql("getvariable('tails')", line_limit=_LONGEST_LINE) + ";"]
    for table in TABLES:
        parts += [_list_files(table), raw_view_sql(table, f"getvariable('{table}_files')") + ";"]
    parts += [
        open_ids_sql(_UNFINISHED) + ";",
        f"set variable tail_since = (\n{indent(TAIL_SINCE_SQL, '    ')}\n);",
        recent_calls_sql("getvariable('tail_since')") + ";",
        *(view.sql.rstrip() for view in view_files() if view.layer == "raw"),
        NUMBER_TRIES_SQL + ";",
        SHADOWED_SQL + ";",
        unique_events_sql(is_plain=False) + ";",
        open_events_sql("true") + ";",
        BUDGETS_SQL + ";",
        *(view.sql.rstrip() for view in view_files() if view.layer != "raw"),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _list_files(table: str) -> str:
    seed = seed_path(Path(), table).as_posix()
    return (
        f"set variable {table}_files = (\n"
        "    select list_concat(\n"
        f"        [getvariable('store') || '/{seed}'],\n"
        "        coalesce(list(getvariable('store') || '/' || file.path), [])\n"
        "    )\n"
        "    from (select unnest(files, recursive := true) from raw_manifest) as file\n"
        f"    where file.\"table\" = '{table}' and file.schema_version <= {SCHEMA_VERSION}\n"
        ");"
    )


def main(arguments: list[str]) -> int:
    """Write the file, or with `--check` say whether it is as it would be written."""
    text = views_sql()
    if "--check" not in arguments:
        VIEWS_SQL.write_text(text, encoding="utf-8")
        return 0
    if VIEWS_SQL.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{VIEWS_SQL} is stale: run python -m mcplens.metrics.views_sql\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
