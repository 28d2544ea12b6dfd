"""Which command a target means."""

import os
import sys
from pathlib import Path

import pytest

from mcplens.errors import CommandNotFoundError, UsageError
from mcplens.probe.target import parse_target


def test_a_command_is_split_as_a_shell_would():
    target = parse_target(f"{sys.executable} 'my server.py' --name \"a b\"")

    assert target.command == (sys.executable, "my server.py", "--name", "a b")
    assert str(target) == f"{sys.executable} 'my server.py' --name 'a b'"


def test_a_program_is_looked_up_on_the_path(tmp_path, monkeypatch):
    program = tmp_path / "serve"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert parse_target("serve --fast").executable == str(program)


def test_a_program_of_this_environment_is_found_without_activating_it(monkeypatch):
    monkeypatch.setenv("PATH", "")

    found = parse_target("pytest").executable

    assert Path(found).parent == Path(sys.executable).parent


def test_a_file_that_may_not_be_run_is_no_command(tmp_path):
    script = tmp_path / "server.py"
    script.touch(mode=0o644)

    with pytest.raises(CommandNotFoundError, match=r"server\.py: no such command, or not exec"):
        parse_target(os.fspath(script))


@pytest.mark.parametrize("text", ["", "  ", "https://host/mcp", "python 'server.py"])
def test_what_is_no_command_is_refused(text):
    with pytest.raises(UsageError):
        parse_target(text)
