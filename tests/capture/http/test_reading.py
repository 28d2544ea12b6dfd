"""From what passed over HTTP to events, with a clock of the test's own."""

import gzip
import json
import zlib
from itertools import count

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from mcplens.capture.correlator import Correlator
from mcplens.capture.http.connections import Caller, HttpConnections
from mcplens.capture.http.exchange import Answering, Asked, HttpTap, Over, Piece
from mcplens.capture.http.reading import HttpReader
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.privacy import Privacy
from mcplens.events import Event, Notice

MS = 1_000_000
SECOND = 1000 * MS
STREAM = "text/event-stream"
JSON = "application/json"


class Clock:
    def __init__(self):
        self.now = 0

    def ns(self):
        return self.now

    def utc(self, ns):
        from datetime import datetime, timedelta

        return datetime(2026, 11, 20) + timedelta(microseconds=ns // 1000)  # noqa: DTZ001


class Watching:
    """A tap and its reader; stands in for the recorder too."""

    def __init__(self):
        self.clock = Clock()
        self.privacy = Privacy("shape", key=b"k" * 32)
        self.keep = "shape"
        self.rows = []
        self.lost = 0
        self._numbers = count(1)
        self._connections = count(1)
        self.tap = HttpTap()
        self.reader = HttpReader(self.tap, self, self.facts, endpoint="http://s/mcp")

    def facts(self, transport, ns):
        number = next(self._connections)
        return ConnectionFacts(
            connection_id=f"c{number}", observer="proxy", transport=transport, spawned_ns=ns
        )

    def correlator(self, facts, *, server_name=None):
        return Correlator(
            run_id="r",
            connection=facts,
            privacy=self.privacy,
            clock=self.clock,
            next_sequence=lambda: next(self._numbers),
            emit=self.rows.append,
            server_name_option=server_name,
        )

    def count_lost(self, lost, **_):
        self.lost += lost

    def exchange(self, method="POST", target="/mcp", *, session=None, peer="p", token=None):
        return Wire(
            self,
            self.tap.begin(
                method=method, target=target, peer=peer, session=session, authorization=token
            ),
        )

    def read(self, *, after_ns=0):
        self.clock.now += after_ns
        while self.reader.work():
            pass

    def ended(self):
        self.read()
        return [row for row in self.rows if isinstance(row, Event) and row.outcome]

    def calls(self):
        return [event for event in self.ended() if event.is_final]

    def notices(self):
        self.read()
        return [row.kind for row in self.rows if isinstance(row, Notice)]


class Wire:
    """One exchange, step by step; each step takes a millisecond."""

    def __init__(self, watching, exchange):
        self.watching, self.exchange = watching, exchange

    def _note(self, make, weight=0):
        self.watching.clock.now += MS
        self.watching.tap.note(make(self.watching.clock.now), weight)
        return self

    def ask(self, *messages, batch=False):
        sent = list(messages) if batch else messages[0] if messages else None
        body = b"" if sent is None else json.dumps(sent).encode()
        return self.raw(body)

    def raw(self, body, encoding=""):
        return self._note(lambda ns: Asked(self.exchange, ns, body, encoding))

    def head(self, status=200, kind=JSON, *, session=None, encoding=""):
        return self._note(lambda ns: Answering(self.exchange, ns, status, kind, encoding, session))

    def say(self, message, *, event_id=None):
        named = "" if event_id is None else f"id: {event_id}\n"
        return self.piece(f"{named}data: {json.dumps(message)}\n\n".encode())

    def piece(self, data, *, weight=0):
        return self._note(lambda ns: Piece(self.exchange, ns, data), weight)

    def over(self, reason="done"):
        return self._note(lambda ns: Over(self.exchange, ns, reason))

    def answer(self, message, status=200, *, session=None):
        body = json.dumps(message).encode()
        return self.head(status, session=session).piece(body).over()


def call(number=1, tool="search", meta=None):
    params = {"name": tool, "arguments": {}}
    if meta is not None:
        params["_meta"] = meta
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def result(number=1, **more):
    return {"jsonrpc": "2.0", "id": number, "result": {"content": [], **more}}


def error(number, code, message="no"):
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def hello(client="a"):
    info = {"name": client, "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}


def client_meta(name):
    return {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": name, "version": "1"},
    }


@pytest.fixture
def watching():
    return Watching()


def test_two_clients_with_equal_ids_are_two(watching):
    first = watching.exchange().ask(call(1, "a", client_meta("one")))
    second = watching.exchange().ask(call(1, "b", client_meta("two")))

    second.answer(result(1, isError=True))
    first.answer(result(1))

    by_tool = {event.target: (event.outcome, event.client_name) for event in watching.calls()}
    assert by_tool == {"a": ("ok", "one"), "b": ("tool_error", "two")}
    assert len({event.connection_id for event in watching.calls()}) == 2


def test_one_client_may_use_an_id_twice_at_once(watching):
    first = watching.exchange().ask(call(1, "a"))
    second = watching.exchange().ask(call(1, "b"))

    second.answer(result(1))
    first.answer(result(1))

    assert [event.target for event in watching.calls()] == ["b", "a"]
    assert watching.notices() == []


def test_handshakes_at_the_same_time_open_a_session_each(watching):
    first = watching.exchange().ask(hello("one"))
    second = watching.exchange().ask(hello("two"))
    second.answer(result(0), session="s2")
    first.answer(result(0), session="s1")

    watching.exchange(session="s1").ask(call()).answer(result())
    watching.exchange(session="s2").ask(call()).answer(result())

    assert [event.client_name for event in watching.calls()] == ["one", "two"]
    assert {event.session_basis for event in watching.ended()} == {"protocol"}
    assert len({event.connection_id for event in watching.ended()}) == 2


def test_a_server_without_sessions_is_followed_after_its_handshake(watching):
    watching.exchange().ask(hello("one")).answer(result(0))

    watching.exchange().ask(call()).answer(result())

    [handshake, found] = watching.ended()
    assert (found.client_name, found.connection_id) == ("one", handshake.connection_id)


def test_an_answer_may_come_on_another_stream(watching):
    broken = watching.exchange(session="s").ask(call()).head(kind=STREAM)
    broken.piece(b"id: 1\ndata: \n\n").over("server_closed")
    watching.read(after_ns=SECOND)

    resumed = watching.exchange("GET", session="s").ask().head(kind=STREAM)
    resumed.say(result(), event_id=2)

    [found] = watching.calls()
    assert (found.outcome, found.http_status) == ("ok", 200)


def test_a_stream_that_nobody_comes_back_for_is_broken_off(watching):
    broken = watching.exchange(session="s").ask(call()).head(kind=STREAM)
    broken.piece(b"id: 1\ndata: \n\n").over("server_closed")

    watching.read(after_ns=59 * SECOND)
    before = watching.calls()
    watching.read(after_ns=2 * SECOND)

    assert before == []
    [found] = watching.calls()
    # Asked at 1 ms, broken off at 4 ms; that is when it ended.
    assert (found.outcome, found.duration_ms) == ("disconnected", 3.0)


def test_the_word_of_a_cancel_may_come_behind_the_end_of_its_stream(watching):
    watching.exchange(session="s").ask(call()).head(kind=STREAM).over("client_closed")
    watching.read()
    cancel = {"requestId": 1, "reason": "Request timed out"}
    watching.exchange(session="s").ask(
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel}
    ).head(202, "").over()
    watching.read(after_ns=SECOND)

    [found] = watching.calls()
    assert (found.outcome, found.outcome_basis) == ("timeout", "cancel_reason")


def test_a_client_of_a_session_that_leaves_has_cancelled(watching):
    watching.exchange(session="s").ask(call()).head(kind=STREAM).over("client_closed")
    watching.read()
    watching.read(after_ns=SECOND)

    [found] = watching.calls()
    assert (found.outcome, found.outcome_basis) == ("cancelled", "disconnect")


def test_a_question_within_a_call_is_answered_in_another_exchange(watching):
    ask = {"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {"message": "?"}}
    asked = watching.exchange(session="s").ask(call()).head(kind=STREAM).say(ask)
    answer = {"jsonrpc": "2.0", "id": 1, "result": {"action": "accept"}}
    watching.exchange(session="s").ask(answer).head(202, "").over()
    asked.say(result()).over()

    question, found = watching.ended()
    assert (question.method, question.outcome) == ("elicitation/create", "ok")
    # Asked at 1 ms; the question was open from 3 to 4 ms; answered at 7 ms.
    assert (found.duration_ms, found.wait_ms, found.work_ms) == (6.0, 1.0, 5.0)


def test_a_batch_is_its_messages(watching):
    watching.exchange(session="s").ask(call(1, "a"), call(2, "b"), batch=True).answer(
        [result(2), error(1, -32602)]
    )

    by_tool = {event.target: event.outcome for event in watching.calls()}
    assert by_tool == {"a": "protocol_error", "b": "ok"}


@pytest.mark.parametrize("session", [None, "s"])
@pytest.mark.parametrize(
    ("status", "error_class", "rule"),
    [
        (401, "auth", "http_401"),
        (403, "auth", "http_403"),
        (429, "rate_limited", "http_429"),
        (503, "upstream", "http_503"),
        (500, "internal", "http_500"),
        (404, None, None),
        (200, "malformed_result", "http_no_answer"),
    ],
)
def test_a_status_without_an_answer_is_classed(watching, session, status, error_class, rule):
    watching.exchange(session=session).ask(call()).head(status, "text/html").piece(b"<h1>").over()

    [found] = watching.calls()
    assert (found.outcome, found.outcome_basis) == ("protocol_error", "http_status")
    assert (found.error_class, found.error_rule) == (error_class, rule)
    assert (found.error_origin, found.http_status) == ("transport", status)


@pytest.mark.parametrize("request_id", [None, "server-error"])
def test_an_error_that_names_no_request_is_about_its_exchange(watching, request_id):
    watching.exchange(session="gone").ask(call(7)).answer(
        error(request_id, -32600, "Session not found"), 404
    )

    [found] = watching.calls()
    assert (found.outcome, found.error_code, found.http_status) == ("protocol_error", -32600, 404)
    assert watching.notices() == []


def test_a_probe_that_an_old_server_refuses_is_no_failure(watching):
    probe = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {}}
    watching.exchange().ask(probe).answer(error(None, -32000, "Server not initialized"), 400)
    watching.exchange().ask(probe).head(405, "").over()

    assert [(e.outcome_basis, e.error_class) for e in watching.ended()] == 2 * [("era_probe", None)]


def test_a_session_that_is_deleted_has_ended(watching):
    watching.exchange().ask(hello()).answer(result(0), session="s")
    watching.exchange("DELETE", session="s").ask().head(200, "").over()
    watching.read()

    ends = [getattr(row, "end_reason", None) for row in watching.rows]
    assert [end for end in ends if end] == ["client_closed"]


def test_http_with_sse_is_one_connection(watching):
    stream = watching.exchange("GET").ask().head(kind=STREAM)
    stream.piece(b"event: endpoint\ndata: messages/?session_id=5\n\n")
    post = watching.exchange("POST", "/messages/?session_id=5").ask(call())
    post.head(202, "text/plain").piece(b"Accepted").over()
    stream.say(result()).over("client_closed")

    [found] = watching.calls()
    assert (found.outcome, found.transport, found.session_basis) == ("ok", "sse", "protocol")
    assert watching.rows[-1].end_reason == "client_closed"


def test_a_login_is_not_read(watching):
    watching.exchange("POST", "/register").ask({"client_secret": "s"}).answer({"a": 1})

    watching.read()

    assert watching.rows == []


def test_a_piece_that_found_no_room_makes_the_rest_unknown(watching):
    asked = watching.exchange().ask(call()).head()
    asked.piece(b"{", weight=1_000_000_000)
    asked.piece(json.dumps(result()).encode()).over()

    [found] = watching.calls()
    assert (found.outcome, found.outcome_basis) == ("unanswered", "messages_lost")
    assert watching.lost == 1


def test_a_connection_ends_when_it_was_silent_for_half_an_hour(watching):
    watching.exchange(session="s").ask(call()).answer(result())
    watching.read()
    stream = watching.exchange("GET", session="s").ask().head(kind=STREAM)
    watching.read(after_ns=1801 * SECOND)
    before = watching.rows[-1]
    stream.over("client_closed")
    watching.read(after_ns=MS)

    [*_, after] = watching.rows
    assert getattr(before, "end_reason", None) is None
    assert after.end_reason == "client_closed"


def test_of_too_many_connections_the_one_that_was_silent_longest_gives_way():
    watching = Watching()
    connections = HttpConnections(watching, watching.facts, max_connections=2)
    for ns, session in enumerate(["a", "b", "a", "c"]):
        connections.of_message(connections.known(Caller("p", None, session)), call(), ns=ns)

    known = [connections.known(Caller("p", None, session)) for session in "abc"]
    found = [connections.of_session_if_known(one) is not None for one in known]
    assert found == [True, False, True]


def test_contents_that_cannot_be_read_are_not_known(watching):
    watching.exchange().ask(call()).head(encoding="weird").piece(b"?").over()

    [found] = watching.calls()
    assert (found.outcome, found.outcome_basis) == ("unanswered", "contents_unread")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_encoded_contents_are_read(watching, encoding):
    data = json.dumps(result()).encode()
    pack = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": brotli.compress,
        "zstd": zstandard.compress,
    }
    data = pack[encoding](data)
    asked = watching.exchange().ask(call()).head(encoding=encoding)
    for byte in data:
        asked.piece(bytes([byte]))
    asked.over()

    [found] = watching.calls()
    assert (found.outcome, found.response_bytes) == ("ok", len(json.dumps(result())))


