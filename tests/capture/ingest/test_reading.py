from datetime import datetime

import pytest

from mcplens.capture.ingest.fields import FIELDS, OURS
from mcplens.config import ErrorRule, Settings, ToolNotes
from mcplens.events import SideEffect, columns
from tests.capture.ingest.posted import read, sent


def problems_of(value):
    return {problem.field: problem for problem in read(value)}


def test_the_smallest_event_is_one_successful_call():
    event, left_out = read(sent())

    assert event.method == "tools/call"
    assert event.target == "search"
    assert event.started_at == datetime(2026, 11, 20, 12)  # noqa: DTZ001  naive UTC
    assert (event.outcome, event.outcome_basis, event.error_class) == ("ok", "reported", None)
    assert (event.duration_ms, event.wait_ms, event.work_ms) == (12.5, None, 12.5)
    assert (event.call_id, event.round, event.is_final) == (event.event_id, 1, True)
    assert (event.observer, event.transport, event.session_id) == ("import", None, None)
    assert left_out == ()


@pytest.mark.parametrize("name", ["timestamp", "tool_name", "success", "latency_ms"])
def test_each_field_of_the_smallest_event_is_missed_by_its_name(name):
    [problem] = read(sent(**{name: None}))

    assert problem.field == name
    assert problem.is_missing


def test_our_own_column_names_are_taken_as_well():
    ours = {
        "started_at": "2026-11-20T13:00:00+01:00",
        "method": "resources/read",
        "target": "https://bob:pw@files/a?token=s3cret",
        "outcome": "timeout",
        "duration_ms": 100,
        "wait_ms": 30.0,
        "server_name": "files",
        "session_id": "s1",
        "side_effects": [{"kind": "file", "target": "a.txt"}],
    }

    event, _ = read(ours)

    assert event.started_at == datetime(2026, 11, 20, 12)  # noqa: DTZ001  naive UTC
    assert event.target == "https://files/a"
    assert (event.outcome, event.work_ms) == ("timeout", 70.0)
    assert event.session_basis == "handle"
    assert "s1" not in event.session_id
    assert event.side_effects == [SideEffect(kind="file", target="a.txt")]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("timestamp", "yesterday"),
        ("timestamp", "2026-11-22T12:00:00Z"),
        ("timestamp", 1_795_176_000_000),
        ("timestamp", True),
        ("tool_name", ""),
        ("tool_name", 7),
        ("tool_name", "a\nb"),
        ("tool_name", "a" * 201),
        ("success", "yes"),
        ("success", 1),
        ("latency_ms", "12"),
        ("latency_ms", -1),
        ("latency_ms", True),
        ("latency_ms", 10**400),
        ("outcome", "fine"),
        ("outcome", ["ok"]),
        ("error_class", "oops"),
        ("request_bytes", 1.5),
        ("request_bytes", 2**60),
        ("http_status", 99),
        ("trace_id", "0" * 32),
        ("side_effects", [{"target": "x"}]),
        ("content_kinds", "text"),
        ("event_id", 7),
        ("reversibility", "maybe"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(field, wrong):
    assert field in problems_of(sent(**{field: wrong}))


def test_everything_that_is_wrong_is_said_at_once():
    found = problems_of(sent(timestamp=None, latency_ms="fast", cost_usd=-1))

    assert list(found) == ["latency_ms", "cost_usd", "timestamp"]


@pytest.mark.parametrize(
    "contradiction",
    [
        {"success": True, "outcome": "tool_error"},
        {"success": False, "outcome": "ok"},
        {"success": True, "error_class": "auth"},
    ],
)
def test_success_that_says_otherwise_than_the_outcome_is_refused(contradiction):
    assert list(problems_of(sent(**contradiction))) == ["success"]


def test_a_call_without_an_answer_needs_no_latency():
    event, _ = read(sent(success=None, outcome="unanswered", latency_ms=None))

    assert (event.outcome, event.duration_ms, event.work_ms) == ("unanswered", None, None)


def test_waiting_cannot_take_longer_than_the_call():
    assert list(problems_of(sent(latency_ms=5, wait_ms=6))) == ["wait_ms"]


def test_a_failure_is_classed_by_its_words_as_on_the_wire():
    told, _ = read(sent(success=False, error="Unknown tool: search"))
    bare, _ = read(sent(success=False))
    coded, _ = read(sent(success=None, outcome="protocol_error", error_code=-32603))

    assert (told.error_class, told.error_rule) == ("unknown_tool", "text_unknown_tool")
    assert (bare.error_class, bare.error_rule) == ("tool_failure", "is_error")
    assert coded.error_class == "internal"


def test_of_contents_only_hashes_and_templates_are_kept():
    event, _ = read(
        sent(
            success=False,
            arguments={"q": "s3cret"},
            result={"text": "s3cret"},
            error="Failed to open s3cret",
            credential_id="s3cret",
        )
    )

    assert "s3cret" not in repr(event)
    assert event.arguments_shape == '{"…":1}'
    assert event.arguments_hash
    assert event.result_hash
    assert event.error_message == "Failed to open …"


def test_the_same_key_makes_the_same_id_and_no_key_a_new_one():
    def id_of(key=None, **fields):
        return read(sent(**fields), key=key)[0].event_id

    assert id_of("k1") == id_of("k1") != id_of("k2")
    assert id_of(event_id="k1") == id_of("other", event_id="k1") != id_of("k1")
    assert id_of() != id_of()


def test_rounds_point_at_the_ids_that_their_calls_got():
    first, _ = read(sent(event_id="e1", success=None, outcome="input_required", is_final=False))
    last, _ = read(sent(event_id="e2", call_id="e1", round=2))

    assert first.is_final is False
    assert (last.call_id, last.round, last.is_final) == (first.event_id, 2, True)


def test_fields_that_are_no_columns_or_ours_are_left_out_and_named():
    event, left_out = read(sent(run_id="mine", shoe_size=42, work_ms=1.0))

    assert left_out == ("run_id", "shoe_size", "work_ms")
    assert (event.run_id, event.work_ms) == ("", 12.5)


def test_every_column_is_either_taken_or_ours():
    listed = {column.name for column in columns("events")}

    assert set(FIELDS) | OURS | {"event_id", "started_at"} == listed
    assert not set(FIELDS) & OURS


def test_what_mcplens_toml_says_of_a_tool_holds_for_its_posted_events():
    rule = ErrorRule(name="paid", error_class="rate_limited", text="quota")
    settings = Settings(
        keep_by_tool=(("files:*", "full"),),
        error_rules=(rule,),
        notes_by_tool=(("files:search", ToolNotes(cost_usd=0.5)),),
    )
    of_tool = sent(server_name="files", success=False, error="quota of bob", arguments={"q": 1})

    event, _ = read(of_tool, keep=None, settings=settings)
    other, _ = read({**of_tool, "server_name": "git"}, keep=None, settings=settings)

    assert (event.arguments, event.error_message) == ('{"q":1}', "quota of bob")
    assert (event.error_class, event.error_rule) == ("rate_limited", "paid")
    assert (event.cost_usd, event.note_basis) == (0.5, "configuration")
    assert (other.arguments, other.error_message) == (None, "quota of …")
    assert (other.cost_usd, other.note_basis) == (None, None)
