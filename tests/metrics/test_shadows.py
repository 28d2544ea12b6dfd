"""What two observers saw counts once."""

from datetime import timedelta

import pytest

from mcplens.metrics.connect import connect
from tests.builders import NOON, call, connection, definition, notice
from tests.metrics.conftest import rows_of

SERVER = {"run_id": "server", "observer": "server"}
PROXY = {"run_id": "proxy", "observer": "proxy"}
CLIENT = {"run_id": "client", "observer": "client"}


def seen(*, at=0.0, answered=0.5, opening="3-aa", **overrides):
    return connection(
        at=at,
        **{
            "opening_hash": opening,
            "first_request_at": NOON + timedelta(seconds=at),
            "first_answered_at": NOON + timedelta(seconds=at + answered),
            "server_basis": "handshake",
            **overrides,
        },
    )


def shadows(metrics_of, rows):
    return {
        row.connection_id: row.shadowed_by
        for row in metrics_of(rows, "connections", order_by="connection_id")
    }


def test_what_the_proxys_server_recorded_itself_counts_once(metrics_of):
    rows = [
        connection(**PROXY),
        connection(**SERVER, shadowed_by="proxy-c1"),
        call(**PROXY),
        call(**SERVER),
        definition(run_id="proxy"),
        definition(run_id="server"),
    ]

    [tool] = metrics_of(rows, "tool_metrics")

    assert tool.call_count == 1


def test_a_server_counts_itself_where_the_proxys_recording_is_not_there(metrics_of):
    rows = [connection(**SERVER, shadowed_by="proxy-c1"), call(**SERVER)]

    [tool] = metrics_of(rows, "tool_metrics")

    assert tool.call_count == 1


def test_a_run_that_is_looked_at_alone_shows_its_own_calls(store, spool):
    spool([connection(**PROXY), connection(**SERVER, shadowed_by="proxy-c1")])
    spool([call(**PROXY), call(**SERVER), call(**SERVER)], name="server-00001")

    con = connect(store.path, run="server")

    [tool] = rows_of(con, "from tool_metrics")
    assert tool.call_count == 2


def test_who_was_told_wrongly_is_not_hidden(metrics_of):
    """A server that starts others may hand its environment on to them."""
    rows = [
        seen(**PROXY, opening="3-aa"),
        seen(**SERVER, opening="3-bb", shadowed_by="proxy-c1"),
    ]

    assert shadows(metrics_of, rows) == {"proxy-c1": None, "server-c1": None}


@pytest.mark.parametrize("other", [{"client_name": "files"}, {"server_name": "git"}])
def test_who_serves_somebody_else_is_not_hidden_however_little_was_asked(metrics_of, other):
    """What a recorded server starts inherits the variable, and may be asked only once."""
    rows = [
        seen(**PROXY, opening="3-aa", client_name="agent"),
        seen(
            **{**SERVER, "client_name": "agent", **other},
            opening="1-bb",
            shadowed_by="proxy-c1",
            at=500,
        ),
    ]

    assert shadows(metrics_of, rows) == {"proxy-c1": None, "server-c1": None}


def test_who_was_told_is_believed_while_too_little_is_known(metrics_of):
    rows = [
        seen(**PROXY, opening="2-aa"),
        seen(**SERVER, opening="1-bb", shadowed_by="proxy-c1"),
    ]

    assert shadows(metrics_of, rows) == {"proxy-c1": None, "server-c1": "proxy-c1"}


def test_client_proxy_and_server_are_found_by_how_it_began(metrics_of):
    rows = [
        seen(**CLIENT, at=0.0, answered=0.9),
        seen(**PROXY, at=0.4, answered=0.48),
        seen(**SERVER, at=0.8, answered=0.05),
    ]

    assert shadows(metrics_of, rows) == {
        "client-c1": None,
        "proxy-c1": "client-c1",
        "server-c1": "proxy-c1",
    }


OTHERS = {
    "began otherwise": {"opening": "3-bb-bb"},
    "knows less of the beginning": {"opening": "2-aa-bb"},
    "asked something else": {"opening": "3-aa-cc"},
    "knows no beginning": {"opening": None},
    "was answered two seconds later": {"answered": 2.5},
    "has another client": {"client_process_id": "p2"},
    "has another server": {"server_name": "git"},
    "has an observer of the same kind": {"observer": "client"},
}


