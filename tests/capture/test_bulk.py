import json

import msgspec
import pytest

from mcplens.capture.bulk import SMALL_BYTES
from mcplens.capture.wire import parse_json
from tests.transcripts import call, record, server, told, wire

LARGE_LIST = [{"name": f"file{number}", "size": number} for number in range(10_000)]
LARGE_TEXT = "x" * (SMALL_BYTES + 1)


def answer(**result):
    return server(id=1, result=result)


@pytest.mark.parametrize(
    "result",
    [
        {"content": [{"type": "text", "text": LARGE_TEXT}]},
        {"content": [{"type": "text", "text": "a"}] * 10_000},
        {"content": [{"type": "text", "text": LARGE_TEXT}, {"type": "image", "data": LARGE_TEXT}]},
        {"contents": [{"uri": "file:///a", "blob": LARGE_TEXT}]},
        {"isError": True, "content": [{"type": "text", "text": "Unknown tool: a" + LARGE_TEXT}]},
    ],
)
def test_a_large_message_is_read_as_a_small_one_would_be(result):
    data = wire({"jsonrpc": "2.0", "id": 1, "result": result})

    assert parse_json(data) == json.loads(data)


def test_what_says_nothing_about_the_call_stays_as_it_was_sent():
    data = wire({"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": LARGE_LIST}})

    message = parse_json(data)

    assert message["result"] == {"structuredContent": msgspec.Raw(wire(LARGE_LIST).strip())}


def test_a_large_result_tells_the_same_as_a_small_one():
    small = {"content": [{"type": "text", "text": "a"}], "structuredContent": {"files": []}}
    large = {**small, "structuredContent": {"files": LARGE_LIST}}

    [event] = record(call("list", id=1), answer(**small)).events
    [large_event] = record(call("list", id=1), answer(**large)).events

    sizes_and_hashes = {"response_bytes", "result_hash"}
    assert told(large_event).keys() == told(event).keys()
    assert {k: v for k, v in told(large_event).items() if k not in sizes_and_hashes} == {
        k: v for k, v in told(event).items() if k not in sizes_and_hashes
    }


def test_large_contents_are_kept_whole_where_contents_are():
    result = {"content": [], "structuredContent": {"files": LARGE_LIST}}

    [event] = record(call("list", id=1), answer(**result), keep="full").events

    assert json.loads(event.result) == result


def test_large_arguments_are_named_with_their_types():
    [event] = record(
        call("write", id=1, text=LARGE_TEXT, rows=LARGE_LIST),
        answer(content=[]),
        keep="full",
    ).events

    assert json.loads(event.arguments) == {"text": LARGE_TEXT, "rows": LARGE_LIST}
    assert event.arguments_shape == '{"…":2}'


@pytest.mark.parametrize("data", [b"[" + b"1," * 60_000 + b"1]", b'"' + b"x" * 200_000 + b'"'])
def test_large_json_that_is_no_object_is_read_too(data):
    assert parse_json(data) == json.loads(data)
