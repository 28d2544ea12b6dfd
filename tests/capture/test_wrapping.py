"""Entries of clients' files go behind the recorder and come back to the letter."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcplens.capture.wrapping.entries import entries, own_words
from mcplens.capture.wrapping.environment import is_throw_away, recorder_command
from mcplens.capture.wrapping.files import carry_out, plan_unwrap, plan_wrap, read_entries
from mcplens.capture.wrapping.jsonc import NotJsoncError, parse
from mcplens.capture.wrapping.places import CLIENTS, config_files
from mcplens.errors import UsageError

RECORDER = ["/opt/python", "-m", "mcplens", "record", "--"]

COMMENTED = """\ufeff{
  // mine
  "mcpServers": {
    "time": {
      "command": "mcp-server-time", /* here */
      "args": [
        "--local-timezone", // the zone
        "UTC",
      ],
    },
    "git": {"command": "mcp-server-git", "env": {"TOKEN": "t"}},
    "notes": { "command" : "node", "args" : ["notes.js","-v"] },
    "empty": {"args": [], "command": "x"},
  },
}
"""


@pytest.fixture(autouse=True)
def own_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("MCPLENS_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mcp.json"
    path.write_bytes(COMMENTED.encode())
    return path


def wrap(file, *only):
    plan = plan_wrap(file, recorder=lambda _: RECORDER, only=only)
    carry_out(plan)
    return {entry.name: done for entry, done in plan.done}


def unwrap(file, *only):
    plan = plan_unwrap(file, only=only)
    carry_out(plan)
    return {entry.name: done for entry, done in plan.done}


def commands(file):
    return {entry.name: entry.words for entry in entries(parse(file.read_bytes().decode()))}


def test_every_server_is_started_by_the_recorder(file):
    wrap(file)

    assert commands(file) == {
        "time": (*RECORDER, "mcp-server-time", "--local-timezone", "UTC"),
        "git": (*RECORDER, "mcp-server-git"),
        "notes": (*RECORDER, "node", "notes.js", "-v"),
        "empty": (*RECORDER, "x"),
    }


def test_all_else_in_the_file_stays(file):
    wrap(file)

    text = file.read_bytes().decode()
    assert text.startswith("\ufeff{\n  // mine\n")
    assert '"--local-timezone", // the zone\n' in text
    assert "/* here */" in text
    assert '"env": {"TOKEN": "t"}' in text


def test_unwrapping_gives_the_identical_file(file):
    wrap(file)

    done = unwrap(file)

    assert set(done.values()) == {"unwrapped"}
    assert file.read_bytes() == COMMENTED.encode()


def test_wrapping_twice_changes_nothing(file):
    wrap(file)
    once = file.read_bytes()

    done = wrap(file)

    assert set(done.values()) == {"already"}
    assert file.read_bytes() == once
    unwrap(file)
    assert file.read_bytes() == COMMENTED.encode()


def test_servers_can_be_wrapped_and_unwrapped_by_name(file):
    assert wrap(file, "git")["time"] == "not_named"
    wrap(file, "time")
    unwrap(file, "git")

    assert commands(file)["git"] == ("mcp-server-git",)
    assert commands(file)["time"][0] == "/opt/python"
    unwrap(file)
    assert file.read_bytes() == COMMENTED.encode()


def test_an_entry_that_was_changed_since_keeps_its_change(file):
    wrap(file)
    text = file.read_text(encoding="utf-8-sig")
    file.write_text(text.replace('"notes.js","-v"', '"notes.js", "--quiet"'), encoding="utf-8")

    unwrap(file)

    assert commands(file)["notes"] == ("node", "notes.js", "--quiet")
    assert commands(file)["git"] == ("mcp-server-git",)


def test_a_file_that_was_written_anew_since_is_restored_by_its_words(file):
    wrap(file)
    value = parse(file.read_bytes().decode()).value
    file.write_text(json.dumps(value, indent=4), encoding="utf-8")

    unwrap(file)

    assert commands(file) == {
        "time": ("mcp-server-time", "--local-timezone", "UTC"),
        "git": ("mcp-server-git",),
        "notes": ("node", "notes.js", "-v"),
        "empty": ("x",),
    }


def test_an_entry_behind_a_recorder_by_hand_is_taken_out_only_by_name(tmp_path):
    file = tmp_path / "mcp.json"
    file.write_text('{"mcpServers": {"a": {"command": "mcplens", "args": ["record", "--", "x"]}}}')

    assert wrap(file) == {"a": "already"}
    assert unwrap(file) == {"a": "by_hand"}
    assert unwrap(file, "a") == {"a": "unwrapped"}
    assert commands(file) == {"a": ("x",)}


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        ({"command": "x"}, "plain"),
        ({"command": "x", "args": ["mcplens", "record"]}, "recorded"),
        ({"command": "uvx", "args": ["mcplens", "record", "--", "x"]}, "recorded"),
        ({"command": "C:\\bin\\mcplens.exe", "args": ["record", "--", "x"]}, "recorded"),
        ({"command": "x", "args": ["--", "mcplens", "record"]}, "plain"),
        ({"url": "https://host/mcp"}, "url"),
        ({"type": "http", "serverUrl": "https://host/mcp"}, "url"),
        ({"command": ["x"]}, "strange"),
        ({"command": "x", "args": "y"}, "strange"),
        ({"command": "x", "args": [1]}, "strange"),
        ({"command": ""}, "strange"),
        ({}, "strange"),
        (7, "strange"),
    ],
)
def test_an_entry_is_told_by_how_it_is_started(entry, state):
    [found] = entries(parse(json.dumps({"mcpServers": {"a": entry}})))

    assert found.state == state


def test_only_what_follows_the_first_two_dashes_is_the_servers_own():
    args = ["record", "--", "x", "--", "y"]
    [found] = entries(parse(json.dumps({"servers": {"a": {"command": "mcplens", "args": args}}})))

    assert own_words(found) == ("x", "--", "y")


def test_servers_are_found_wherever_clients_keep_them():
    text = json.dumps(
        {
            "mcpServers": {"a": {"command": "a"}},
            "servers": {"b": {"command": "b"}},
            "mcp": {"servers": {"c": {"command": "c"}}},
            "projects": {"/p/q": {"mcpServers": {"d": {"command": "d"}}}},
        }
    )

    found = [(entry.pointer, entry.shown) for entry in entries(parse(text))]

    assert found == [
        ("/mcpServers/a", "a"),
        ("/servers/b", "b"),
        ("/mcp/servers/c", "c"),
        ("/projects/~1p~1q/mcpServers/d", "d (for /p/q)"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": }', "line 1: a value is missing"),
        ('{\n"a": 1\n"b": 2}', "line 3: a comma or } is missing"),
        ('{"a": [1 2]}', "line 1: a comma or ] is missing"),
        ('{"a" 1}', "line 1: a colon is missing"),
        ("{1: 2}", "line 1: a key in quotes is missing"),
        ("{} {}", "line 1: something after the end"),
        ('{"a": nope}', "line 1: nope is no value"),
        ("[" * 200, "line 1: nested too deep"),
    ],
)
def test_what_is_no_json_is_refused_with_its_line(text, sentence):
    with pytest.raises(NotJsoncError, match="line") as refused:
        parse(text)

    assert str(refused.value) == sentence


def test_a_broken_file_is_left_as_it_is(tmp_path):
    file = tmp_path / "mcp.json"
    file.write_bytes(b'{"mcpServers": {')

    with pytest.raises(UsageError, match="Mend it first; nothing was changed"):
        wrap(file)

    assert file.read_bytes() == b'{"mcpServers": {'


def test_a_file_that_changes_meanwhile_is_not_overwritten(file):
    plan = plan_wrap(file, recorder=lambda _: RECORDER)
    file.write_text("{}")

    with pytest.raises(UsageError, match="changed just now"):
        carry_out(plan)

    assert file.read_text() == "{}"


def test_links_and_rights_of_a_file_stay(file, tmp_path):
    file.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(file)

    wrap(link)

    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert commands(file)["git"][0] == "/opt/python"


def test_what_is_remembered_holds_no_environment_and_is_the_users_alone(file, tmp_path):
    wrap(file)

    [memory] = (tmp_path / "config" / "wrapped").iterdir()
    assert memory.stat().st_mode & 0o777 == 0o600
    assert b"TOKEN" not in memory.read_bytes()
    unwrap(file)
    assert not memory.exists()


def test_an_empty_file_has_no_servers(tmp_path):
    file = tmp_path / "mcp.json"
    file.write_text("\n")

    assert read_entries(file) == []


words = st.lists(st.text(max_size=8), max_size=4)
servers = st.dictionaries(
    st.text(max_size=5),
    st.fixed_dictionaries(
        {"command": st.text(min_size=1, max_size=8).filter(lambda word: word != "--")},
        optional={"args": words, "env": st.dictionaries(st.text(), st.text(), max_size=2)},
    ),
    max_size=4,
)


@given(servers=servers, indent=st.sampled_from([None, 1, 2, "\t"]), crlf=st.booleans())
def test_any_file_comes_back_to_the_letter(tmp_path_factory, servers, indent, crlf):
    text = json.dumps({"a": [1.5, {}], "mcpServers": servers}, indent=indent)
    data = (text.replace("\n", "\r\n") if crlf else text).encode()
    file = tmp_path_factory.mktemp("any") / "mcp.json"
    file.write_bytes(data)

    wrap(file)
    wrapped = json.loads(file.read_bytes())["mcpServers"]
    unwrap(file)

    assert file.read_bytes() == data
    for name, entry in servers.items():
        got = [wrapped[name]["command"], *wrapped[name]["args"]]
        assert got == [*RECORDER, entry["command"], *entry.get("args", [])]
        assert wrapped[name].get("env") == entry.get("env")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(NotJsoncError):
        parse(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_all_json_is_read_as_it_is(value):
    assert parse(json.dumps(value)).value == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("platform", "file"),
    [
        ("linux", "/h/.config/Claude/claude_desktop_config.json"),
        ("darwin", "/h/Library/Application Support/Claude/claude_desktop_config.json"),
    ],
)
def test_each_system_has_its_place_for_settings(platform, file):
    found = config_files(
        CLIENTS["claude"], folder=Path("/p"), home=Path("/h"), environment={}, platform=platform
    )

    assert found == [Path(file)]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("/h/.cache/uv/archive-v0/Xy12", True),
        ("/h/.cache/uv/builds-v0/.tmpAb", True),
        ("/h/.local/share/pipx/.cache/0a1b", True),
        ("/u/cache/x", True),
        ("/h/.local/share/uv/tools/mcplens", False),
        ("/h/.local/share/pipx/venvs/mcplens", False),
        ("/h/project/.venv", False),
    ],
)
def test_an_environment_in_a_cache_is_throw_away(prefix, expected):
    assert is_throw_away(Path(prefix), {"UV_CACHE_DIR": "/u/cache"}) is expected


def test_the_recorder_is_named_by_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    command = recorder_command(store=Path("s"), config=Path("c.toml"), keep="none")

    assert Path(command[0]).is_absolute()
    assert command[1:6] == ["-E", "-P", "-m", "mcplens", "record"]
    assert command[6:] == [
        "--store",
        f"{tmp_path}/s",
        "--config",
        f"{tmp_path}/c.toml",
        "--keep",
        "none",
    ]
