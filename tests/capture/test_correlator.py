from datetime import datetime
from unittest.mock import ANY

import pytest

from mcplens.capture import requests
from mcplens.events import Event, Notice
from tests.transcripts import (
    HANDSHAKE,
    META,
    call,
    client,
    correlator,
    end,
    lost,
    modern_meta,
    raw,
    record,
    server,
    text,
    tick,
    told,
    wire,
)

READ_FILE = {
    "name": "read_file",
    "inputSchema": {"type": "object", "properties": {"path": {}, "limit": {}}},
    "annotations": {"readOnlyHint": True, "destructiveHint": False},
}


def outcomes(recorded):
    return [(event.request_id, event.outcome, event.outcome_basis) for event in recorded.events]


def noticed(recorded):
    return [
        (notice.kind, notice.direction, notice.method, notice.request_id, notice.detail)
        for notice in recorded.notices
        if notice.method != "notifications/initialized"
    ]


def test_a_connection_of_the_handshake_era():
    recorded = record(
        *HANDSHAKE,
        client("tools/list", id=1),
        server(id=1, result={"tools": [READ_FILE]}),
        call("read_file", id=2, path="/etc/hosts", limit=5, at=60.0),
        text("127.0.0.1 localhost", id=2, at=72.5),
        end(at=100, exit_code=0),
    )

    assert [(event.sequence, event.method) for event in recorded.events] == [
        (1, "initialize"),
        (2, "tools/list"),
        (3, "tools/call"),
    ]
    assert told(recorded.events[2]) == {
        "event_id": "run1-3",
        "sequence": 3,
        "direction": "to_server",
        "request_id": "2",
        "call_id": "run1-3",
        "round": 1,
        "is_final": True,
        "client_name": "agent",
        "client_version": "3",
        "server_name": "files",
        "server_basis": "handshake",
        "server_version": "1.2",
        "protocol_version": "2025-06-18",
        "method": "tools/call",
        "target": "read_file",
        "definition_hash": recorded.definitions[0].definition_hash,
        "started_at": datetime(2026, 11, 20, 12, 0, 0, 60_000),  # noqa: DTZ001
        "arguments_hash": recorded.events[2].arguments_hash,
        "arguments_shape": '{"limit":"integer","path":"string(10)"}',
        "request_bytes": 120,
        "outcome": "ok",
        "outcome_basis": "answer",
        "duration_ms": 12.5,
        "wait_ms": 0.0,
        "work_ms": 12.5,
        "result_hash": recorded.events[2].result_hash,
        "response_bytes": 92,
        "content_kinds": ["text"],
        "is_structured": False,
        "is_read_only": True,
        "is_destructive": False,
    }
    assert told(recorded.connections[-1]) == {
        "command": "files-server",
        "spawned_at": datetime(2026, 11, 20, 12, 0, 0),  # noqa: DTZ001
        "first_answered_at": datetime(2026, 11, 20, 12, 0, 0, 20_000),  # noqa: DTZ001
        "ended_at": datetime(2026, 11, 20, 12, 0, 0, 100_000),  # noqa: DTZ001
        "end_reason": "client_closed",
        "exit_code": 0,
        "client_name": "agent",
        "client_version": "3",
        "server_name": "files",
        "server_basis": "handshake",
        "server_version": "1.2",
        "protocol_version": "2025-06-18",
        "first_request_at": datetime(2026, 11, 20, 12, 0, 0, 10_000),  # noqa: DTZ001
        "opening_hash": ANY,
    }


def test_a_connection_of_the_stateless_era():
    server_info = {META + "serverInfo": {"name": "files", "version": "2.0"}}
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    recorded = record(
        client("server/discover", id=1, _meta=modern_meta()),
        server(id=1, result={"resultType": "complete", "_meta": server_info}),
        call("search", id=2, meta=modern_meta(traceparent=trace), q="x"),
        text("found", id=2, resultType="complete", structuredContent={"n": 1}),
    )

    [discover, search] = recorded.events
    assert (discover.outcome, discover.server_name) == ("ok", "files")
    assert told(search) == {
        "event_id": "run1-2",
        "sequence": 2,
        "direction": "to_server",
        "request_id": "2",
        "call_id": "run1-2",
        "round": 1,
        "is_final": True,
        "client_name": "agent",
        "client_version": "3",
        "server_name": "files",
        "server_basis": "handshake",
        "server_version": "2.0",
        "protocol_version": "2026-07-28",
        "method": "tools/call",
        "target": "search",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "started_at": datetime(2026, 11, 20, 12, 0, 0, 30_000),  # noqa: DTZ001
        "arguments_hash": search.arguments_hash,
        "arguments_shape": '{"…":1}',
        "request_bytes": search.request_bytes,
        "outcome": "ok",
        "outcome_basis": "answer",
        "duration_ms": 10.0,
        "wait_ms": 0.0,
        "work_ms": 10.0,
        "result_hash": search.result_hash,
        "response_bytes": search.response_bytes,
        "content_kinds": ["text"],
        "is_structured": True,
    }


