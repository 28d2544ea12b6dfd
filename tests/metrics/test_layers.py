"""The views as a whole: who reads whom, and that each says what it is."""

import json
import re

import pytest

from mcplens.events import TABLES, columns
from mcplens.metrics.connect import connect
from mcplens.metrics.layers import LAYERS, view_files

VIEWS = {view.name: view for view in view_files()}
READABLE = {
    "raw": {"raw"},
    "staging": {"raw"},
    "intermediate": {"staging"},
    "marts": {"staging", "intermediate"},
}
PREFIXES = {"raw": "raw_", "staging": "stg_", "intermediate": "int_", "marts": ""}


def layer_of(name):
    return "raw" if name.startswith("raw_") else VIEWS[name].layer


def tables_in(node, hidden=frozenset()):
    """Name the relations that a serialised query reads, without its own CTEs."""
    if isinstance(node, list):
        return {name for part in node for name in tables_in(part, hidden)}
    if not isinstance(node, dict):
        return set()
    ctes = {entry["key"] for entry in (node.get("cte_map") or {}).get("map", [])}
    inner = hidden | ctes
    own = {node["table_name"]} - inner if node.get("type") == "BASE_TABLE" else set()
    return own | {name for part in node.values() for name in tables_in(part, inner)}


@pytest.fixture(scope="module")
def con(tmp_path_factory):
    from mcplens.store.location import create

    return connect(create(tmp_path_factory.mktemp("layers") / "store").path)


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda view: view.name)
def test_a_view_reads_only_the_layers_below_it(con, view):
    query = view.sql.split(f"view {view.name} as\n", 1)[1].split(";\n", 1)[0]
    [(serialised,)] = con.execute("select json_serialize_sql($1)", [query]).fetchall()
    parsed = json.loads(serialised)

    read = tables_in(parsed["statements"])

    assert not parsed["error"]
    assert read, "a view that reads nothing means that this test sees nothing"
    assert {layer_of(name) for name in read} <= READABLE[view.layer]


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda view: view.name)
def test_a_file_makes_the_one_view_it_is_named_after(view):
    made = re.findall(r"create or replace view (\w+)", view.sql)
    described = set(re.findall(r"comment on (?:view|column) (\w+)", view.sql))

    assert made == [view.name]
    assert described == {view.name}
    assert view.name.startswith(PREFIXES[view.layer])


def test_every_view_and_column_says_what_it_is(con):
    rows = con.execute(
        """
        select view_name, null, comment from duckdb_views() where view_name in (select unnest($1))
        union all
        select table_name, column_name, comment from duckdb_columns()
        where table_name in (select unnest($1))
        """,
        [list(VIEWS)],
    ).fetchall()

    assert [(view, column) for view, column, comment in rows if not comment] == []
    views = {view: comment for view, column, comment in rows if column is None}
    assert [view for view, comment in views.items() if not comment.startswith("One row per ")] == []
    assert set(views) == set(VIEWS)


def test_staging_says_of_a_recorded_column_what_the_recorder_says(con):
    said = {
        (view, column): comment
        for view, column, comment in con.execute(
            "select table_name, column_name, comment from duckdb_columns()"
        ).fetchall()
    }

    for table in TABLES:
        views = ("stg_events", "stg_open_events") if table == "events" else (f"stg_{table}",)
        for column in columns(table):
            for view in views:
                assert said.get((view, column.name), column.comment) == column.comment


def test_open_and_ended_requests_have_the_same_columns(con):
    described = con.sql("describe stg_events").fetchall()

    assert con.sql("describe stg_open_events").fetchall() == described


@pytest.mark.parametrize("view", [view.name for view in VIEWS.values() if view.layer == "marts"])
def test_charts_can_draw_what_people_read(con, view):
    """Arrow has no plain number for HUGEINT and DECIMAL; lists stand only where calls keep them."""
    types = dict(zip(con.sql(f"from {view}").columns, con.sql(f"from {view}").types, strict=True))

    plain = {"VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP"}
    odd = {name for name, kind in types.items() if str(kind) not in plain}
    assert odd <= ({"content_kinds", "side_effects"} if view == "calls" else set())


def test_the_layers_are_all_there():
    assert {view.layer for view in VIEWS.values()} == set(LAYERS)
