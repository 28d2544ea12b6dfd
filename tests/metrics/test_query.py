import sys

import pytest

from mcplens.errors import QueryError
from mcplens.metrics.catalogue import view_catalogue
from mcplens.metrics.connect import connect
from mcplens.metrics.query import run_query
from tests.builders import call


def test_a_query_gives_names_and_rows(store, spool):
    spool([call(), call()])

    names, rows = run_query(connect(store.path), "select count(*) as calls from calls")

    assert (names, list(rows)) == (["calls"], [(2,)])


def test_a_long_answer_comes_whole(store):
    _, rows = run_query(connect(store.path), "from range(25001)")

    assert sum(1 for _ in rows) == 25_001


def test_what_one_query_makes_the_next_one_finds(store):
    con = connect(store.path)

    run_query(con, "create temp table mine as select 1 as one")

    assert list(run_query(con, "from mine")[1]) == [(1,)]


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        (
            "from tool_metric",
            'Table with name tool_metric does not exist. Did you mean "tool_metrics"?',
        ),
        ("selec 1", 'syntax error at or near "selec"'),
        ("select cast('x' as int)", "Could not convert string 'x' to INT32"),
        ("select error('one\ntwo')", "one"),
        (
            "select interval '1 year' * 10000000",
            "a value is too large to be read: Python int too large to convert to C int",
        ),
        ("", "there is no query in it. Write one, such as: from tool_metrics"),
        ("-- nothing", "there is no query in it. Write one, such as: from tool_metrics"),
    ],
)
def test_an_error_is_one_line_that_says_what_was_meant(store, sql, sentence):
    with pytest.raises(QueryError) as refusal:
        list(run_query(connect(store.path), sql)[1])

    assert str(refusal.value) == sentence


def test_a_time_with_a_zone_is_told_how_to_lose_it(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "pytz", None)

    with pytest.raises(QueryError, match="with a zone cannot be read here"):
        list(run_query(connect(store.path), "select now()")[1])


def test_columns_of_one_name_are_told_apart(store):
    names, _ = run_query(connect(store.path), "select 1 as a, 2 as b, 3 as a, 4 as a, 5 as a_1")

    assert names == ["a", "b", "a_1", "a_2", "a_1_1"]


def test_a_column_that_does_not_exist_is_answered_with_those_that_do(store):
    with pytest.raises(QueryError) as refusal:
        run_query(connect(store.path), "select p59_ms from tool_metrics")

    said = str(refusal.value)
    assert said.startswith(
        'Referenced column "p59_ms" not found in FROM clause. Did you mean one of "p95_ms"'
    )
    assert "\n" not in said


def test_an_error_while_running_is_found_at_once(store, spool):
    spool([call(target="seven")])

    with pytest.raises(QueryError, match="Could not convert string 'seven' to INT32"):
        run_query(connect(store.path), "select cast(tool_name as int) from calls")


def test_the_catalogue_lists_what_people_read_first(store):
    entries = view_catalogue(connect(store.path))

    layers = [entry.layer for entry in entries]
    assert layers == sorted(layers, key=["marts", "intermediate", "staging", "raw"].index)
    [tools] = [entry for entry in entries if entry.name == "tool_metrics"]
    assert tools.comment.startswith("One row per server and tool")
    column = tools.columns[2]
    assert (column.name, column.type) == ("call_count", "BIGINT")
    assert column.comment == "Finished calls: successes, failures, cancelled and unknown ones."


def test_the_catalogue_leaves_out_views_that_were_made_meanwhile(store):
    con = connect(store.path)
    con.execute("create view mine as select 1 as one")

    assert "mine" not in [entry.name for entry in view_catalogue(con)]
