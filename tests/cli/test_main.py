"""The group of all commands, and the edge where an error becomes one line."""

import signal
import subprocess
import sys

from mcplens.cli.main import COMMANDS, main
from mcplens.errors import UsageError

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
