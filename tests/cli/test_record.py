"""`mcplens record` as it is typed; what it does to the traffic is tested in tests/capture."""

import os
import pty
import subprocess
import sys
from typing import get_args

import pytest

from mcplens.capture.privacy import Keep
from mcplens.cli import group
from mcplens.cli.main import main
from mcplens.cli.record import KEEP, record
from tests.spooled import rows

MCPLENS = [sys.executable, "-m", "mcplens"]


def run(*words, **settings):
    return subprocess.run(
        [*MCPLENS, *map(str, words)],
        check=False,
        **{"input": b"", "capture_output": True, **settings},
    )


@pytest.fixture
def started(monkeypatch):
    """Start nothing, and list which commands would have been, and how."""
    commands = []

    def start(command, **options):
        commands.append((command, {n: value for n, value in options.items() if value is not None}))
        return 0

    monkeypatch.setattr("mcplens.capture.proxy.run_proxy", start)
    return commands


def test_a_command_that_does_not_exist_is_named_in_one_line(tmp_path):
    done = run("record", "--store", tmp_path / "store", "--", "no-such-server", "--fast")

    assert done.returncode == 127
    assert done.stderr == b'mcplens: there is no command "no-such-server"\n'
    assert not (tmp_path / "store").exists()


def test_a_command_in_one_word_is_told_apart(tmp_path):
    done = run("record", "--store", tmp_path / "store", "--", "python server.py")

    assert done.returncode == 127
    assert done.stderr == (
        b'mcplens: there is no command "python server.py". '
        b"Write its words apart: -- python server.py\n"
    )


def test_a_file_that_may_not_be_run_is_named_in_one_line(tmp_path):
    (tmp_path / "server").write_text("no program")

    done = run("record", "--store", tmp_path / "store", "--", tmp_path / "server")

    assert done.returncode == 127
    assert done.stderr.decode() == f'mcplens: cannot run "{tmp_path}/server": Permission denied\n'


def test_a_script_without_its_interpreter_is_named_in_one_line(tmp_path):
    script = tmp_path / "server"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)

    done = run("record", "--store", tmp_path / "store", "--", script)

    assert done.returncode == 127
    assert done.stderr.decode() == (
        f'mcplens: cannot run "{script}": the interpreter in its first line does not exist\n'
    )


def test_the_store_and_the_run_are_told_at_the_start(tmp_path):
    done = run("record", "--store", tmp_path / "store", "--label", "night", "--", "true")

    [line] = done.stderr.decode().splitlines()
    [*_, recorded] = rows(tmp_path / "store", "runs")
    assert line == (f"mcplens: recording into {tmp_path}/store (run {recorded.run_id}, night)")


def test_a_run_is_named_after_branch_and_commit(tmp_path):
    for words in (
        ["init", "-q", "-b", "main"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)

    run("record", "--store", tmp_path / "store", "--", "true", cwd=tmp_path)

    [*_, recorded] = rows(tmp_path / "store", "runs")
    assert recorded.label.startswith("main@")


@pytest.mark.parametrize("keep", ["none", "shape", "full"])
def test_what_is_kept_is_chosen_and_told(tmp_path, keep):
    ask = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"b":7}}}'
    )

    listener = ["sh", "-c", "cat >/dev/null"]
    run("record", "--store", tmp_path / "store", "--keep", keep, "--", *listener, input=ask + b"\n")

    [*_, recorded] = rows(tmp_path / "store", "runs")
    [call] = rows(tmp_path / "store", "events")
    assert recorded.keep == keep
    assert (call.arguments, call.arguments_hash is None) == {
        "none": (None, True),
        "shape": (None, False),
        "full": ('{"b":7}', False),
    }[keep]


def test_the_servers_options_are_the_servers_without_the_dashes_too(tmp_path):
    done = run("record", "--store", tmp_path / "store", "echo", "--label", "x", "--", "y")

    assert done.stdout == b"--label x -- y\n"


WORDS = [
    (["--", "server"], ["server"], {}),
    (["server"], ["server"], {}),
    (["--", "--"], ["--"], {}),
    (["--", "server", "--", "arg"], ["server", "--", "arg"], {}),
    (["server", "--", "arg"], ["server", "--", "arg"], {}),
    (["server", "--help", "-h"], ["server", "--help", "-h"], {}),
    (["--", "server", "--label", "x"], ["server", "--label", "x"], {}),
    (
        ["--label", "night", "server", "--label", "x"],
        ["server", "--label", "x"],
        {"label": "night"},
    ),
    (["--label", "night", "--", "server", "--lab"], ["server", "--lab"], {"label": "night"}),
    (["--label=a=b", "--", "server"], ["server"], {"label": "a=b"}),
    (["--label=--store", "--", "server"], ["server"], {"label": "--store"}),
    (["--label", "", "--", "server"], ["server"], {"label": ""}),
    (["--label", "a b", "--", "server", ""], ["server", ""], {"label": "a b"}),
    (
        ["--server", "mine", "--keep", "full", "--store", "/tmp/x", "--", "server"],
        ["server"],
        {"keep": "full", "server_name": "mine", "store": "/tmp/x"},
    ),
    (["--keep", "none", "--keep", "full", "--", "server"], ["server"], {"keep": "full"}),
    (["--config", "/x/mcplens.toml", "server"], ["server"], {"config": "/x/mcplens.toml"}),
]


