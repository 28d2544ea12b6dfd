"""Structured JSON logs: what their lines mean, and what they do not say."""
# ruff: noqa: DTZ001  the raw tables are naive UTC

from datetime import datetime

import pytest

from mcplens.config import ErrorRule, Settings, ToolNotes
from mcplens.store.manifest import Retention, load_manifest
from mcplens.store.prune import prune
from mcplens.store.retention import make_archive, set_retention
from mcplens.store.seal import seal
from mcplens.store.wanted import Wanted

NINE = "2026-11-18T09:00:00Z"


def line(**fields):
    return {"timestamp": NINE, "tool": "search", "outcome": "success", **fields}


def test_a_line_is_a_call(importing):
    importing.of(
        line(server="books", session="s-1", agent="planner", duration_ms=1500, request_id=7)
    )

    [call] = importing.calls
    assert (call.server_name, call.server_basis, call.target) == ("books", "log", "search")
    assert (call.session_basis, call.agent_id) == ("handle", "planner")
    assert (call.observer, call.method, call.is_final) == ("import", "tools/call", True)
    assert (call.outcome, call.outcome_basis, call.request_id) == ("ok", "log_word", "7")
    assert (call.duration_ms, call.work_ms, call.wait_ms) == (1500.0, 1500.0, None)
    # The line was written when the call had ended.
    assert call.started_at == datetime(2026, 11, 18, 8, 59, 58, 500_000)


@pytest.mark.parametrize(
    "fields",
    [
        {"tool": "search", "session": "s-1"},
        {"tool_name": "search", "session_id": "s-1"},
        {"toolName": "search", "sessionId": "s-1"},
        {"tool": {"name": "search"}, "session": {"id": "s-1"}},
        {"data": {"tool": {"name": "search"}}, "context": {"session_id": "s-1"}},
        {"attributes": {"gen_ai.tool.name": "search", "session.id": "s-1"}},
        {"method": "tools/call", "params": {"name": "search"}, "session": "s-1"},
    ],
)
def test_a_field_is_found_under_any_of_its_names(importing, fields):
    importing.of({"timestamp": NINE, "status": "ok", **fields})

    [call] = importing.calls
    assert (call.target, call.session_basis, call.outcome) == ("search", "handle", "ok")


@pytest.mark.parametrize(
    ("fields", "duration_ms"),
    [
        ({"duration_ms": 12.5}, 12.5),
        ({"latencyMs": 12}, 12.0),
        ({"elapsed_seconds": 0.5}, 500.0),
        ({"duration_us": 1500}, 1.5),
        ({"durationNanos": 2_000_000}, 2.0),
        ({"duration": "1m2.5s"}, 62_500.0),
        ({"took": "340µs"}, 0.34),
        ({"duration": 3, "duration_unit": "s"}, 3000.0),
        ({"metrics": {"latency": {"ms": 4}}}, None),
        ({"latency": {"ms": 4}}, 4.0),
        ({"duration": 3}, None),
        ({"duration_ms": -1}, None),
        ({"duration_ms": "soon"}, None),
        ({}, None),
    ],
)
def test_a_duration_counts_where_its_unit_is_named(importing, fields, duration_ms):
    importing.of(line(**fields))

    [call] = importing.calls
    assert call.duration_ms == duration_ms


def test_a_duration_without_a_unit_takes_the_one_that_is_given(importing):
    silent = importing.of(line(duration=3))
    told = importing.of(line(duration=4), name="told.log", unit="s")

    assert (silent.counts.without_unit, told.counts.without_unit) == (1, 0)
    assert [call.duration_ms for call in importing.calls] == [None, 4000.0]


@pytest.mark.parametrize(
    ("time", "started_at"),
    [
        ("2026-11-18T10:00:00+01:00", datetime(2026, 11, 18, 9)),
        ("2026-11-18 09:00:00,250", datetime(2026, 11, 18, 9, 0, 0, 250_000)),
        (1_795_000_000, datetime(2026, 11, 18, 11, 6, 40)),
        (1_795_000_000.5, datetime(2026, 11, 18, 11, 6, 40, 500_000)),
        ("1795000000123", datetime(2026, 11, 18, 11, 6, 40, 123_000)),
        (1_795_000_000_123_456, datetime(2026, 11, 18, 11, 6, 40, 123_456)),
        (1_795_000_000_123_456_789, datetime(2026, 11, 18, 11, 6, 40, 123_456)),
        ("yesterday", None),
        (7, None),
        (float("inf"), None),
    ],
)
def test_a_time_is_read_in_any_of_its_forms(importing, time, started_at):
    importing.of({"time": time, "tool": "search", "status": "ok"})

    [call] = importing.calls
    assert call.started_at == started_at


