import json
from dataclasses import replace

import pytest

from mcplens.cli.options import Reading, typed
from tests.builders import call

READING = ["overview", "tools", "session", "show", "sql"]


def test_the_next_command_reads_the_same_store():
    reading = Reading(store="my store")

    assert reading.next("tools", "search") == "mcplens tools search --store 'my store'"
    assert replace(reading, store=None).next("tools") == "mcplens tools"


def test_sql_is_quoted_so_that_a_person_can_read_it():
    assert typed("sql", "from calls where call_id = 'a-1'") == (
        "mcplens sql \"from calls where call_id = 'a-1'\""
    )
    assert typed("sql", "select '$HOME'") == "mcplens sql 'select '\"'\"'$HOME'\"'\"''"


def test_whoever_came_through_uv_is_told_to_go_on_through_uv(monkeypatch):
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")

    assert typed("tools") == "uv run mcplens tools"


@pytest.mark.parametrize("command", READING)
def test_every_reading_command_answers_in_json(mcplens, record, command):
    record(call())
    words = [command, "from calls"] if command == "sql" else [command]

    rows = json.loads(mcplens(*words, "--format", "json").out)

    assert len(rows) >= 1


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ((), 3),
        (("--run", "last"), 1),
        (("--since", "2026-11-20T12:00:30"), 2),
        (("--until", "2026-11-20T12:00:30"), 1),
        (("--server", "git"), 1),
        (("--tool", "read*"), 2),
        (("--server", "files", "--since", "2026-11-20T12:00:30"), 1),
    ],
)
def test_filters_hold_for_what_is_read(mcplens, record, words, count):
    record(
        call(),
        call(at=60.0),
        call(at=120.0, run_id="run2", server_name="git", target="log"),
    )

    rows = json.loads(mcplens("sql", "from calls", "--format", "json", *words).out)

    assert len(rows) == count
