"""What only a process of its own shows: exit codes, pipes, signals, and real terminals."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from tests.builders import call

COMMAND = [sys.executable, "-m", "mcplens"]
PATIENCE_S = 30


@pytest.fixture
def start():
    """Start a command, and let nothing of it outlive the test."""
    with contextlib.ExitStack() as stack:

        def begin(*words, **options):
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            process = subprocess.Popen([*COMMAND, *words], **{**pipes, **options})
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield begin


def test_a_store_that_is_not_there_ends_with_2_and_one_line(tmp_path, start):
    process = start("tools", "--store", str(tmp_path / "nowhere"))

    out, err = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 2
    assert out == b""
    assert err.decode().startswith(f"mcplens: there is no store at {tmp_path / 'nowhere'}")
    assert err.count(b"\n") == 1


def test_a_reader_that_has_seen_enough_ends_it_quietly(store, start):
    process = start("sql", "from range(1000000)", "--format", "csv", "--store", str(store.path))

    assert process.stdout.readline() == b"range\n"
    process.stdout.close()

    assert process.wait(PATIENCE_S) == 0
    assert b"Error" not in process.stderr.read()


def test_a_reader_that_never_reads_ends_it_quietly_too(store, start):
    reading, writing = os.pipe()
    os.close(reading)

    process = start("show", "--store", str(store.path), stdout=writing)
    os.close(writing)

    assert process.wait(PATIENCE_S) == 0
    assert b"Error" not in process.stderr.read()


def test_ctrl_c_ends_it_with_130(store, start):
    endless = "select count(*) from range(1000000000000) where range % 7 = 3"
    process = start("sql", endless, "--store", str(store.path))
    # The store's line is said when all imports are done and the question is next.
    assert process.stderr.readline().startswith(b"store ")

    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        # Python may lose one that comes while it imports; a person presses again.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S / 3)

    assert process.returncode == 130
    assert b"Traceback" not in process.stderr.read()


def test_a_terminal_gets_colour_and_no_color_gets_ascii(store, record):
    record(call(outcome="timeout"))

    coloured = in_terminal("tools", "--store", str(store.path), TERM="xterm-256color")
    plain = in_terminal("tools", "--store", str(store.path), TERM="xterm-256color", NO_COLOR="1")
    dumb = in_terminal("tools", "--store", str(store.path), TERM="dumb")

    assert "\x1b[" in coloured
    assert "●" in coloured
    assert "\x1b" not in plain
    assert plain.isascii()
    assert dumb.isascii()


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_is_never_overrun(store, record, columns):
    record(*(call(target=f"a_tool_with_quite_a_long_name_{n}", at=n) for n in range(5)))

    text = in_terminal("tools", "--store", str(store.path), columns=columns, NO_COLOR="1")

    table = text[text.index("\ntool  ") : text.index("\n\nfiles:")].strip().splitlines()
    assert len(table) == 6
    assert max(map(len, table)) <= columns


def test_another_encoding_gets_ascii(store, record, start):
    record(call(outcome="timeout"))
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}

    process = start("tools", "--store", str(store.path), env=environment)

    assert process.communicate(timeout=PATIENCE_S)[0].isascii()


def test_json_in_another_encoding_is_still_json(store, record, start):
    record(call(target="日本"))
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}

    as_json = start("tools", "--format", "json", "--store", str(store.path), env=environment)
    [row] = json.loads(as_json.communicate(timeout=PATIENCE_S)[0])

    assert row["tool_name"] == "日本"


def test_the_prompt_answers_at_a_real_terminal(store, record):
    record(call())

    text = in_terminal(
        "sql",
        "--store",
        str(store.path),
        typed=["select 6 * 7\n as answer;\n", "from nowhere;\n", "select 8 as more;\n", "\x04"],
        NO_COLOR="1",
        TERM="xterm",
    )

    assert "    42" in text
    assert "mcplens: Table with name nowhere does not exist" in text
    assert "   8" in text


def in_terminal(*words, columns=100, typed=(), **environment):
    """Run a command in a terminal of its own, type when it waits, and give what the screen got."""
    terminal, inside = pty.openpty()
    size = {"COLUMNS": str(columns), "LINES": "40"}
    process = subprocess.Popen(
        [*COMMAND, *words],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env={**os.environ, **size, **environment},
        start_new_session=True,
    )
    os.close(inside)
    seen, waiting = b"", list(typed)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        try:
            chunk = os.read(terminal, 65536) if ready else b""
        except OSError:
            break  # The last one inside has left.
        seen += chunk
        if waiting and seen.rstrip(b" ").endswith(b"mcplens>"):
            seen += b"\n"
            os.write(terminal, waiting.pop(0).encode())
    os.close(terminal)
    process.wait(PATIENCE_S)
    return seen.decode().replace("\r\n", "\n")
