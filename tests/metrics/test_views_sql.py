import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from mcplens.metrics import views_sql
from mcplens.metrics.connect import connect
from mcplens.metrics.layers import view_files
from mcplens.store.layout import VIEWS_SQL
from mcplens.store.seal import seal
from tests.builders import call, connection, run

SHELL = Path(sys.executable).with_name("duckdb")
MARTS = [view.name for view in view_files() if view.layer == "marts"]
ROWS = [
    run(),
    connection(),
    call(outcome="tool_error", error_class="tool_failure", arguments_hash="a", work_ms=30.5),
    call(at=1, arguments_hash="a", content_kinds=["text"]),
    call(at=2, outcome="cancelled", target="it's"),
    call(at=3, outcome=None, duration_ms=None, work_ms=None),
]


def test_the_file_in_the_wheel_is_as_it_would_be_written_now():
    assert VIEWS_SQL.read_text(encoding="utf-8") == views_sql.views_sql(), (
        "stale: run python -m mcplens.metrics.views_sql"
    )


def test_checking_says_when_the_file_is_stale(tmp_path, monkeypatch, capsys):
    stale = tmp_path / "views.sql"
    stale.write_text("-- of long ago")
    monkeypatch.setattr(views_sql, "VIEWS_SQL", stale)

    checked = views_sql.main(["--check"])
    said = capsys.readouterr().err
    views_sql.main([])

    assert checked == 1
    assert said == f"{stale} is stale: run python -m mcplens.metrics.views_sql\n"
    assert views_sql.main(["--check"]) == 0


@pytest.fixture(params=["empty", "tails", "sealed and tails"])
def filled(request, store, spool):
    """A store in each state that a shell may find it in."""
    if request.param != "empty":
        spool(ROWS)
    if request.param == "sealed and tails":
        seal(store)
        spool([call(at=5, run_id="run2")], name="run2-00001")
    return store


def test_the_library_makes_the_same_views_from_the_file(filled):
    con = duckdb.connect()
    # Only the shell has getenv.
    con.execute(f"create macro getenv(name) as '{filled.path}'")

    con.execute(filled.views_sql.read_text())

    ours = connect(filled.path)
    for view in MARTS:
        for question in (f"describe {view}", f"from {view} order by all"):
            assert con.sql(question).fetchall() == ours.sql(question).fetchall(), view


def test_the_shell_makes_the_same_views_from_the_file(filled):
    questions = [
        f"select coalesce(to_json(list(v)), '[]') from (from {view} order by all) as v;"
        for view in MARTS
    ]

    answers = [json.loads(line) for line in ask_shell(filled, questions)]

    con = connect(filled.path)
    expected = [json.loads(con.execute(question).fetchall()[0][0]) for question in questions]
    assert dict(zip(MARTS, answers, strict=True)) == dict(zip(MARTS, expected, strict=True))


def test_the_shell_finds_a_store_whose_name_looks_like_a_pattern(tmp_path, store, spool):
    spool([call()])
    odd = store.path.rename(tmp_path / "it's [mine]*")

    [count] = ask_shell(type(store)(odd), ["select count(*) from calls;"])

    assert count == "1"


def ask_shell(store, questions):
    """Run questions in a DuckDB shell with the store's own file, one line of answer each."""
    done = subprocess.run(
        [SHELL, "-init", str(store.views_sql), "-noheader", "-list", "-c", "".join(questions)],
        env={**os.environ, "MCPLENS_STORE": str(store.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