@pytest.mark.parametrize(
    ("fields", "outcome", "error_class"),
    [
        ({"status": "SUCCESS"}, "ok", None),
        ({"success": True}, "ok", None),
        ({"is_error": False}, "ok", None),
        ({"error": None, "duration_ms": 1}, "ok", None),
        ({"success": False}, "tool_error", "tool_failure"),
        ({"status": "error", "error": "HTTP 503 from upstream"}, "tool_error", "upstream"),
        ({"success": False, "error": {"code": -32602, "message": "Unknown tool: search"}},
         "protocol_error", "unknown_tool"),
        ({"error": "disk full", "duration_ms": 1}, "tool_error", "tool_failure"),
        ({"status": "timed_out"}, "timeout", None),
        ({"outcome": "canceled"}, "cancelled", None),
        ({"status": "denied"}, "tool_error", "auth"),
        ({"success": False, "error_class": "rate_limited"}, "tool_error", "rate_limited"),
        ({"level": "ERROR", "duration_ms": 1}, "tool_error", "tool_failure"),
        ({"level": "INFO", "duration_ms": 1}, "unknown", None),
        ({"level": 50, "duration_ms": 1}, "tool_error", "tool_failure"),
        ({"level": 30, "duration_ms": 1}, "unknown", None),
        ({"level": 30, "err": {"type": "E", "message": "HTTP 503"}}, "tool_error", "upstream"),
        ({"duration_ms": 1}, "unknown", None),
        ({"status": "purple", "duration_ms": 1}, "unknown", None),
    ],
)  # fmt: skip
def test_how_a_call_ended_is_taken_from_what_the_line_says(importing, fields, outcome, error_class):
    importing.of({"timestamp": NINE, "tool": "search", **fields})

    [call] = importing.calls
    assert (call.outcome, call.error_class) == (outcome, error_class)


def test_what_is_no_finished_call_is_counted_and_left_out(importing):
    done = importing.of(
        line(),
        {"timestamp": NINE, "message": "listening"},
        {"timestamp": NINE, "tool": "search", "status": "started"},
        {"timestamp": NINE, "tool": "search", "event": "tool_call_started", "duration_ms": 0},
        {"timestamp": NINE, "method": "tools/list", "tool": "x", "success": True},
        {"timestamp": NINE, "tool": "search"},
    )

    assert (done.counts.calls, done.counts.other, done.counts.bad) == (1, 5, 0)
    assert len(importing.calls) == 1


def test_a_bad_line_is_named_and_the_rest_is_imported(importing):
    done = importing.of(line(), "oh no", "[1]", line(tool="fetch"))

    place = importing.folder / "calls.log"
    assert done.counts.bad_lines == [f"{place}:2: no JSON", f"{place}:3: no JSON object"]
    assert [call.target for call in importing.calls] == ["search", "fetch"]


def test_a_file_imported_twice_counts_once(importing):
    path = importing.write("calls.log", line(), line(), line(tool="fetch"))

    first, second = importing.run(path), importing.run(path)

    assert (first.call_count, second.call_count) == (3, 0)
    assert second.files[0].counts.known == 3
    assert len({call.event_id for call in importing.calls}) == 3
    assert [run.run_id for run in importing.rows("runs")] == [first.run_id] * 2


def test_of_a_log_that_has_grown_only_the_new_lines_are_imported(importing):
    importing.of(line(request_id=1), line(request_id=2))

    grown = importing.of(line(request_id=1), line(request_id=2), line(request_id=3))

    assert (grown.counts.known, grown.counts.calls) == (2, 1)
    assert [call.request_id for call in importing.calls] == ["1", "2", "3"]


def test_one_list_of_objects_is_read_as_lines_are(importing):
    path = importing.folder / "list.json"
    path.write_text('[\n  {"tool": "a", "success": true},\n  {"tool": "b", "success": true}\n]')

    importing.run(path)

    assert [call.target for call in importing.calls] == ["a", "b"]


