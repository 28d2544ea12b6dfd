import json
from datetime import timedelta

import pytest

from mcplens.events import SideEffect
from mcplens.metrics.connect import connect
from mcplens.store.seal import seal
from tests.builders import NOON, call, connection, event

OPEN = {"outcome": None, "duration_ms": None, "work_ms": None}


def failed(**overrides):
    return call(**{"outcome": "tool_error", "arguments_hash": "a", **overrides})


def ok(**overrides):
    return call(**{"arguments_hash": "a", **overrides})


def test_a_session_says_when_it_was_and_what_was_called(metrics_of):
    rows = [
        event(at=-1.0, method="initialize", target=None, duration_ms=400.0),
        call(at=0.0, target="read_file"),
        call(at=1.0, target="read_file"),
        call(at=2.0, target="log", server_name="git", outcome="tool_error"),
        call(at=8.0, method="prompts/get", target="greeting", duration_ms=1500.0),
        call(at=8.5, outcome="cancelled"),
    ]

    [row] = metrics_of(rows, "session_metrics")

    assert (row.session_id, row.session_basis, row.client_name) == (
        "run1-c1",
        "connection",
        "agent",
    )
    assert (row.started_at.second, row.ended_at.isoformat()) == (59, "2026-11-20T12:00:09.500000")
    assert row.duration_ms == 10_500.0
    assert (row.server_count, row.tool_count) == (2, 2)
    assert (row.call_count, row.success_count, row.failure_count) == (5, 3, 1)


def test_the_columns_are_those_the_design_promises_in_that_order(metrics_of):
    [row] = metrics_of([call()], "session_metrics")

    assert " ".join(vars(row)) == (
        "session_id session_basis client_name agent_id started_at ended_at duration_ms"
        " server_count tool_count call_count success_count failure_count retry_count"
        " credentials_used side_effects cost_usd terminal_state recovery_status"
    )


def test_sessions_across_servers_are_one_row_each(metrics_of):
    rows = [
        call(session_id="s1", connection_id="run1-c1", server_name="files"),
        call(session_id="s1", connection_id="run1-c2", server_name="git"),
        call(session_id="s2", connection_id="run1-c2", server_name="git"),
    ]

    seen = metrics_of(rows, "session_metrics", order_by="session_id")

    assert [(row.session_id, row.server_count, row.call_count) for row in seen] == [
        ("s1", 2, 2),
        ("s2", 1, 1),
    ]


def test_a_server_that_said_its_name_late_is_one_server(metrics_of):
    rows = [
        connection(server_name="files"),
        event(method="server/discover", target=None, server_name="python"),
        call(server_name="files"),
    ]

    [row] = metrics_of(rows, "session_metrics")

    assert row.server_count == 1


LAST_CALLS = {
    "completed": {"outcome": "ok"},
    "failed": {"outcome": "tool_error"},
    "interrupted": {"outcome": "disconnected"},
    "cancelled": {"outcome": "cancelled"},
}


@pytest.mark.parametrize("state", LAST_CALLS)
def test_a_session_ended_as_its_last_call_did(metrics_of, state):
    others = [call(at=0), call(at=1, outcome="protocol_error"), call(at=2, outcome="timeout")]
    rows = [connection(ended_at=NOON), *others, call(at=3, **LAST_CALLS[state])]

    [row] = metrics_of(rows, "session_metrics")

    assert row.terminal_state == state


@pytest.mark.parametrize("outcome", ["timeout", "unanswered", None])
def test_a_session_whose_last_call_got_no_answer_was_interrupted(metrics_of, outcome):
    [row] = metrics_of([call(at=0), call(at=1, outcome=outcome)], "session_metrics")

    assert row.terminal_state == "interrupted"


def test_a_session_is_running_while_a_connection_of_it_is_open(metrics_of):
    rows = [
        connection(connection_id="run1-c1", ended_at=NOON),
        connection(connection_id="run1-c2"),
        call(session_id="s", connection_id="run1-c1"),
        call(session_id="s", connection_id="run1-c2"),
    ]

    [row] = metrics_of(rows, "session_metrics")

    assert row.terminal_state == "running"


def test_a_session_whose_recorder_died_is_not_running_for_ever(metrics_of):
    rows = [connection(at=0), connection(at=9, end_reason="recorder_died"), call()]

    [row] = metrics_of([*rows, call(at=1, outcome="unanswered")], "session_metrics")

    assert row.terminal_state == "interrupted"


