"""The proxy as a process between a client and a server: what is not to be noticed of it."""

import contextlib
import ctypes
import fcntl
import os
import random
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from tests.processes import SERVERS, until
from tests.spooled import calls, ended, rows

PYTHON = sys.executable
PLAIN = (PYTHON, str(SERVERS / "plain.py"))
CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}\n'
HANG = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hang","arguments":{}}}\n'
DIE = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"die","arguments":{}}}\n'


def is_running(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def write_and_close(descriptor, words):
    while words:
        words = words[os.write(descriptor, words) :]
    os.close(descriptor)


def waiting_bytes(descriptor):
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)


def script(text):
    return (PYTHON, "-c", text)


def test_bytes_pass_unchanged_in_both_directions(recorded):
    words = random.Random(1).randbytes(20_000_000)

    done = recorded.run("cat", words=words)

    assert done.returncode == 0
    assert done.stdout == words


def test_pipes_that_do_not_block_are_waited_for(recorded):
    words = random.Random(2).randbytes(2_000_000)
    ours, to_server = os.pipe()
    from_server, theirs = os.pipe()
    # Whoever shares a pipe with us may have made it so; the flag belongs to the pipe.
    os.set_blocking(ours, False)
    os.set_blocking(theirs, False)
    early = os.write(theirs, b"x" * 30_000)
    process = recorded.start("cat", stdin=ours, stdout=theirs)
    os.close(ours)
    os.close(theirs)
    writer = threading.Thread(target=write_and_close, args=(to_server, words))
    writer.start()
    # The pipe takes a part of the first chunk, and for a while no more.
    until(lambda: waiting_bytes(from_server) > 2 * early)
    heard = b"".join(iter(lambda: os.read(from_server, 5000), b""))
    writer.join()
    os.close(from_server)

    assert heard[early:] == words
    assert process.wait(10) == 0


def test_a_client_that_goes_while_its_pipe_is_full_is_gone(recorded):
    from_server, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(theirs, bytes(65_536))
    # More than its own pipe takes: when it is up, the proxy has read and cannot write.
    server = "head -c 70000 /dev/zero; echo up >&2; while echo line; do :; done"
    process = recorded.start("sh", "-c", server, stdout=theirs)
    os.close(theirs)
    while process.stderr.readline() != b"up\n":
        pass

    os.close(from_server)

    assert process.wait(10) == -signal.SIGPIPE


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_that_are_closed_stay_so(recorded, closed):
    command = recorded.command("sh", "-c", "sleep 0.3; echo a stray line >&2; echo one; exit 5")

    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command], capture_output=True, check=False
    )

    assert done.returncode == 5
    assert b"Traceback" not in done.stderr
    assert rows(recorded.store, "runs")[-1].ended_at is not None


def test_a_call_is_recorded(recorded):
    done = recorded.run(*PLAIN, words=CALL, options=["--label", "night", "--server", "mine"])

    assert b'"isError": true' in done.stdout
    [call] = calls(recorded.store)
    assert (call.target, call.outcome, call.server_name) == ("echo", "tool_error", "mine")
    [*_, run] = rows(recorded.store, "runs")
    assert (run.label, run.event_count, run.lost_count) == ("night", 1, 0)
    [*_, connection] = rows(recorded.store, "connections")
    assert (connection.end_reason, connection.exit_code) == ("client_closed", 0)


def test_stderr_is_the_servers_and_one_line_of_ours(recorded):
    done = recorded.run("sh", "-c", "echo one >&2; echo two >&2")

    lines = done.stderr.decode().splitlines()
    [ours] = [line for line in lines if line.startswith("mcplens: ")]
    assert f"recording into {recorded.store}" in ours
    assert [line for line in lines if line != ours] == ["one", "two"]


def test_no_shell_reads_the_arguments(recorded):
    arguments = ["a b", "*", "$HOME", ";", "--store", "--", "é"]

    done = recorded.run(*script("import sys; print(sys.argv[1:])"), *arguments)

    assert done.stdout.decode() == f"{arguments}\n"


def test_the_server_gets_its_clients_environment_and_folder(recorded, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "secret")
    monkeypatch.setitem(os.environb, b"A\xff", b"\xfe")  # Bytes that are no text.
    show = script(
        "import os, pathlib; print(os.getcwd());"
        "print(sorted(pathlib.Path('/proc/self/environ').read_bytes().split(b'\\0')))"
    )

    alone = subprocess.run(show, capture_output=True, cwd=tmp_path, check=True)
    done = recorded.run(*show, cwd=tmp_path)

    [connection, *_] = rows(recorded.store, "connections")
    told = b"b'MCPLENS_SHADOWED_BY=%s', " % connection.connection_id.encode()
    assert told in done.stdout
    assert done.stdout.replace(told, b"") == alone.stdout


