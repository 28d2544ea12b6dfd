import pytest

from mcplens.capture import tasks
from tests.transcripts import HANDSHAKE, call, client, end, modern_meta, record, server, text, tick

FORM = {"name": {"method": "elicitation/create", "params": {"message": "Who?"}}}
RELATED = {"io.modelcontextprotocol/related-task": {"taskId": "t1"}}
HI = {"content": [{"type": "text", "text": "hi"}]}
FAILED = {"content": [{"type": "text", "text": "no"}], "isError": True}


def handle(*, id, at, task="t1", status="working"):  # noqa: A002
    """Let the server answer with a task, as from 2026-07-28."""
    return server(id=id, at=at, result={"resultType": "task", "taskId": task, "status": status})


def old_handle(*, id, at, task="t1"):  # noqa: A002
    """Let the server answer with a task, as in 2025-11-25."""
    return server(id=id, at=at, result={"task": {"taskId": task, "status": "working"}})


def poll(*, id, at, task="t1"):  # noqa: A002
    """Let the client ask how far a task is."""
    return client("tasks/get", id=id, at=at, taskId=task)


def status(word, *, id, at, task="t1", **more):  # noqa: A002
    """Let the server say how far a task is."""
    return server(
        id=id, at=at, result={"resultType": "complete", "taskId": task, "status": word, **more}
    )


def pushed(word, *, at, method="notifications/tasks", **more):
    """Let the server say unasked how far a task is."""
    return server(method, at=at, taskId="t1", status=word, **more)


def ends(recorded):
    return [(e.outcome, e.outcome_basis, e.duration_ms, e.wait_ms) for e in recorded.calls]


def test_a_call_answered_with_a_task_ends_with_the_task():
    recorded = record(
        call("build", id=1, at=0, meta=modern_meta()),
        handle(id=1, at=5),
        poll(id=2, at=100),
        status("working", id=2, at=101),
        poll(id=3, at=200),
        status("completed", id=3, at=203, result=HI),
    )

    assert [(e.method, e.outcome, e.duration_ms, e.is_final) for e in recorded.events] == [
        ("tasks/get", "ok", 1.0, None),
        ("tools/call", "ok", 203.0, True),
        ("tasks/get", "ok", 3.0, None),
    ]
    [built] = recorded.calls
    assert (built.call_id, built.round, built.content_kinds) == ("run1-1", 1, ["text"])


def test_in_2025_a_task_ends_when_it_says_so_and_its_result_is_fetched_later():
    recorded = record(
        *HANDSHAKE,
        client("tools/call", id=1, at=100, name="build", task={"ttl": 60000}),
        old_handle(id=1, at=105),
        poll(id=2, at=200),
        server(id=2, at=203, result={"taskId": "t1", "status": "completed"}),
        client("tasks/result", id=3, at=210, taskId="t1"),
        server(id=3, at=250, result={**FAILED, "_meta": RELATED}),
    )

    assert ends(recorded) == [("tool_error", "answer", 103.0, 0.0)]
    assert recorded.calls[0].error_class == "tool_failure"


def test_in_2025_a_result_may_be_waited_for_without_polls():
    recorded = record(
        client("tools/call", id=1, at=0, name="build", task={}),
        old_handle(id=1, at=5),
        client("tasks/result", id=2, at=10, taskId="t1"),
        server(id=2, at=300, result=HI),
    )

    assert ends(recorded) == [("ok", "answer", 300.0, 0.0)]


@pytest.mark.parametrize("method", ["notifications/tasks", "notifications/tasks/status"])
def test_a_task_may_end_by_a_notification(method):
    recorded = record(
        call("build", id=1, at=0),
        handle(id=1, at=5),
        pushed("completed", at=80, method=method, result=HI),
        end(at=90),
    )

    assert ends(recorded) == [("ok", "answer", 80.0, 0.0)]
    assert [(n.kind, n.method) for n in recorded.notices] == [("notification", method)]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (status("failed", id=2, at=90, error={"code": -32603, "message": "no"}), "protocol_error"),
        (status("completed", id=2, at=90, result=FAILED), "tool_error"),
        (status("cancelled", id=2, at=90), "cancelled"),
        (server(id=2, at=90, error={"code": -32602, "message": "not found"}), "protocol_error"),
    ],
)
def test_a_task_ends_as_it_says(said, outcome):
    recorded = record(call("build", id=1, at=0), handle(id=1, at=5), poll(id=2, at=80), said)

    assert [(e.outcome, e.duration_ms) for e in recorded.calls] == [(outcome, 90.0)]


