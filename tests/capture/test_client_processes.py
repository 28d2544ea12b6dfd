import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from mcplens.capture.client_processes import (
    Process,
    look_at,
    own_process_id,
    parent_process_id,
    says_nothing,
)
from mcplens.capture.privacy import Privacy

PRIVACY = Privacy(key=b"k")
TELLS_ITS_PARENT = """
from mcplens.capture.client_processes import parent_process_id
from mcplens.capture.privacy import Privacy
print(parent_process_id(Privacy(key=b"k")))
"""


def test_a_process_and_the_one_it_started_name_the_same_client():
    told = subprocess.run(
        [sys.executable, "-c", TELLS_ITS_PARENT], capture_output=True, text=True, check=True
    )

    assert told.stdout.strip() == own_process_id(PRIVACY)


def test_a_shell_between_them_makes_the_client_unknown():
    # The second command keeps the shell from becoming the first.
    told = subprocess.run(
        ["sh", "-c", '"$0" -c "$1"; true', sys.executable, TELLS_ITS_PARENT],
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == "None"


@pytest.mark.parametrize(
    "command",
    [
        "/bin/sh -c x",
        "-zsh",
        "/usr/lib/systemd/systemd --user",
        "node /usr/lib/node_modules/npm/bin/npx-cli.js -y server",
        "/opt/node --no-warnings /opt/npm/bin/npm-cli.js exec server",
        "npm exec @scope/server",
        "uv run server.py",
        "/home/ada/.local/bin/uvx server",
        "/usr/bin/python3.12 /home/ada/.venv/bin/poetry run server",
        "python -m pipx run server",
        "python -m mcplens record -- server",
        "/usr/bin/python3 /opt/bin/mcplens record -- server",
        "docker-init -- server",
        "",
    ],
)
def test_who_starts_others_for_somebody_else_says_nothing(command):
    assert says_nothing(tuple(command.split()))


@pytest.mark.parametrize(
    "command",
    [
        "/Applications/Claude.app/Contents/MacOS/Claude",
        "claude --resume",
        "node /opt/agent/dist/cli.js",
        "node watch.js",
        "python agent.py",
        "python time.py",
        "python -m pytest",
        "python -m mcplens demo",
        "python",
        "/usr/share/code/code --type=utility",
    ],
)
def test_an_agent_is_a_client(command):
    assert not says_nothing(tuple(command.split()))


def test_where_the_parent_is_gone_or_is_init_the_client_is_unknown():
    agent = Process(began="5", words=("claude",))

    assert parent_process_id(PRIVACY, process=1, look=lambda _: agent) is None
    assert parent_process_id(PRIVACY, process=7, look=lambda _: None) is None
    assert parent_process_id(PRIVACY, process=7, look=lambda _: agent) is not None


def test_a_number_that_is_used_again_is_another_process():
    first = Process(began="5", words=("claude",))
    second = Process(began="9", words=("claude",))

    ids = {parent_process_id(PRIVACY, process=7, look=lambda _, p=p: p) for p in (first, second)}

    assert len(ids) == 2


def test_what_cannot_be_looked_at_is_unknown_and_no_error():
    assert look_at(2**22 + 1) is None
    assert own_process_id(PRIVACY, process=2**22 + 1) is None


@pytest.mark.skipif(sys.platform != "linux", reason="compares with /proc")
def test_ps_tells_what_proc_tells():
    from mcplens.capture.client_processes import _look_on_linux, _look_with_ps

    by_proc, by_ps = _look_on_linux(os.getpid()), _look_with_ps(os.getpid())

    assert by_ps.began.endswith(str(datetime.now(UTC).year))
    assert by_ps.words == tuple(" ".join(by_proc.words).split())