def test_answers_find_their_requests_in_any_order():
    recorded = record(
        call("a", id=1, at=0),
        call("b", id=2, at=5),
        call("c", id="1", at=6),
        text("b", id=2, at=10),
        text("c", id="1", at=20),
        text("a", id=1, at=30),
    )

    assert [(e.target, e.request_id, e.duration_ms) for e in recorded.events] == [
        ("b", "2", 5.0),
        ("c", '"1"', 14.0),
        ("a", "1", 30.0),
    ]


def test_ids_count_for_each_direction_by_itself():
    recorded = record(
        call("a", id=1),
        server("roots/list", id=1),
        client(id=1, result={"roots": []}),
        text("a", id=1),
    )

    assert [(e.direction, e.method, e.outcome) for e in recorded.events] == [
        ("to_client", "roots/list", "ok"),
        ("to_server", "tools/call", "ok"),
    ]


def test_a_whole_number_is_one_id_however_it_is_written():
    recorded = record(call("a", id=7.0), text("a", id=7))

    assert outcomes(recorded) == [("7.0", "ok", "answer")]


def test_an_id_may_be_used_again_after_its_answer():
    recorded = record(call("a", id=1), text("a", id=1), call("b", id=1), text("b", id=1))

    assert outcomes(recorded) == [("1", "ok", "answer"), ("1", "ok", "answer")]
    assert recorded.notices == []


def test_an_id_used_again_while_it_is_open_leaves_the_first_request_unanswered():
    recorded = record(call("a", id=1), call("b", id=1), text("b", id=1), text("b", id=1))

    assert [(e.target, e.outcome, e.outcome_basis, e.duration_ms) for e in recorded.events] == [
        ("a", "unanswered", "reused_id", None),
        ("b", "ok", "answer", 10.0),
    ]
    assert noticed(recorded) == [
        ("reused_id", "to_server", "tools/call", "1", None),
        ("duplicate_answer", "to_client", None, "1", None),
    ]


def test_answers_that_belong_to_nothing_are_noticed():
    recorded = record(
        call("a", id=1),
        text("a", id="1"),
        text("a", id=1),
        text("a", id=1),
        server(id=None, error={"code": -32700, "message": "Parse error"}),
        client("notifications/cancelled", requestId=99),
    )

    assert outcomes(recorded) == [("1", "ok", "answer")]
    assert noticed(recorded) == [
        ("unknown_id", "to_client", None, '"1"', None),
        ("duplicate_answer", "to_client", None, "1", None),
        ("unknown_id", "to_client", None, None, None),
        ("unknown_id", "to_server", "notifications/cancelled", "99", None),
    ]


def test_an_answer_after_a_cancel_is_late_and_then_a_duplicate():
    recorded = record(
        call("a", id=1),
        client("notifications/cancelled", requestId=1),
        text("a", id=1),
        text("a", id=1),
    )

    assert outcomes(recorded) == [("1", "cancelled", "cancel")]
    assert noticed(recorded) == [
        ("late_answer", "to_client", None, "1", None),
        ("duplicate_answer", "to_client", None, "1", None),
    ]


def test_a_cancel_that_crosses_with_the_answer_is_nothing_odd():
    recorded = record(
        call("a", id=1), text("a", id=1), client("notifications/cancelled", requestId=1)
    )

    assert outcomes(recorded) == [("1", "ok", "answer")]
    assert recorded.notices == []


def test_only_who_asked_can_cancel():
    recorded = record(
        call("a", id=1), server("notifications/cancelled", requestId=1), text("a", id=1)
    )

    assert outcomes(recorded) == [("1", "ok", "answer")]


