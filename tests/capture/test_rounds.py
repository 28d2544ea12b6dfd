from datetime import datetime

import pytest

from mcplens.capture import rounds
from mcplens.capture.note import understand
from mcplens.capture.sighting import Beside
from tests.transcripts import (
    HANDSHAKE,
    Recorded,
    call,
    client,
    correlator,
    end,
    lost,
    modern_meta,
    record,
    server,
    text,
    tick,
)

FORM = {"name": {"method": "elicitation/create", "params": {"message": "Who?"}}}
ROOTS = {"roots": {"method": "roots/list"}}
ANSWERS = {"name": {"action": "accept", "content": {"name": "bob"}}}


def asks(*, id, at, state=None, wants=FORM):  # noqa: A002
    """Let the server answer a call by asking for input."""
    more = {} if state is None else {"requestState": state}
    if wants is not None:
        more["inputRequests"] = wants
    return server(id=id, at=at, result={"resultType": "input_required", **more})


def again(name, *, id, at, state=None, responses=ANSWERS, token=None, **arguments):  # noqa: A002
    """Let the client make a call again with what was asked for."""
    meta = modern_meta() if token is None else modern_meta(progressToken=token)
    params = {"name": name, "arguments": arguments, "_meta": meta}
    if state is not None:
        params["requestState"] = state
    if responses is not None:
        params["inputResponses"] = responses
    return client("tools/call", id=id, at=at, **params)


def refused(*, id, at):  # noqa: A002
    """Let the server refuse a call whose HTTP headers do not fit it."""
    return server(id=id, at=at, error={"code": -32020, "message": "Header mismatch"})


def folded(recorded):
    return [
        (e.request_id, e.call_id, e.round, e.is_final, e.outcome, e.duration_ms, e.wait_ms)
        for e in recorded.calls
    ]


def test_a_call_that_asks_for_input_is_one_call_of_two_rounds():
    recorded = record(
        call("greet", id=2, at=100, meta=modern_meta()),
        asks(id=2, at=102, state="s1"),
        again("greet", id=3, at=302, state="s1"),
        text("hi bob", id=3, at=305),
    )

    assert folded(recorded) == [
        ("2", "run1-1", 1, False, "input_required", 2.0, 0.0),
        ("3", "run1-1", 2, True, "ok", 205.0, 200.0),
    ]
    [first, last] = recorded.calls
    assert (first.work_ms, last.work_ms) == (2.0, 5.0)
    assert first.started_at == last.started_at == datetime(2026, 11, 20, 12, 0, 0, 100_000)  # noqa: DTZ001


def test_without_a_state_the_next_round_is_known_by_its_arguments():
    recorded = record(
        call("greet", id=1, at=0, who="a"),
        call("greet", id=2, at=1, who="b"),
        asks(id=1, at=10),
        asks(id=2, at=11),
        again("greet", id=3, at=50, who="b"),
        again("greet", id=4, at=60, who="a"),
        text("hi b", id=3, at=70),
        text("hi a", id=4, at=80),
    )

    assert folded(recorded) == [
        ("2", "run1-2", 1, False, "input_required", 10.0, 0.0),
        ("1", "run1-1", 1, False, "input_required", 10.0, 0.0),
        ("3", "run1-2", 2, True, "ok", 69.0, 39.0),
        ("4", "run1-1", 2, True, "ok", 80.0, 50.0),
    ]


def test_a_call_with_another_state_target_or_method_is_a_call_of_its_own():
    recorded = record(
        call("greet", id=1, at=0),
        asks(id=1, at=10, state="s1"),
        again("greet", id=2, at=20, state="s2"),
        again("book", id=3, at=30, state="s1"),
        again("greet", id=4, at=40),
        call("greet", id=5, at=50),
        client("prompts/get", id=6, at=60, name="greet", requestState="s1"),
        end(at=100),
    )

    assert {(e.request_id, e.round, e.is_final, e.outcome) for e in recorded.calls} == {
        ("1", 1, True, "cancelled"),
        *((str(number), 1, True, "unanswered") for number in range(2, 7)),
    }


