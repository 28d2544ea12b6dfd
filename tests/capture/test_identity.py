import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcplens.capture.identity import parse_traceparent
from tests.transcripts import HANDSHAKE, META, call, client, modern_meta, record, server, text


def servers(recorded):
    return [(e.server_name, e.server_basis, e.server_version) for e in recorded.events]


def info(name, version="1"):
    return {META + "serverInfo": {"name": name, "version": version}}


def test_the_name_of_a_server_comes_from_its_command_until_it_names_itself():
    recorded = record(
        client("server/discover", id=9),
        server(id=9, error={"code": -32601, "message": "Method not found"}),
        *HANDSHAKE,
        command=("npx", "-y", "@scope/server-git@1.2"),
    )

    assert servers(recorded) == [
        ("server-git", "command", None),
        ("files", "handshake", "1.2"),
    ]


def test_the_name_by_the_users_own_word_stays():
    recorded = record(*HANDSHAKE, server_name_option="mine")

    assert servers(recorded) == [("mine", "option", "1.2")]


def test_a_server_that_nobody_names_has_no_name():
    recorded = record(call("a", id=1), text("x", id=1), command=())

    assert servers(recorded) == [(None, None, None)]


def test_the_version_that_was_agreed_on_counts_and_not_the_one_asked_for():
    recorded = record(*HANDSHAKE, call("a", id=1), text("x", id=1))

    assert [event.protocol_version for event in recorded.events] == ["2025-06-18", "2025-06-18"]


def test_a_version_that_was_only_offered_was_not_spoken():
    recorded = record(
        client("server/discover", id=9, _meta=modern_meta()),
        server(id=9, error={"code": -32601, "message": "Method not found"}),
        *HANDSHAKE,
        call("a", id=1),
        text("x", id=1),
    )

    assert [event.protocol_version for event in recorded.events] == [
        "2026-07-28",
        "2025-06-18",
        "2025-06-18",
    ]
    assert recorded.connections[-1].protocol_version == "2025-06-18"


def test_each_request_of_the_stateless_era_names_its_own_client():
    other = {**modern_meta(), META + "clientInfo": {"name": "other", "version": "9"}}

    recorded = record(
        call("a", id=1, meta=modern_meta()),
        text("x", id=1),
        call("a", id=2, meta=other),
        text("x", id=2),
        call("a", id=3, meta={META + "protocolVersion": "2026-07-28"}),
        text("x", id=3),
    )

    assert [(event.client_name, event.client_version) for event in recorded.events] == [
        ("agent", "3"),
        ("other", "9"),
        ("agent", "3"),
    ]


def test_the_connection_is_written_at_its_start_at_news_and_once_its_beginning_is_known():
    recorded = record(
        client("ping", id=1),
        server(id=1, result={}),
        client("ping", id=2),
        server(id=2, result={"_meta": info("files")}),
        client("ping", id=3),
        server(id=3, result={"_meta": info("files")}),
        client("ping", id=4),
        server(id=4, result={"_meta": info("files")}),
    )

    seen = [
        (c.first_answered_at is not None, c.server_name, (c.opening_hash or "0")[0])
        for c in recorded.connections
    ]
    assert seen == [
        (False, "files-server", "0"),
        (True, "files-server", "1"),
        (True, "files", "2"),
        (True, "files", "3"),
    ]


def test_what_the_client_answers_says_nothing_of_the_server():
    recorded = record(
        server("roots/list", id=1),
        client(id=1, result={"roots": [], "_meta": info("forged")}),
    )

    assert servers(recorded) == [("files-server", "command", None)]
    assert recorded.connections[-1].first_answered_at is None


@pytest.mark.parametrize("told", [None, "files", 5, [], {}, {"name": 5}, {"name": ""}])
def test_who_says_nothing_useful_of_itself_stays_unknown(told):
    recorded = record(
        client("initialize", id=1, clientInfo=told, protocolVersion=5),
        server(id=1, result={"serverInfo": told, "protocolVersion": None}),
    )

    [event] = recorded.events
    assert (event.client_name, event.server_name) == (None, "files-server")
    assert event.protocol_version is None


def test_names_cannot_move_a_terminals_cursor():
    recorded = record(
        client("initialize", id=1, clientInfo={"name": "a\x1b[2Jgent\n", "version": "1\u202e"}),
        server(id=1, result={"serverInfo": {"name": "fi\x00les" + "x" * 500, "version": "\r"}}),
        call("re\x07ad", id=2),
        text("x", id=2),
    )

    event = recorded.events[-1]
    assert (event.client_name, event.client_version) == ("a[2Jgent", "1")
    assert event.server_name == "files" + "x" * 195
    assert (event.server_version, event.target) == (None, "read")


TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("header", "ids"),
    [
        (f"00-{TRACE}-{SPAN}-01", (TRACE, SPAN)),
        (f"01-{TRACE}-{SPAN}-01-more", (TRACE, SPAN)),
        (f"00-{TRACE.upper()}-{SPAN}-01", (None, None)),
        (f"ff-{TRACE}-{SPAN}-01", (None, None)),
        (f"00-{'0' * 32}-{SPAN}-01", (None, None)),
        (f"00-{TRACE}-{'0' * 16}-01", (None, None)),
        (f"00-{TRACE}-{SPAN}", (None, None)),
        (f"00-{TRACE}-{SPAN}-01\n", (None, None)),
        ("", (None, None)),
        (5, (None, None)),
    ],
)
def test_only_a_valid_traceparent_gives_ids(header, ids):
    assert parse_traceparent(header) == ids


@given(st.text())
def test_any_other_text_is_no_traceparent(header):
    assert parse_traceparent(header) == (None, None)