def test_users_and_sessions_are_kept_as_hashes(importing):
    importing.of(
        line(user="ann@example.com", mcp_session_id="secret"),
        line(user="ann@example.com", session="secret"),
        line(user="bob@example.com", session="secret"),
    )

    of_protocol, handle, same = importing.calls
    bases = [call.session_basis for call in importing.calls]
    assert bases == ["protocol", "handle", "handle"]
    assert of_protocol.session_id != handle.session_id == same.session_id
    assert of_protocol.user_id == handle.user_id != same.user_id
    said = " ".join(f"{call.session_id} {call.user_id}" for call in importing.calls)
    assert "secret" not in said
    assert "ann" not in said


def test_an_address_in_the_place_of_a_name_loses_what_may_be_secret(importing):
    importing.of(
        line(server="https://me:secret@host/mcp?key=secret"),
        line(tool="mail://me:secret@host/inbox?q=secret", method="resources/read"),
    )

    call, read = importing.calls
    assert (call.server_name, call.target) == ("https://host/mcp", "search")
    assert (read.server_name, read.target) == (None, "mail://host/inbox")


def test_contents_are_kept_only_where_asked_for(importing):
    words = {"arguments": {"q": "my secret"}, "error": "no secret found", "success": False}
    importing.of(line(outcome=None, **words))

    [call] = importing.calls
    assert (call.arguments, call.result) == (None, None)
    assert call.arguments_hash is not None
    assert call.error_message == "no … found"
    spool = b"".join(p.read_bytes() for p in importing.store.spool.glob("*.jsonl"))
    assert b"secret" not in spool


def test_connections_are_written_once_and_end_with_the_log(importing):
    importing.of(line(session="a"), line(session="a", tool="fetch"), line(session="b"))

    ends = [(row.observer, row.end_reason) for row in importing.rows("connections")]
    assert ends == [("import", "log_ended")] * 2
    assert len({call.connection_id for call in importing.calls}) == 2


def test_rules_and_notes_of_mcplens_toml_hold_for_imports_too(importing):
    settings = Settings(
        error_rules=(
            ErrorRule(name="full", error_class="internal", text="disk full"),
            ErrorRule(name="empty", error_class="soft_error", is_soft=True, where=((("n",), 0),)),
        ),
        notes_by_tool=(("*:search", ToolNotes(cost_usd=0.5, upstream="index")),),
        keep_by_tool=(("*:search", "none"),),
    )
    importing.of(
        line(outcome="error", error="disk full"),
        line(cost_usd=0.1, result={"n": 0}, arguments={"q": 1}),
        settings=settings,
    )

    failed, empty = importing.calls
    assert (failed.error_class, failed.error_rule, failed.error_message) == (
        "internal",
        "full",
        None,
    )
    assert (failed.cost_usd, failed.upstream, failed.note_basis) == (0.5, "index", "configuration")
    assert (empty.outcome, empty.error_class) == ("ok", "soft_error")
    assert (empty.cost_usd, empty.upstream, empty.note_basis) == (0.1, "index", "log")
    assert (empty.arguments_hash, empty.result_hash) == (None, None)


def test_calls_lie_in_the_folders_of_their_own_days(importing):
    importing.of(line(), line(timestamp="2026-10-01T00:00:00Z"))

    seal(importing.store)

    folders = {path.parent.name for path in importing.store.path.glob("events/*/*.parquet")}
    assert {"date=2026-11-18", "date=2026-10-01"} <= folders


def test_what_was_sealed_is_known_as_well(importing):
    importing.of(line())
    seal(importing.store)

    again = importing.of(line())

    assert (again.counts.known, again.counts.calls) == (1, 0)


@pytest.mark.parametrize(("archive_is_there", "counted"), [(True, (1, 0)), (False, (0, 1))])
def test_what_moved_into_the_archive_is_known_as_well(
    importing, tmp_path, archive_is_there, counted
):
    archive = make_archive(tmp_path / "archive", of=importing.store)
    set_retention(importing.store, Retention(archive=str(archive.path)))
    importing.of(line())
    seal(importing.store)
    prune(importing.store, Wanted(limit=datetime(9999, 1, 1)))
    assert load_manifest(importing.store)[0].files == ()
    if not archive_is_there:
        archive.path.rename(tmp_path / "elsewhere")

    again = importing.of(line())

    assert (again.counts.known, again.counts.calls) == counted
