import json

import pytest

from mcplens.capture.error_words import COMMON_WORDS, template_of
from mcplens.capture.privacy import Privacy
from tests.transcripts import (
    HANDSHAKE,
    KEY,
    call,
    client,
    end,
    modern_meta,
    raw,
    record,
    server,
    text,
    tick,
)

SECRET = "hunter2hunter2"
TOOL = {
    "name": "pay",
    "inputSchema": {"type": "object", "properties": {"account": {}, "amount": {}, "note": {}}},
}


def transcript_with_secrets():
    """A connection with the secret in every place where contents travel."""
    error = {"code": -32602, "message": f"Invalid {SECRET}", "data": {"sent": SECRET, SECRET: 1}}
    url = f"https://user:{SECRET}@host/{'path'}?key={SECRET}#{SECRET}"
    return [
        raw(f"starting with {SECRET}\n".encode()),
        raw(f'{{"level":"info","token":"{SECRET}"}}\n'.encode()),
        *HANDSHAKE,
        client("tools/list", id=1),
        server(id=1, result={"tools": [TOOL]}),
        call("pay", id=2, account=SECRET, amount=5, **{SECRET: SECRET, "other": {"a": SECRET}}),
        text(f"paid {SECRET}", id=2, structuredContent={SECRET: SECRET}),
        call("pay", id=3, account=SECRET),
        server(id=3, error=error),
        call("pay", id=4, account=SECRET),
        text(f"Unknown account '{SECRET}' password={SECRET}", id=4, isError=True),
        call("pay", id=5, meta={**modern_meta(), "progressToken": SECRET, SECRET: SECRET}),
        server("notifications/progress", progressToken=SECRET, message=SECRET, progress=1),
        server("notifications/message", level="info", logger=SECRET, data=SECRET),
        client("notifications/cancelled", requestId=5, reason=f"{SECRET} timed out"),
        text(SECRET, id=5),
        client("resources/read", id=6, uri=url),
        server(id=6, result={"contents": [{"uri": url, "text": SECRET, "mimeType": SECRET}]}),
        client("resources/read", id=7, uri=f"data:text/plain,{SECRET}"),
        server(id=7, error={"code": -32002, "message": SECRET}),
        client("resources/list", id=8),
        server(id=8, result={"resources": [{"uri": url, "name": "main"}]}),
        client("prompts/get", id=9, name="ask", arguments={SECRET: SECRET}),
        server(id=9, result={"messages": [{"role": SECRET, "content": {"type": SECRET}}]}),
        client("completion/complete", id=10, argument={"name": "x", "value": SECRET}),
        server(id=10, result={"completion": {"values": [SECRET]}}),
        server("sampling/createMessage", id=1, messages=[{"content": SECRET}]),
        client(id=1, result={"content": {"type": "text", "text": SECRET}}),
        server("elicitation/create", id=2, message=SECRET),
        client(id=2, error={"code": -1, "message": SECRET}),
        call("pay", id=11, account=SECRET),
        tick(at=5000),
        raw(f'{{"jsonrpc":"2.0","id":11,"result":"{SECRET}'.encode()),
        end("server_exited"),
    ]


COMMAND = (
    "/opt/bin/uvx",
    f"--index-url=https://user:{SECRET}@host",
    "--from",
    f"git+https://{SECRET}@github.com/a/b",
    "server-pay",
    f"--token={SECRET}",
    "--password",
    SECRET,
    f"-p{SECRET}",
    f"postgres://bob:{SECRET}@db/main",
    f"KEY={SECRET}",
)


@pytest.mark.parametrize("keep", ["none", "shape"])
def test_no_content_reaches_any_row(keep):
    address = f"https://bob:{SECRET}@host/mcp?key={SECRET}"

    recorded = record(*transcript_with_secrets(), keep=keep, command=COMMAND, address=address)

    assert len(recorded.events) == 14
    assert SECRET not in recorded.encoded
    assert SECRET[:7] not in recorded.encoded
    assert recorded.connections[0].address == "https://host/mcp"


def test_where_contents_are_kept_they_are_kept_as_json():
    recorded = record(*transcript_with_secrets(), keep="full", command=COMMAND)

    paid = recorded.calls[0]
    assert json.loads(paid.arguments)["account"] == SECRET
    assert json.loads(paid.result)["content"] == [{"type": "text", "text": f"paid {SECRET}"}]
    assert recorded.calls[1].error_message == f"Invalid {SECRET}"
    assert json.loads(recorded.events[-3].result)["content"]["text"] == SECRET
    # Commands and addresses are never kept whole.
    assert SECRET not in recorded.connections[0].command
    assert recorded.calls[4].target == "https://host/path"


def test_under_none_there_are_neither_hashes_nor_shapes_nor_words():
    recorded = record(*transcript_with_secrets(), keep="none")

    for event in recorded.events:
        assert event.arguments_hash is event.arguments_shape is event.result_hash is None
        assert event.error_message is event.arguments is event.result is None
        assert event.request_bytes is not None