def take(wire, step, noise):
    """Let one thing happen in an exchange, likely or not."""
    steps = {
        "call": lambda: wire.ask(call(len(noise))),
        "batch": lambda: wire.ask(call(1), call("1"), result(1), batch=True),
        "junk": lambda: wire.raw(noise, "gzip" if len(noise) % 2 else ""),
        "hello": lambda: wire.ask(hello()),
        "head": lambda: wire.head(200 + 13 * len(noise), session="s" if noise else None),
        "stream": lambda: wire.head(kind=STREAM),
        "bad": lambda: wire.head(encoding="gzip"),
        "say": lambda: wire.say(result(len(noise)), event_id=1),
        "piece": lambda: wire.piece(noise),
        "over": wire.over,
        "left": lambda: wire.over("client_closed"),
    }
    steps[step]()


STEPS = st.sampled_from(
    ["call", "batch", "junk", "hello", "head", "stream", "bad", "say", "piece", "over", "left"]
)


@given(st.lists(st.tuples(st.integers(0, 3), STEPS, st.binary(max_size=20)), max_size=40))
def test_whatever_passes_nothing_raises_and_no_call_is_invented(steps):
    watching = Watching()
    wires = [
        watching.exchange(method, target, session=session)
        for method, target, session in [
            ("POST", "/mcp", None),
            ("POST", "/mcp", "s"),
            ("GET", "/mcp", "s"),
            ("POST", "/x?session_id=1", None),
        ]
    ]
    for number, step, noise in steps:
        take(wires[number], step, noise)
    watching.read()
    watching.reader.give_up()

    asked = sum(1 + (step == "batch") for _, step, _ in steps if step in ("call", "batch"))
    ended = [row for row in watching.rows if isinstance(row, Event) and row.outcome]
    assert len([event for event in ended if event.method == "tools/call"]) <= asked
    assert len({event.event_id for event in ended}) == len(ended)
