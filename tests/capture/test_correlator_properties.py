import copy
import json
from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mcplens.capture.wire import LineReader
from mcplens.events import AnyRow, Event
from tests.transcripts import Recorded, correlator, end, lost, raw, record, tick, wire

DIRECTIONS = ("to_server", "to_client")
METHODS = ("initialize", "tools/list", "tools/call", "resources/read", "prompts/get", "ping")
ASKED_BACK = ("elicitation/create", "sampling/createMessage", "roots/list")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=10)
)
NAMES = """
name arguments uri _meta progressToken cursor clientInfo serverInfo content tools prompts
resources isError structuredContent resultType type text code message data requestId reason
annotations nextCursor inputSchema properties version protocolVersion traceparent messages
"""
names = st.sampled_from(NAMES.split())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(names | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=20,
)
objects = st.dictionaries(names, values, max_size=6)
ids = st.sampled_from([0, 1, 2, "1", "2", 1.0])
bad_ids = st.sampled_from([None, True, [], {}, float("inf")])

requests = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": ids, "method": st.sampled_from(METHODS + ASKED_BACK)},
    optional={"params": objects | values},
)
answers = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": ids | bad_ids}, optional={"result": objects | values}
) | st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": ids | bad_ids, "error": objects | values}
)
cancels = st.builds(
    lambda key, reason: {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": key, "reason": reason},
    },
    ids | bad_ids,
    values,
)
junk = st.dictionaries(
    st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]),
    values | st.just("2.0"),
)
messages = requests | requests | answers | answers | cancels | junk | values
said = st.tuples(st.sampled_from(DIRECTIONS), messages)


def is_request(message):
    return (
        isinstance(message, dict)
        and message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
        and "".join(sign for sign in message["method"] if sign.isprintable()) != ""
        and type(message.get("id")) in (int, float, str)
        and message["id"] not in (float("inf"), float("-inf"))
        and message["id"] == message["id"]
    )


def play(transcript, **settings):
    rows = []
    watching = correlator(rows, **settings)
    for ns, (direction, message) in enumerate(transcript):
        watching.message(direction, message, ns=ns * 400_000_000, size=10)
        watching.tick(ns * 400_000_000)
    watching.ended("server_exited", len(transcript) * 400_000_000)
    return Recorded(rows)


@given(st.lists(said, max_size=30), st.sampled_from(["none", "shape", "full"]))
def test_every_request_becomes_one_event_and_nothing_else_does(transcript, keep):
    before = copy.deepcopy(transcript)

    recorded = play(transcript, keep=keep)

    asked = [message for _, message in transcript if is_request(message)]
    assert len(recorded.events) == len(asked)
    assert sorted(event.sequence for event in recorded.events) == list(range(1, len(asked) + 1))
    assert len({event.event_id for event in recorded.opened}) == len(recorded.opened)
    assert not [notice for notice in recorded.notices if notice.kind == "recorder_trouble"]
    assert repr(transcript) == repr(before)


@given(st.lists(said, max_size=30), st.sampled_from(["none", "shape", "full"]))
def test_every_row_can_be_spooled_and_read_again(transcript, keep):
    recorded = play(transcript, keep=keep)

    read = [msgspec.json.decode(line, type=AnyRow) for line in recorded.encoded.split("\n")]

    assert read == recorded.rows


@given(st.lists(said, max_size=30))
def test_times_are_never_negative_and_work_is_known_where_duration_is(transcript):
    for event in play(transcript).events:
        assert (event.work_ms is None) == (event.duration_ms is None)
        if event.duration_ms is not None:
            assert 0 <= event.work_ms <= event.duration_ms
            assert event.wait_ms is None or event.wait_ms + event.work_ms == event.duration_ms


@given(st.permutations([*range(5), *range(5)]))
def test_answers_in_any_order_end_exactly_what_they_answer(order):
    """The first time a number comes it is asked, the second time it is answered."""
    seen = Counter()
    transcript = []
    for number in order:
        if seen[number]:
            answer = {"jsonrpc": "2.0", "id": number, "result": {"content": []}}
            transcript.append(("to_client", answer))
        else:
            params = {"name": f"tool{number}"}
            asked = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            transcript.append(("to_server", asked))
        seen[number] += 1

    recorded = play(transcript)

    first = {number: order.index(number) for number in range(5)}
    last = {number: 9 - order[::-1].index(number) for number in range(5)}
    assert {event.target: event.duration_ms for event in recorded.events} == {
        f"tool{number}": 400.0 * (last[number] - first[number]) for number in range(5)
    }
    assert recorded.notices == []


@given(st.lists(st.tuples(st.sampled_from(DIRECTIONS), st.binary(max_size=100)), max_size=20))
def test_any_bytes_are_taken_without_a_word(chunks):
    recorded = record(*(raw(data, direction=way) for way, data in chunks), end())

    assert not [notice for notice in recorded.notices if notice.kind == "recorder_trouble"]
    assert len(recorded.connections) == 2


@given(st.lists(said, max_size=10), st.data())
def test_the_wire_and_the_messages_on_it_give_the_same_events(transcript, data):
    transcript = json.loads(json.dumps(transcript))
    cut = data.draw(st.integers(1, 50))
    rows = []
    watching = correlator(rows)
    readers = {direction: LineReader() for direction in DIRECTIONS}
    for ns, (direction, message) in enumerate(transcript):
        line = wire(message)
        pieces = [line[at : at + cut] for at in range(0, len(line), cut)]
        for piece in pieces:
            for whole in readers[direction].feed(piece, ns):
                watching.line(direction, whole)
    watching.ended("server_exited", len(transcript))
    members = [
        (direction, member)
        for direction, message in transcript
        for member in (message if isinstance(message, list) else [message])
    ]

    there = [event for event in rows if isinstance(event, Event)]

    assert len(there) == sum(is_request(message) for _, message in members)


@given(st.lists(st.sampled_from(["ask", "answer", "lose", "tick"]), max_size=30))
def test_what_was_lost_is_told_once(steps):
    transcript = [
        {
            "ask": raw(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n', direction="to_server"),
            "answer": raw(b'{"jsonrpc":"2.0","id":1,"result":{}}\n'),
            "lose": lost(2),
            "tick": tick(at=None),
        }[step]
        for step in steps
    ]

    recorded = record(*transcript, raw(b'{"jsonrpc":"2.0","id":9,"method":"ping"}\n'), end())

    told_by_events = sum(event.lost_before or 0 for event in recorded.events)
    assert told_by_events == 2 * steps.count("lose")
    assert sum(notice.lost_count or 0 for notice in recorded.notices) == told_by_events