@pytest.mark.parametrize("keep", ["none", "shape", "full"])
def test_rounds_are_found_whatever_is_kept_and_no_state_is_written(keep):
    recorded = record(
        call("greet", id=1, at=0, who="a"),
        asks(id=1, at=10, state="secret-1", wants=ROOTS),
        again("greet", id=2, at=20, state="secret-1", who="a"),
        asks(id=2, at=30),
        again("greet", id=3, at=40, who="a"),
        text("hi", id=3, at=50),
        keep=keep,
    )

    assert [(e.call_id, e.round) for e in recorded.calls] == [
        ("run1-1", 1),
        ("run1-1", 2),
        ("run1-1", 3),
    ]
    if keep != "full":
        assert "secret" not in recorded.encoded


def test_every_round_adds_its_waits_its_work_and_its_progress():
    def progress(token, at):
        return server("notifications/progress", progressToken=token, progress=1, at=at)

    recorded = record(
        call("book", id=1, at=0, meta=modern_meta(progressToken=1)),
        asks(id=1, at=10, state="a"),
        again("book", id=2, at=110, state="a", token=2),
        progress(2, at=125),
        progress(1, at=126),
        asks(id=2, at=130, state="b", wants=ROOTS),
        again("book", id=3, at=150, state="b", token=3),
        progress(3, at=155),
        asks(id=3, at=160, state="c"),
        again("book", id=4, at=560, state="c"),
        text("booked", id=4, at=600),
    )

    assert [(e.round, e.duration_ms, e.wait_ms, e.work_ms) for e in recorded.calls] == [
        (1, 10.0, 0.0, 10.0),
        (2, 20.0, 0.0, 20.0),
        (3, 10.0, 0.0, 10.0),
        (4, 600.0, 500.0, 100.0),
    ]
    assert [(e.progress_count, e.first_progress_ms) for e in recorded.calls] == [
        (0, None),
        (1, 15.0),
        (1, 5.0),
        (2, 125.0),
    ]


@pytest.mark.parametrize("wants", [None, ROOTS, {}])
def test_what_no_person_and_no_model_is_asked_is_work(wants):
    recorded = record(
        call("greet", id=1, at=0),
        asks(id=1, at=10, state="s1", wants=wants),
        again("greet", id=2, at=60, state="s1", responses=None),
        text("hi", id=2, at=70),
    )

    assert [(e.duration_ms, e.wait_ms, e.work_ms) for e in recorded.calls][-1] == (70.0, 0.0, 70.0)


def test_a_call_refused_for_its_headers_and_made_again_is_one_call_and_all_of_it_is_work():
    recorded = record(
        call("greet", id=1, at=0, who="a"),
        refused(id=1, at=10),
        client("tools/list", id=2, at=11),
        server(id=2, at=30, result={"tools": []}),
        call("greet", id=3, at=31, who="a"),
        text("hi", id=3, at=50),
    )

    assert folded(recorded) == [
        ("1", "run1-1", 1, False, "protocol_error", 10.0, 0.0),
        ("3", "run1-1", 2, True, "ok", 50.0, 0.0),
    ]


def test_a_round_refused_for_its_headers_goes_on_where_it_was():
    recorded = record(
        call("greet", id=1, at=0),
        asks(id=1, at=10, state="s1"),
        again("greet", id=2, at=110, state="s1"),
        refused(id=2, at=115),
        again("greet", id=3, at=120, state="s1"),
        text("hi", id=3, at=130),
    )

    assert folded(recorded)[-1] == ("3", "run1-1", 3, True, "ok", 130.0, 100.0)


@pytest.mark.parametrize("later", [tick(at=60_010), end(at=500), end("server_exited", at=500)])
def test_a_call_refused_for_its_headers_and_not_made_again_failed(later):
    recorded = record(call("greet", id=1, at=0), refused(id=1, at=10), later)

    [event] = recorded.calls
    assert (event.outcome, event.error_code, event.is_final) == ("protocol_error", -32020, True)
    assert (event.duration_ms, event.error_class) == (10.0, "invalid_arguments")


