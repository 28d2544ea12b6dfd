"""What leaves a store, by age, size and run, and what stays exactly as it was."""

from datetime import UTC, datetime, timedelta

import pytest

import mcplens
from mcplens.store.manifest import Retention, load_manifest
from mcplens.store.prune import prune
from mcplens.store.retention import set_retention
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from mcplens.store.survey import living_runs, survey
from mcplens.store.wanted import Wanted
from tests.builders import NOON, call, connection, definition, notice, run
from tests.store.looking import event_ids_in, rows_in, write_part

DAY_S = 86_400
NOW = (NOON - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001
FIVE_MINUTES = Retention(age_s=300)


def days_old(days, **overrides):
    return call(at=-days * DAY_S, **overrides)


def sealed(store, *rows, run_id="run1"):
    write_part(store, rows, run_id=run_id)
    seal(store, clock=lambda: NOW)


def before(days):
    return Wanted(limit=NOON - timedelta(days=days))


def everything_in(store):
    """Read whole rows of events through the public door."""
    con = mcplens.connect(store.path)
    return con.sql("from raw_events order by event_id").fetchall()


def test_rows_from_before_the_limit_leave_and_the_others_stay_as_they_were(store):
    sealed(store, *(days_old(days, sequence=days + 1) for days in range(5)))
    kept = [row for row in everything_in(store) if row[0] in {"run1-1", "run1-2", "run1-3"}]

    report = prune(store, before(2), clock=lambda: NOW)

    assert everything_in(store) == kept
    assert len(kept) == 3
    assert (report.gone["events"].row_count, report.gone["events"].file_count) == (2, 2)
    assert (report.gone["events"].first_date, report.gone["events"].last_date) == (
        "2026-11-16",
        "2026-11-17",
    )


def test_a_file_across_the_limit_is_written_anew_without_what_leaves(store):
    sealed(store, *(call(at=60 * n, sequence=n + 1) for n in range(9)))
    kept = everything_in(store)[6:]

    prune(store, Wanted(limit=NOON + timedelta(seconds=360)), clock=lambda: NOW)

    assert [row[0] for row in kept] == ["run1-7", "run1-8", "run1-9"]
    assert everything_in(store) == kept


def test_a_store_that_keeps_days_waits_until_a_whole_file_may_leave(store):
    sealed(store, *(call(at=60 * n, sequence=n + 1) for n in range(10)))
    set_retention(store, Retention(age_s=90 * DAY_S))

    prune(store, clock=lambda: NOW + 90 * DAY_S + 300)
    assert len(event_ids_in(store)) == 10
    prune(store, clock=lambda: NOW + 91 * DAY_S)

    assert event_ids_in(store) == []


def test_a_call_that_has_ended_seems_not_open_when_its_end_leaves(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    late = [days_old(99, sequence=n, recorded_at=NOON) for n in (7, 8, 9)]
    late += [days_old(98, sequence=n, recorded_at=NOON) for n in (3, 4)]
    still_open = days_old(98, sequence=2, outcome=None)
    spool.write([days_old(99, sequence=1, outcome=None), *late, still_open])
    spool.write([days_old(99, sequence=1)])
    seal(store, clock=lambda: NOW)
    spool.write([days_old(1, sequence=5)])
    seal(store, clock=lambda: NOW)
    set_retention(store, Retention(age_s=90 * DAY_S))
    assert event_ids_in(store).count("run1-1") == 2

    prune(store, clock=lambda: NOW)

    assert event_ids_in(store) == [f"run1-{n}" for n in (2, 3, 4, 5, 7, 8, 9)]
    spool.close()


def test_a_store_that_keeps_five_minutes_keeps_them_to_the_moment(store):
    set_retention(store, FIVE_MINUTES)
    sealed(store, *(call(at=60 * n, sequence=n + 1) for n in range(10)))

    prune(store, clock=lambda: NOW + 600)

    assert event_ids_in(store) == ["run1-10", "run1-6", "run1-7", "run1-8", "run1-9"]


def test_files_of_a_short_window_are_deleted_after_a_short_grace(store):
    set_retention(store, FIVE_MINUTES)
    sealed(store, call(sequence=1))
    [file] = load_manifest(store)[0].files

    prune(store, clock=lambda: NOW + 600)
    assert (store.path / file.path).exists()
    prune(store, clock=lambda: NOW + 901)

    assert not (store.path / file.path).exists()


def test_what_was_recorded_late_counts_from_then(store):
    """An imported log is not deleted the moment it comes."""
    late = days_old(500, sequence=1, recorded_at=NOON)
    sealed(store, late, days_old(500, sequence=2))

    prune(store, clock=lambda: NOW)

    assert event_ids_in(store) == ["run1-1"]


def test_what_is_still_being_written_stays(store):
    spool = Spool(store, run_id="run1")
    spool.write([days_old(500, sequence=1)])

    prune(store, clock=lambda: NOW)

    assert event_ids_in(store) == ["run1-1"]
    assert living_runs(store, ["run1", "run2"]) == ["run1"]


def test_a_run_leaves_all_tables_and_no_other_does(store):
    for run_id in ("a", "b"):
        sealed(
            store,
            run(run_id=run_id, ended_at=NOON),
            connection(run_id=run_id, ended_at=NOON),
            call(run_id=run_id, sequence=1),
            definition(run_id=run_id),
            notice(run_id=run_id),
            run_id=run_id,
        )

    prune(store, Wanted(run_ids=frozenset({"a"})), clock=lambda: NOW)

    for table in ("runs", "connections", "events", "definitions", "notices"):
        assert [row["run_id"] for row in rows_in(store, table)] == ["b"], table


def test_links_of_a_run_stay_while_its_events_do(store):
    sealed(store, run(ended_at=NOON), connection(ended_at=NOON), call(sequence=1))

    for table in ("runs", "connections", "events"):
        wanted = Wanted(run_ids=frozenset({"run1"}), tables=frozenset({table, "notices"}))
        prune(store, wanted, clock=lambda: NOW)
        assert len(rows_in(store, "runs")) == len(rows_in(store, "connections")) == 1, table

    assert event_ids_in(store) == []


def test_only_the_tables_asked_for_lose_rows(store):
    sealed(store, days_old(9, sequence=1), notice(at=-9 * DAY_S))

    wanted = Wanted(limit=NOON, tables=frozenset({"notices"}))
    prune(store, wanted, clock=lambda: NOW)

    assert event_ids_in(store) == ["run1-1"]
    assert rows_in(store, "notices") == []


def test_a_connection_that_still_talks_keeps_its_rows(store):
    old = {"at": -30 * DAY_S}
    sealed(
        store,
        run(**old, ended_at=None),
        connection(**old, ended_at=NOON),
        definition(**old, definition_hash="d1"),
        definition(at=-29 * DAY_S, definition_hash="d2"),
        days_old(30, sequence=1),
        days_old(1, sequence=2),
    )

    prune(store, before(7), clock=lambda: NOW)

    assert event_ids_in(store) == ["run1-2"]
    assert len(rows_in(store, "runs")) == len(rows_in(store, "connections")) == 1
    assert [row["definition_hash"] for row in rows_in(store, "definitions")] == ["d1", "d2"]


def test_links_leave_with_the_last_row_that_needs_them_but_for_the_newest_definitions(store):
    old = {"at": -30 * DAY_S, "run_id": "old"}
    sealed(
        store,
        run(**old, ended_at=NOON - timedelta(days=30)),
        connection(**old, ended_at=NOON - timedelta(days=30)),
        definition(**old, definition_hash="d1"),
        definition(**old, name="only_here"),
        call(**old, sequence=1),
        run_id="old",
    )
    sealed(store, definition(definition_hash="d2"), call(sequence=1))

    report = prune(store, before(7), clock=lambda: NOW)

    assert rows_in(store, "connections") == rows_in(store, "runs") == []
    left = [(row["name"], row["definition_hash"]) for row in rows_in(store, "definitions")]
    assert sorted(left) == [("only_here", "d1"), ("read_file", "d2")]
    assert {name: gone.row_count for name, gone in report.gone.items()} == {
        "events": 1,
        "connections": 1,
        "runs": 1,
        "definitions": 1,
    }


def test_connections_of_a_living_recorder_stay(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([connection(at=-30 * DAY_S), days_old(30, sequence=1)])
    spool.write([days_old(30, sequence=2)])
    seal(store, clock=lambda: NOW)

    prune(store, before(7), clock=lambda: NOW)

    assert event_ids_in(store) == ["run1-2"]
    assert len(rows_in(store, "connections")) == 1


def test_the_oldest_days_leave_until_the_rest_fits(store):
    sealed(store, *(days_old(days, sequence=days + 1) for days in range(4)))
    size = load_manifest(store)[0].files[0].size_bytes

    report = prune(store, Wanted(size_bytes=2 * size + 100), clock=lambda: NOW)

    assert event_ids_in(store) == ["run1-1", "run1-2"]
    assert report.left_since == "2026-11-19"


def test_of_the_newest_day_something_always_stays(store):
    sealed(store, call(sequence=1))
    sealed(store, call(sequence=2), run_id="run2")

    prune(store, Wanted(size_bytes=1), clock=lambda: NOW)

    assert len(event_ids_in(store)) == 1


def test_rows_that_know_no_time_leave_before_the_oldest_day(store):
    timeless = call(sequence=9, started_at=None, recorded_at=None)
    sealed(store, timeless, days_old(1, sequence=2), call(sequence=1))
    size = load_manifest(store)[0].files[0].size_bytes

    prune(store, before(-1), clock=lambda: NOW)
    assert event_ids_in(store) == ["run1-9"]
    sealed(store, days_old(1, sequence=2), call(sequence=1), run_id="run2")
    prune(store, Wanted(size_bytes=2 * size + 200), clock=lambda: NOW)

    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_connections_of_a_day_that_leaves_for_want_of_room_leave_with_it(store):
    sealed(
        store,
        connection(at=-9 * DAY_S, run_id="old", ended_at=NOON),
        days_old(9, sequence=1, run_id="old"),
        run_id="old",
    )
    sealed(store, connection(ended_at=NOON), call(sequence=1))
    size = sum(file.size_bytes for file in load_manifest(store)[0].files)

    prune(store, Wanted(size_bytes=size - 1), clock=lambda: NOW)

    assert event_ids_in(store) == ["run1-1"]
    assert [row["run_id"] for row in rows_in(store, "connections")] == ["run1"]


@pytest.mark.parametrize("age_s", [1e15, 9e9])
def test_an_age_of_millennia_keeps_everything(store, age_s):
    sealed(store, call(sequence=1))
    set_retention(store, Retention(age_s=age_s))

    prune(store, clock=lambda: NOW)

    assert event_ids_in(store) == ["run1-1"]


def test_while_a_damaged_file_may_need_them_links_stay(store):
    sealed(store, connection(at=-9 * DAY_S, ended_at=NOON), days_old(9, sequence=1))
    sealed(store, call(sequence=1, run_id="run2"), run_id="run2")
    torn = store.path / next(
        file.path for file in load_manifest(store)[0].files if file.date == "2026-11-20"
    )
    torn.write_bytes(torn.read_bytes()[:100])

    prune(store, before(3), clock=lambda: NOW)

    assert [file.table for file in load_manifest(store)[0].files] == ["connections", "events"]
    assert len(rows_in(store, "connections")) == 1


def test_a_survey_says_what_pruning_does_and_changes_nothing(store):
    sealed(store, connection(at=-9 * DAY_S, ended_at=NOON - timedelta(days=9)))
    sealed(store, *(days_old(days, sequence=days + 1) for days in range(10)), run_id="run2")
    manifest = store.manifest.read_bytes()

    would = survey(store, before(3), clock=lambda: NOW)
    assert store.manifest.read_bytes() == manifest
    did = prune(store, before(3), clock=lambda: NOW)

    assert would == did
    assert would.gone["events"].row_count == 6


def test_a_torn_file_stays_where_it_is_and_is_told(store):
    sealed(store, days_old(9, sequence=1), days_old(8, sequence=2))
    torn = store.path / load_manifest(store)[0].files[0].path
    torn.write_bytes(torn.read_bytes()[:-100])

    report = prune(store, before(3), clock=lambda: NOW)

    assert [aside.path for aside in report.set_aside] == [torn]
    assert torn.exists()
    assert [file.date for file in load_manifest(store)[0].files] == ["2026-11-11"]


def test_pruning_tells_how_far_it_has_come(store):
    sealed(store, days_old(40, sequence=1), days_old(9, sequence=2), days_old(0, sequence=3))
    told = []

    prune(
        store,
        before(3),
        clock=lambda: NOW,
        on_progress=lambda done, total: told.append(done / total),
    )

    assert told == [0.0, pytest.approx(0.5, abs=0.1), 1.0]


def test_the_default_keeps_what_is_younger_than_400_days(store):
    now = datetime.now(UTC).timestamp()
    seconds = now - NOW
    sealed(
        store,
        call(at=seconds - 401 * DAY_S, sequence=1),
        call(at=seconds - 399 * DAY_S, sequence=2),
    )

    prune(store)

    assert event_ids_in(store) == ["run1-2"]


@pytest.mark.parametrize("name", [b"\xa0un_id", b"rxn_id"])
def test_a_file_whose_columns_have_damaged_names_stays_and_the_others_leave(store, name):
    sealed(store, days_old(9, sequence=1), days_old(8, sequence=2), days_old(1, sequence=3))
    damaged = store.path / load_manifest(store)[0].files[0].path
    damaged.write_bytes(damaged.read_bytes().replace(b"run_id", name))

    report = prune(store, Wanted(limit=NOON - timedelta(days=7), run_ids=frozenset({"run1"})))

    assert [aside.path for aside in report.set_aside] == [damaged]
    assert [file.date for file in load_manifest(store)[0].files] == ["2026-11-11", "2026-11-19"]
