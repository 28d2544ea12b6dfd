"""A recorder that is killed under load: what it had written stays, and stays readable."""

import os
import random
import sys
import threading
import time

import msgspec
import pytest

import mcplens
from mcplens.events import AnyRow, Event
from tests.benchmarks import answering
from tests.processes import until

CLIENTS = 2


def keep_asking(process):
    """Ask without pause until nobody answers any more."""
    number = 0
    try:
        while True:
            number += 1
            os.write(process.stdin.fileno(), answering.ask(number))
            missing = answering.SIZE
            while missing:
                chunk = os.read(process.stdout.fileno(), missing)
                if not chunk:
                    return
                missing -= len(chunk)
    except BrokenPipeError:
        return


def whole_lines(store):
    parts = [part.read_bytes() for part in (store / "spool").glob("*.jsonl")]
    return [line for part in parts for line in part.splitlines(True) if line.endswith(b"\n")]


def kill_under_load(recorded, *, after_s):
    """Kill recorders that are busy, and give the ids of the calls that were in the spool."""
    before = len(whole_lines(recorded.store))
    recorders = [recorded.start(sys.executable, answering.__file__) for _ in range(CLIENTS)]
    askers = [threading.Thread(target=keep_asking, args=(process,)) for process in recorders]
    for asker in askers:
        asker.start()
    until(lambda: len(whole_lines(recorded.store)) > before + 100)
    time.sleep(after_s)
    for process in recorders:
        process.kill()
    for process, asker in zip(recorders, askers, strict=True):
        process.wait()
        asker.join()
    written = [msgspec.json.decode(line, type=AnyRow) for line in whole_lines(recorded.store)]
    return {row.event_id for row in written if isinstance(row, Event) and row.outcome == "ok"}


def check(recorded, *, times, seed):
    chance = random.Random(seed)
    in_spool = set()
    for _ in range(times):
        in_spool |= kill_under_load(recorded, after_s=chance.uniform(0, 0.5))

        with mcplens.connect(recorded.store) as con:
            found = con.sql("select event_id from calls where outcome = 'ok'").fetchall()

        assert {event_id for (event_id,) in found} == in_spool
        assert len(found) == len(in_spool)


def test_what_was_written_before_a_kill_is_found(recorded):
    check(recorded, times=3, seed=1)


@pytest.mark.deep
@pytest.mark.timeout(900)
def test_what_was_written_before_many_kills_is_found(recorded):
    check(recorded, times=20, seed=2)