def test_an_error_that_asks_for_a_visit_to_a_page_is_a_round_like_any_other():
    error = {"code": -32042, "message": "Sign in", "data": {"elicitations": [{"mode": "url"}]}}

    recorded = record(
        *HANDSHAKE,
        call("files", id=1, at=100, path="/a"),
        server(id=1, at=110, error=error),
        server("notifications/elicitation/complete", elicitationId="e1", at=500),
        call("files", id=2, at=510, path="/a"),
        text("a", id=2, at=530),
    )

    assert folded(recorded) == [
        ("1", "run1-2", 1, False, "input_required", 10.0, 0.0),
        ("2", "run1-2", 2, True, "ok", 430.0, 400.0),
    ]
    assert recorded.calls[0].error_code == -32042


def test_an_error_that_asks_for_no_visit_ends_its_call():
    recorded = record(
        call("files", id=1), server(id=1, error={"code": -32042, "message": "Sign in"})
    )

    assert folded(recorded) == [("1", "run1-1", 1, True, "protocol_error", 10.0, 0.0)]


def test_an_abandoned_round_closes_its_call_as_cancelled():
    recorded = record(
        call("greet", id=1, at=0),
        asks(id=1, at=10, state="s1"),
        again("greet", id=2, at=110, state="s1"),
        asks(id=2, at=120, state="s2"),
        end(at=900),
    )

    assert folded(recorded) == [
        ("1", "run1-1", 1, False, "input_required", 10.0, 0.0),
        ("2", "run1-1", 2, True, "cancelled", 120.0, 100.0),
    ]
    assert recorded.calls[1].outcome_basis == "abandoned_round"


def test_a_person_has_a_day_to_answer():
    day = 24 * 3600 * 1000
    asked = [call("greet", id=1, at=0), asks(id=1, at=10, state="s1")]

    in_time = record(*asked, tick(at=day), again("greet", id=2, at=day, state="s1"))
    too_late = record(*asked, tick(at=day + 10), again("greet", id=2, at=day + 20, state="s1"))

    assert [e.outcome for e in in_time.calls] == ["input_required"]
    assert [(e.outcome, e.outcome_basis) for e in too_late.calls] == [
        ("cancelled", "abandoned_round")
    ]


def test_a_server_that_dies_while_a_person_is_asked_disconnects_the_call():
    recorded = record(call("greet", id=1, at=0), asks(id=1, at=10), end("server_exited", at=500))

    assert folded(recorded) == [("1", "run1-1", 1, True, "disconnected", 500.0, 490.0)]


def test_a_next_round_that_may_have_been_lost_is_not_said_to_be_abandoned():
    recorded = record(call("greet", id=1, at=0), asks(id=1, at=10), lost(1, at=20), end(at=500))

    assert [(e.outcome, e.outcome_basis) for e in recorded.calls] == [
        ("unanswered", "messages_lost")
    ]


def test_a_call_between_two_rounds_is_written_as_opened_and_so_is_its_next_round():
    recorded = record(
        call("greet", id=1, at=0),
        asks(id=1, at=10, state="s1"),
        tick(at=1001),
        tick(at=1500),
        again("greet", id=2, at=2000, state="s1"),
        tick(at=3001),
    )

    assert [(e.event_id, e.call_id, e.round, e.is_final) for e in recorded.opened] == [
        ("run1-1", "run1-1", 1, True),
        ("run1-2", "run1-1", 2, True),
    ]
    assert recorded.opened[1].started_at == datetime(2026, 11, 20, 12, 0, 0)  # noqa: DTZ001


def test_a_call_that_was_written_as_opened_is_so_from_the_first_moment_of_its_next_round():
    """Else a recorder that dies in that second would leave no round that could be the last."""
    recorded = record(
        call("greet", id=1, at=0),
        asks(id=1, at=10, state="s1"),
        tick(at=1001),
        again("greet", id=2, at=2000, state="s1"),
    )

    [first] = recorded.calls
    assert (first.event_id, first.is_final) == ("run1-1", False)
    assert [(e.event_id, e.round, e.is_final) for e in recorded.opened] == [
        ("run1-1", 1, True),
        ("run1-2", 2, True),
    ]


