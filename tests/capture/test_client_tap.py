"""What the tap makes of what it noted, on a clock that the test moves."""

from types import SimpleNamespace

import pytest

from mcplens.capture.client_tap import ClientTap, wire_form
from mcplens.events import Event
from tests.transcripts import correlator

ASK = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "slow"}}
CANCEL = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
MS = 1_000_000


class Stage:
    """A tap whose recorder's thread is the test itself."""

    def __init__(self):
        self.rows = []
        self.now_ms = 0
        self.attached = True
        watching = correlator(self.rows)
        recorder = SimpleNamespace(
            clock=SimpleNamespace(ns=lambda: self.now_ms * MS),
            correlator=lambda *_, **__: watching,
            count_lost=lambda _: None,
            detach=lambda _: setattr(self, "attached", False),
        )
        self.tap = ClientTap(recorder, None)

    def at(self, ms):
        self.now_ms = ms
        while self.tap.work():
            pass
        return self.tap

    @property
    def ended(self):
        return [
            (row.outcome, row.outcome_basis)
            for row in self.rows
            if isinstance(row, Event) and row.outcome is not None
        ]


@pytest.fixture
def stage():
    stage = Stage()
    stage.tap.note("to_server", ASK)
    return stage


def test_a_cancel_is_believed_after_a_moment(stage):
    stage.at(100).note("to_server", CANCEL)

    stage.at(349)
    assert stage.ended == []

    stage.at(350)
    assert stage.ended == [("cancelled", "cancel")]


def test_a_cancel_just_before_its_transport_broke_is_not(stage):
    stage.at(100).note("to_server", CANCEL)
    stage.at(150).end("client_closed", is_cancelled=True)
    stage.at(200).broke()

    stage.at(210)

    assert stage.ended == [("disconnected", "server_exited")]
    assert not stage.attached


def test_a_client_that_was_cancelled_with_its_transport_whole_has_closed(stage):
    stage.at(100).note("to_server", CANCEL)
    stage.at(150).end("client_closed", is_cancelled=True)

    stage.at(390)
    assert stage.attached

    stage.at(400).broke()
    stage.at(410)
    assert stage.ended == [("cancelled", "cancel")]
    assert not stage.attached


def test_a_cancel_long_before_its_transport_broke_stays_one(stage):
    stage.at(100).note("to_server", CANCEL)
    stage.now_ms = 400  # The recorder's thread comes late.
    stage.tap.end("client_closed", is_cancelled=True)
    stage.tap.broke()

    stage.at(402)

    assert stage.ended == [("cancelled", "cancel")]


def test_a_caller_that_gives_up_is_believed_like_a_cancel(stage):
    stage.at(100).give_up_on(SimpleNamespace(id=1), "cancelled")

    stage.at(300)
    assert stage.ended == []

    stage.at(350)
    assert stage.ended == [("cancelled", "caller")]


def test_a_time_that_is_over_is_no_matter_of_belief(stage):
    stage.at(100).give_up_on(SimpleNamespace(id=1), "timeout")

    stage.at(101)

    assert stage.ended == [("timeout", "caller")]


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        ("SSE stream ended without a response", ("disconnected", "transport")),
        ("Server not initialized", ("protocol_error", "answer")),
    ],
)
def test_an_error_of_the_sdk_is_told_from_one_of_the_server(stage, words, ending):
    error = {"code": -32000, "message": words}
    stage.tap.note("to_client", {"jsonrpc": "2.0", "id": 1, "error": error})

    stage.at(1)

    assert stage.ended == [ending]


def test_a_run_that_ends_takes_what_was_still_in_doubt(stage):
    stage.at(100).note("to_server", CANCEL)
    stage.now_ms = 101
    stage.tap.end("client_closed", is_cancelled=True)
    stage.tap.give_up()

    assert stage.ended == [("cancelled", "cancel")]


def test_messages_of_both_sdk_generations_have_one_wire_form():
    wire = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    plain = SimpleNamespace(model_dump=lambda **_: wire)

    assert wire_form(SimpleNamespace(message=plain)) == wire
    assert wire_form(SimpleNamespace(message=SimpleNamespace(root=plain))) == wire
    assert wire_form(wire) == wire
    assert wire_form(ValueError("a line that was no JSON")) is None