def test_a_poll_that_fails_for_a_moment_ends_nothing():
    recorded = record(
        call("build", id=1, at=0),
        handle(id=1, at=5),
        poll(id=2, at=10),
        server(id=2, at=20, error={"code": -32603, "message": "busy"}),
        poll(id=3, at=30),
        status("completed", id=3, at=40, result=HI),
    )

    assert ends(recorded) == [("ok", "answer", 40.0, 0.0)]


def test_a_cancelled_task_cancels_its_call():
    recorded = record(
        call("build", id=1, at=0),
        handle(id=1, at=5),
        client("tasks/cancel", id=2, at=50, taskId="t1"),
        server(id=2, at=60, result={"resultType": "complete"}),
        poll(id=3, at=70),
        status("completed", id=3, at=80, result=HI),
    )

    assert ends(recorded) == [("cancelled", "task_cancel", 60.0, 0.0)]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (end(at=500), ("unanswered", "client_closed", None, None)),
        (end("server_exited", at=500), ("disconnected", "server_exited", 500.0, 0.0)),
    ],
)
def test_a_task_that_goes_on_at_the_end_of_its_connection(later, expected):
    recorded = record(call("build", id=1, at=0), handle(id=1, at=5), later)

    assert ends(recorded) == [expected]


@pytest.mark.parametrize("later", [end(at=500), tick(at=60_020)])
@pytest.mark.parametrize(("word", "outcome"), [("completed", "ok"), ("failed", "tool_error")])
def test_a_task_whose_result_nobody_fetched_ended_as_its_status_said(word, outcome, later):
    recorded = record(
        call("build", id=1, at=0),
        old_handle(id=1, at=5),
        poll(id=2, at=10),
        server(id=2, at=20, result={"taskId": "t1", "status": word}),
        later,
    )

    assert ends(recorded) == [(outcome, "task_status", 20.0, 0.0)]


def test_a_task_waits_while_it_asks_and_no_longer_than_until_it_is_told():
    recorded = record(
        call("build", id=1, at=0),
        handle(id=1, at=5),
        poll(id=2, at=100),
        status("input_required", id=2, at=110, inputRequests=FORM),
        poll(id=3, at=200),
        status("input_required", id=3, at=201, inputRequests=FORM),
        client("tasks/update", id=4, at=310, taskId="t1", inputResponses={"name": {}}),
        server(id=4, at=311, result={"resultType": "complete"}),
        poll(id=5, at=320),
        status("input_required", id=5, at=321, inputRequests=FORM),
        poll(id=6, at=400),
        status("completed", id=6, at=410, result=HI),
    )

    assert ends(recorded) == [("ok", "answer", 410.0, 200.0)]


def test_in_2025_a_task_waits_while_its_question_is_open_whatever_else_is_called():
    recorded = record(
        *HANDSHAKE,
        client("tools/call", id=1, at=100, name="build", task={}),
        old_handle(id=1, at=105),
        call("search", id=2, at=110),
        poll(id=3, at=120),
        server(id=3, at=121, result={"taskId": "t1", "status": "input_required"}),
        client("tasks/result", id=4, at=125, taskId="t1"),
        server("elicitation/create", id=1, at=131, message="Who?", _meta=RELATED),
        client(id=1, at=331, result={"action": "accept", "_meta": RELATED}),
        text("found", id=2, at=340),
        server(id=4, at=400, result=HI),
    )

    assert [(e.target, e.duration_ms, e.wait_ms) for e in recorded.calls] == [
        ("search", 230.0, 0.0),
        ("build", 300.0, 210.0),
    ]


