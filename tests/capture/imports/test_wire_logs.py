"""Logs that hold whole JSON-RPC messages: mcpsnoop's sessions and Claude Desktop's logs.

No file of either program was at hand: these are written by hand after their published shapes.
"""

import json
from datetime import datetime

import pytest

AT = "2026-11-18T09:00:0{}Z"
CALL = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "search"}}
ANSWER = {"jsonrpc": "2.0", "id": 2, "result": {"content": [], "isError": True}}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "clientInfo": {"name": "claude-ai"}},
}
WELCOME = {
    "jsonrpc": "2.0",
    "id": 1,
    "result": {"protocolVersion": "2025-06-18", "serverInfo": {"name": "books", "version": "3"}},
}


def snooped(direction, raw, *, at=0.0, session="s-1", **more):
    return {
        "session_id": session,
        "server_label": "node",
        "seq": 1,
        "ts": AT.format(at),
        "direction": direction,
        "transport": "stdio",
        "raw": raw,
        **more,
    }


def said(who, message, *, at=0.0, server="books"):
    text = json.dumps(message)
    return f"{AT.format(at)} [{server}] [info] Message from {who}: {text} {{ metadata: undefined }}"


def noted(text, *, at=0.0, server="books", level="info"):
    return f"{AT.format(at)} [{server}] [{level}] {text} {{ metadata: undefined }}"


def snoop_log(*extra):
    return [
        snooped("meta", {"command": ["node", "server.js"]}),
        snooped("c2s", HELLO, at=1),
        snooped("s2c", WELCOME, at=2),
        snooped("c2s", CALL, at=3),
        {**snooped("stderr", None), "text": "listening"},
        *extra,
    ]


def desktop_log(*extra):
    return [
        noted("Initializing server..."),
        said("client", HELLO, at=1),
        "    at a stack trace of the server",
        said("server", WELCOME, at=2),
        said("client", CALL, at=3),
        *extra,
    ]


@pytest.mark.parametrize(
    ("name", "records", "format_name", "basis"),
    [
        ("s-1.jsonl", snoop_log(snooped("s2c", ANSWER, at=4.5)), "mcpsnoop", "handshake"),
        (
            "mcp-server-books.log",
            desktop_log(said("server", ANSWER, at=4.5)),
            "claude-desktop",
            "log",
        ),
        ("mcp.log", desktop_log(said("server", ANSWER, at=4.5)), "claude-desktop", "log"),
    ],
)
def test_messages_become_what_a_recording_would_have(importing, name, records, format_name, basis):
    done = importing.of(*records, name=name)

    [call] = importing.calls
    assert done.format.name == format_name
    assert (call.server_name, call.server_basis, call.server_version) == ("books", basis, "3")
    assert (call.client_name, call.protocol_version) == ("claude-ai", "2025-06-18")
    assert (call.target, call.outcome, call.duration_ms) == ("search", "tool_error", 1500.0)
    assert call.started_at == datetime(2026, 11, 18, 9, 0, 3)  # noqa: DTZ001  naive UTC
    assert (call.observer, call.request_id) == ("import", "2")
    assert call.request_bytes is None


@pytest.mark.parametrize("records", [snoop_log(), desktop_log()])
def test_what_is_open_at_the_end_of_a_log_is_left_while_it_grows(importing, records):
    path = importing.write("one.log", *records)
    written = path.stat().st_mtime

    young = importing.run(path, now=written + 60)
    old = importing.run(path, now=written + 7200)

    assert young.files[0].counts.still_open == 1
    assert old.call_count == 1
    [call] = importing.calls
    assert (call.outcome, call.outcome_basis) == ("unanswered", "log_ended")


def test_a_log_that_has_grown_adds_only_what_is_new(importing):
    records = desktop_log(said("server", ANSWER, at=4))
    importing.of(*records)
    later = {**CALL, "id": 3}

    grown = importing.of(
        *records,
        said("client", later, at=5),
        said("server", {**ANSWER, "id": 3}, at=6),
    )

    assert (grown.counts.calls, grown.counts.known) == (1, 2)
    assert sorted(call.request_id for call in importing.calls) == ["2", "3"]
    assert len({event.event_id for event in importing.rows("events")}) == 3


def test_a_server_that_went_away_disconnected_its_calls(importing):
    importing.of(*desktop_log(noted("Server transport closed unexpectedly", at=4)))

    [call] = importing.calls
    assert (call.outcome, call.duration_ms) == ("disconnected", 1000.0)
    ends = [row.end_reason for row in importing.rows("connections")]
    assert ends == ["server_exited"]


def test_each_start_of_a_server_is_a_connection_of_its_own(importing):
    importing.of(
        *desktop_log(said("server", ANSWER, at=4)),
        noted("Shutting down server...", at=5),
        said("client", {**HELLO, "id": 0}, at=6),
        said("client", CALL, at=7),
        said("server", ANSWER, at=8),
    )

    assert len({call.connection_id for call in importing.calls}) == 2


def test_clients_of_one_http_proxy_are_told_apart(importing):
    importing.of(
        snooped("c2s", CALL, at=1, conn_id="a"),
        snooped("c2s", CALL, at=2, conn_id="b"),
        snooped("s2c", ANSWER, at=3, conn_id="b"),
        snooped("s2c", ANSWER, at=5, conn_id="a"),
    )

    assert sorted(call.duration_ms for call in importing.calls) == [1000.0, 4000.0]


def test_what_cannot_be_read_is_named(importing):
    snoop = importing.of(
        snooped("c2s", CALL), snooped("s2c", None, truncated=True), {"seq": 1}, name="a.jsonl"
    )
    shortened = said("server", ANSWER).replace("}", "", 4)
    desktop = importing.of(said("client", CALL), shortened, name="b.log")

    assert [line.partition(": ")[2] for line in snoop.counts.bad_lines] == [
        "a message that mcpsnoop cut short",
        "no envelope of mcpsnoop",
    ]
    assert desktop.counts.bad_lines[0].endswith("b.log:2: a message that is no whole JSON")


def test_two_logs_of_one_import_that_overlap_count_once(importing):
    records = desktop_log(said("server", ANSWER, at=4))
    both = [importing.write(name, *records) for name in ("mcp.log", "mcp-server-books.log")]

    done = importing.run(*both)

    assert [one.counts.calls for one in done.files] == [2, 0]