def test_the_server_is_in_our_process_group(recorded):
    process = recorded.start(*script("import os; print(os.getpgrp())"))

    assert int(process.stdout.readline()) == process.pid


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_servers_exit_code_is_ours(recorded, code):
    done = recorded.run("sh", "-c", f"exit {code}")

    assert done.returncode == code
    assert rows(recorded.store, "connections")[-1].exit_code == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_we_die_of_what_the_server_died_of(recorded, number):
    done = recorded.run("sh", "-c", f"kill -{number} $$")

    assert done.returncode == -number
    assert rows(recorded.store, "connections")[-1].exit_code == -number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_server_is_told_what_we_are_told(recorded, number):
    server = script(
        "import signal, sys, time\n"
        f"signal.signal({number}, lambda *_: sys.exit(42))\n"
        "print('up', flush=True)\n"
        # A signal that comes just before one long sleep would be slept over.
        "while True: time.sleep(0.01)"
    )
    process = recorded.start(*server)
    process.stdout.readline()

    process.send_signal(number)

    assert process.wait(10) == 42
    assert rows(recorded.store, "connections")[-1].end_reason == "signal"


@pytest.mark.skipif(sys.platform != "linux", reason="signals of one thread are Linux's")
def test_a_signal_is_passed_on_whichever_thread_it_comes_to(recorded):
    server = script(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))\n"
        "print('up', flush=True)\n"
        "while True: time.sleep(0.01)"
    )
    process = recorded.start(*server)
    process.stdout.readline()
    until(lambda: rows(recorded.store, "runs"))
    threads = [int(thread.name) for thread in Path(f"/proc/{process.pid}/task").iterdir()]
    other = max(thread for thread in threads if thread != process.pid)

    ctypes.CDLL(None).tgkill(process.pid, other, signal.SIGTERM)

    assert process.wait(10) == 42


def test_what_the_server_said_when_it_was_told_to_end_arrives(recorded):
    # It says more than one pipe takes, and less than the two and the proxy.
    server = script(
        "import os, signal, time\n"
        "def end(*_):\n"
        "    os.write(1, bytes(150_000))\n"
        "    os._exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "os.write(1, b'up\\n')\n"
        "while True: time.sleep(0.01)"
    )
    process = recorded.start(*server)
    process.stdout.readline()

    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.5)

    assert process.stdout.read() == bytes(150_000)
    assert process.wait(10) == 0


def test_what_was_asked_before_a_signal_is_recorded(recorded):
    process = recorded.start(*PLAIN)
    process.stdin.write(HANG)
    process.stdin.flush()
    until(lambda: ended(recorded.store) or rows(recorded.store, "events"))

    begin = time.monotonic()
    process.terminate()
    process.wait(10)

    assert time.monotonic() - begin < 2
    [call] = calls(recorded.store)
    assert (call.target, call.outcome, call.outcome_basis) == ("hang", "disconnected", "signal")


def test_the_end_of_the_client_is_passed_on_at_once(recorded):
    process = recorded.start("sh", "-c", "cat; echo bye; sleep 60")

    process.stdin.close()

    assert process.stdout.readline() == b"bye\n"
    assert process.poll() is None


def test_the_end_of_the_servers_output_is_passed_on_at_once(recorded):
    process = recorded.start("sh", "-c", "echo hi; exec >&-; sleep 60")

    assert process.stdout.read() == b"hi\n"
    assert process.poll() is None


def test_a_server_that_nobody_reads_meets_a_broken_pipe(recorded):
    process = recorded.start("sh", "-c", "while echo line; do :; done")
    process.stdout.readline()

    process.stdout.close()

    assert process.wait(10) == -signal.SIGPIPE


def test_a_client_that_goes_leaves_a_call_unanswered(recorded):
    recorded.run(*PLAIN, words=HANG)

    [call] = calls(recorded.store)
    assert (call.outcome, call.outcome_basis) == ("unanswered", "client_closed")


def test_a_server_that_dies_in_a_call_has_disconnected(recorded):
    process = recorded.start(*PLAIN)
    process.stdin.write(DIE)
    process.stdin.flush()

    assert process.wait(10) == 3
    [call] = calls(recorded.store)
    assert (call.outcome, call.outcome_basis) == ("disconnected", "server_exited")
    assert rows(recorded.store, "connections")[-1].end_reason == "server_exited"


