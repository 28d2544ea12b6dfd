"""Spans of real clients and servers in every form; and by hand what those never show."""

import json
import subprocess
import sys

import pytest

from tests.capture.imports.conftest import LONG_AFTER

TRACE = "0af7651916cd43dd8448eb211c80319c"
T0 = 1_795_000_000_000_000_000


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """Files of spans; each pair of client and server ran once, in a process of its own."""
    made = {}

    def file_of(which, mode, form):
        if (which, mode) not in made:
            folder = made[which, mode] = tmp_path_factory.mktemp("spans")
            words = [sys.executable, "-m", "tests.servers.traced", which, mode, str(folder)]
            subprocess.run(words, check=True, capture_output=True, timeout=60)
        return made[which, mode] / f"spans.{form}"

    return file_of


def ms(number):
    return T0 + int(number * 1e6)


def span(name="tools/call search", *, id="b7ad6b7169203331", kind=3, at=0, took=10, **more):  # noqa: A002
    attributes = more.pop("attributes", {"mcp.method.name": name.split()[0]})
    return {
        "traceId": TRACE,
        "spanId": id,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(ms(at)),
        "endTimeUnixNano": str(ms(at + took)),
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()],
        **more,
    }


def request(*spans, scope="mcp-python-sdk", resource=(("host.name", "here"),)):
    attributes = [{"key": k, "value": {"stringValue": v}} for k, v in resource]
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes},
                "scopeSpans": [{"scope": {"name": scope}, "spans": list(spans)}],
            }
        ]
    }


def server_span(**more):
    attributes = {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "search",
        "mcp.protocol.version": "2025-11-25",
        **more.pop("attributes", {}),
    }
    return span(
        id="00f067aa0ba902b7",
        kind=2,
        parentSpanId="b7ad6b7169203331",
        attributes=attributes,
        **more,
    )


def failed_span(code, text):
    attributes = {"mcp.method.name": "tools/call", "error.type": code}
    return span(attributes=attributes, status={"code": 2, "message": text})


@pytest.mark.parametrize("form", ["json", "base64", "proto", "framed"])
def test_each_call_of_the_old_era_is_one_event_that_ended_as_it_did(importing, traced, form):
    importing.run(traced("mcp", "legacy", form))

    calls = sorted(
        (call for call in importing.calls if call.method == "tools/call"),
        key=lambda call: call.started_at,
    )
    assert [(call.target, call.outcome, call.outcome_basis) for call in calls] == [
        ("ok", "ok", "span_order"),
        ("boom", "tool_error", "span_status"),
        ("proto", "protocol_error", "span_status"),
        ("nope", "tool_error", "span_status"),
        ("ok", "tool_error", "span_status"),
        ("slow", "timeout", "span_exception"),
        ("slow", "cancelled", "span_order"),
    ]
    assert [call.error_code for call in calls] == [None, None, -32050, None, None, None, None]
    assert [call.upstream for call in calls] == ["api.example.com"] + [None] * 6
    assert {call.protocol_version for call in calls} == {"2025-11-25"}
    assert 90 < calls[5].duration_ms < 2000


def test_what_may_have_asked_for_input_is_no_success(importing, traced):
    importing.run(traced("mcp", "auto", "json"))

    calls = [call for call in importing.calls if call.method == "tools/call"]
    assert {(call.target, call.outcome) for call in calls} == {
        ("ok", "unknown"),
        ("boom", "tool_error"),
        ("proto", "protocol_error"),
        ("nope", "tool_error"),
        ("ok", "tool_error"),
        ("slow", "timeout"),
        ("slow", "cancelled"),
    }


def test_the_three_spans_of_a_fastmcp_call_are_one_event(importing, traced):
    importing.run(traced("fastmcp", "auto", "framed"))

    calls = sorted(
        (call for call in importing.calls if call.method == "tools/call"),
        key=lambda call: call.started_at,
    )
    assert [(call.server_name, call.target, call.outcome) for call in calls] == [
        ("books", "ok", "unknown"),
        ("books", "boom", "tool_error"),
        ("books", "proto", "tool_error"),
        ("books", "nope", "tool_error"),
        ("books", "ok", "tool_error"),
        ("books", "slow", "timeout"),
        ("books", "slow", "cancelled"),
    ]
    assert [call.error_class for call in calls[1:5]] == [
        "upstream",
        "tool_failure",
        "unknown_tool",
        "invalid_arguments",
    ]
    # Made up for every request, it would make one session of each.
    assert {call.session_basis for call in calls} == {"connection"}
    assert len({call.session_id for call in calls}) == 1
    spool = b"".join(path.read_bytes() for path in importing.store.spool.glob("*.jsonl"))
    assert b"secret" not in spool


