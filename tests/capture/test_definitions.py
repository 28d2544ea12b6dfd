import json

import pytest

from mcplens.capture import definitions
from mcplens.capture.definitions import Definitions
from tests.transcripts import HANDSHAKE, call, client, record, server, text

READ = {
    "name": "read",
    "description": "Reads.",
    "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}},
    "annotations": {"readOnlyHint": True, "idempotentHint": True, "destructiveHint": "no"},
}
WRITE = {"name": "write", "inputSchema": {"type": "object"}}


def listing(number, tools, *, cursor=None, next_cursor=None):
    asked = {} if cursor is None else {"cursor": cursor}
    more = {} if next_cursor is None else {"nextCursor": next_cursor}
    return (
        client("tools/list", id=number, **asked),
        server(id=number, result={"tools": tools, **more}),
    )


def under(recorded):
    """The definition each call was made under, as the place of its row."""
    places = {row.definition_hash: at for at, row in enumerate(recorded.definitions)}
    return [places.get(event.definition_hash) for event in recorded.calls]


def called(number, name):
    return (call(name, id=number), text("x", id=number))


def test_a_definition_is_written_as_it_was_sent():
    recorded = record(*HANDSHAKE, *listing(1, [READ]))

    [row] = recorded.definitions
    assert (row.kind, row.name, row.server_name) == ("tool", "read", "files")
    assert json.loads(row.definition) == READ
    assert list(json.loads(row.definition)) == list(READ)
    assert row.definition_bytes == len(json.dumps(READ, separators=(",", ":")))
    assert (row.is_read_only, row.is_idempotent, row.is_destructive) == (True, True, None)


def test_its_hash_is_plain_and_does_not_depend_on_the_order_of_keys():
    backwards = dict(reversed(READ.items()))

    [row] = record(*listing(1, [{"name": "a"}]), *listing(2, [{"name": "a"}])).definitions
    [there] = record(*listing(1, [READ])).definitions
    [here] = record(*listing(1, [backwards]), keep="full").definitions

    # printf '{"name":"a"}' | sha256sum
    assert row.definition_hash == (
        "d9d719b27480b55cd4918020e7473e716ed3569c8adafe926cf9b10b4f8ef064"
    )
    assert there.definition_hash == here.definition_hash


def test_a_call_is_made_under_the_definition_in_force():
    changed = {**READ, "description": "Reads files."}

    recorded = record(
        *called(1, "read"),
        *listing(2, [READ, WRITE]),
        *called(3, "read"),
        *called(4, "write"),
        *called(5, "other"),
        *listing(6, [changed]),
        *called(7, "read"),
        *called(8, "write"),
        *listing(9, [READ]),
        *called(10, "read"),
    )

    assert [row.name for row in recorded.definitions] == ["read", "write", "read"]
    assert under(recorded) == [None, 0, 1, None, 2, None, 0]
    assert [event.is_read_only for event in recorded.calls[:3]] == [None, True, None]


def test_what_a_later_page_lists_stays_in_force_until_the_last_page_came():
    recorded = record(
        *listing(1, [READ], next_cursor="2"),
        *called(2, "read"),
        *listing(3, [WRITE], cursor="2"),
        *called(4, "write"),
        *listing(5, [READ], next_cursor="2"),
        *called(6, "write"),
        *listing(7, [], cursor="2"),
        *called(8, "write"),
        *called(9, "read"),
    )

    assert len(recorded.definitions) == 2
    assert under(recorded) == [0, 1, 1, None, 0]


