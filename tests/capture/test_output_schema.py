import msgspec
import pytest

from mcplens.capture.output_schema import OutputSchema
from tests.transcripts import HANDSHAKE, call, client, record, server, text

SUM = {"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}


def listing(schema, *, id=1):  # noqa: A002  an id is called `id` on the wire
    tool = {"name": "add", "inputSchema": {"type": "object"}, "outputSchema": schema}
    return [client("tools/list", id=id), server(id=id, result={"tools": [tool]})]


def answered(schema, **parts):
    """Say how a call of a tool with this outputSchema is recorded."""
    recorded = record(*HANDSHAKE, *listing(schema), call("add", id=2), text("7", id=2, **parts))
    [event] = recorded.calls
    return event.outcome, event.error_class, event.error_rule, event.is_schema_valid


def trouble(recorded):
    return [notice.detail for notice in recorded.notices if notice.kind == "recorder_trouble"]


GOOD = ("ok", None, None, True)
BAD = ("ok", "schema_violation", "output_schema", False)
UNKNOWN = ("ok", None, None, None)


def test_an_answer_is_held_to_what_its_tool_promised():
    assert answered(SUM, structuredContent={"sum": 7}) == GOOD
    assert answered(SUM, structuredContent={"sum": "seven"}) == BAD
    assert answered(SUM, structuredContent={}) == BAD


def test_an_answer_without_what_was_promised_breaks_the_promise():
    without = ("ok", "schema_violation", "output_schema_without_content", False)

    assert answered(SUM) == without


def test_an_error_promises_nothing():
    assert answered(SUM, isError=True) == ("tool_error", "tool_failure", "is_error", None)


@pytest.mark.parametrize(
    "result", [{"resultType": "input_required"}, {"task": {"taskId": "t", "status": "working"}}]
)
def test_what_is_not_yet_the_answer_is_not_held_to_it(result):
    recorded = record(*HANDSHAKE, *listing(SUM), call("add", id=2), server(id=2, result=result))

    assert {event.error_class for event in recorded.events} == {None}


@pytest.mark.parametrize(
    ("schema", "value", "how"),
    [
        # Since 2026-07-28 it may be any JSON value.
        ({"type": ["null", "array"]}, None, GOOD),
        ({"type": "array", "items": {"type": "integer"}}, [1, 2], GOOD),
        ({"type": "array", "items": {"type": "integer"}}, [1, "2"], BAD),
        ({"type": "string", "pattern": "^(a+)+$"}, "a" * 5000 + "b", BAD),
        ({"type": "number"}, 10**400, GOOD),
        # A format only describes, unless a schema says otherwise.
        ({"type": "string", "format": "date"}, "tomorrow", GOOD),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "integer"}, 5, GOOD),
        (True, 5, GOOD),
        (False, 5, BAD),
    ],
)
def test_any_schema_and_any_value_can_be_checked(schema, value, how):
    assert answered(schema, structuredContent=value) == how


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"properties": 5},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/hostname"},
        {"$ref": "#/$defs/gone"},
        {"$schema": "http://127.0.0.1:9/meta"},
        {"type": "string", "pattern": "(?=a)"},
        {"type": "string", "pattern": "(a{1000}){1000}"},
        "no schema",
        5,
        {"description": "long" * 50_000},
    ],
)
def test_a_schema_that_cannot_be_used_is_told_once_and_checks_nothing(schema):
    recorded = record(
        *HANDSHAKE,
        *listing(schema),
        *[call("add", id=2), text("7", id=2, structuredContent={"sum": 7})],
        *[call("add", id=3), text("7", id=3, structuredContent={"sum": 7})],
    )

    assert [event.is_schema_valid for event in recorded.calls] == [None, None]
    assert [event.error_class for event in recorded.calls] == [None, None]
    assert trouble(recorded) == ["outputSchema of add cannot be used"]


def test_nothing_is_fetched_for_a_schema(tmp_path):
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    elsewhere = {"$ref": (tmp_path / "schema.json").as_uri()}

    assert OutputSchema(elsewhere).fits({}, size=2) is None


def test_where_tools_were_never_listed_nobody_knows():
    recorded = record(*HANDSHAKE, call("add", id=2), text("7", id=2, structuredContent={}))

    assert recorded.calls[0].is_schema_valid is None
    assert recorded.calls[0].error_class is None


def test_the_definition_at_the_time_of_the_call_counts():
    recorded = record(
        *HANDSHAKE,
        *listing(SUM),
        call("add", id=2),
        *listing({"type": "object", "required": ["total"]}, id=3),
        text("7", id=2, structuredContent={"sum": 7}),
        call("add", id=4),
        text("7", id=4, structuredContent={"sum": 7}),
    )

    assert [event.is_schema_valid for event in recorded.calls] == [True, False]


def test_a_large_answer_is_not_checked():
    large = {"sum": 7, "text": "x" * 1_000_000}

    assert answered(SUM, structuredContent=large) == UNKNOWN
    assert OutputSchema(SUM).fits(large, size=None) is None


def test_an_answer_that_was_too_large_to_be_read_at_once_is_checked():
    rows = [{"n": number} for number in range(20_000)]
    schema = {"properties": {"rows": {"items": {"properties": {"n": {"type": "integer"}}}}}}

    assert answered(schema, structuredContent={"rows": rows}) == GOOD
    assert answered(schema, structuredContent={"rows": [*rows, {"n": "x"}]}) == BAD


def folded(levels, *, twice):
    """Build a schema whose references double with each level."""
    parts = {
        f"l{level}": {"anyOf": [{"$ref": f"#/$defs/l{level - 1}"}] * (2 if twice else 1)}
        for level in range(1, levels)
    }
    return {"$defs": {"l0": {"type": "string"}, **parts}, "$ref": f"#/$defs/l{levels - 1}"}


def test_a_schema_that_would_keep_us_busy_is_not_used():
    assert OutputSchema(folded(40, twice=False)).fits("x", size=3) is True
    assert OutputSchema(folded(40, twice=True)).fits(5, size=1) is None


def test_a_schema_that_leads_back_to_itself_is_used_as_long_as_the_ways_are_few():
    node = {"properties": {"left": {"$ref": "#/$defs/node"}, "right": {"$ref": "#/$defs/node"}}}
    tree = OutputSchema({"$defs": {"node": {"type": "object", **node}}, "$ref": "#/$defs/node"})
    deep = {}
    for _ in range(60):
        deep = {"left": deep}

    assert tree.fits({"left": {"right": {}}}, size=20) is True
    assert tree.fits({"left": {"right": 5}}, size=20) is False
    assert tree.fits(deep, size=600) is None


def test_what_is_no_json_is_unknown():
    assert OutputSchema(SUM).fits(msgspec.Raw(b"{"), size=10) is None


def test_a_users_rule_goes_before_the_schema():
    from mcplens.config import ErrorRule, Settings

    rule = ErrorRule(name="mine", error_class="upstream", is_soft=True, text="busy")
    recorded = record(
        *HANDSHAKE,
        *listing(SUM),
        call("add", id=2),
        text("busy", id=2, structuredContent={}),
        settings=Settings(error_rules=(rule,)),
    )

    [event] = recorded.calls
    assert (event.error_class, event.error_rule) == ("upstream", "mine")
    assert event.is_schema_valid is False