@pytest.mark.parametrize("why", OTHERS)
def test_another_connection_is_not_taken_for_the_same(metrics_of, why):
    rows = [
        seen(**CLIENT, client_process_id="p1", opening="3-aa-bb"),
        seen(**{**PROXY, "opening": "3-aa-bb", "client_process_id": "p1", **OTHERS[why]}),
    ]

    assert shadows(metrics_of, rows) == {"client-c1": None, "proxy-c1": None}


def test_what_is_not_known_of_one_does_not_keep_them_apart(metrics_of):
    rows = [
        seen(**CLIENT, client_process_id="p1", server_name="files", opening="3-aa-bb"),
        seen(**PROXY, server_name="python", server_basis="command"),
    ]

    assert shadows(metrics_of, rows)["proxy-c1"] == "client-c1"


def test_each_connection_has_one_shadow_and_the_nearest(metrics_of):
    rows = [
        seen(**CLIENT, connection_id="client-c1", at=0.0),
        seen(**CLIENT, connection_id="client-c2", at=0.3),
        seen(**PROXY, connection_id="proxy-c1", at=0.01),
        seen(**PROXY, connection_id="proxy-c2", at=0.29),
        seen(**PROXY, connection_id="proxy-c3", at=0.6),
    ]

    assert shadows(metrics_of, rows) == {
        "client-c1": None,
        "client-c2": None,
        "proxy-c1": "client-c1",
        "proxy-c2": "client-c2",
        "proxy-c3": None,
    }


def test_of_several_that_began_alike_at_once_each_has_its_shadow(metrics_of):
    """The nearest in time is often another: an agent starts its helpers in the same moment."""
    rows = [
        seen(**outer, connection_id=f"{name}-c{n}", answered=answered)
        for name, outer, times in (
            ("server", SERVER, (0.005, 0.006, 0.0065)),
            ("client", CLIENT, (0.008, 0.009, 0.010)),
        )
        for n, answered in enumerate(times)
    ]

    assert shadows(metrics_of, rows) == {
        **dict.fromkeys(["client-c0", "client-c1", "client-c2"]),
        "server-c0": "client-c0",
        "server-c1": "client-c1",
        "server-c2": "client-c2",
    }


def test_as_many_are_hidden_as_were_seen_from_further_out(metrics_of):
    rows = [
        seen(**SERVER, connection_id=f"server-c{n}", answered=0.005 + 0.001 * n) for n in range(5)
    ]
    rows += [
        seen(**CLIENT, connection_id=f"client-c{n}", answered=0.009 + 0.001 * n) for n in range(3)
    ]

    found = [outer for outer in shadows(metrics_of, rows).values() if outer]

    assert sorted(found) == ["client-c0", "client-c1", "client-c2"]


def test_connections_that_may_hold_several_clients_are_not_compared(metrics_of):
    http = {"transport": "http", "protocol_version": "2026-07-28"}
    rows = [seen(**CLIENT, **http), seen(**PROXY, **http)]

    assert shadows(metrics_of, rows) == {"client-c1": None, "proxy-c1": None}


def test_everything_counts_what_is_not_shadowed(store, spool):
    spool(
        [
            *(seen(**one) for one in (CLIENT, PROXY, SERVER)),
            *(call(**one, session_id="s") for one in (CLIENT, PROXY, SERVER)),
            *(call(**one, session_id="s", outcome=None) for one in (CLIENT, PROXY, SERVER)),
            *(definition(run_id=run_id) for run_id in ("client", "proxy", "server")),
            *(notice(run_id=run_id) for run_id in ("client", "proxy", "server")),
            notice(run_id="server", kind="lost", lost_count=3),
        ]
    )
    con = connect(store.path)

    [overview] = rows_of(con, "from overview")
    [session] = rows_of(con, "from session_metrics")
    [server] = rows_of(con, "from server_metrics")
    [said] = rows_of(con, "from definitions")
    assert (overview.call_count, overview.open_count, overview.connection_count) == (1, 1, 1)
    assert (overview.notice_count, overview.lost_count) == (2, 3)
    assert (session.call_count, server.call_count, server.connection_count) == (2, 1, 1)
    assert said.connection_count == 1
