"""`mcplens wrap` and `unwrap`, as a person types them, and as a client then starts the servers."""

import json
import subprocess
import sys

import pytest

from mcplens.metrics.connect import connect

SERVER = """\
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": {"content": []}}), flush=True)
"""
CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{}}}\n'


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Give each test a home without clients, and a project to stand in."""
    monkeypatch.setenv("MCPLENS_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("mcplens.capture.wrapping.environment.is_temporary", lambda: False)
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return tmp_path / "home"


@pytest.fixture
def cursor(home):
    """Let Cursor have two servers, one with a URL."""
    file = home / ".cursor" / "mcp.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"mcpServers": {"git": {"command": "g"}, "web": {"url": "https://h/mcp"}}}\n')
    return file


def test_a_client_is_wrapped_by_name_and_said_what_became_of_each_server(mcplens, cursor):
    ran = mcplens("wrap", "cursor")

    assert ran.code == 0
    assert "git  behind the recorder" in ran.out
    assert "web  left alone: it has a URL" in ran.out
    assert "Restart Cursor" in ran.err
    entry = json.loads(cursor.read_text())["mcpServers"]["git"]
    assert entry["command"] == sys.executable
    assert entry["args"][-3:] == ["--server=git", "--", "g"]


def test_settings_are_named_by_their_whole_path(mcplens, cursor, tmp_path):
    settings = tmp_path / "project" / "mcplens.toml"
    settings.write_text('[keep]\ndefault = "none"\n')

    mcplens("wrap", "cursor")

    words = json.loads(cursor.read_text())["mcpServers"]["git"]["args"]
    assert words[words.index("--config") + 1] == str(settings)


def test_settings_that_nobody_understands_are_refused(mcplens, cursor, tmp_path):
    (tmp_path / "project" / "mcplens.toml").write_text("[kepe]\n")
    before = cursor.read_bytes()

    ran = mcplens("wrap", "cursor")

    assert ran.code == 2
    assert "mcplens.toml" in ran.err
    assert cursor.read_bytes() == before


def test_unwrapping_gives_the_file_back(mcplens, cursor):
    before = cursor.read_bytes()
    mcplens("wrap", "cursor")

    ran = mcplens("unwrap", "cursor", store_option=False)

    assert ran.code == 0
    assert "git  started by the client itself" in ran.out
    assert cursor.read_bytes() == before


@pytest.mark.parametrize("command", ["wrap", "unwrap"])
def test_a_dry_run_shows_the_difference_and_changes_nothing(mcplens, cursor, command):
    if command == "unwrap":
        mcplens("wrap", "cursor")
    before = cursor.read_bytes()

    ran = mcplens(command, "cursor", "--dry-run", store_option=command == "wrap")

    assert '-{"mcpServers": {"git": {"command": ' in ran.out
    assert "Nothing was changed." in ran.err
    assert cursor.read_bytes() == before


def test_what_a_dry_run_says_to_type_does_the_same(mcplens, cursor):
    ran = mcplens("wrap", "cursor", "git", "--keep", "none", "--dry-run", store_option=False)

    assert "mcplens wrap cursor git --keep none" in ran.err


def test_alone_it_lists_what_there_is_and_changes_nothing(mcplens, cursor):
    before = cursor.read_bytes()

    ran = mcplens("wrap", store_option=False)

    assert ran.code == 0
    assert "git  not recorded" in ran.out
    assert "mcplens wrap cursor --dry-run" in ran.err
    assert cursor.read_bytes() == before


def test_alone_without_any_client_it_says_where_it_looked(mcplens):
    ran = mcplens("wrap", store_option=False)

    assert ran.code == 0
    assert "Claude Desktop, Claude Code, Cursor, VS Code" in ran.err


@pytest.mark.parametrize("command", ["wrap", "unwrap"])
def test_what_cannot_be_changed_is_not_said_to_be(mcplens, cursor, tmp_path, monkeypatch, command):
    if command == "unwrap":
        mcplens("wrap", "cursor")
    (tmp_path / "file").touch()
    monkeypatch.setenv("MCPLENS_CONFIG_DIR", str(tmp_path / "file"))

    ran = mcplens(command, "cursor", "git", store_option=False)

    assert ran.code == 2
    assert ran.out == ""
    assert f"cannot be changed: {tmp_path}/file/wrapped" in ran.err


def test_a_project_has_servers_too(mcplens, tmp_path):
    file = tmp_path / "project" / ".mcp.json"
    file.write_text('{"mcpServers": {"git": {"command": "g"}}}')

    ran = mcplens("wrap", "claude-code", "git")

    assert ".mcp.json" in ran.out
    assert json.loads(file.read_text())["mcpServers"]["git"]["command"] == sys.executable


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("wrap", "cursr"), "Did you mean cursor?"),
        (("wrap", "vscode"), "VS Code has no servers here. Looked in"),
        (("wrap", "cursor", "gti"), 'there is no server "gti" in Cursor. Did you mean "git"?'),
        (("unwrap", "nothing.json"), "neither a client that mcplens knows nor a file"),
        (("wrap", "~nobody-of-this-name/x"), "neither a client that mcplens knows nor a file"),
        (("wrap", "x" * 5000), "neither a client that mcplens knows nor a file"),
    ],
)
def test_a_slip_is_said_in_one_line(mcplens, cursor, words, sentence):
    before = cursor.read_bytes()

    ran = mcplens(*words, store_option=False)

    assert ran.code == 2
    assert sentence in ran.err
    assert len(ran.err.splitlines()) == 1
    assert cursor.read_bytes() == before


def test_one_broken_file_keeps_all_as_they_are(mcplens, cursor, tmp_path):
    (tmp_path / "project" / ".cursor").mkdir()
    (tmp_path / "project" / ".cursor" / "mcp.json").write_text("{")
    before = cursor.read_bytes()

    ran = mcplens("wrap", "cursor")

    assert ran.code == 2
    assert "line 1" in ran.err
    assert cursor.read_bytes() == before


def test_an_environment_that_will_be_gone_is_refused(mcplens, cursor, monkeypatch):
    monkeypatch.setattr("mcplens.capture.wrapping.environment.is_throw_away", lambda: True)
    before = cursor.read_bytes()

    ran = mcplens("wrap", "cursor")

    assert ran.code == 2
    assert "Install it to stay" in ran.err
    assert cursor.read_bytes() == before


@pytest.fixture
def started(mcplens, store, tmp_path):
    """Wrap a server of a file, and start it as a desktop client does: in /, with hardly a PATH."""

    def start(entry, *, name="mine", to=None, **variables):
        file = tmp_path / "client.json"
        file.write_text(json.dumps({"mcpServers": {name: entry}}))
        words = ["wrap", str(file), "--store", str(to or store.path)]
        assert mcplens(*words, store_option=False).code == 0
        wrapped = json.loads(file.read_text())["mcpServers"][name]
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "MCPLENS_CONFIG_DIR": str(tmp_path / "config"),
            **variables,
        }
        return subprocess.run(
            [wrapped["command"], *wrapped["args"]],
            input=CALL, capture_output=True, cwd="/", env=environment, timeout=60, check=False,
        )  # fmt: skip

    return start


def test_a_wrapped_server_starts_from_anywhere_and_is_recorded(started, store, tmp_path):
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    home_of_another_python = {"PYTHONHOME": "", "PYTHONPATH": str(tmp_path / "nothing")}

    done = started({"command": sys.executable, "args": [str(script)]}, **home_of_another_python)

    assert done.returncode == 0
    assert json.loads(done.stdout)["id"] == 1
    [row] = connect(store.path).sql("select server_name, target, outcome from calls").fetchall()
    assert row == ("mine", "t", "ok")


def test_a_servers_name_may_begin_with_a_dash(started, store, tmp_path):
    (tmp_path / "server.py").write_text(SERVER)

    done = started({"command": sys.executable, "args": [f"{tmp_path}/server.py"]}, name="-x")

    assert json.loads(done.stdout)["id"] == 1
    assert connect(store.path).sql("select server_name from calls").fetchall() == [("-x",)]


def test_a_shim_on_the_clients_path_is_found_as_before(started, store, tmp_path):
    (tmp_path / "server.py").write_text(SERVER)
    shims = tmp_path / "shims"
    shims.mkdir()
    shim = shims / "my-server"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path}/server.py "$@"\n')
    shim.chmod(0o755)

    done = started({"command": "my-server"}, PATH=f"{shims}:/usr/bin:/bin")

    assert json.loads(done.stdout)["id"] == 1
    assert connect(store.path).sql("select count(*) from calls").fetchall() == [(1,)]


def test_a_recorder_in_trouble_still_starts_the_server(started, tmp_path):
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "no store").write_text("a file")

    done = started(
        {"command": sys.executable, "args": [f"{tmp_path}/server.py"]}, to=tmp_path / "no store"
    )

    assert done.returncode == 0
    assert json.loads(done.stdout)["id"] == 1
    assert b"not recording" in done.stderr
