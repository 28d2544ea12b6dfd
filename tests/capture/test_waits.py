from tests.transcripts import call, client, end, record, server, text

ELICIT = "elicitation/create"


def times(recorded):
    return [(e.target, e.duration_ms, e.wait_ms, e.work_ms) for e in recorded.calls]


def test_a_call_waits_while_the_server_asks_a_person():
    recorded = record(
        call("book", id=1, at=0),
        server(ELICIT, id=1, at=10),
        client(id=1, result={"action": "accept"}, at=210),
        text("booked", id=1, at=230),
    )

    assert times(recorded) == [("book", 230.0, 200.0, 30.0)]


def test_waits_that_overlap_count_once():
    recorded = record(
        call("book", id=1, at=0),
        server(ELICIT, id=1, at=10),
        server("sampling/createMessage", id=2, at=50),
        client(id=1, result={"action": "accept"}, at=110),
        client(id=2, result={"role": "assistant"}, at=150),
        server(ELICIT, id=3, at=200),
        client(id=3, error={"code": -1, "message": "no"}, at=220),
        text("booked", id=1, at=300),
    )

    assert times(recorded) == [("book", 300.0, 160.0, 140.0)]


def test_a_question_that_nobody_answered_is_waited_for_until_the_call_ends():
    recorded = record(
        call("book", id=1, at=0),
        server(ELICIT, id=1, at=10),
        client("notifications/cancelled", requestId=1, reason="timed out", at=100),
        end("client_closed", at=500),
    )

    assert times(recorded) == [("book", 100.0, 90.0, 10.0)]


def test_asking_for_roots_is_no_wait():
    recorded = record(
        call("book", id=1, at=0),
        server("roots/list", id=1, at=10),
        client(id=1, result={"roots": []}, at=60),
        text("booked", id=1, at=100),
    )

    assert times(recorded) == [("book", 100.0, 0.0, 100.0)]


def test_which_of_two_open_calls_waits_is_not_guessed():
    recorded = record(
        call("book", id=1, at=0),
        call("search", id=2, at=5),
        server(ELICIT, id=1, at=10),
        client(id=1, result={"action": "accept"}, at=210),
        text("found", id=2, at=220),
        text("booked", id=1, at=230),
    )

    assert times(recorded) == [
        ("search", 215.0, None, 215.0),
        ("book", 230.0, None, 230.0),
    ]


def test_a_call_that_began_after_the_question_did_not_cause_it():
    recorded = record(
        call("book", id=1, at=0),
        server(ELICIT, id=1, at=10),
        call("search", id=2, at=20),
        client(id=1, result={"action": "accept"}, at=110),
        text("found", id=2, at=120),
        text("booked", id=1, at=130),
    )

    assert times(recorded) == [
        ("search", 100.0, 0.0, 100.0),
        ("book", 130.0, 100.0, 30.0),
    ]


def test_a_question_answered_after_its_call_ended_changes_nothing():
    recorded = record(
        call("book", id=1, at=0),
        server(ELICIT, id=1, at=10),
        text("booked", id=1, at=50),
        client(id=1, result={"action": "accept"}, at=90),
    )

    assert times(recorded) == [("book", 50.0, 40.0, 10.0)]
    [question] = [event for event in recorded.events if event.call_id is None]
    assert (question.method, question.direction) == (ELICIT, "to_client")
    assert (question.duration_ms, question.wait_ms, question.work_ms) == (80.0, None, 80.0)
