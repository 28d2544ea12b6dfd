import pytest

from tests.transcripts import call, client, end, record, server, text, told

CUT_OFF = {"outcome", "outcome_basis", "error_class", "error_origin", "duration_ms", "work_ms"}


def ending(*steps):
    """What the last event says of how it ended."""
    values = told(record(*steps).events[-1])
    return {name: value for name, value in values.items() if name in CUT_OFF}


def test_a_result_is_ok():
    assert ending(call("a", id=1), text("fine", id=1)) == {
        "outcome": "ok",
        "outcome_basis": "answer",
        "duration_ms": 10.0,
        "work_ms": 10.0,
    }


def test_a_result_with_is_error_is_a_tool_error():
    assert ending(call("a", id=1), text("broken", id=1, isError=True)) == {
        "outcome": "tool_error",
        "outcome_basis": "answer",
        "error_class": "tool_failure",
        "error_origin": "server",
        "duration_ms": 10.0,
        "work_ms": 10.0,
    }


def test_a_json_rpc_error_is_a_protocol_error():
    error = {"code": -32603, "message": "Internal error"}

    assert ending(call("a", id=1), server(id=1, error=error)) == {
        "outcome": "protocol_error",
        "outcome_basis": "answer",
        "error_class": "internal",
        "error_origin": "server",
        "duration_ms": 10.0,
        "work_ms": 10.0,
    }


def test_an_error_of_the_client_originates_there():
    steps = (
        server("elicitation/create", id=1),
        client(id=1, error={"code": -32600, "message": "no"}),
    )

    assert ending(*steps) == {
        "outcome": "protocol_error",
        "outcome_basis": "answer",
        "error_class": "invalid_arguments",
        "error_origin": "client",
        "duration_ms": 10.0,
        "work_ms": 10.0,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": -32601, "message": "Method not found"}, -32601),
        ({"code": -32602, "message": "Invalid request parameters"}, -32602),
        ({"code": -32000, "message": "Server not initialized"}, -32000),
    ],
)
def test_a_refused_probe_for_the_new_era_is_no_failure(error, code):
    [event] = record(client("server/discover", id=1), server(id=1, error=error)).events

    assert (event.outcome, event.outcome_basis) == ("protocol_error", "era_probe")
    assert (event.error_class, event.error_rule, event.error_code) == (None, None, code)


@pytest.mark.parametrize(
    ("reason", "outcome", "basis"),
    [
        ("timed out after 1.0s", "timeout", "cancel_reason"),
        ("McpError: MCP error -32001: Request timed out", "timeout", "cancel_reason"),
        ("Error: MCP error -32001: Maximum total timeout exceeded", "timeout", "cancel_reason"),
        ("deadline exceeded", "timeout", "cancel_reason"),
        ("caller cancelled", "cancelled", "cancel"),
        ("the user pressed stop", "cancelled", "cancel"),
        ("", "cancelled", "cancel"),
        (None, "cancelled", "cancel"),
        ({"timeout": 1}, "cancelled", "cancel"),
    ],
)
def test_the_reason_of_a_cancel_says_whether_the_caller_gave_up_waiting(reason, outcome, basis):
    steps = (call("a", id=1), client("notifications/cancelled", requestId=1, reason=reason))

    assert ending(*steps) == {
        "outcome": outcome,
        "outcome_basis": basis,
        "duration_ms": 10.0,
        "work_ms": 10.0,
    }


def test_a_server_that_exits_disconnects_what_is_open():
    assert ending(call("a", id=1), end("server_exited")) == {
        "outcome": "disconnected",
        "outcome_basis": "server_exited",
        "error_origin": "server",
        "duration_ms": 10.0,
        "work_ms": 10.0,
    }


def test_a_recorder_told_to_end_disconnects_what_is_open():
    assert ending(call("a", id=1), end("signal")) == {
        "outcome": "disconnected",
        "outcome_basis": "signal",
        "duration_ms": 10.0,
        "work_ms": 10.0,
    }