def test_a_shape_names_declared_keys_with_types_and_counts_the_others():
    privacy = Privacy("shape", key=KEY)
    value = {
        "s": "abc",
        "i": 5,
        "n": 0.5,
        "b": True,
        "z": None,
        "a": [1, 2],
        "o": {"k": 1},
        "x": 1,
        "y": 2,
    }

    kept = privacy.arguments(value, declared=frozenset("sinbzao"))

    assert json.loads(kept.shape) == {
        "s": "string(3)",
        "i": "integer",
        "n": "number",
        "b": "boolean",
        "z": "null",
        "a": "array(2)",
        "o": "object(1)",
        "…": 2,
    }
    assert kept.text is None


@pytest.mark.parametrize(
    ("value", "shape"), [([1, 2], '"array(2)"'), ("abc", '"string(3)"'), ({}, "{}")]
)
def test_arguments_that_are_no_object_have_a_shape_too(value, shape):
    assert Privacy("shape", key=KEY).arguments(value, declared=()).shape == shape


def test_equal_arguments_have_equal_hashes_and_none_does_not_matter():
    recorded = record(
        call("a", id=1, x=1, y=2),
        text("1", id=1),
        call("a", id=2, y=2, x=1),
        text("1", id=2),
        call("a", id=3, x=1, y=3),
        text("1", id=3),
        client("tools/call", id=4, name="a"),
        text("1", id=4),
        call("a", id=5),
        text("1", id=5),
    )

    [first, second, third, bare, empty] = [event.arguments_hash for event in recorded.calls]
    assert first == second != third
    assert bare == empty


def test_hashes_depend_on_the_key():
    [here, there] = [Privacy("shape", key=key).hash(b"x") for key in (KEY, KEY[::-1])]

    assert here != there
    assert len(here) == 32


def test_equal_results_have_equal_hashes_whatever_their_metadata_says():
    recorded = record(
        call("a", id=1),
        text("same", id=1, _meta={"took": 1}),
        call("a", id=2),
        text("same", id=2),
        call("a", id=3),
        text("other", id=3),
    )

    [first, second, third] = [event.result_hash for event in recorded.calls]
    assert first == second != third


@pytest.mark.parametrize(
    ("words", "template"),
    [
        ("Unknown tool: read_fil", "Unknown tool: …"),
        ("File '/etc/passwd' not found", "File … not found"),
        ("MCP error -32602: Tool x not found", "MCP error -32602: Tool … not found"),
        ("Error executing tool add: boom secret words", "Error executing tool …"),
        ("error ERROR Error eRRor", "error ERROR Error …"),
        ("failed: password=hunter2", "failed: …"),
        ("failed\n\tfor\r\nuser\x1b[2J", "failed for …"),
        ("can't open file 'not found'", "… open file …"),
        ("404", None),
        ("hunter2", None),
        ("", None),
        ("   ", None),
    ],
)
def test_of_an_error_text_only_common_words_are_left(words, template):
    assert template_of(words) == template


def test_two_failures_of_one_kind_have_one_text():
    texts = [f"File '/home/{name}/x' could not be opened" for name in ("ann", "bob and bill")]

    assert {template_of(words) for words in texts} == {"File … could not be opened"}


def test_the_common_words_are_plain_words():
    assert all(word.isalpha() and word.islower() for word in COMMON_WORDS)


def test_a_kept_error_text_is_one_line():
    kept = Privacy("full", key=KEY).error_text("a\n\x1b[2Jb" + "c" * 5000)

    assert kept.startswith("a [2Jbccc")
    assert (len(kept), kept[-1]) == (2000, "…")


def test_a_definition_speaks_of_passwords_and_tells_none():
    schema = {
        "type": "object",
        "properties": {
            "password": {"type": "string", "default": "hunter2", "examples": ["hunter3"]},
            "api_key": {"anyOf": [{"const": "hunter4"}, {"type": "null"}], "default": None},
            "limit": {"type": "integer", "default": 10, "enum": [10, 20]},
        },
        "description": "Needs a token, such as ghp_0123456789abcdef0123.",
    }

    kept = json.loads(Privacy("shape", key=KEY).advertised(json.dumps(schema)))

    assert kept == {
        "type": "object",
        "properties": {
            "password": {"type": "string", "default": "…", "examples": "…"},
            "api_key": {"anyOf": [{"const": "…"}, {"type": "null"}], "default": None},
            "limit": {"type": "integer", "default": 10, "enum": [10, 20]},
        },
        "description": "Needs a token, such as ….",
    }


def test_a_definition_in_which_nothing_is_cut_stays_to_the_letter():
    definition = '{"name": "login",  "description": "Takes a password."}'

    assert Privacy("shape", key=KEY).advertised(definition) == definition
