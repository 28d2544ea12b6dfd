"""When is a call the same call, made again?"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mcplens.metrics.connect import connect, refresh
from mcplens.store.location import create
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import call, run
from tests.store.looking import write_part


def failed(**overrides):
    return call(**{"outcome": "tool_error", "arguments_hash": "a", **overrides})


def ok(**overrides):
    return call(**{"arguments_hash": "a", **overrides})


def tries(metrics_of, rows):
    """Give what `calls` says of each row, in the order they began."""
    seen = metrics_of(rows, "calls", order_by="started_at, sequence")
    return [(row.attempt, row.retry_of) for row in seen]


def test_a_call_made_again_after_a_failure_is_a_retry(metrics_of):
    first, second, third = failed(at=0), failed(at=1), ok(at=2)

    seen = tries(metrics_of, [first, second, third])

    assert seen == [(1, None), (2, first.event_id), (3, second.event_id)]


def test_after_a_success_the_same_call_is_a_new_one(metrics_of):
    first = failed(at=0)

    seen = tries(metrics_of, [first, ok(at=1), ok(at=2), failed(at=3)])

    assert seen == [(1, None), (2, first.event_id), (1, None), (1, None)]


def test_other_arguments_tools_servers_or_sessions_are_other_calls(metrics_of):
    rows = [
        failed(at=0),
        ok(at=1, arguments_hash="b"),
        ok(at=2, target="write_file"),
        ok(at=3, server_name="git"),
        ok(at=4, session_id="another"),
    ]

    assert tries(metrics_of, rows) == [(1, None)] * 5


def test_a_call_beside_one_that_has_not_failed_yet_is_no_retry(metrics_of):
    rows = [failed(at=0, duration_ms=5000.0), ok(at=1)]

    assert tries(metrics_of, rows) == [(1, None), (1, None)]


def test_nothing_is_guessed_where_arguments_were_not_even_hashed(metrics_of):
    rows = [failed(at=0, arguments_hash=None), ok(at=1, arguments_hash=None)]

    assert tries(metrics_of, rows) == [(1, None), (1, None)]


def test_a_cancelled_call_is_not_retried(metrics_of):
    rows = [ok(at=0, outcome="cancelled"), ok(at=1)]

    assert tries(metrics_of, rows) == [(1, None), (1, None)]


def test_a_retry_that_has_not_ended_is_seen(metrics_of):
    first = failed(at=0)

    seen = tries(metrics_of, [first, ok(at=1, outcome=None, duration_ms=None, work_ms=None)])

    assert seen == [(1, None), (2, first.event_id)]


def test_a_client_that_says_which_try_it_is_is_believed(metrics_of):
    rows = [ok(at=0, attempt=4, retry_of="run0-17")]

    assert tries(metrics_of, rows) == [(4, "run0-17")]


def test_after_an_hour_the_same_call_is_a_new_one(metrics_of):
    first = failed(at=0)

    assert tries(metrics_of, [first, ok(at=3600)]) == [(1, None), (2, first.event_id)]
    assert tries(metrics_of, [failed(at=9000), ok(at=12601)])[2:] == [(1, None), (1, None)]


def test_a_retry_of_what_is_sealed_is_seen_in_the_tail(store, metrics_of):
    first = failed(at=0, run_id="run0", session_id="agent")
    other = ok(at=1, run_id="run0", session_id="agent", target="write_file")
    write_part(store, [first, other], run_id="run0")
    seal(store)

    seen = tries(metrics_of, [ok(at=2, session_id="agent")])

    assert seen == [(1, None), (1, None), (2, first.event_id)]


CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "outcome": st.sampled_from(["ok", "tool_error", "timeout", "cancelled", None]),
            "error_class": st.sampled_from([None, None, "soft_error"]),
            "arguments_hash": st.sampled_from(["a", "a", "b", None]),
            "session_id": st.sampled_from(["s", "s", "t", None]),
            "duration_ms": st.sampled_from([None, 10.0, 700_000.0]),
            "attempt": st.sampled_from([None, None, None, 3]),
        }
    ),
    max_size=12,
)


@settings(
    max_examples=15,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(calls=CALLS, sealed=st.integers(0, 12), gap_s=st.sampled_from([1, 400, 2000]))
@pytest.mark.usefixtures("living_recorders")
def test_sealing_says_of_tries_what_the_tail_says(
    tmp_path_factory, write_rows, calls, sealed, gap_s
):
    """What stands in Parquet when asked, the tail, and both: it is the same."""
    store = create(tmp_path_factory.mktemp("tries") / "store")
    rows = [call(at=number * gap_s, sequence=number + 1, **one) for number, one in enumerate(calls)]
    tail = store.spool / "tail-00001.jsonl"
    write_rows(tail, rows)
    con = connect(store.path)
    in_the_tail = seen_in(con)

    tail.unlink()
    sealed_as_one_of_many(store, rows[:sealed])
    write_rows(tail, rows[sealed:])
    in_both = seen_in(con)
    tail.unlink()
    sealed_as_one_of_many(store, rows[sealed:])

    assert in_both == in_the_tail
    assert seen_in(con) == in_the_tail


def sealed_as_one_of_many(store, rows):
    """Seal rows of a run that goes on."""
    living = Spool(store, run_id="run1", max_bytes=1)
    living.write([run()])
    if rows:
        living.write(rows)
    living.write([run()])
    seal(store)
    living.close()


def seen_in(con):
    refresh(con)
    sql = "select sequence, attempt, retry_of from raw_events order by sequence"
    return con.execute(sql).fetchall()