def test_what_refused_a_round_is_no_end_of_a_call_that_is_written_as_opened():
    """Else a call whose recorder died then would be unanswered, and the caller's fault as well."""
    recorded = record(call("greet", id=1, at=0), refused(id=1, at=10), tick(at=1500))

    [opened] = recorded.opened
    assert (opened.error_class, opened.error_code, opened.error_message) == (None, None, None)


def test_a_call_whose_rounds_were_short_is_not_written_as_opened():
    recorded = record(
        call("greet", id=1, at=0),
        asks(id=1, at=10, state="s1"),
        again("greet", id=2, at=20, state="s1"),
        text("hello", id=2, at=30),
    )

    assert recorded.opened == []


def test_a_server_that_always_asks_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(rounds, "MAX_HELD", 2)

    recorded = record(
        *(
            step
            for number in range(4)
            for step in (call("greet", id=number, at=number), asks(id=number, at=number))
        )
    )

    assert [(e.request_id, e.outcome, e.outcome_basis) for e in recorded.calls] == [
        ("0", "unanswered", "too_many_open"),
        ("1", "unanswered", "too_many_open"),
    ]


def test_the_end_of_an_http_exchange_does_not_end_what_goes_on_in_the_next():
    rows = []
    watching = correlator(rows)
    steps = [
        (call("greet", id=1, at=0), "x1"),
        (asks(id=1, at=10, state="s1"), "x1"),
        (again("greet", id=1, at=30, state="s1"), "x2"),
        (text("hi", id=1, at=40), "x2"),
    ]
    for step, scope in steps:
        ns = int(step.at * 1e6)
        watching.message(step.direction, step.message, ns=ns, beside=Beside(scope=scope))
        if step.direction == "to_client":
            watching.exchange_ended(scope, "client_closed", ns)

    assert folded(Recorded(rows)) == [
        ("1", "run1-1", 1, False, "input_required", 10.0, 0.0),
        ("1", "run1-1", 2, True, "ok", 40.0, 20.0),
    ]


def test_input_asked_for_by_what_is_no_call_ends_it():
    recorded = record(client("tools/list", id=1), asks(id=1, at=20), end())

    [event] = recorded.events
    assert (event.outcome, event.is_final) == ("input_required", None)


def test_what_was_noted_of_any_round_counts_once_with_the_calls_totals():
    def note(cost):
        return {"_meta": {"mcplens/note": {"cost_usd": cost, "created": f"issue {cost}"}}}

    asked = {"resultType": "input_required", "inputRequests": FORM, **note(1.0)}
    rows = []
    watching = correlator(rows)
    for step in (call("greet", id=1, at=0), server(id=1, at=10, result=asked)):
        watching.message(step.direction, step.message, ns=int(step.at * 1e6))
    for step in (again("greet", id=2, at=20), text("hi", id=2, at=30, **note(0.5))):
        watching.message(step.direction, step.message, ns=int(step.at * 1e6))

    [first, last] = Recorded(rows).calls
    assert (first.cost_usd, first.side_effects) == (None, None)
    assert last.cost_usd == 1.5
    assert len(last.side_effects) == 2


def test_a_note_told_while_the_first_round_ran_is_not_lost_with_it():
    rows = []
    watching = correlator(rows)
    told = understand({"cost_usd": 2.0})
    for step in (call("greet", id=1, at=0), asks(id=1, at=10), again("greet", id=2, at=20)):
        watching.message(step.direction, step.message, ns=int(step.at * 1e6))
        watching.noted(1, told, scope=None, ns=int(step.at * 1e6))
    watching.message("to_client", text("hi", id=2).message, ns=30_000_000)

    assert [event.cost_usd for event in Recorded(rows).calls] == [None, 2.0]


@pytest.mark.parametrize(
    "later",
    [
        end(at=500),
        end("server_exited", at=500),
        server(id=1, at=500, result={"resultType": "complete"}),
    ],
)
def test_listening_takes_no_time_however_it_ends(later):
    recorded = record(client("subscriptions/listen", id=1, at=0), later)

    [event] = recorded.events
    assert (event.duration_ms, event.work_ms, event.wait_ms) == (None, None, None)
