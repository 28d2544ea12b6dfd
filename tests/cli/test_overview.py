import json

from mcplens.cli.group import cli
from mcplens.events import SCHEMA_VERSION, Connection
from tests.builders import NOON, call


def test_a_machine_without_a_store_is_told_what_to_type_first(mcplens, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    ran = mcplens(store_option=False)

    assert ran.code == 0
    assert ran.out == ""
    assert "Nothing has been recorded yet" in ran.err
    assert "mcplens demo" in ran.err
    assert "mcplens record -- COMMAND" in ran.err


def test_every_server_has_a_line(mcplens, record):
    record(call(), call(server_name="git", target="log"), call(at=60.0, outcome="tool_error"))

    ran = mcplens()

    assert ran.out == (
        "server  tools  tool calls  failed    p50    p95  last (UTC)\n"
        "files       1           2   1 50%  10 ms  10 ms  2026-11-20 12:01\n"
        "git         1           1   0      10 ms  10 ms  2026-11-20 12:00\n"
    )
    assert "33.3% of calls failed" in ran.err
    assert "mcplens tools" in ran.err


def test_a_server_that_was_asked_nothing_and_has_no_name_is_no_line(mcplens, record):
    tried = Connection(
        connection_id="c2",
        run_id="run1",
        observer="proxy",
        spawned_at=NOON,
        schema_version=SCHEMA_VERSION,
    )
    record(tried, call())

    assert [line.split()[0] for line in mcplens().out.splitlines()] == ["server", "files"]


def test_json_is_the_view_of_servers(mcplens, record):
    record(call())

    [row] = json.loads(mcplens("--format", "json").out)

    assert (row["server_name"], row["call_count"]) == ("files", 1)


def test_a_store_that_is_no_store_is_one_line(mcplens, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")

    ran = mcplens("tools", "--store", str(tmp_path), store_option=False)

    assert ran.code == 2
    assert ran.err.startswith(f"mcplens: {tmp_path} is a folder, but no store.")
    assert len(ran.err.splitlines()) == 1


def test_a_command_that_does_not_exist_names_the_nearest(mcplens):
    ran = mcplens("tolls", store_option=False)

    assert ran.code == 2
    assert ran.err == (
        'mcplens: There is no command "tolls". Did you mean "tools"? See: mcplens --help\n'
    )


def test_an_option_that_does_not_exist_is_one_line(mcplens):
    ran = mcplens("tools", "--fromat", "json")

    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "See: mcplens tools --help" in ran.err


def test_every_command_says_what_it_is_for(mcplens):
    lines = mcplens("--help", store_option=False).out.splitlines()

    for name in cli.list_commands(None):
        [line] = [line for line in lines if line.startswith(f"  {name} ")]
        assert not line.endswith("...")
