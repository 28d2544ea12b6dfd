"""The ways in which a recorded program ends or is forked; what it recorded before is there."""

import signal
import subprocess
import sys

import pytest

from mcplens.store.files import locked
from mcplens.store.location import Store, create
from mcplens.store.parts import has_writer, list_parts
from tests.spooled import calls, rows

FUNCTION = """
import atexit, os, signal, sys, threading, time

import mcplens

@mcplens.record
def work(number):
    return number

for number in range(100):
    work(number)
"""

DIRECT = """
import os, signal, sys, time
from pathlib import Path
from mcplens.capture import writer
from mcplens.capture.recorder import Recorder
from mcplens.store.files import locked
from mcplens.store.location import Store, create
from tests.builders import call
from tests.processes import until
from tests.spooled import rows

store = Store(Path(os.environ["MCPLENS_STORE"]))
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a program to its end, and give its store and what became of it."""
    monkeypatch.setenv("MCPLENS_STORE", str(tmp_path / "store"))

    def run(program):
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return tmp_path / "store", ran

    return run


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise ZeroDivisionError", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("threading.Thread(target=sys.exit).start()", 0),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(4)); signal.raise_signal(15)", 4),
    ],
)
def test_however_a_program_ends_by_itself_all_calls_are_written(run, end, code):
    store, ran = run(FUNCTION + end)

    assert ran.returncode == code
    assert len(calls(store)) == 100
    ended = rows(store, "runs")[-1]
    assert (ended.event_count, ended.lost_count) == (100, 0)
    assert ended.ended_at is not None


def test_calls_of_threads_that_outlive_the_main_one_are_written(run):
    store, _ = run(
        FUNCTION
        + "threading.Thread(target=lambda: (time.sleep(0.3), [work(1) for _ in range(50)])).start()"
    )

    assert len(calls(store)) == 150
    assert rows(store, "runs")[-1].event_count == 150


def test_calls_of_a_program_that_is_killed_are_there_after_one_drain(run):
    store, ran = run(FUNCTION + "time.sleep(1); os.kill(os.getpid(), signal.SIGTERM)")

    assert ran.returncode == -signal.SIGTERM
    assert len(calls(store)) == 100


def test_a_fork_takes_no_rows_of_a_recorder_that_somebody_made_for_himself(run):
    store, ran = run(
        DIRECT + "with Recorder(store, observer='client', seal=False) as recorder:\n"
        "    recorder.record(call(sequence=1))\n"
        "    child = os.fork()\n"
        "    recorder.record(call(sequence=2))\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n"
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert [event.sequence for event in calls(store)] == [1, 2]
    assert len(rows(store, "runs")) == 2


def test_a_fork_begins_to_count_anew_whoever_was_counting(run):
    _, ran = run(
        DIRECT
        + """
with Recorder(store, observer="client", seal=False) as recorder:
    recorder.count_lost(3)
    with recorder._losses._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            recorder.record(call(sequence=1))
            os._exit(recorder.lost_count)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    )

    assert (ran.stdout, ran.stderr) == ("1\n", "")


def test_a_fork_at_any_moment_inherits_no_lock_of_a_store_that_is_being_made(run):
    """The child lives on; if it had the lock, nobody could seal for as long as it does."""
    store, ran = run(
        DIRECT
        + """
is_inside = []

def slowly(path):
    create(path)
    with locked(store.lock, wait=True):
        is_inside.append(True)
        time.sleep(0.1)

writer.create = slowly
with Recorder(store, observer="client", seal=False) as recorder:
    until(lambda: is_inside)
    child = os.fork()
    if child == 0:
        os.close(0); os.close(1); os.close(2)
        time.sleep(30)
        os._exit(0)
    recorder.record(call(sequence=1))
with locked(store.lock) as is_free:
    print(is_free)
os.kill(child, 9)
os.waitpid(child, 0)
"""
    )

    assert (ran.stdout, ran.stderr) == ("True\n", "")
    assert len(calls(store)) == 1


def test_many_forks_while_much_is_recorded_lose_and_double_nothing(run):
    store, ran = run(
        DIRECT
        + """
with Recorder(store, observer="client", seal=False) as recorder:
    children = []
    for number in range(40):
        for sequence in range(50):
            recorder.record(call(sequence=50 * number + sequence + 1))
        child = os.fork()
        if child == 0:
            recorder.record(call(sequence=999_999))
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 40
print(recorder.lost_count)
"""
    )

    assert (ran.stdout, ran.stderr) == ("0\n", "")
    assert [event.sequence for event in calls(store)] == list(range(1, 2001))


def test_a_fork_does_not_wait_for_a_disk_that_hangs(run):
    store, ran = run(
        DIRECT
        + """
is_inside = []

def hang(*_):
    is_inside.append(True)
    time.sleep(30)

writer.Spool.write = hang
recorder = Recorder(store, observer="client", seal=False)
until(lambda: is_inside)
begin = time.monotonic()
child = os.fork()
if child == 0: os._exit(0)
os.waitpid(child, 0)
print(time.monotonic() - begin < 10)
"""
    )

    assert (ran.stdout, ran.stderr) == ("True\n", "")
    assert not any(has_writer(part) for part in list_parts(Store(store)))


def test_what_is_recorded_after_the_end_is_dropped_and_counted(tmp_path):
    from mcplens.capture.recorder import Recorder
    from tests.builders import call

    recorder = Recorder(create(tmp_path / "store"), observer="client", seal=False)
    recorder.close()

    recorder.record(call())

    assert recorder.lost_count == 1
    with locked(tmp_path / "store" / ".lock") as is_free:
        assert is_free
