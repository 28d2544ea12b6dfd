"""The group of all commands, and the edge where an error becomes one line."""

import signal
import subprocess
import sys

import pytest

from mcplens.cli.main import COMMANDS, main
from mcplens.errors import UsageError
from tests.builders import call, run

MCPLENS = [sys.executable, "-m", "mcplens"]


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "mcplens 0.1.0\n"


def test_a_command_that_is_not_there_is_told_with_what_was_meant(capsys):
    assert main(["recrod"]) == 2
    assert 'There is no command "recrod". Did you mean "record"?' in capsys.readouterr().err


def test_reading_our_output_may_stop_early():
    """What is piped into `head` ends without a word."""
    process = subprocess.Popen([*MCPLENS, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()

    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() in (0, 1, -signal.SIGPIPE)


def test_an_error_becomes_one_line(monkeypatch, capsys):
    def refuse(_):
        raise UsageError("that cannot be")

    monkeypatch.setattr("mcplens.cli.group.run", refuse)

    assert main(["tools"]) == 2
    assert capsys.readouterr().err == "mcplens: that cannot be\n"


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out

    assert [name for name in COMMANDS if f"  {name} " not in shown] == []


@pytest.mark.parametrize(
    "words",
    [
        ["overview"],
        ["overview", "--server", "nobody"],
        ["overview", "--run", "never"],
        ["tools"],
        ["tools", "nothing"],
        ["session"],
        ["session", "s-a[2Jb"],
        ["show", "calls"],
        ["sql", "from calls"],
        ["sql", "select cast(target as int) from calls"],
        ["sql", 'select 1 as "\x1b[2J"'],
    ],
)
def test_no_name_of_a_stranger_moves_the_cursor(mcplens, record, words):
    name = "a\x1b[2Jb"
    record(
        run(label=name),
        call(server_name=name, target=name, session_id=f"s-{name}", client_name=name),
        call(server_name=name, target=name, outcome="tool_error", error_message=name),
    )

    ran = mcplens(*words)

    assert "\x1b" not in ran.out + ran.err
    assert r"\x1b[2J" in ran.out + ran.err
