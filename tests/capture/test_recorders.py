"""The recorders of a process: one for each store and side, over threads, forks and its end."""

import fcntl
import os
import signal
import subprocess
import sys
import threading

import pytest

from mcplens.capture.recorders import Recorders, SharedRecorder, Wanted
from tests.spooled import calls, rows

SCRIPT = """
import asyncio, atexit, multiprocessing, os, sys
from contextlib import asynccontextmanager

import mcplens

@asynccontextmanager
async def answering():
    answers = asyncio.Queue()

    class Reader:
        async def receive(self):
            return await answers.get()

    class Writer:
        async def send(self, message):
            await answers.put({"jsonrpc": "2.0", "id": message["id"], "result": {"content": []}})

    yield Reader(), Writer()

async def connect(tool):
    async with mcplens.record(answering()) as (read, write):
        params = {"name": tool, "arguments": {}}
        await write.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        await read.receive()

def call(tool):
    asyncio.run(connect(tool))
"""


@pytest.fixture
def run_script(tmp_path, monkeypatch):
    """Run a program that records, to its end, and give its store and its words."""
    monkeypatch.setenv("MCPLENS_STORE", str(tmp_path / "store"))

    def run(lines):
        words = [sys.executable, "-W", "error", "-c", SCRIPT + lines]
        ran = subprocess.run(
            words, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
        )
        assert ran.returncode == 0, ran.stderr
        return tmp_path / "store", ran

    return run


def targets_by_run(store):
    found = {}
    for event in calls(store):
        found.setdefault(event.run_id, []).append(event.target)
    return sorted(found.values())


def test_who_asks_for_the_same_gets_the_same(tmp_path):
    recorders = Recorders()
    wanted = Wanted("client", tmp_path / "store")

    try:
        first = recorders.get(wanted)
        assert recorders.get(wanted._replace(store=str(tmp_path / "store"))) is first
        assert recorders.get(wanted._replace(observer="server")) is not first
        assert recorders.get(wanted._replace(label="other")) is not first
    finally:
        recorders.close()


def test_many_threads_that_ask_at_once_get_one(tmp_path):
    recorders = Recorders()
    together = threading.Barrier(8)
    found = []

    def ask():
        together.wait()
        found.append(SharedRecorder(Wanted("client", tmp_path), recorders=recorders)())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorders.close()

    assert len({recorder.run_id for recorder in found}) == 1


def test_without_a_place_for_a_store_one_line_is_said_and_the_calls_go_on():
    said = []
    recorders = Recorders(say=said.append)

    for _ in range(2):
        recorders.get(Wanted("client", "~nobody-of-this-name/store"))
    recorders.close()

    [line] = said
    assert line.startswith("recording nothing, the traffic goes on: cannot tell where the store is")


def test_what_was_recorded_last_is_there_after_the_programs_end(run_script):
    store, ran = run_script("call('one'); call('two')")

    assert targets_by_run(store) == [["one", "two"]]
    assert rows(store, "runs")[-1].ended_at is not None
    assert ran.stderr == ""


def test_a_fork_records_for_itself_and_its_parents_rows_are_the_parents(run_script):
    store, _ = run_script(
        "call('parent')\n"
        "child = os.fork()\n"
        "call('child' if child == 0 else 'parent')\n"
        "if child: os.waitpid(child, 0)\n"
    )

    assert targets_by_run(store) == [["child"], ["parent", "parent"]]


def test_who_holds_on_to_its_recorder_finds_another_in_a_fork(run_script):
    run_script(
        "from mcplens.capture.recorders import OF_THIS_PROCESS, SharedRecorder, Wanted\n"
        "found = SharedRecorder(Wanted('client'), recorders=OF_THIS_PROCESS)\n"
        "of_parent = found().run_id\n"
        "child = os.fork()\n"
        "if child == 0: sys.exit(found().run_id == of_parent)\n"
        "sys.exit(os.waitpid(child, 0)[1] != 0 or found().run_id != of_parent)\n"
    )


def test_a_child_that_lives_on_does_not_hold_the_parts_of_its_parent(run_script):
    store, ran = run_script(
        "import time\n"
        "from pathlib import Path\n"
        "call('parent')\n"
        "spool = Path('store/spool')\n"
        "while not any(p.stat().st_size for p in spool.glob('*.jsonl')): time.sleep(0.01)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os.close(1); os.close(2)\n"
        "    os.setsid()\n"
        "    time.sleep(20)\n"
        "    os._exit(0)\n"
        "print(child)\n"
    )
    child = int(ran.stdout)

    [part] = [part for part in (store / "spool").glob("*.jsonl") if part.stat().st_size]
    try:
        with part.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_multiprocessing_records_to_its_end(run_script, tmp_path, method):
    (tmp_path / "program.py").write_text(
        f"{SCRIPT}\n"
        "if __name__ == '__main__':\n"
        "    call('parent')\n"
        f"    start = multiprocessing.get_context({method!r}).Process\n"
        "    child = start(target=call, args=('child',))\n"
        "    child.start(); child.join()\n"
        "    sys.exit(child.exitcode)\n"
    )
    program = str(tmp_path / "program.py")

    store, _ = run_script(f"sys.exit(__import__('subprocess').call([sys.executable, {program!r}]))")

    assert targets_by_run(store) == [["child"], ["parent"]]


def test_a_program_that_first_records_at_its_end_ends(run_script):
    _, ran = run_script("atexit.register(call, 'late')")

    assert "Traceback" not in ran.stderr


def test_ten_thousand_connections_leave_nothing(run_script):
    store, ran = run_script(
        """
import gc, threading, time
from mcplens.capture.client_tap import ClientTap
from mcplens.capture.correlator import Correlator
from mcplens.capture.recorders import OF_THIS_PROCESS, Wanted

async def many():
    for _ in range(10_000):
        await connect('one')

def left():
    gc.collect()
    return [o for o in gc.get_objects() if isinstance(o, (ClientTap, Correlator))]

asyncio.run(many())
for _ in range(10_000):
    mcplens.record(answering())
deadline = time.monotonic() + 30
while left() and time.monotonic() < deadline:
    time.sleep(0.1)
# Another process may just be sealing what is full; a thread waits for its end.
names = {t.name for t in threading.enumerate()} - {'mcplens-housekeeping'}
print(len(left()), *sorted(names))
"""
    )

    assert ran.stdout.split() == ["0", "MainThread", "mcplens-recorder"]
    assert len({event.run_id for event in calls(store)}) == 1
    assert len(calls(store)) == 10_000
    assert rows(store, "runs")[-1].lost_count == 0


def test_loops_in_many_threads_share_a_run(run_script):
    store, _ = run_script(
        """
import threading
threads = [threading.Thread(target=lambda: [call('one') for _ in range(20)]) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    )

    assert targets_by_run(store) == [["one"] * 160]
    assert sorted(event.sequence for event in calls(store)) == list(range(1, 161))