def test_a_question_answered_with_a_task_is_waited_for_until_that_task_ends():
    recorded = record(
        *HANDSHAKE,
        call("write", id=1, at=100),
        server("sampling/createMessage", id=1, at=110, task={}),
        client(id=1, at=115, result={"task": {"taskId": "m1", "status": "working"}}),
        server("tasks/result", id=2, at=120, taskId="m1"),
        client(id=2, at=410, result={"role": "assistant"}),
        text("written", id=1, at=420),
    )

    assert ends(recorded) == [("ok", "answer", 320.0, 300.0)]
    assert [(e.method, e.duration_ms) for e in recorded.events if e.direction == "to_client"] == [
        ("sampling/createMessage", 300.0),
        ("tasks/result", 290.0),
    ]


def test_progress_counts_for_as_long_as_the_task_goes_on():
    recorded = record(
        call("build", id=1, at=0, meta={"progressToken": 7}),
        old_handle(id=1, at=5),
        server("notifications/progress", progressToken=7, progress=1, at=30),
        poll(id=2, at=80),
        status("completed", id=2, at=90, result=HI),
        server("notifications/progress", progressToken=7, progress=2, at=95),
    )

    assert [(e.progress_count, e.first_progress_ms) for e in recorded.calls] == [(1, 30.0)]


def test_input_may_be_asked_for_before_there_is_a_task():
    recorded = record(
        call("build", id=1, at=0),
        server(id=1, at=10, result={"resultType": "input_required", "inputRequests": FORM}),
        client("tools/call", id=2, at=110, name="build", arguments={}, inputResponses={}),
        handle(id=2, at=120),
        poll(id=3, at=200),
        status("completed", id=3, at=210, result=HI),
    )

    assert [(e.round, e.is_final, e.duration_ms, e.wait_ms) for e in recorded.calls] == [
        (1, False, 10.0, 0.0),
        (2, True, 210.0, 100.0),
    ]


def test_a_task_is_written_as_opened_like_any_open_call():
    recorded = record(call("build", id=1, at=0), handle(id=1, at=5), tick(at=1001), tick(at=2000))

    assert [(e.event_id, e.outcome) for e in recorded.opened] == [("run1-1", None)]


def test_only_so_many_tasks_are_followed(monkeypatch):
    monkeypatch.setattr(tasks, "MAX_TASKS", 1)

    recorded = record(
        call("build", id=1, at=0),
        handle(id=1, at=5, task="t1"),
        call("build", id=2, at=10),
        handle(id=2, at=15, task="t2"),
        call("build", id=3, at=20),
        handle(id=3, at=25, task="t2"),
    )

    assert [(e.request_id, e.outcome, e.outcome_basis) for e in recorded.calls] == [
        ("1", "unanswered", "too_many_open"),
        ("2", "unanswered", "reused_id"),
    ]


def test_in_2025_a_task_that_waits_goes_on_when_it_says_so():
    recorded = record(
        call("build", id=1, at=0),
        old_handle(id=1, at=5),
        pushed("input_required", at=100, method="notifications/tasks/status"),
        pushed("working", at=300, method="notifications/tasks/status"),
        client("tasks/result", id=2, at=310, taskId="t1"),
        server(id=2, at=400, result=HI),
    )

    assert ends(recorded) == [("ok", "answer", 400.0, 200.0)]


def test_what_is_said_of_a_task_after_its_end_changes_nothing():
    recorded = record(
        call("build", id=1, at=0),
        old_handle(id=1, at=5),
        pushed("completed", at=100, method="notifications/tasks/status"),
        pushed("cancelled", at=150, method="notifications/tasks/status"),
        end(at=200),
    )

    assert ends(recorded) == [("ok", "task_status", 100.0, 0.0)]


def test_a_question_that_names_no_task_is_that_of_the_one_call_that_goes_on():
    recorded = record(
        *HANDSHAKE,
        call("build", id=1, at=100),
        old_handle(id=1, at=105),
        client("tasks/result", id=2, at=110, taskId="t1"),
        server("elicitation/create", id=1, at=120, message="Who?"),
        client(id=1, at=170, result={"action": "accept"}),
        server(id=2, at=200, result=HI),
    )

    assert ends(recorded) == [("ok", "answer", 100.0, 50.0)]


def test_an_answer_that_happens_to_speak_of_a_task_is_an_answer():
    result = {**HI, "task": {"taskId": "T-7", "status": "open"}}

    recorded = record(call("find_task", id=1, at=0), server(id=1, at=10, result=result))

    assert ends(recorded) == [("ok", "answer", 10.0, 0.0)]
