"""What a wire may hold that is no proper message: passed on byte for byte, and noticed."""

import sys

import pytest

from tests.processes import SERVERS
from tests.spooled import calls, rows

ASK = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{}}}'
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'
LONG = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"%s"}]}}'
# Spaces, order of keys and escapes are the server's own affair.
UNUSUAL = (
    b' {"result" : {"content":[ ],"n":1e400,"big":12345678901234567890123,"u":"\\u00e9\\ud800"},'
    b'\t"id":1, "jsonrpc":"2.0" } '
)

WIRES = {
    "no JSON": (ASK + b"\n", b"starting up...\n" + ANSWER + b"\n", ["not_json"]),
    "no JSON-RPC": (ASK + b"\n", b'{"level":"info"}\n' + ANSWER + b"\n", ["not_jsonrpc"]),
    "no text": (ASK + b"\n", b"\xff\xfe\x00\n" + ANSWER + b"\n", ["not_json"]),
    "unknown id": (
        ASK + b"\n",
        b'{"jsonrpc":"2.0","id":99,"result":{}}\n' + ANSWER + b"\n",
        ["unknown_id"],
    ),
    "duplicate answer": (ASK + b"\n", (ANSWER + b"\n") * 2, ["duplicate_answer"]),
    "batch": (b"[" + ASK + b"]\n", b"[" + ANSWER + b"]\n", ["batch", "batch"]),
    "CRLF": (ASK + b"\r\n", ANSWER + b"\r\n", []),
    "blank lines": (b"\n\n" + ASK + b"\n", b"\r\n" + ANSWER + b"\n\n", []),
    "unusual JSON": (ASK + b"\n", UNUSUAL + b"\n", []),
    "5 MB line": (ASK + b"\n", LONG % (b"x" * 5_000_000) + b"\n", []),
    "half a line at the end": (
        ASK + b'\n{"jsonrpc":',
        ANSWER + b'\n{"jsonrpc":"2.0","id"',
        ["incomplete_line", "incomplete_line"],
    ),
}


@pytest.mark.parametrize("name", WIRES)
def test_an_odd_wire_is_passed_on_and_noticed(recorded, tmp_path, name):
    question, answer, noticed = WIRES[name]
    (tmp_path / "words").write_bytes(answer)
    listen = (sys.executable, SERVERS / "tee.py", tmp_path / "wire")
    recite = (sys.executable, SERVERS / "recite.py", tmp_path / "words", "999")

    done = recorded.run(*listen, *recite, words=question)

    assert (tmp_path / "wire.to_server").read_bytes() == question
    assert done.stdout == answer
    assert [notice.kind for notice in rows(recorded.store, "notices")] == noticed
    [call] = calls(recorded.store)
    assert (call.target, call.outcome) == ("search", "ok")


def test_the_size_of_a_long_answer_is_recorded(recorded, tmp_path):
    answer = LONG % (b"x" * 5_000_000)
    (tmp_path / "words").write_bytes(answer + b"\n")

    recorded.run(sys.executable, SERVERS / "recite.py", tmp_path / "words", words=ASK + b"\n")

    [call] = calls(recorded.store)
    assert call.response_bytes == len(answer)
    assert call.result is None
