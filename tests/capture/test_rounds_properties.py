"""Whatever is said about rounds, tasks, questions and exchanges, in whatever order."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcplens.capture.sighting import Beside
from tests.transcripts import Recorded, correlator

RELATED = "io.modelcontextprotocol/related-task"
ids = st.sampled_from([1, 2, "1"])
targets = st.sampled_from(["a", "b"])
states = st.sampled_from(["s1", "s2"]) | st.none() | st.integers()
task_ids = st.sampled_from(["t1", "t2"]) | st.integers() | st.none()
questions = st.dictionaries(
    st.sampled_from(["x", "y"]),
    st.fixed_dictionaries(
        {"method": st.sampled_from(["elicitation/create", "roots/list", "sampling/createMessage"])}
    )
    | st.none(),
    max_size=2,
)
statuses = st.sampled_from(["working", "input_required", "completed", "failed", "cancelled", 7])
contents = st.sampled_from([{"content": []}, {"content": [], "isError": True}, {}, None, "text"])
errors = st.fixed_dictionaries(
    {"code": st.sampled_from([-32020, -32042, -32602, -32603]), "message": st.just("no")},
    optional={"data": st.just({"elicitations": [{}]}) | st.none()},
)
tasks = st.fixed_dictionaries(
    {"taskId": task_ids, "status": statuses},
    optional={"inputRequests": questions, "result": contents, "error": errors},
)
results = st.one_of(
    contents,
    st.fixed_dictionaries(
        {"resultType": st.just("input_required")},
        optional={"inputRequests": questions | st.none(), "requestState": states},
    ),
    tasks,
    st.builds(lambda task: {"resultType": "task", **task}, tasks),
    st.builds(lambda task: {"task": task}, tasks | st.none()),
)
calls = st.fixed_dictionaries(
    {"name": targets},
    optional={
        "arguments": st.sampled_from([{}, {"k": 1}, None]),
        "requestState": states,
        "inputResponses": questions | st.none(),
        "_meta": st.fixed_dictionaries({"progressToken": ids}),
        "task": st.just({}),
    },
)
about_tasks = st.fixed_dictionaries(
    {"taskId": task_ids}, optional={"inputResponses": questions | st.integers()}
)
asked_back = st.fixed_dictionaries(
    {}, optional={"_meta": st.builds(lambda key: {RELATED: {"taskId": key}}, task_ids)}
)


def _request(method, params):
    return st.builds(
        lambda key, said: {"jsonrpc": "2.0", "id": key, "method": method, "params": said},
        ids,
        params,
    )


def _notification(method, params):
    return st.builds(lambda said: {"jsonrpc": "2.0", "method": method, "params": said}, params)


answers = st.builds(lambda key, said: {"jsonrpc": "2.0", "id": key, "result": said}, ids, results)
refusals = st.builds(lambda key, said: {"jsonrpc": "2.0", "id": key, "error": said}, ids, errors)
from_client = st.one_of(
    _request("tools/call", calls),
    _request("tools/call", calls),
    *(_request(f"tasks/{what}", about_tasks) for what in ("get", "result", "update", "cancel")),
    answers,
    refusals,
    _notification("notifications/cancelled", st.builds(lambda key: {"requestId": key}, ids)),
)
from_server = st.one_of(
    answers,
    answers,
    answers,
    refusals,
    _request("elicitation/create", asked_back),
    _request("sampling/createMessage", asked_back),
    _request("roots/list", asked_back),
    *(_notification(f"notifications/{what}", tasks) for what in ("tasks", "tasks/status")),
    _notification("notifications/progress", st.builds(lambda key: {"progressToken": key}, ids)),
)
scopes = st.sampled_from([None, None, None, "x1", "x2"])
steps = st.one_of(
    st.tuples(st.just("to_server"), from_client, scopes, scopes),
    st.tuples(st.just("to_client"), from_server, scopes, scopes),
    st.tuples(st.just("exchange_ended"), st.sampled_from(["x1", "x2"])),
    st.tuples(st.just("lost"), st.integers(1, 3)),
)
ways_to_end = st.sampled_from(["client_closed", "server_exited", "signal"])


def play(said, reason, step_ms, keep):
    rows = []
    watching = correlator(rows, keep=keep)
    ns = 0
    for what, *more in said:
        ns += step_ms * 1_000_000
        if what == "exchange_ended":
            watching.exchange_ended(more[0], "client_closed", ns)
        elif what == "lost":
            watching.lost(more[0], ns)
        else:
            message, scope, exchange = more
            beside = Beside(scope=scope, exchange=exchange)
            watching.message(what, message, ns=ns, size=10, beside=beside)
        watching.tick(ns)
    watching.ended(reason, ns)
    return Recorded(rows)


@given(
    said=st.lists(steps, max_size=40),
    reason=ways_to_end,
    step_ms=st.sampled_from([1, 400, 90_000]),
    keep=st.sampled_from(["none", "shape", "full"]),
)
def test_each_request_ends_once_and_each_call_adds_up(said, reason, step_ms, keep):
    recorded = play(said, reason, step_ms, keep)

    asked = [more[0]["method"] for what, *more in said if _is_request(what, more)]
    assert sorted(event.sequence for event in recorded.events) == list(range(1, len(asked) + 1))
    assert sorted(event.method for event in recorded.events) == sorted(asked)
    assert len({event.event_id for event in recorded.opened}) == len(recorded.opened)
    assert not [notice for notice in recorded.notices if notice.kind == "recorder_trouble"]
    for event in recorded.events:
        _check_times(event)
    rounds_of = defaultdict(list)
    for event in sorted(recorded.calls, key=lambda event: event.round):
        rounds_of[event.call_id].append(event)
    for call_id, rounds in rounds_of.items():
        _check_rounds(call_id, rounds)


def _is_request(what, more):
    return what.startswith("to_") and "method" in more[0] and "id" in more[0]


def _check_times(event):
    assert (event.work_ms is None) == (event.duration_ms is None)
    if event.duration_ms is None:
        assert event.wait_ms is None
    else:
        assert 0 <= (event.wait_ms or 0) <= event.duration_ms
        assert (event.wait_ms or 0) + event.work_ms == pytest.approx(event.duration_ms)


def _check_rounds(call_id, rounds):
    first, last = rounds[0], rounds[-1]
    assert [event.round for event in rounds] == list(range(1, len(rounds) + 1))
    assert [event.is_final for event in rounds] == [False] * (len(rounds) - 1) + [True]
    assert first.event_id == call_id
    assert {event.target for event in rounds} == {first.target}
    assert last.started_at == first.started_at
    assert last.outcome != "input_required"
    assert {event.outcome for event in rounds[:-1]} <= {"input_required", "protocol_error"}
    if last.duration_ms is not None:
        assert last.duration_ms >= sum(event.duration_ms for event in rounds[:-1]) - 1e-6
        counts = [event.progress_count or 0 for event in rounds[:-1]]
        assert (last.progress_count or 0) >= sum(counts)
