from mcplens.capture.http.connections import Caller, HttpConnections
from mcplens.capture.recorder import Recorder
from mcplens.capture.sessions import hash_of_protocol_session
from mcplens.capture.sighting import Beside
from tests.transcripts import call, client, correlator, record, text


def sessions(recorded):
    return [(event.session_id, event.session_basis) for event in recorded.events]


def test_without_anything_better_a_connection_is_a_session():
    recorded = record(call("search", id=1), text("found", id=1))

    assert sessions(recorded) == [("run1-c1", "connection")]


def test_connections_of_one_client_are_one_session():
    process = {"client_process_id": "5eed"}

    first = record(call("search", id=1), text("found", id=1), **process)
    second = record(call("read", id=1), text("found", id=1), connection_id="run2-c1", **process)

    assert sessions(first) == sessions(second) == [("5eed", "client_process")]


def test_the_protocols_session_comes_before_the_process():
    rows = []
    watching = correlator(rows, client_process_id="5eed")
    asked = call("search", id=1).message

    watching.message("to_server", asked, ns=0, beside=Beside(protocol_session_id="cafe"))
    watching.ended("client_closed", 10)

    [event] = [row for row in rows if hasattr(row, "event_id")]
    assert (event.session_id, event.session_basis) == ("cafe", "protocol")


def test_what_is_no_call_belongs_to_the_session_too():
    recorded = record(client("ping", id=1), client("ping", id=1), client_process_id="5eed")

    assert sessions(recorded) == [("5eed", "client_process")]


def test_the_client_and_the_http_proxy_give_one_session_one_name():
    recorder = Recorder(None, observer="proxy")
    connections = HttpConnections(recorder, lambda _: None)

    known = connections.known(Caller(peer=None, authorization=None, session="s-1"))
    recorder.close()

    assert known.session_id == hash_of_protocol_session("s-1", recorder.privacy)
