"""A trace tells a session where it holds more than one request."""

import pytest

from tests.builders import call, connection, event


def sessions(metrics_of, rows):
    return {
        row.event_id: (row.session_id, row.session_basis)
        for row in metrics_of(rows, "calls", order_by="event_id")
    }


def of_process(**overrides):
    return call(**{"session_id": "p", "session_basis": "client_process", **overrides})


def test_requests_of_one_trace_are_one_session_across_servers(metrics_of):
    rows = [
        of_process(event_id="1", trace_id="t1", span_id="a", server_name="files"),
        of_process(event_id="2", trace_id="t1", span_id="b", server_name="git"),
        of_process(event_id="3"),
    ]

    assert sessions(metrics_of, rows) == {
        "1": ("t1", "trace"),
        "2": ("t1", "trace"),
        "3": ("p", "client_process"),
    }


def test_a_trace_of_one_request_tells_nothing(metrics_of):
    rows = [
        of_process(event_id="1", trace_id="t1", span_id="a"),
        of_process(event_id="2", trace_id="t2", span_id="b"),
    ]

    assert set(sessions(metrics_of, rows).values()) == {("p", "client_process")}


def test_a_request_that_was_written_as_open_first_is_one_request(metrics_of):
    same = {"event_id": "1", "request_id": "7", "trace_id": "t1", "span_id": "a"}
    rows = [of_process(**same, outcome=None), of_process(**same)]

    assert sessions(metrics_of, rows) == {"1": ("p", "client_process")}


WITHIN_A_CALL = {
    "a round": {"is_final": False, "outcome": "input_required"},
    "a round that was written as open": {"is_final": True, "outcome": None},
    "a question": {"direction": "to_client", "method": "elicitation/create", "call_id": None},
}


@pytest.mark.parametrize("what", WITHIN_A_CALL)
def test_what_belongs_to_one_call_makes_no_session_of_its_trace(metrics_of, what):
    """An SDK starts a trace for each call where nobody else has started one."""
    process = {"session_id": "p", "session_basis": "client_process"}
    within = {"call_id": "1", **WITHIN_A_CALL[what]}
    rows = [
        event(**process, event_id="1", trace_id="t1", span_id="a", **within),
        of_process(event_id="2", call_id="1", trace_id="t1", span_id="b", at=1),
    ]

    assert sessions(metrics_of, rows)["2"] == ("p", "client_process")


def test_a_request_that_two_observers_saw_is_one_request(metrics_of):
    same = {"request_id": "7", "trace_id": "t1", "span_id": "a"}
    rows = [
        connection(run_id="run2", observer="server", shadowed_by="run1-c1"),
        connection(),
        of_process(event_id="1", **same),
        of_process(event_id="2", run_id="run2", observer="server", **same),
    ]

    assert sessions(metrics_of, rows) == {"1": ("p", "client_process")}


@pytest.mark.parametrize("basis", ["handle", "protocol"])
def test_what_is_said_outright_comes_before_a_trace(metrics_of, basis):
    said = {"session_id": "s", "session_basis": basis, "trace_id": "t1"}
    rows = [of_process(event_id="1", **said), of_process(event_id="2", **said)]

    assert set(sessions(metrics_of, rows).values()) == {("s", basis)}


def test_what_is_still_open_belongs_to_its_trace_too(metrics_of):
    rows = [
        of_process(event_id="1", trace_id="t1", span_id="a"),
        of_process(event_id="2", trace_id="t1", span_id="b", outcome=None),
    ]

    assert set(sessions(metrics_of, rows).values()) == {("t1", "trace")}


def test_a_retry_is_found_within_the_sessions_the_views_make(metrics_of):
    failed = {"outcome": "tool_error", "arguments_hash": "h", "trace_id": "t1"}
    rows = [
        event(method="initialize", target=None, trace_id="t1", span_id="z"),
        of_process(event_id="1", at=0, span_id="a", **failed),
        of_process(event_id="2", at=1, span_id="b", **{**failed, "outcome": "ok"}),
    ]

    [session] = metrics_of(rows, "session_metrics")

    assert (session.session_id, session.retry_count) == ("t1", 1)
