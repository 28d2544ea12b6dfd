import io
import json
import sys

import pytest

from mcplens.cli.prompt import run_prompt
from mcplens.errors import QueryError
from tests.builders import call


def test_a_question_is_answered_with_a_table(mcplens, record):
    record(call(), call(target="write"))

    ran = mcplens("sql", "select tool_name, p95_ms from tool_metrics order by tool_name")

    assert ran.out == "tool_name  p95_ms\nread_file   10 ms\nwrite       10 ms\n"


def test_json_and_csv_are_pure(mcplens, record):
    record(call())
    question = "select tool_name, p95_ms, null as nothing from tool_metrics"

    as_json = mcplens("sql", question, "--format", "json").out
    as_csv = mcplens("sql", question, "--format", "csv").out

    assert json.loads(as_json) == [{"tool_name": "read_file", "p95_ms": 10.0, "nothing": None}]
    assert as_csv == "tool_name,p95_ms,nothing\nread_file,10.0,\n"


def test_columns_that_do_not_fit_are_set_below_each_other(mcplens, record):
    record(call())

    lines = mcplens("sql", "from calls").out.splitlines()

    assert "target             read_file" in lines
    assert "checkpoint         –" in lines


def test_an_error_is_one_line(mcplens):
    ran = mcplens("sql", "select * from cals")

    assert ran.code == 2
    assert ran.err.splitlines()[-1] == (
        'mcplens: Table with name cals does not exist. Did you mean "calls"?'
    )


def test_a_long_answer_says_where_it_was_cut(mcplens):
    ran = mcplens("sql", "select i from range(300) t(i)")

    assert len(ran.out.splitlines()) == 201
    assert "the first 200 rows; --format json or csv gives all" in ran.err


@pytest.mark.parametrize("questions", ["select 1; select 2", "from calls;\nshow tables;"])
def test_several_questions_are_refused(mcplens, questions):
    ran = mcplens("sql", questions)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[-1] == (
        "mcplens: there are several questions in it, and one answer has room for one. "
        "Ask each by itself"
    )


def test_what_a_question_needs_may_stand_before_it(mcplens):
    ran = mcplens("sql", "set variable least = 2; select getvariable('least') as least, ';' as s;;")

    assert ran.out == "least  s\n    2  ;\n"


def test_a_question_may_be_piped_in(mcplens, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("select\n1 as one;\n"))

    assert mcplens("sql").out == "one\n  1\n"


def typing(monkeypatch, *lines):
    """Type lines at a prompt; an exception is what the keyboard does instead."""
    waiting = iter([*lines, EOFError])

    def read(_prompt=""):
        line = next(waiting)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", read)


def test_the_prompt_takes_lines_up_to_a_semicolon(monkeypatch, tmp_path):
    asked = []
    typing(monkeypatch, "select 1", "  as one;", "", "select 2;")

    run_prompt(asked.append, history=tmp_path / "history")

    assert asked == ["select 1\n  as one;", "select 2;"]


def test_an_error_ends_a_question_but_not_the_prompt(monkeypatch, tmp_path, capsys):
    asked = []

    def answer(question):
        asked.append(question)
        raise QueryError("no such table")

    typing(monkeypatch, "from a;", "from b;")

    run_prompt(answer, history=tmp_path / "history")

    assert asked == ["from a;", "from b;"]
    assert capsys.readouterr().err.count("mcplens: no such table") == 2


def test_ctrl_c_begins_a_new_question(monkeypatch, tmp_path):
    asked = []
    typing(monkeypatch, "select", KeyboardInterrupt, "from b;")

    run_prompt(asked.append, history=tmp_path / "history")

    assert asked == ["from b;"]


def test_the_prompt_is_left_with_a_word(monkeypatch, tmp_path):
    asked = []
    typing(monkeypatch, "exit", "from b;")

    run_prompt(asked.append, history=tmp_path / "history")

    assert asked == []


def test_a_history_that_cannot_be_written_stops_nothing(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    typing(monkeypatch, "quit;")

    run_prompt(lambda _: None, history=tmp_path / "file" / "history")


def test_an_empty_answer_says_so(mcplens):
    ran = mcplens("sql", "from tool_metrics")

    assert ran.err.splitlines()[-1] == "0 rows"


@pytest.mark.parametrize("word", ["help", ".help", "help;", "?"])
def test_a_call_for_help_at_the_prompt_gets_one_line(monkeypatch, tmp_path, capsys, word):
    asked = []
    typing(monkeypatch, word, "from b;")

    run_prompt(asked.append, history=tmp_path / "history")

    assert asked == ["from b;"]
    assert "Views: .tables" in capsys.readouterr().err


def test_the_prompt_lists_the_views(mcplens, monkeypatch, tmp_path):
    asked = []
    typing(monkeypatch, ".tables")

    run_prompt(asked.append, history=tmp_path / "history")
    out = mcplens("sql", asked[0]).out

    assert "tool_metrics      One row per server and tool" in out
    assert "stg_events" not in out
    assert "raw_events" not in out