def test_the_same_spans_in_another_form_are_the_same_calls(importing, traced):
    path = traced("mcp", "auto", "json")
    one = importing.run(path)

    again = importing.run(path)

    assert (one.call_count, again.call_count) == (9, 0)


def test_client_and_server_in_two_files_are_joined(importing):
    client = importing.write("client.jsonl", request(span()))
    server = importing.write("server.jsonl", request(server_span(at=1, took=8)))

    importing.run(client, server)

    [call] = importing.calls
    assert (call.target, call.outcome, call.duration_ms) == ("search", "ok", 10.0)
    assert (call.trace_id, call.span_id) == (TRACE, "b7ad6b7169203331")


@pytest.mark.parametrize("first", ["client", "server"])
def test_client_and_server_imported_one_after_the_other_count_once(importing, first):
    spans = {"client": span(), "server": server_span(at=1, took=8)}
    second = {"client": "server", "server": "client"}[first]

    importing.of(request(spans[first]), name="one.jsonl")
    done = importing.of(request(spans[second]), name="two.jsonl")

    assert (done.counts.calls, done.counts.known) == (0, 1)


@pytest.mark.parametrize(
    ("spans", "outcome"),
    [
        ([span()], "unknown"),
        ([server_span()], "unknown"),
        ([span(status={"code": 1})], "ok"),
        ([span(), server_span(at=1, took=20)], "cancelled"),
        ([span(status={"code": 2, "message": "TimeoutError: "})], "timeout"),
        ([span(status={"code": 2, "message": "Connection closed"})], "disconnected"),
        ([span(status={"code": "STATUS_CODE_ERROR", "message": "oops"})], "protocol_error"),
        ([failed_span("-32000", "Connection closed")], "disconnected"),
        ([failed_span("-32001", "Request 'tools/call' timed out")], "timeout"),
        ([failed_span("-32000", "no more seats")], "protocol_error"),
        (
            [
                failed_span("-32000", "Connection closed"),
                server_span(attributes={"error.type": "-32000"}),
            ],
            "protocol_error",
        ),
        ([server_span(attributes={"error.type": "tool_error"})], "tool_error"),
        ([server_span(attributes={"error.type": "-32602"})], "protocol_error"),
        ([server_span(attributes={"mcp.protocol.version": "2026-07-28"}), span()], "unknown"),
    ],
)
def test_silence_is_no_success(importing, spans, outcome):
    importing.of(request(*spans))

    [call] = importing.calls
    assert call.outcome == outcome


def test_two_clocks_are_not_compared(importing):
    importing.of(
        request(span(), resource=(("host.name", "here"),)),
        request(server_span(at=1, took=20), resource=(("host.name", "there"),)),
    )

    [call] = importing.calls
    assert call.outcome == "unknown"


def test_a_tool_that_calls_another_server_is_two_calls(importing):
    inner = span("tools/call fetch", id="1111111111111111", at=2, took=3,
                 parentSpanId="00f067aa0ba902b7")  # fmt: skip
    importing.of(request(span(), server_span(at=1, took=8), inner))

    assert sorted(call.target for call in importing.calls) == ["fetch", "search"]


def test_a_call_that_was_sent_twice_is_one_call_of_two_rounds(importing):
    outer = span(id="1111111111111111", took=30)
    sent = [
        span(id="2222222222222222", at=1, parentSpanId="1111111111111111"),
        span(id="3333333333333333", at=15, parentSpanId="1111111111111111"),
    ]
    importing.of(request(outer, *sent))

    first, last = sorted(importing.rows("events"), key=lambda event: event.round)
    assert (first.is_final, last.is_final, last.round) == (False, True, 2)
    assert last.call_id == first.event_id


def test_notifications_and_other_spans_are_no_calls(importing):
    done = importing.of(
        request(span("notifications/cancelled", kind=2), span("GET", attributes={}, id="1" * 16)),
        {"resourceMetrics": []},
    )

    assert (done.counts.calls, done.counts.other) == (0, 3)


def test_a_span_without_an_id_is_named_and_the_rest_is_read(importing):
    done = importing.of(request(span(id="nonsense"), server_span()))

    assert done.counts.bad_lines[0].endswith("calls.log:1: a span without ids or times")
    assert done.counts.calls == 1


def test_one_request_over_many_lines_is_read(importing):
    path = importing.folder / "pretty.json"
    path.write_text(json.dumps(request(span()), indent=2))

    [one] = importing.run(path, now=LONG_AFTER).files

    assert (one.format.name, one.counts.calls) == ("otlp-json", 1)


def test_without_the_extra_a_protobuf_file_is_one_line(importing, traced, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.protobuf.json_format", None)

    [one] = importing.run(traced("mcp", "legacy", "proto")).files

    assert "which needs more: pip install 'mcplens[otel]'" in one.trouble
