import json
import shlex

from tests.builders import call, definition


def test_without_a_name_every_view_says_what_it_answers(mcplens):
    ran = mcplens("show")

    assert "calls             One row per call" in ran.out
    assert "stg_events" not in ran.out
    assert all(len(line) <= 100 for line in ran.out.splitlines())


def test_the_catalogue_as_json_names_the_columns(mcplens):
    views = {row["view_name"]: row for row in json.loads(mcplens("show", "--format", "json").out)}

    assert views["tool_metrics"]["columns"][:3] == ["server_name", "tool_name", "call_count"]


def test_a_view_is_shown_newest_first(mcplens, record):
    record(call(target="first"), call(target="second", at=60.0))

    header, *rows = mcplens("show", "calls").out.splitlines()

    names = [row[header.index("tool_name") :].split()[0] for row in rows]
    assert names == ["second", "first"]


def test_definitions_are_shown_newest_first_too(mcplens, record):
    record(definition(name="first"), definition(name="second", at=60.0))

    rows = json.loads(mcplens("show", "definitions", "--format", "json").out)

    assert [row["name"] for row in rows] == ["second", "first"]


def test_what_was_left_out_is_said(mcplens, record):
    record(*(call(at=i) for i in range(60)))

    ran = mcplens("show", "calls")

    assert len(ran.out.splitlines()) == 51
    assert "the first 50 of 60 rows, " in ran.err
    assert "mcplens show calls --format json" in ran.err


def test_json_leaves_nothing_out(mcplens, record):
    record(*(call(at=i) for i in range(60)))

    rows = json.loads(mcplens("show", "calls", "--format", "json").out)

    assert len(rows) == 60
    assert "checkpoint" in rows[0]


def test_one_row_that_is_too_wide_is_set_as_a_list(mcplens, record):
    record(call())

    lines = mcplens("show", "overview").out.splitlines()

    assert "call_count          1" in lines


def test_the_views_behind_the_views_can_be_shown_too(mcplens, record):
    record(call())

    assert mcplens("show", "stg_events").code == 0


def test_a_view_that_is_not_there_is_one_line(mcplens):
    ran = mcplens("show", "tool_metric")

    assert ran.code == 2
    assert ran.err.splitlines()[-1] == (
        'mcplens: there is no view "tool_metric". Did you mean "tool_metrics"?'
    )


def test_a_prompt_among_the_calls_is_named(mcplens, record):
    record(call(method="prompts/get", target="greet"), call(at=1.0))

    assert "greet" in mcplens("show", "calls").out


def test_the_columns_of_a_view_are_a_command_away(mcplens):
    [line] = [line for line in mcplens("show").err.splitlines() if "Its columns" in line]
    question = shlex.split(line)[4]

    out = mcplens("sql", question).out

    assert "wait_ms            The part of the duration spent on a person or a model, in ms." in out
