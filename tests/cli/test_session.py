import json

import pytest

from mcplens.events import SCHEMA_VERSION, Connection
from tests.builders import NOON, call, event


def in_session(session_id, **overrides):
    return call(session_id=session_id, connection_id=session_id, **overrides)


def test_calls_stand_in_their_order_with_how_they_ended(mcplens, record):
    record(
        in_session("s1", target="read", arguments_hash="h", outcome="timeout", duration_ms=300.0),
        in_session("s1", target="read", arguments_hash="h", at=1.0, duration_ms=20.0),
        in_session("s1", target="write", at=2.5, outcome="cancelled"),
        in_session("s1", target="write", at=3.0, outcome=None, duration_ms=None, work_ms=None),
    )

    ran = mcplens("session")

    assert ran.out == (
        "session s1 · agent to files · 2026-11-20 12:00 UTC · 3 s\n"
        "\n"
        "at (UTC)    call          took  ended\n"
        "12:00:00.0  read        300 ms  ✗ timeout\n"
        "12:00:01.0  read again   20 ms  ✓\n"
        "12:00:02.5  write        10 ms  · cancelled\n"
        "12:00:03.0  write            –  … still open\n"
    )


def test_across_servers_each_call_names_its_server(mcplens, record):
    record(
        in_session("s1", target="read", server_name="files"),
        in_session("s1", target="log", server_name="git", at=1.0),
    )

    ran = mcplens("session")

    assert ran.out.splitlines()[0].startswith("session s1 · agent to files, git · ")
    assert [line.split()[1] for line in ran.out.splitlines()[3:]] == ["files:read", "git:log"]


def test_what_an_error_said_fills_the_room_that_is_left(mcplens, record, monkeypatch):
    message = "Error executing tool … validation error for … Input should be a valid integer"
    record(in_session("s1", target="read", outcome="tool_error", error_message=message))

    wide = mcplens("session").out.splitlines()[-1]
    monkeypatch.setenv("COLUMNS", "60")
    narrow = mcplens("session").out.splitlines()[-1]

    assert wide.endswith(
        "✗ tool error  Error executing tool … validation error for … Input should b…"
    )
    assert len(wide) == 100
    assert narrow.endswith("✗ tool error  Error executing tool…")
    assert len(narrow) <= 60


def test_without_an_id_the_newest_broken_session_is_shown(mcplens, record):
    record(
        in_session("broken-old", at=0.0, outcome="disconnected"),
        in_session("broken-new", at=10.0, outcome="tool_error", error_class="tool_failure"),
        in_session("fine", at=20.0),
    )

    ran = mcplens("session")

    assert ran.out.startswith("session broken-new ")
    assert "It ended on a failure; 1 of 1 call failed" in ran.err


def test_without_a_broken_session_the_newest_is_shown(mcplens, record):
    record(in_session("older"), in_session("newer", at=10.0))

    ran = mcplens("session")

    assert ran.out.startswith("session newer ")
    assert "It ended on a success, and none of its 1 call failed" in ran.err


def test_a_session_that_is_still_running_says_so(mcplens, record):
    record(
        Connection(
            connection_id="s1",
            run_id="run1",
            observer="proxy",
            spawned_at=NOON,
            schema_version=SCHEMA_VERSION,
        ),
        in_session("s1"),
    )

    assert "It is still running" in mcplens("session").err


def test_a_server_whose_name_nobody_knows_is_told_in_words(mcplens, record):
    record(in_session("s1", server_name=None))

    assert " · agent to an unknown server · " in mcplens("session").out


def test_the_beginning_of_an_id_is_enough(mcplens, record):
    record(in_session("abc1"), in_session("xyz1", at=10.0))

    assert mcplens("session", "ab").out.startswith("session abc1 ")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("s", '"s" begins 2 sessions: s2, s1; write more of the id'),
        ("s11", 'there is no session "s11" in this store. Did you mean "s1"?'),
        ("zz", 'there is no session "zz" in this store. See: mcplens show session_metrics'),
    ],
)
def test_an_id_that_says_too_little_or_nothing_is_one_line(mcplens, record, words, line):
    record(in_session("s1"), in_session("s2", at=10.0))

    ran = mcplens("session", words)

    assert (ran.code, ran.out, ran.err.splitlines()[-1]) == (2, "", f"mcplens: {line}")


@pytest.mark.parametrize("answer", ["table", "json", "csv"])
def test_a_session_in_which_nothing_was_called_is_shown_too(mcplens, record, answer):
    record(event(session_id="s1", method="tools/list", target=None))

    ran = mcplens("session", "s1", "--format", answer)

    assert ran.code == 0
    assert "Nothing was called in it" in ran.err
    assert json.loads(mcplens("session", "s1", "--format", "json").out) == []


def test_json_is_the_calls_of_the_session(mcplens, record):
    record(in_session("s1"), in_session("s2", at=10.0, target="write"))

    [row] = json.loads(mcplens("session", "--format", "json").out)

    assert (row["session_id"], row["target"]) == ("s2", "write")
    assert row["started_at"] == "2026-11-20T12:00:10Z"


def test_an_empty_store_says_what_to_type_first(mcplens):
    ran = mcplens("session")

    assert (ran.code, ran.out) == (0, "")
    assert "mcplens demo" in ran.err
