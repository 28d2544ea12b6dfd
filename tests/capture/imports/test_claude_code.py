"""Transcripts of Claude Code, written by hand after published ones."""

import pytest

AT = "2026-11-18T09:00:0{}Z"


def used(id="toolu_1", *, name="mcp__books__search", at=0, session="c-1", **arguments):  # noqa: A002
    block = {"type": "tool_use", "id": id, "name": name, "input": arguments}
    return {
        "type": "assistant",
        "sessionId": session,
        "version": "2.1.17",
        "uuid": f"a-{id}",
        "timestamp": AT.format(at),
        "message": {"role": "assistant", "content": [{"type": "text", "text": "hm"}, block]},
    }


def answered(id="toolu_1", *, content="found", at=1, **more):  # noqa: A002
    block = {"type": "tool_result", "tool_use_id": id, "content": content, **more}
    return {
        "type": "user",
        "sessionId": "c-1",
        "uuid": f"u-{id}",
        "timestamp": AT.format(at),
        "message": {"role": "user", "content": [block]},
    }


def test_a_use_and_its_result_are_a_call(importing):
    done = importing.of(used(q="dune"), answered(at=2.5))

    [call] = importing.calls
    assert done.format.name == "claude-code"
    assert (call.server_name, call.target, call.outcome) == ("books", "search", "ok")
    assert call.session_basis == "handle"
    assert "c-1" not in call.session_id
    assert (call.client_name, call.client_version) == ("claude-code", "2.1.17")
    assert call.arguments is None
    assert call.arguments_hash is not None


def test_a_time_that_holds_a_wait_for_permission_is_no_latency(importing):
    importing.of(used(), answered(at=2.5))

    [call] = importing.calls
    assert (call.duration_ms, call.work_ms, call.wait_ms) == (2500.0, None, None)


@pytest.mark.parametrize(
    ("text", "outcome", "error_class"),
    [
        ("HTTP 429 Too Many Requests", "tool_error", "rate_limited"),
        ("MCP error -32602: Invalid arguments for tool search", "tool_error", "invalid_arguments"),
        ("MCP error -32001: Request timed out", "timeout", None),
        ("The user doesn't want to proceed with this tool use.", "cancelled", None),
    ],
)
def test_an_error_is_told_by_its_words(importing, text, outcome, error_class):
    importing.of(used(), answered(content=text, is_error=True))

    [call] = importing.calls
    assert (call.outcome, call.error_class) == (outcome, error_class)


def test_tools_of_no_mcp_server_are_left_out(importing):
    done = importing.of(
        used(name="Bash"),
        answered(),
        {"type": "summary", "sessionId": "c-1", "uuid": "x"},
        used("toolu_2", name="mcp__my_server__read__all"),
        answered("toolu_2", content=[{"type": "text", "text": "yes"}]),
    )

    [call] = importing.calls
    assert (call.server_name, call.target) == ("my_server", "read__all")
    assert done.counts.other == 3


def test_a_transcript_that_goes_on_in_another_file_counts_once(importing):
    importing.of(used(), answered(), name="one.jsonl")

    done = importing.of(used(), answered(), used("toolu_2"), answered("toolu_2"), name="two.jsonl")

    assert (done.counts.known, done.counts.calls) == (1, 1)


def test_a_use_without_a_result_is_unanswered_once_the_file_is_old(importing):
    path = importing.write("one.jsonl", used())

    young = importing.run(path, now=path.stat().st_mtime + 1)
    importing.run(path)

    assert young.files[0].counts.still_open == 1
    [call] = importing.calls
    assert (call.outcome, call.duration_ms) == ("unanswered", None)