def test_prompts_and_resources_are_definitions_too():
    prompt = {"name": "review", "arguments": [{"name": "code"}, {"name": 5}, 5]}
    resource = {"uri": "postgres://bob:secret@db/main?sslkey=secret", "name": "main"}
    template = {"uriTemplate": "db://{table}{?token}", "name": "table"}

    recorded = record(
        client("prompts/list", id=1),
        server(id=1, result={"prompts": [prompt]}),
        client("resources/list", id=2),
        server(id=2, result={"resources": [resource]}),
        client("resources/templates/list", id=3),
        server(id=3, result={"resourceTemplates": [template]}),
        client("prompts/get", id=4, name="review", arguments={"code": "x = 1", "other": 1}),
        server(id=4, result={"messages": []}),
        client("resources/read", id=5, uri=resource["uri"]),
        server(id=5, result={"contents": []}),
    )

    assert [(row.kind, row.name) for row in recorded.definitions] == [
        ("prompt", "review"),
        ("resource", "postgres://db/main"),
        ("resource_template", "db://{table}"),
    ]
    assert under(recorded) == [0, 1]
    assert [event.target for event in recorded.calls] == ["review", "postgres://db/main"]
    assert recorded.calls[0].arguments_shape == '{"code":"string(5)","…":1}'
    assert "secret" not in recorded.encoded


@pytest.mark.parametrize("keep", ["none", "shape"])
def test_what_a_resource_says_is_kept_only_where_contents_are(keep):
    resource = {
        "uri": "mail://inbox/7",
        "name": "7",
        "mimeType": "text/plain",
        "size": 12,
        "title": "Your test results \ud800",  # Only the lenient way can write half a sign.
        "description": "From Dr. Strange",
    }
    steps = (client("resources/list", id=1), server(id=1, result={"resources": [resource]}))

    [private] = record(*steps, keep=keep).definitions
    [full] = record(*steps, keep="full").definitions

    assert json.loads(private.definition) == {
        "uri": "mail://inbox/7",
        "name": "7",
        "mimeType": "text/plain",
        "size": 12,
    }
    assert json.loads(full.definition) == resource


def test_an_address_is_kept_whole_only_where_contents_are():
    resource = {"uri": "db://main?key=1", "name": "main"}
    steps = (client("resources/list", id=1), server(id=1, result={"resources": [resource]}))

    [private] = record(*steps).definitions
    [full] = record(*steps, keep="full").definitions

    assert json.loads(private.definition) == {"uri": "db://main", "name": "main"}
    assert json.loads(full.definition) == resource
    assert private.definition_hash == full.definition_hash


@pytest.mark.parametrize(
    "result",
    [{}, {"tools": 5}, {"tools": [5, None, {}, {"name": 5}]}, {"tools": [{"name": "a" * 5000}]}],
)
def test_a_list_that_is_none_harms_nothing(result):
    recorded = record(
        client("tools/list", id=1), server(id=1, result=result), *called(2, "a" * 5000)
    )

    assert under(recorded) == [None]
    assert recorded.notices == []


def test_lists_that_clients_forge_count_for_nothing():
    recorded = record(server("tools/list", id=1), client(id=1, result={"tools": [READ]}))

    assert recorded.definitions == []


def test_more_definitions_than_are_remembered_are_told_once(monkeypatch):
    monkeypatch.setattr(definitions, "MAX_DEFINITIONS", 2)
    monkeypatch.setattr("mcplens.capture.pairing.MAX_DEFINITIONS", 2)
    tools = [{"name": name} for name in "abcd"]

    recorded = record(*listing(1, tools), *listing(2, tools), *called(3, "b"), *called(4, "c"))

    assert [row.name for row in recorded.definitions] == ["a", "b"]
    assert [(n.kind, n.detail) for n in recorded.notices] == [
        ("recorder_trouble", "more than 2 definitions")
    ]
    assert under(recorded) == [1, None]


def test_pages_without_end_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(definitions, "MAX_DEFINITIONS", 10)
    known = Definitions(keeps_contents=False)

    for number in range(100):
        page = {"tools": [{"name": f"tool{number}"}], "nextCursor": "more"}
        known.learn("tools/list", page, is_first_page=number % 5 == 0)

    assert len(known._in_force["tool"]) == 20
    assert len(known._seen) == 10