@pytest.mark.parametrize(
    ("data", "kind", "detail"),
    [
        (b"Server listening on port 3000\n", "not_json", None),
        (b"\xff\xfe\x00garbage\n", "not_json", None),
        (b'{"level":"info","method":"GET","id":5}\n', "not_jsonrpc", "no JSON-RPC 2.0"),
        (b'"hello"\n', "not_jsonrpc", "no JSON-RPC 2.0"),
        (b"null\n", "not_jsonrpc", "no JSON-RPC 2.0"),
        (b'{"jsonrpc":"1.0","id":1,"result":{}}\n', "not_jsonrpc", "no JSON-RPC 2.0"),
        (b'{"jsonrpc":"2.0","id":1}\n', "not_jsonrpc", "neither method, result nor error"),
        (b'{"jsonrpc":"2.0","method":7}\n', "not_jsonrpc", "a method that is no text"),
        (
            b'{"jsonrpc":"2.0","method":"ping","id":null}\n',
            "not_jsonrpc",
            "an id that is neither text nor number",
        ),
        (
            b'{"jsonrpc":"2.0","method":"ping","id":true}\n',
            "not_jsonrpc",
            "an id that is neither text nor number",
        ),
    ],
)
def test_junk_on_the_wire_is_noticed_and_the_calls_go_on(data, kind, detail):
    recorded = record(call("a", id=1), raw(data), text("a", id=1))

    assert outcomes(recorded) == [("1", "ok", "answer")]
    assert noticed(recorded) == [(kind, "to_client", None, None, detail)]
    assert recorded.notices[0].size_bytes == len(data) - 1


def test_half_a_line_at_the_end_is_noticed_and_answers_nothing():
    recorded = record(call("a", id=1), raw(b'{"jsonrpc":"2.0","id":1,"resu'), end("server_exited"))

    assert outcomes(recorded) == [("1", "disconnected", "server_exited")]
    assert [(n.kind, n.size_bytes) for n in recorded.notices] == [("incomplete_line", 29)]


def test_a_batch_is_noticed_and_each_of_its_members_counts():
    recorded = record(
        raw(wire([call("a", id=1).message, call("b", id=2).message]), direction="to_server"),
        raw(wire([text("b", id=2).message, 5, text("a", id=1).message])),
    )

    assert [(e.target, e.outcome, e.request_bytes) for e in recorded.events] == [
        ("b", "ok", None),
        ("a", "ok", None),
    ]
    assert noticed(recorded) == [
        ("batch", "to_server", None, None, "2 messages"),
        ("batch", "to_client", None, None, "3 messages"),
        ("not_jsonrpc", "to_client", None, None, "no JSON-RPC 2.0"),
    ]


def test_notifications_are_noticed_by_their_method_alone():
    recorded = record(
        server("notifications/message", level="warning", data="secret"),
        server("notifications/message", level="secret", data="secret"),
        server("notifications/tools/list_changed"),
        server("notifications/resources/updated", uri="file:///secret"),
        client("notifications/roots/list_changed"),
    )

    assert noticed(recorded) == [
        ("log_message", "to_client", "notifications/message", None, "warning"),
        ("log_message", "to_client", "notifications/message", None, None),
        ("list_changed", "to_client", "notifications/tools/list_changed", None, None),
        ("notification", "to_client", "notifications/resources/updated", None, None),
        ("list_changed", "to_server", "notifications/roots/list_changed", None, None),
    ]
    assert "secret" not in recorded.encoded


def test_progress_counts_for_the_request_that_asked_for_it():
    recorded = record(
        call("a", id=1, meta={"progressToken": "p"}, at=0),
        call("b", id=2, meta={"progressToken": 7}, at=0),
        call("c", id=3, at=0),
        server("notifications/progress", progressToken="p", progress=1, at=15),
        server("notifications/progress", progressToken="p", progress=2, at=30),
        server("notifications/progress", progressToken="7", progress=2, at=30),
        text("a", id=1),
        text("b", id=2),
        text("c", id=3),
        server("notifications/progress", progressToken="p", progress=3),
    )

    assert [(e.progress_count, e.first_progress_ms) for e in recorded.events] == [
        (2, 15.0),
        (0, None),
        (None, None),
    ]
    assert recorded.notices == []


def test_a_request_open_for_more_than_a_second_is_written_as_opened_once():
    recorded = record(
        call("slow", id=1, at=0),
        tick(at=1000),
        tick(at=1001),
        call("quick", id=2, at=1002),
        tick(at=1500),
        text("done", id=1, at=1600),
        text("done", id=2, at=1600),
        tick(at=9000),
    )

    [opened] = recorded.opened
    assert (opened.event_id, opened.target, opened.is_final) == ("run1-1", "slow", True)
    assert (opened.duration_ms, opened.outcome) == (None, None)
    assert [(e.event_id, e.duration_ms) for e in recorded.events] == [
        ("run1-1", 1600.0),
        ("run1-2", 598.0),
    ]


def test_an_answer_stamped_before_its_request_took_no_time():
    recorded = record(call("a", id=1, at=20), text("a", id=1, at=19))

    assert [(e.duration_ms, e.work_ms) for e in recorded.events] == [(0.0, 0.0)]