def test_a_process_that_the_server_left_behind_is_not_waited_for(recorded):
    process = recorded.start("sh", "-c", "sleep 60 & echo $!", stderr=subprocess.DEVNULL)
    left_behind = int(process.stdout.readline())

    process.stdin.close()

    assert process.wait(10) == 0
    os.kill(left_behind, signal.SIGKILL)


def test_a_process_that_the_server_left_behind_is_heard_while_the_client_is_there(recorded):
    process = recorded.start("sh", "-c", "(sleep 0.5; echo late) & exit 5")

    assert process.stdout.readline() == b"late\n"
    assert process.wait(10) == 5


@pytest.mark.parametrize("is_group", [True, False])
def test_a_killed_proxy_leaves_no_server(recorded, is_group):
    stubborn = script(
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(os.getpid(), flush=True)\n"
        "while True: time.sleep(60)"
    )
    process = recorded.start(*stubborn)
    pid = int(process.stdout.readline())

    if is_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()

    until(lambda: not is_running(pid))


@pytest.mark.parametrize("store", ["file", "file/below", "others"])
def test_a_store_in_trouble_is_told_and_the_server_runs(recorded, tmp_path, store):
    (tmp_path / "file").write_text("no store")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "letter.txt").write_text("no store")
    recorded.store = tmp_path / store

    done = recorded.run(*PLAIN, words=CALL)

    assert b'"isError": true' in done.stdout
    assert done.returncode == 0
    # The server writes to the same stderr, and its print() may be cut in two by our line.
    [ours] = re.findall(rb"mcplens: .*", done.stderr)
    assert ours.startswith(b"mcplens: not recording: ")
    assert store.encode() in ours


def test_a_key_in_trouble_is_told_and_the_server_is_recorded(recorded, monkeypatch):
    monkeypatch.setenv("MCPLENS_HASH_KEY", "no key")

    done = recorded.run(*PLAIN, words=CALL)

    assert b"MCPLENS_HASH_KEY" in done.stderr
    assert [call.target for call in calls(recorded.store)] == ["echo"]


def test_settings_in_trouble_are_told_and_the_server_is_recorded_without_contents(
    recorded, tmp_path
):
    (tmp_path / "mcplens.toml").write_text('[keep]\ndefalt = "full"')

    done = recorded.run(*PLAIN, words=CALL, cwd=tmp_path)

    ours = [line for line in done.stderr.decode().splitlines() if line.startswith("mcplens: ")]
    assert ours[0] == (
        'mcplens: keeping no contents: mcplens.toml, [keep]: unknown key "defalt". '
        'Did you mean "default"?'
    )
    assert len(ours) == 2
    [event] = calls(recorded.store)
    assert event.arguments_hash is None
    assert rows(recorded.store, "runs")[-1].keep == "none"


def test_the_nearest_settings_are_those_of_a_recorded_server(recorded, tmp_path):
    (tmp_path / "mcplens.toml").write_text('[keep]\n"plain:echo" = "full"')
    (tmp_path / "deep").mkdir()

    recorded.run(*PLAIN, words=CALL, cwd=tmp_path / "deep")

    [event] = calls(recorded.store)
    assert event.arguments == "{}"


def test_a_full_disk_is_told_once_and_the_traffic_goes_on(recorded):
    recorded.run("true")
    asked = 300
    text = "x" * 200
    lines = [
        b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":'
        b'{"name":"echo","arguments":{"text":"%s"}}}\n' % (number, text.encode())
        for number in range(asked)
    ]
    limited = recorded.command(*PLAIN)

    # Files may not grow beyond 16 kB, which is less than these calls take.
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 32; exec "$@"', "sh", *limited],
        input=b"".join(lines),
        capture_output=True,
        check=True,
    )

    assert done.stdout.count(b"\n") == asked
    assert done.stderr.count(b"mcplens: ") == 2
    assert b"recording waits, the traffic goes on" in done.stderr
    assert 0 < len(calls(recorded.store)) < asked


def test_a_recorder_that_never_gets_ready_holds_nothing_up(recorded, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "hash.key")  # Reading it waits for ever.
    monkeypatch.setenv("MCPLENS_CONFIG_DIR", str(tmp_path))

    begin = time.monotonic()
    done = recorded.run(*PLAIN, words=CALL)

    assert b'"isError": true' in done.stdout
    assert done.returncode == 0
    assert time.monotonic() - begin < 10