@pytest.mark.parametrize(("words", "command", "options"), WORDS)
@pytest.mark.parametrize("run", [record, lambda words: group.run(["record", *words])])
def test_words_before_the_command_are_ours_and_the_others_the_servers(
    started, words, command, options, run
):
    assert run(words) == 0

    assert started == [(command, options)]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ([], "there is no COMMAND to start."),
        (["--"], "there is no COMMAND to start."),
        (["--label", "x"], "there is no COMMAND to start."),
        (["--label", "--", "server"], "argument --label: expected one argument."),
        (["--label", "--store", "--", "server"], "argument --label: expected one argument."),
        (["--lable", "x", "--", "server"], "there is no option --lable. Did you mean --label?"),
        (["--lab", "x", "--", "server"], "there is no option --lab. Did you mean --label?"),
        (["--stroe=x", "--", "server"], "there is no option --stroe=x. Did you mean --store?"),
        (["-x", "server"], "there is no option -x."),
        (["--keep", "all", "--", "server"], "argument --keep: invalid choice: 'all'"),
        (
            ["https://h/mcp"],
            (
                "https://h/mcp is no command. To stand in front of it: "
                "mcplens record --listen 127.0.0.1:8900 https://h/mcp."
            ),
        ),
    ],
)
def test_a_slip_of_the_keyboard_is_one_line(capsys, words, refusal):
    assert main(["record", *words]) == 2

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mcplens: {refusal}")
    assert line.endswith(" See: mcplens record --help")


HELP = """\
usage: mcplens record [OPTIONS] -- COMMAND [ARGUMENT]...
       mcplens record [OPTIONS] --listen HOST:PORT URL

Stand in for a server: start COMMAND, pass every byte on unchanged, and record
the calls. Write it where an MCP client expects the server's command:

  mcplens record -- python server.py

With --listen, stand in front of a server that speaks streamable HTTP, and give
clients our address in place of its own:

  mcplens record --listen 127.0.0.1:8900 https://host/mcp

options:
  --label LABEL         Name the run. Default: branch@commit.
  --server NAME         Name the server. Default: what it calls itself.
  --keep {none,shape,full}
                        What of contents to keep. Default: shape.
  --config FILE         Read these settings. Default: $MCPLENS_CONFIG, else the nearest
                        mcplens.toml.
  --store DIR           Record into this store.
  --listen HOST:PORT    Serve HTTP here, in front of URL.
  -h, --help            Show this message and exit.
"""


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--help", "--", "server"]])
def test_the_help_is_its_own(capsys, words):
    assert main(["record", *words]) == 0
    assert capsys.readouterr().out == HELP


def test_what_may_be_kept_is_what_can_be_kept():
    assert get_args(Keep) == KEEP


def test_ctrl_c_reaches_the_server_once(tmp_path):
    """A terminal gives Ctrl-C to the whole group; passed on as well, it would come twice."""
    server = (
        "import signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        "print('up', file=sys.stderr, flush=True)\n"
        "signal.sigwait([signal.SIGINT])\n"
        "again = signal.sigtimedwait([signal.SIGINT], 0.5)\n"
        "sys.exit(41 if again is None else 42)\n"
    )
    child, terminal = pty.fork()
    if child == 0:
        words = ["record", "--store", str(tmp_path / "store"), "--", sys.executable, "-c", server]
        os.execv(sys.executable, [*MCPLENS, *words])
    shown = b""
    while b"up" not in shown:
        shown += os.read(terminal, 1000)

    os.write(terminal, b"\x03")
    _, status = os.waitpid(child, 0)
    os.close(terminal)

    assert os.waitstatus_to_exitcode(status) == 41


def test_an_ignored_signal_stays_ignored(tmp_path):
    server = "import signal; print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    words = [*MCPLENS, "record", "--store", str(tmp_path / "store"), "--"]

    done = subprocess.run(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *words, sys.executable, "-c", server],
        capture_output=True,
        check=True,
    )

    assert done.stdout == b"True\n"


def test_nothing_heavy_is_loaded_to_record(tmp_path):
    script = (
        "import sys\n"
        "from mcplens.cli.main import main\n"
        f"main(['record', '--store', {str(tmp_path / 'store')!r}, '--', 'true'])\n"
        "heavy = {'click', 'rich', 'duckdb', 'pyarrow', 'pandas', 'altair', 'mcp', 'scipy'}\n"
        # Standard output was the server's, and was closed with it.
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stderr.splitlines()[-1] == b"[]"
