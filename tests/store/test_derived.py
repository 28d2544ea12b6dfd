"""What sealing fills in: which try a call is, and the bin its time falls into."""

from datetime import datetime

import pytest

from mcplens.metrics.connect import connect
from mcplens.store.compact import compact
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import call
from tests.store.looking import rows_in, write_part

HOUR_S = 3600


def failed(**overrides):
    return call(**{"outcome": "tool_error", "arguments_hash": "a", **overrides})


def ok(**overrides):
    return call(**{"arguments_hash": "a", **overrides})


def sealed(store, *batches):
    """Seal each batch by itself, and say of each row which try it is, in the order they began."""
    for rows in batches:
        write_part(store, rows)
        seal(store)
    seen = sorted(rows_in(store, "events"), key=lambda row: (row["started_at"], row["sequence"]))
    return [(row["attempt"], row["retry_of"]) for row in seen]


def test_a_retry_is_known_when_it_is_sealed(store):
    first = failed(at=0)

    seen = sealed(store, [first, ok(at=1), ok(at=2)])

    assert seen == [(1, None), (2, first.event_id), (1, None)]


def test_a_retry_is_known_that_is_sealed_later_than_what_it_repeats(store):
    first, second = failed(at=0), failed(at=600)

    seen = sealed(store, [first], [second], [ok(at=1200)])

    assert seen == [(1, None), (2, first.event_id), (3, second.event_id)]


def test_a_retry_is_known_on_the_day_after(store):
    late = {"at": 12 * HOUR_S - 10}

    seen = sealed(store, [failed(**late, sequence=1), ok(at=12 * HOUR_S + 10, sequence=2)])

    assert seen == [(1, None), (2, "run1-1")]


@pytest.mark.parametrize(("apart_s", "attempt"), [(HOUR_S, 2), (HOUR_S + 1, 1)])
def test_after_an_hour_the_same_call_is_a_new_one(store, apart_s, attempt):
    [_, (seen, _)] = sealed(store, [failed(at=0)], [ok(at=apart_s)])

    assert seen == attempt


def test_what_was_written_down_as_open_counts_once(store):
    opened = failed(at=0, sequence=1, outcome=None, duration_ms=None, work_ms=None)
    living = Spool(store, run_id="run1", max_bytes=1)
    living.write([opened])
    living.write([failed(at=0, sequence=1)])
    seal(store)
    living.close()

    seen = sealed(store, [ok(at=1, sequence=2)])

    assert seen == [(1, None), (1, None), (2, "run1-1")]


def test_calls_whose_session_or_arguments_nobody_knows_are_no_tries(store):
    rows = [
        failed(at=0, session_id=None),
        ok(at=1, session_id=None),
        failed(at=2, arguments_hash=None),
        ok(at=3, arguments_hash=None),
    ]

    assert sealed(store, rows) == [(None, None)] * 4


def test_compacting_fills_what_an_earlier_mcplens_left_out(store, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr("mcplens.store.seal.with_attempts", lambda events, **_: events)
        earlier.setattr("mcplens.store.seal.with_bins", lambda events: events)
        sealed(store, [failed(at=0, sequence=1)], [ok(at=1, sequence=2)])

    compact(store)

    [first, second] = sorted(rows_in(store, "events"), key=lambda row: row["sequence"])
    assert (first["attempt"], second["attempt"], second["retry_of"]) == (1, 2, "run1-1")
    assert (first["duration_bin"], second["duration_bin"]) == (117, 117)


# 1.02 to the power of 117 is 10.14, to the power of 116 it is 9.94.
@pytest.mark.parametrize(("work_ms", "bin_"), [(10.0, 117), (1.0, 0), (0.0, -697), (None, None)])
def test_a_time_falls_into_the_bin_that_ends_at_or_after_it(store, work_ms, bin_):
    write_part(store, [call(work_ms=work_ms)])
    seal(store)

    [row] = rows_in(store, "events")

    assert row["duration_bin"] == bin_


def test_a_call_that_hung_when_its_recorder_was_killed_is_retried_by_the_next_run(store):
    hung = {"outcome": None, "duration_ms": None, "work_ms": None, "session_id": "agent"}
    write_part(store, [ok(at=0, run_id="a", sequence=1, **hung)], run_id="a")
    write_part(store, [ok(at=60, run_id="b", sequence=1, session_id="agent")], run_id="b")
    seal(store)

    [again] = [row for row in rows_in(store, "events") if row["run_id"] == "b"]

    assert (again["attempt"], again["retry_of"]) == (2, "a-1")


def test_two_observers_of_one_call_number_its_tries_each_for_itself(store):
    def seen(observer, number):
        outcome = "ok" if number == 2 else "tool_error"
        at = number * 10 + (0.1 if observer == "proxy" else 0)
        return ok(at=at, observer=observer, outcome=outcome)

    rows = [seen(observer, number) for number in range(3) for observer in ("client", "proxy")]
    write_part(store, rows)
    seal(store)

    tries = sorted((row["observer"], row["attempt"]) for row in rows_in(store, "events"))

    assert tries == [(o, n) for o in ("client", "proxy") for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "odd",
    [
        {"started_at": datetime(1, 1, 1)},  # noqa: DTZ001
        {"started_at": datetime(9999, 12, 31, 23, 59)},  # noqa: DTZ001
        {"duration_ms": 1e300},
    ],
    ids=["first", "last", "long"],
)
def test_a_row_of_a_damaged_spool_that_names_any_time_is_sealed_and_read(store, odd):
    rows = [failed(at=0, sequence=1, **odd), ok(at=1, sequence=2), failed(at=2, sequence=3)]
    write_part(store, rows)
    seal(store)

    con = connect(store.path)

    assert con.execute("select count(*), count(ended_at) from calls").fetchone() == (3, 3)
