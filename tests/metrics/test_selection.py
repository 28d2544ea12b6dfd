"""Which part of a store a connection sees."""

from datetime import UTC, timedelta, timezone

import pytest

from mcplens.errors import UsageError
from mcplens.metrics.connect import connect
from mcplens.metrics.selection import parse_moment
from mcplens.store.seal import seal
from tests.builders import NOON, call, connection, definition, notice, run

MANY_DIGITS = "9" * 5000
FAR = "9999-12-31T23:59-14:00"


@pytest.fixture
def two_runs(store, spool):
    """An old run against one server, and a new one against two."""
    spool(
        [
            run(run_id="aaa1", at=-3600, label="main@1"),
            connection(run_id="aaa1", at=-3600),
            call(run_id="aaa1", at=-3600),
            definition(run_id="aaa1", at=-3600),
            notice(run_id="aaa1", at=-3600),
            run(run_id="aaa2", at=0, label="main@2"),
            connection(run_id="aaa2", connection_id="aaa2-c1"),
            call(run_id="aaa2", connection_id="aaa2-c1"),
            call(run_id="aaa2", connection_id="aaa2-c1", target="write_file", at=60),
            definition(run_id="aaa2", connection_id="aaa2-c1"),
            definition(run_id="aaa2", connection_id="aaa2-c1", name="write_file"),
            connection(run_id="aaa2", connection_id="aaa2-c2", server_name="git"),
            call(run_id="aaa2", connection_id="aaa2-c2", server_name="git", target="log", at=61),
            notice(run_id="aaa2", connection_id="aaa2-c2", at=61),
        ]
    )
    return store


def seen(store, **filters):
    """Count what each view shows."""
    con = connect(store.path, **filters)
    counts = {}
    for view in ("runs", "connections", "calls", "definitions", "notices"):
        counts[view] = con.execute(f"select count(*) from {view}").fetchall()[0][0]
    return counts


def test_without_filters_everything_is_seen(two_runs):
    assert seen(two_runs) == {
        "runs": 2,
        "connections": 3,
        "calls": 4,
        "definitions": 2,
        "notices": 2,
    }


def test_a_run_is_seen_with_all_that_belongs_to_it(two_runs):
    assert seen(two_runs, run="last~1") == {
        "runs": 1,
        "connections": 1,
        "calls": 1,
        "definitions": 1,
        "notices": 1,
    }


def test_a_server_is_seen_with_all_that_belongs_to_it(two_runs):
    assert seen(two_runs, server="git") == {
        "runs": 1,
        "connections": 1,
        "calls": 1,
        "definitions": 0,
        "notices": 1,
    }


def test_a_tool_is_seen_with_all_that_belongs_to_it(two_runs):
    assert seen(two_runs, tool="write_file") == {
        "runs": 1,
        "connections": 1,
        "calls": 1,
        "definitions": 1,
        "notices": 0,
    }


def test_a_time_is_seen_with_all_that_belongs_to_it(two_runs):
    assert seen(two_runs, until=NOON) == {
        "runs": 1,
        "connections": 1,
        "calls": 1,
        "definitions": 1,
        "notices": 1,
    }


def test_a_connection_opened_before_is_seen_while_something_happens_on_it(two_runs):
    filters = {"since": NOON + timedelta(seconds=60), "until": NOON + timedelta(seconds=61)}

    assert seen(two_runs, **filters) == {
        "runs": 1,
        "connections": 1,
        "calls": 1,
        "definitions": 2,
        "notices": 0,
    }


MIDNIGHT = NOON.replace(hour=0, minute=0)
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("filters", "tools"),
    [
        ({"since": MIDNIGHT}, ["midnight", "noon", "tomorrow"]),
        ({"since": MIDNIGHT - MOMENT}, ["before", "midnight", "noon", "tomorrow"]),
        ({"until": MIDNIGHT}, ["yesterday", "before"]),
        ({"until": MIDNIGHT + MOMENT}, ["yesterday", "before", "midnight"]),
        ({"since": MIDNIGHT, "until": MIDNIGHT + DAY}, ["midnight", "noon"]),
        ({"since": NOON + MOMENT, "until": NOON + DAY}, []),
    ],
)
def test_what_began_on_other_days_is_told_apart_to_the_moment(store, spool, filters, tools):
    times = {
        "yesterday": NOON - DAY,
        "before": MIDNIGHT - MOMENT,
        "midnight": MIDNIGHT,
        "noon": NOON,
        "tomorrow": NOON + DAY,
    }
    spool(
        [call(target=tool, at=(when - NOON) / timedelta(seconds=1)) for tool, when in times.items()]
    )
    seal(store)

    con = connect(store.path, **filters)

    found = con.execute("select tool_name from calls order by started_at").fetchall()
    assert [tool for (tool,) in found] == tools


def test_files_of_days_that_are_not_selected_stay_closed(store, spool):
    spool([call(at=0), call(at=86_400)])
    seal(store)

    con = connect(store.path, since=NOON + DAY)
    [other] = store.path.glob(f"events/date={NOON.date()}/*.parquet")
    other.unlink()

    assert con.execute("select count(*) from calls").fetchall() == [(1,)]


def test_filters_are_all_held_at_once(two_runs):
    assert seen(two_runs, run="aaa2", server="files", tool="write*")["calls"] == 1