def test_what_is_open_when_the_client_closes_is_unanswered_and_has_no_duration():
    assert ending(call("a", id=1), end("client_closed")) == {
        "outcome": "unanswered",
        "outcome_basis": "client_closed",
    }


def test_a_subscription_never_has_a_duration():
    cancelled = ending(
        client("subscriptions/listen", id=1), client("notifications/cancelled", requestId=1)
    )
    answered = ending(client("subscriptions/listen", id=1), server(id=1, result={}))

    assert cancelled == {"outcome": "cancelled", "outcome_basis": "cancel"}
    assert answered == {"outcome": "ok", "outcome_basis": "answer"}


def test_a_result_that_asks_for_input_is_a_round_and_not_the_last():
    recorded = record(
        call("ask", id=1),
        server(id=1, result={"resultType": "input_required", "inputRequests": {}}),
        call("ask", id=2),
        text("hi bob", id=2, resultType="complete"),
    )

    assert [(e.outcome, e.is_final, e.error_class) for e in recorded.events] == [
        ("input_required", False, None),
        ("ok", True, None),
    ]


def test_requests_that_are_no_calls_have_no_rounds():
    [event] = record(client("ping", id=1), server(id=1, result={})).events

    assert (event.call_id, event.round, event.is_final, event.wait_ms) == (None, None, None, None)
    assert event.work_ms == 10.0


@pytest.mark.parametrize(
    ("method", "result", "error_class"),
    [
        ("tools/call", {"content": []}, None),
        ("tools/call", {}, "malformed_result"),
        ("tools/call", {"content": "text"}, "malformed_result"),
        ("tools/call", {"structuredContent": {"a": 1}}, "malformed_result"),
        ("tools/call", "text", "malformed_result"),
        ("tools/call", None, "malformed_result"),
        ("tools/call", {"task": {"taskId": 1}}, "malformed_result"),
        ("tools/call", {"resultType": "x-vendor"}, None),
        ("prompts/get", {"messages": []}, None),
        ("prompts/get", {"content": []}, "malformed_result"),
        ("resources/read", {"contents": []}, None),
        ("resources/read", {"contents": {}}, "malformed_result"),
        ("ping", {}, None),
        ("ping", [], "malformed_result"),
    ],
)
def test_a_result_that_is_not_what_mcp_says_is_malformed(method, result, error_class):
    [event] = record(client(method, id=1), server(id=1, result=result)).events

    assert (event.outcome, event.error_class) == ("ok", error_class)
    assert event.error_rule == (error_class and "result_shape")


def test_a_tool_error_without_content_is_a_malformed_one():
    [event] = record(call("a", id=1), server(id=1, result={"isError": True})).events

    assert (event.outcome, event.error_class) == ("tool_error", "malformed_result")


@pytest.mark.parametrize(
    ("method", "result", "kinds"),
    [
        (
            "tools/call",
            {"content": [{"type": "text"}, {"type": "image"}, {"type": "text"}]},
            ["text", "image"],
        ),
        ("tools/call", {"content": [{"type": "secret"}, 5, {}]}, ["other"]),
        (
            "prompts/get",
            {"messages": [{"role": "user", "content": {"type": "resource"}}]},
            ["resource"],
        ),
        (
            "resources/read",
            {"contents": [{"text": ""}, {"blob": ""}, {}]},
            ["text", "blob", "other"],
        ),
        ("tools/list", {"tools": []}, None),
    ],
)
def test_the_kinds_of_content_are_named_once_each(method, result, kinds):
    [event] = record(client(method, id=1), server(id=1, result=result)).events

    assert event.content_kinds == kinds


def test_structured_content_may_be_null():
    [event] = record(
        call("a", id=1), server(id=1, result={"content": [], "structuredContent": None})
    ).events

    assert event.is_structured is True


def test_an_error_that_is_null_beside_a_result_is_none():
    [event] = record(call("a", id=1), server(id=1, error=None, result={"content": []})).events

    assert event.outcome == "ok"
