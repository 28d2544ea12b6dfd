import time

import msgspec
import pytest

from mcplens.capture.error_rules import Answer, ErrorRules
from mcplens.config import ErrorRule, Settings
from tests.transcripts import HANDSHAKE, call, client, record, server, text

SAYS_ERROR = ErrorRule(
    name="mcplens.toml: says Error",
    error_class="soft_error",
    tool="files:*",
    is_soft=True,
    text="^(Error|Database error):",
)


def rule(**facts):
    return ErrorRule(**{"name": "mine", "error_class": "upstream", **facts})


def decided(one, **answer):
    found = ErrorRules([one]).decide(
        Answer(**{"server": "files", "target": "read", "content": {}, "text": None, **answer})
    )
    return found is not None


def outcomes(recorded):
    return [(event.outcome, event.error_class, event.error_rule) for event in recorded.calls]


@pytest.mark.parametrize(
    ("facts", "answer", "is_met"),
    [
        ({"codes": (-32050, 7)}, {"code": 7}, True),
        ({"codes": (-32050,)}, {"code": 7}, False),
        ({"codes": (-32050,)}, {}, False),
        ({"text": "quota"}, {"text": "no quota left"}, True),
        ({"text": "^quota"}, {"text": "no quota left"}, False),
        ({"text": "quota"}, {}, False),
        ({"text": "quota"}, {"text": "quota \ud83d"}, True),
        # All that is said must hold.
        ({"text": "quota", "codes": (7,)}, {"text": "quota", "code": 7}, True),
        ({"text": "quota", "codes": (7,)}, {"text": "quota", "code": 8}, False),
        ({"text": "quota", "tool": "files:re*"}, {"text": "quota"}, True),
        ({"text": "quota", "tool": "mail:*"}, {"text": "quota"}, False),
        ({"text": "quota", "tool": "files:*"}, {"text": "quota", "target": None}, True),
        ({"text": "quota", "is_soft": True}, {"text": "quota"}, False),
        ({"text": "quota", "is_soft": True}, {"text": "quota", "is_soft": True}, True),
        ({"text": "quota"}, {"text": "quota", "is_soft": True}, False),
    ],
)
def test_a_rule_is_met_when_all_that_it_says_holds(facts, answer, is_met):
    assert decided(rule(**facts), **answer) == is_met


CONTENT = {
    "data": {"type": "quota", "retry": True, "count": 1},
    "list": [{"kind": "a"}, {"kind": "b"}],
    "large": msgspec.Raw(b'{"kind": "c"}'),
    "broken": msgspec.Raw(b"{"),
}


@pytest.mark.parametrize(
    ("path", "value", "is_met"),
    [
        (("data", "type"), "quota", True),
        (("data", "type"), "rate", False),
        (("data", "retry"), True, True),
        (("data", "retry"), 1, False),
        (("data", "count"), 1.0, True),
        (("data", "count"), True, False),
        (("data", None), "quota", True),
        (("list", None, "kind"), "b", True),
        (("list", 0, "kind"), "b", False),
        (("list", 2, "kind"), "b", False),
        (("list", "kind"), "b", False),
        (("data", 0), "quota", False),
        (("large", "kind"), "c", True),
        (("broken", "kind"), "c", False),
        (("gone", "deep"), "x", False),
    ],
)
def test_a_rule_may_ask_for_a_value_at_a_place(path, value, is_met):
    assert decided(rule(where=((path, value),)), content=CONTENT) == is_met


def test_the_first_rule_that_matches_decides_and_goes_before_those_built_in():
    first = rule(name="mcplens.toml: 1", text="locked", error_class="upstream")
    second = rule(name="mcplens.toml: 2", text="lock", error_class="auth")
    recorded = record(
        *HANDSHAKE,
        call("read", id=1),
        server(id=1, error={"code": -32602, "message": "Unknown tool: it is locked"}),
        call("read", id=2),
        text("Unknown tool: read, lock", id=2, isError=True),
        call("read", id=3),
        text("Unknown tool: read", id=3, isError=True),
        settings=Settings(error_rules=(first, second)),
    )

    assert outcomes(recorded) == [
        ("protocol_error", "upstream", "mcplens.toml: 1"),
        ("tool_error", "auth", "mcplens.toml: 2"),
        ("tool_error", "unknown_tool", "text_unknown_tool"),
    ]
    assert [event.error_code for event in recorded.calls] == [-32602, None, None]
    assert {event.error_origin for event in recorded.calls} == {"server"}


def test_a_soft_error_is_found_only_where_a_rule_says_so():
    said = [
        *HANDSHAKE,
        call("read", id=1),
        text("Error: Missing arguments", id=1),
        call("read", id=2),
        text("an Error: in the middle", id=2),
        client("resources/read", id=3, uri="files:///x"),
        server(id=3, result={"contents": [{"uri": "x", "text": "Database error: no table"}]}),
        client("prompts/get", id=4, name="p"),
        server(
            id=4,
            result={"messages": [{"content": {"type": "text", "text": "Error: no"}}]},
        ),
        call("read", id=5),
        text("Error: as it is", id=5, isError=True),
    ]

    off = record(*said)
    on = record(*said, settings=Settings(error_rules=(SAYS_ERROR,)))

    assert {event.error_class for event in off.calls[:4]} == {None}
    assert outcomes(on) == [
        ("ok", "soft_error", "mcplens.toml: says Error"),
        ("ok", None, None),
        ("ok", "soft_error", "mcplens.toml: says Error"),
        ("ok", "soft_error", "mcplens.toml: says Error"),
        ("tool_error", "tool_failure", "is_error"),
    ]
    assert on.calls[0].error_message == "Error: Missing arguments"
    assert on.calls[0].error_origin == "server"


def test_a_rule_for_one_server_leaves_the_others_alone():
    recorded = record(
        call("read", id=1),
        text("Error: no", id=1),
        server_name_option="mail",
        settings=Settings(error_rules=(SAYS_ERROR,)),
    )

    assert outcomes(recorded) == [("ok", None, None)]


def test_a_rule_knows_a_server_that_tells_its_name_with_this_answer():
    info = {"io.modelcontextprotocol/serverInfo": {"name": "files", "version": "1"}}
    recorded = record(
        call("read", id=1),
        text("Error: no", id=1, _meta=info),
        settings=Settings(error_rules=(SAYS_ERROR,)),
    )

    assert outcomes(recorded) == [("ok", "soft_error", "mcplens.toml: says Error")]


def test_asking_whether_a_server_is_of_the_new_era_is_no_failure_whatever_a_rule_says():
    recorded = record(
        client("server/discover", id=1),
        server(id=1, error={"code": -32601, "message": "Method not found"}),
        settings=Settings(error_rules=(rule(codes=(-32601,)),)),
    )

    assert recorded.events[0].outcome_basis == "era_probe"
    assert recorded.events[0].error_class is None


def test_an_unlucky_expression_takes_no_time():
    unlucky = rule(text="(a|aa)+$")
    started = time.monotonic()

    assert not decided(unlucky, text="a" * 2000 + "b")
    assert time.monotonic() - started < 2