@pytest.mark.parametrize(
    ("tool", "found"),
    [
        ("log", ["log"]),
        ("git:log", ["log"]),
        ("git:*", ["log"]),
        ("*_file", ["read_file", "write_file"]),
        ("files:[rw]*", ["read_file", "write_file"]),
        ("[!r]*", ["log", "write_file"]),
        ("???", ["log"]),
        ("nothing*", []),
    ],
)
def test_a_tool_is_named_alone_with_its_server_or_by_a_pattern(two_runs, tool, found):
    con = connect(two_runs.path, tool=tool)

    names = con.sql("select distinct tool_name from calls order by all").fetchall()
    assert [name for (name,) in names] == found


def test_a_name_that_looks_like_a_pattern_is_found_as_it_is(store, spool):
    spool([call(target="read[1]"), call(target="read1")])

    con = connect(store.path, tool="read[1]")

    assert con.sql("select count(*) from calls").fetchall() == [(2,)]


def test_a_quote_in_a_name_is_only_a_quote(store, spool):
    spool([call(target="it's", server_name="o'brien")])

    con = connect(store.path, tool="it's", server="o'*")

    assert con.sql("select count(*) from calls").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("selector", "runs"),
    [
        ("last", ["aaa2"]),
        ("last~0", ["aaa2"]),
        ("last~1", ["aaa1"]),
        ("main@1", ["aaa1"]),
        ("aaa2", ["aaa2"]),
        (["aaa1", "aaa2", "unheard"], ["aaa1", "aaa2"]),
        ([], []),
    ],
)
def test_a_run_is_chosen_by_age_label_or_id(two_runs, selector, runs):
    con = connect(two_runs.path, run=selector)

    assert [
        run_id for (run_id,) in con.sql("select run_id from runs order by all").fetchall()
    ] == runs


def test_a_label_may_stand_for_several_runs(store, spool):
    spool([run(run_id="a1"), run(run_id="b2"), run(run_id="c3", label="other")])

    con = connect(store.path, run="main@1a2b3c4")

    assert con.sql("select run_id from runs order by all").fetchall() == [("a1",), ("b2",)]


def test_the_beginning_of_an_id_is_enough(store, spool):
    spool([run(run_id="4f2a"), run(run_id="4e11"), call(run_id="77")])

    assert seen(store, run="4f")["runs"] == 1
    assert seen(store, run="7")["calls"] == 1


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        ({"run": "aaa"}, 'run "aaa" may be aaa2, aaa1: write more of its id'),
        ({"run": "main@3"}, 'there is no run "main@3". Did you mean "main@2"?'),
        (
            {"run": "zzz"},
            'there is no run "zzz". There is: last, main@2, main@1, aaa2, aaa1',
        ),
        ({"run": ""}, 'there is no run "". There is: last, main@2, main@1, aaa2, aaa1'),
        ({"run": "last~2"}, 'run "last~2": of 2 runs the oldest is "last~1"'),
        (
            {"run": f"last~{MANY_DIGITS}"},
            f'there is no run "last~{MANY_DIGITS}". There is: last, main@2, main@1, aaa2, aaa1',
        ),
        ({"server": "flies"}, 'there is no server "flies" in this store. Did you mean "files"?'),
        ({"server": "x"}, 'there is no server "x" in this store. There is: files, git'),
        (
            {"tool": "raed_file"},
            'there is no tool "raed_file" in this store. Did you mean "read_file"?',
        ),
        (
            {"tool": "git:read_file"},
            'there is no tool "git:read_file" in this store. Did you mean "files:read_file"?',
        ),
        (
            {"since": "soon"},
            '"soon" is no time. Write a stretch such as 24h, or a date such as 2026-11-20, UTC',
        ),
        (
            {"until": FAR},
            f'"{FAR}" is no time. Write a stretch such as 24h, or a date such as 2026-11-20, UTC',
        ),
        (
            {"since": "2026-11-21", "until": "2026-11-20"},
            "since (2026-11-21 00:00:00) is not before until (2026-11-20 00:00:00), UTC",
        ),
    ],
)
def test_a_word_that_stands_for_nothing_is_refused_in_one_line(two_runs, filters, sentence):
    with pytest.raises(UsageError) as refusal:
        connect(two_runs.path, **filters)

    assert str(refusal.value) == sentence


def test_an_empty_store_has_no_last_run(store):
    with pytest.raises(UsageError, match='run "last": nothing has been recorded in this store yet'):
        connect(store.path, run="last")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24h", "2026-11-19 12:00:00"),
        ("7d", "2026-11-13 12:00:00"),
        ("90m", "2026-11-20 10:30:00"),
        ("2026-11-20", "2026-11-20 00:00:00"),
        ("2026-11-20T08:15", "2026-11-20 08:15:00"),
        ("2026-11-20T08:15:00+02:00", "2026-11-20 06:15:00"),
        ("2026-11-20T08:15:00Z", "2026-11-20 08:15:00"),
        (NOON, "2026-11-20 12:00:00"),
        (NOON.replace(tzinfo=UTC), "2026-11-20 12:00:00"),
        (NOON.replace(tzinfo=timezone(timedelta(hours=-5))), "2026-11-20 17:00:00"),
        (None, "None"),
    ],
)
def test_a_moment_is_a_stretch_back_or_a_time_in_utc(text, moment):
    assert str(parse_moment(text, now=NOON)) == moment
