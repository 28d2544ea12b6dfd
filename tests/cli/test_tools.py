import csv
import io
import json

import pytest

from tests.builders import call

CALLS = [
    call(target="search", work_ms=20.0, duration_ms=20.0),
    call(target="search", work_ms=20.0, duration_ms=20.0, at=1),
    call(target="fetch", work_ms=3000.0, duration_ms=3000.0, outcome="timeout", at=2),
]

TABLE = """\
tool          calls  failed    p50    p95  10 ms ──────── p50 ──●p95── p99 ──────── 3 s
files:fetch       1  1 100%    3 s    3 s                                             ●
files:search      2  0       20 ms  20 ms       ●
"""


def test_the_slowest_tool_stands_first(mcplens, record):
    record(*CALLS)

    ran = mcplens("tools")

    assert ran.code == 0
    assert ran.out == TABLE


def test_the_finding_the_store_and_the_next_command_are_said_beside(mcplens, record, store):
    record(*CALLS)

    said = mcplens("tools").err

    assert f"store {store.path} · 3 tool calls · 1 session" in said
    assert "files:fetch is the slowest of 2 tools: p95 3 s over only 1 call" in said
    assert "33.3% of calls failed" in said
    assert f"mcplens tools fetch --store {store.path}" in said
    assert f"mcplens report --open --store {store.path}" in said


def test_json_is_the_view_with_its_column_names_and_nothing_else(mcplens, record):
    record(*CALLS)

    ran = mcplens("tools", "--format", "json")

    [fetch, search] = json.loads(ran.out)
    assert (fetch["tool_name"], fetch["call_count"], fetch["success_rate"]) == ("fetch", 1, 0.0)
    assert (search["tool_name"], search["p95_ms"]) == ("search", 20.0)
    assert "slowest of 2 tools" in ran.err
    assert "mcplens report" not in ran.err


def test_csv_has_a_header(mcplens, record):
    record(*CALLS)

    [fetch, search] = csv.DictReader(io.StringIO(mcplens("tools", "--format", "csv").out))

    assert (fetch["tool_name"], fetch["failure_count"]) == ("fetch", "1")
    assert (search["tool_name"], search["success_rate"]) == ("search", "1.0")


def test_an_empty_store_says_what_to_type_first(mcplens):
    ran = mcplens("tools")

    assert ran.code == 0
    assert ran.out == ""
    assert "No tool has been called yet" in ran.err
    assert "mcplens record -- COMMAND" in ran.err


def test_an_empty_store_is_an_empty_array(mcplens):
    assert mcplens("tools", "--format", "json").out == "[]\n"


def test_one_tool_shows_how_its_calls_ended_and_which_were_slowest(mcplens, record):
    record(*CALLS)

    ran = mcplens("tools", "files:fetch")

    assert "files:search" not in ran.out
    assert "✗ timeout      1   100%" in ran.out
    assert "12:00:02.0  fetch   3 s  ✗ timeout" in ran.out


def test_filters_reach_the_numbers(mcplens, record):
    record(*CALLS)

    [row] = json.loads(mcplens("tools", "--tool", "se*", "--format", "json").out)

    assert row["tool_name"] == "search"


def test_a_tool_that_is_not_there_is_one_line(mcplens, record):
    record(*CALLS)

    ran = mcplens("tools", "serch")

    assert ran.code == 2
    assert ran.out == ""
    assert ran.err == ('mcplens: there is no tool "serch" in this store. Did you mean "search"?\n')


def test_a_tool_given_twice_is_refused(mcplens, record):
    record(*CALLS)

    ran = mcplens("tools", "search", "--tool", "fetch")

    assert (ran.code, ran.err) == (2, "mcplens: TOOL and --tool are the same; give one of them\n")


def test_a_file_that_cannot_be_read_is_named(mcplens, record, store):
    record(*CALLS)
    (store.spool / "notes.jsonl").write_text("{}\n")

    ran = mcplens("tools")

    assert ran.code == 0
    assert f"left out: {store.spool / 'notes.jsonl'} is no spool part" in ran.err


def test_what_a_server_calls_itself_cannot_write_to_the_terminal(mcplens, record):
    record(call(server_name="a\x1b[2Jb", target="c\rd"))

    ran = mcplens("tools")

    assert "\x1b" not in ran.out + ran.err
    assert "\r" not in ran.out + ran.err
    assert r"a\x1b[2Jb:c\rd" in ran.out


def test_the_next_commands_read_what_this_one_read(mcplens, record, store):
    record(*CALLS)
    filters = ["--run", "last", "--since", "2026-11-20", "--until", "2026-11-21", "--server", "f*"]

    hints = [line.strip() for line in mcplens("tools", *filters).err.splitlines()[-3:]]

    kept = f"--run last --since 2026-11-20 --until 2026-11-21 --server 'f*' --store {store.path}"
    assert hints == [
        f"One tool:       mcplens tools fetch {kept}",
        f"What happened:  mcplens session {kept}",
        f"See it:         mcplens report --open {kept}",
    ]


def test_a_filter_on_tools_gives_way_to_the_tool_itself(mcplens, record, store):
    record(*CALLS)

    said = mcplens("tools", "--tool", "f*").err

    assert f"One tool:       mcplens tools files:fetch --store {store.path}" in said
    assert f"mcplens session --tool 'f*' --store {store.path}" in said


def test_a_name_that_two_servers_have_is_said_with_its_server(mcplens, record):
    record(*CALLS, call(server_name="web", target="fetch"))

    assert "mcplens tools files:fetch" in mcplens("tools").err


@pytest.mark.parametrize("words", [["tools"], ["session"], []])
def test_filters_that_leave_nothing_say_what_the_store_holds(mcplens, record, store, words):
    record(*CALLS)

    ran = mcplens(*words, "--since", "2026-11-21")

    assert ran.code == 0
    assert (
        "No tool call matches --since 2026-11-21; the store holds 3 tool calls, "
        "2026-11-20 12:00 to 2026-11-20 12:00 UTC"
    ) in ran.err
    command = words[0] if words else "overview"
    assert f"The whole store:  mcplens {command} --store {store.path}" in ran.err
    assert "mcplens demo" not in ran.err


def test_filters_on_an_empty_store_are_not_to_blame(mcplens):
    assert "No tool has been called yet" in mcplens("tools", "--since", "24h").err


def test_the_longest_calls_say_what_they_are_sorted_by(mcplens, record):
    record(
        call(target="ask", work_ms=200.0, wait_ms=None, duration_ms=200.0),
        call(target="ask", work_ms=100.0, wait_ms=5000.0, duration_ms=5100.0, at=1),
    )

    lines = mcplens("tools", "ask").out.splitlines()[-3:]

    assert lines == [
        "at (UTC)    call    work  wait  ended",
        "12:00:00.0  ask   200 ms     –  ✓",
        "12:00:01.0  ask   100 ms   5 s  ✓",
    ]


def test_the_longest_calls_of_several_days_say_the_day(mcplens, record):
    record(call(target="ask"), call(target="ask", at=86_400.0))

    out = mcplens("tools", "ask").out

    assert "2026-11-20 12:00:00.0  ask" in out
    assert "2026-11-21 12:00:00.0  ask" in out


def test_one_tool_on_two_servers_is_told_apart(mcplens, record):
    record(call(server_name="left", target="ask"), call(server_name="right", target="ask"))

    out = mcplens("tools", "ask").out

    assert "left:ask   ✓ ok" in out
    assert "right:ask  ✓ ok" in out
    assert "12:00:00.0  left:ask " in out