def test_a_session_in_which_nothing_was_called_says_so(metrics_of):
    [row] = metrics_of([event(method="initialize", target=None)], "session_metrics")

    assert (row.call_count, row.tool_count, row.terminal_state) == (0, 0, "no_calls")
    assert row.recovery_status == "not_needed"


RECOVERIES = {
    "not_needed": [ok(at=0)],
    "recovered": [failed(at=0), failed(at=1), ok(at=2)],
    "partly_recovered": [failed(at=0), ok(at=1), failed(at=2, arguments_hash="b")],
    "not_recovered": [failed(at=0), failed(at=1), ok(at=2, arguments_hash="b")],
}


@pytest.mark.parametrize("status", RECOVERIES)
def test_what_failed_is_recovered_when_the_same_call_succeeded_later(metrics_of, status):
    [row] = metrics_of(RECOVERIES[status], "session_metrics")

    assert row.recovery_status == status


def test_recovery_is_unknown_where_arguments_were_not_even_hashed(metrics_of):
    rows = [failed(at=0, arguments_hash=None), ok(at=1, arguments_hash=None)]

    [row] = metrics_of(rows, "session_metrics")

    assert (row.retry_count, row.recovery_status) == (0, None)


def test_nobody_says_that_nothing_was_to_recover_where_an_end_is_unknown(metrics_of):
    [row] = metrics_of([ok(at=0), ok(at=1, outcome="unknown")], "session_metrics")

    assert (row.failure_count, row.recovery_status) == (0, None)


def test_retries_are_counted(metrics_of):
    rows = [failed(at=0), failed(at=1), ok(at=2), ok(at=3), failed(at=4, arguments_hash="b")]

    [row] = metrics_of(rows, "session_metrics")

    assert row.retry_count == 2


def test_what_failed_before_what_is_looked_at_recovers_nothing_in_it(metrics_of):
    rows = [
        failed(at=0),
        failed(at=10),
        ok(at=20),
        failed(at=30, arguments_hash="b"),
    ]

    [row] = metrics_of(rows, "session_metrics", since=NOON + timedelta(seconds=5))

    assert (row.failure_count, row.retry_count, row.recovery_status) == (2, 1, "partly_recovered")


def test_a_retry_in_another_trace_recovers_neither(metrics_of):
    rows = [
        failed(at=0, trace_id="t1", span_id="1", request_id="1"),
        ok(at=1, trace_id="t1", span_id="2", request_id="2", target="write_file"),
        ok(at=2, trace_id="t2", span_id="3", request_id="3"),
        failed(at=3, trace_id="t2", span_id="4", request_id="4", arguments_hash="b"),
    ]

    first, second = metrics_of(rows, "session_metrics", order_by="started_at")

    assert (first.session_id, first.retry_count, first.recovery_status) == (
        "t1",
        0,
        "not_recovered",
    )
    assert (second.session_id, second.retry_count, second.recovery_status) == (
        "t2",
        0,
        "not_recovered",
    )


def test_what_is_left_behind_is_added_up(metrics_of):
    issue = SideEffect(kind="issue", target="acme/app#1")
    rows = [
        call(side_effects=[issue, issue], cost_usd=0.25, credential_id="k2"),
        call(side_effects=[], cost_usd=0.5, credential_mode="user"),
        call(credential_id="k2", credential_mode="service"),
        call(),
    ]

    [row] = metrics_of(rows, "session_metrics")

    assert (row.side_effects, row.cost_usd, row.credentials_used) == (2, 0.75, "k2, user")


def test_what_no_call_said_is_unknown_and_not_nothing(metrics_of):
    [row] = metrics_of([call()], "session_metrics")

    assert (row.side_effects, row.cost_usd, row.credentials_used) == (None, None, None)


def test_a_question_about_one_session_reaches_down_to_the_files(store, spool):
    spool([ok(), failed(at=1)])
    seal(store)
    con = connect(store.path)

    question = "select * from session_metrics where session_id = 'another'"
    [(_, plan)] = con.execute(f"explain (format json) {question}").fetchall()
    filters = [
        str(scan.get("Filters"))
        for scan in scans_in(json.loads(plan))
        if "arguments_hash" in str(scan)
    ]

    assert len(filters) == 2
    assert all("session_id = 'another'" in told for told in filters)


def scans_in(operators):
    """Find what a plan reads from files."""
    for operator in operators:
        if operator["name"].strip() == "READ_PARQUET":
            yield operator["extra_info"]
        yield from scans_in(operator["children"])