def test_what_was_lost_is_told_by_the_next_event_and_by_a_notice():
    recorded = record(
        call("a", id=1),
        lost(3),
        lost(2),
        call("b", id=2),
        call("c", id=3),
        text("b", id=2),
        text("c", id=3),
        end(),
    )

    assert [(e.target, e.lost_before, e.outcome, e.outcome_basis) for e in recorded.events] == [
        ("b", 5, "ok", "answer"),
        ("c", None, "ok", "answer"),
        ("a", None, "unanswered", "messages_lost"),
    ]
    assert [(n.kind, n.lost_count) for n in recorded.notices] == [("lost", 3), ("lost", 2)]


def test_more_open_requests_than_are_followed_leave_the_oldest_unanswered(monkeypatch):
    monkeypatch.setattr("mcplens.capture.pairing.MAX_OPEN", 2)

    recorded = record(*(call("a", id=number) for number in range(4)), text("a", id=0))

    assert outcomes(recorded) == [
        ("0", "unanswered", "too_many_open"),
        ("1", "unanswered", "too_many_open"),
    ]
    assert noticed(recorded) == [
        ("recorder_trouble", None, None, None, "more than 2 open requests"),
        ("late_answer", "to_client", None, "0", None),
    ]


def test_only_so_many_ended_requests_are_remembered(monkeypatch):
    monkeypatch.setattr(requests, "MAX_REMEMBERED", 2)
    rounds = [step for number in range(3) for step in (call("a", id=number), text("a", id=number))]

    recorded = record(*rounds, text("a", id=0), text("a", id=2))

    assert noticed(recorded) == [
        ("unknown_id", "to_client", None, "0", None),
        ("duplicate_answer", "to_client", None, "2", None),
    ]


def test_an_endless_id_is_told_apart_and_kept_short():
    ids = ["x" * 5000 + "1", "x" * 5000 + "2"]

    recorded = record(call("a", id=ids[0]), call("b", id=ids[1]), text("b", id=ids[1]))

    [event] = recorded.events
    assert event.target == "b"
    assert event.request_id == '"' + "x" * 200 + '"'


def test_what_is_nested_too_deep_to_be_hashed_is_an_event_all_the_same():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    rows = []
    watching = correlator(rows)

    for step in (
        client("tools/list", id=1),
        server(id=1, result={"tools": [{"name": "a", "inputSchema": deep}]}),
        call("a", id=2, b=deep),
        server(id=2, result={"content": deep}),
    ):
        watching.message(step.direction, step.message, ns=1)

    [_, called] = [row for row in rows if isinstance(row, Event)]
    assert (called.target, called.outcome) == ("a", "ok")
    assert called.arguments_hash is called.result_hash is called.definition_hash is None
    assert [row for row in rows if isinstance(row, Notice)] == []


def test_what_is_seen_after_the_end_is_noticed_only():
    rows = []
    watching = correlator(rows)
    watching.ended("client_closed", 5)
    watching.ended("server_exited", 6)

    watching.message("to_server", call("a", id=1).message, ns=7)

    assert [type(row).__name__ for row in rows] == ["Connection", "Connection", "Notice"]
    assert rows[2].detail == "seen after the end"


def test_trouble_of_its_own_is_told_by_its_class_and_goes_no_further():
    rows = []
    watching = correlator(rows)

    class Hostile(dict):
        def get(self, *_):
            raise ValueError("secret")

    watching.message("to_server", Hostile(), ns=1)

    assert [(row.kind, row.detail) for row in rows[1:]] == [("recorder_trouble", "ValueError")]


def test_a_recorder_that_takes_nothing_does_not_harm_the_observer():
    class Full:
        def append(self, _):
            raise OSError("full")

    watching = correlator(Full())

    for step in (call("a", id=1), text("a", id=1)):
        watching.message(step.direction, step.message, ns=1)
    watching.lost(1, 2)
    watching.tick(3)
    watching.ended("client_closed", 4)


def test_messages_are_left_as_they_are():
    steps = [*HANDSHAKE, call("a", id=1, meta=modern_meta(), b=[1]), text("x", id=1)]
    before = [wire(step.message) for step in steps]
    watching = correlator([], keep="full")

    for step in steps:
        watching.message(step.direction, step.message, ns=1)

    assert [wire(step.message) for step in steps] == before


def test_a_caller_that_was_seen_to_give_up_ends_its_call_once():
    rows = []
    watching = correlator(rows)
    asked = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "slow"}}
    watching.message("to_server", asked, ns=0)

    watching.given_up(7, "timeout", 200_000_000)
    watching.given_up(7, "cancelled", 300_000_000)
    watching.given_up("unknown", "timeout", 300_000_000)

    [event] = [row for row in rows if isinstance(row, Event)]
    assert (event.outcome, event.outcome_basis, event.work_ms) == ("timeout", "caller", 200)
    assert not [row for row in rows if isinstance(row, Notice)]
