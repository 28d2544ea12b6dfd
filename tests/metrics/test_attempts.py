"""When is a call the same call, made again?"""

from tests.builders import call


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
