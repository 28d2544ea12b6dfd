import os
import subprocess
import sys

from mcplens.capture.shadows import shadowing_connection, telling
from tests.transcripts import HANDSHAKE, call, client, record, server, text

WHOLE = (
    *HANDSHAKE,
    client("tools/list", id=1),
    server(id=1, result={"tools": []}),
    call("search", id=2, q="x"),
    text("found", id=2),
)


def opening(*steps, **settings):
    return record(*steps, **settings).connections[-1].opening_hash


def told():
    show = [sys.executable, "-c", "import os; print(os.environ.get('MCPLENS_SHADOWED_BY'))"]
    return subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()


def test_a_connection_begins_alike_for_all_who_see_it():
    as_proxy = opening(*WHOLE)
    as_client = opening(*WHOLE, observer="client", connection_id="run2-c7", command=())

    assert as_client == as_proxy
    assert as_proxy.startswith("3-")


def test_other_ids_methods_targets_and_arguments_are_other_beginnings():
    beginnings = {
        opening(*WHOLE),
        opening(*WHOLE[:-2], call("search", id=3, q="x")),
        opening(*WHOLE[:-2], call("find", id=2, q="x")),
        opening(*WHOLE[:-2], call("search", id=2, q="y")),
        opening(*WHOLE[:-2], client("ping", id=2)),
        opening(*WHOLE[:-2]),
    }

    assert len(beginnings) == 6


def test_what_comes_after_the_third_request_changes_nothing():
    assert opening(*WHOLE, call("search", id=3, q="z")) == opening(*WHOLE)


def test_what_was_asked_is_told_apart_only_where_hashes_are_kept():
    [kept, other] = [opening(*WHOLE[:-2], call("search", id=2, q=q)).split("-") for q in "xy"]
    none = opening(*WHOLE, keep="none").split("-")

    assert kept[:2] == other[:2] == none
    assert kept[2] != other[2]


def test_what_the_server_asks_is_no_beginning():
    recorded = record(server("roots/list", id=1), client(id=1, result={"roots": []}))

    [connection] = recorded.connections
    assert (connection.opening_hash, connection.first_request_at) == (None, None)


def test_who_is_started_meanwhile_is_told_and_nobody_else(monkeypatch):
    monkeypatch.delenv("MCPLENS_SHADOWED_BY", raising=False)

    with telling("abc-c1"):
        meanwhile = told()

    assert (meanwhile, told()) == ("abc-c1", "None")
    assert "MCPLENS_SHADOWED_BY" not in os.environ


def test_what_we_were_told_ourselves_is_told_again_afterwards(monkeypatch):
    monkeypatch.setenv("MCPLENS_SHADOWED_BY", "outer-c1")

    with telling("inner-c1"):
        meanwhile = told()

    assert (meanwhile, told()) == ("inner-c1", "outer-c1")


def test_only_what_is_an_id_is_taken_for_one():
    assert shadowing_connection({"MCPLENS_SHADOWED_BY": "0a1b2c-c1"}) == "0a1b2c-c1"
    assert shadowing_connection({"MCPLENS_SHADOWED_BY": "../../etc"}) is None
    assert shadowing_connection({}) is None
