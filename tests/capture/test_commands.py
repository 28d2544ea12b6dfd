import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcplens.capture.commands import name_of_command, redact_command

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("command", "redacted", "name"),
    [
        ("/usr/bin/mcp-server-git --repository /home/bob/x", "mcp-server-git --repository …", None),
        ("python server.py --port 80", "python server.py --port …", "server"),
        ("python3.12 -u /srv/server.py x", "python3.12 -u server.py …", "server"),
        ("python -m my_server.main --db x", "python -m my_server.main --db …", "my_server.main"),
        ("python -m /etc/passwd", "python -m …", "python"),
        ("python -W ignore server.py", "python -W … server.py", "server"),
        ("python -c print(1)", "python -c …", "python"),
        ("node /app/dist/index.js stdio", "node index.js …", "index"),
        ("node --inspect --x=y index.js", "node --inspect --x=… index.js", "index"),
        ("node --unknown hunter2 index.js", "node --unknown … …", "node"),
        ("npx -y @scope/server-git@1.2 /home", "npx -y server-git …", "server-git"),
        ("npx -y user:hunter2@host", "npx -y …", "npx"),
        ("npx https://hunter2@host/x.tgz?k=hunter2", "npx x.tgz", "x.tgz"),
        ("npx https://hunter2@host", "npx host", "host"),
        ("uvx mcp-server-git==1.2", "uvx mcp-server-git", "mcp-server-git"),
        ("uvx --from git+https://hunter2@h/r tool", "uvx --from … tool", "tool"),
        ("uv run --directory /home/bob server.py", "uv run --directory … server.py", "server"),
        ("uv run -m my_server", "uv run -m my_server", "my_server"),
        ("env KEY=hunter2 python server.py", "env … python server.py", "server"),
        ("env -i server", "env -i …", "env"),
        ("env -S KEY=hunter2", "env -S …", "env"),
        ("docker run -e KEY=hunter2 image", "docker … -e … …", None),
        ("server -phunter2 --key=hunter2 -p hunter2", "server -p… --key=… -p …", None),
        ("server -- x", "server -- …", None),
        ("server - -5 --5x", "server … … …", None),
        (r"C:\tools\server.exe /key:hunter2", "server.exe …", "server"),
        ("KEY=hunter2 server", "KEY …", "KEY"),
        ("npx", "npx", "npx"),
        ("uv run", "uv run", "run"),
    ],
)
def test_a_command_keeps_what_says_which_server_it_is(command, redacted, name):
    words = command.split()

    assert redact_command(words) == redacted
    assert name_of_command(words) == (name or redacted.split()[0])


def test_a_whole_command_line_in_one_word_is_no_program():
    assert redact_command(["server --key hunter2"]) == "server"
    assert redact_command(["env", "python server.py --key hunter2"]) == "env python"


def test_no_command_has_no_name():
    assert redact_command([]) is None
    assert name_of_command([]) is None


WORDS = st.sampled_from(
    ["python", "npx", "uvx", "uv", "run", "env", "node", "-m", "-y", "--from", "--x", "-W", "--"]
)
HIDING = st.sampled_from(
    [
        f"--key={SECRET}",
        f"-p{SECRET}",
        f"KEY={SECRET}",
        f"https://{SECRET}@host/x",
        f"https://host/x?{SECRET}",
        f"user:{SECRET}",
        f"x@{SECRET}",
        f"a {SECRET}",
    ]
)


@given(st.lists(WORDS, max_size=5), st.lists(HIDING | WORDS, max_size=5))
def test_however_words_are_put_together_what_hides_in_them_is_gone(words, hiding):
    assert SECRET not in (redact_command([*words, *hiding]) or "")
    assert SECRET not in (name_of_command([*words, *hiding]) or "")


@given(st.lists(st.text(max_size=20), max_size=6))
def test_any_words_are_redacted_to_something_printable(words):
    assert (redact_command(words) or "").isprintable()
    assert (name_of_command(words) or "").isprintable()
