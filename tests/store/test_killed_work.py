"""Compacting, pruning, archiving and keeping house, killed by kill -9 at any moment of the work."""

import random
import signal
import time
from itertools import pairwise

import pytest

from mcplens.store.manifest import Retention, load_manifest
from mcplens.store.retention import make_archive, set_retention
from mcplens.store.verify import verify
from tests.store.crowded import DAY_S, Copy, Crowd
from tests.store.looking import leftovers_in
from tests.store.standing import moving_in
from tests.store.working import start

KILLS_IN_A_ROW = 4
"""How often work on one store is killed before it may come to its end."""

pytestmark = [
    pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.deep)]),
    pytest.mark.timeout(1800),
]


@pytest.fixture(scope="module", autouse=True)
def warm():
    """Have everything imported before anything is timed."""
    start("mcplens", "--help").join()


@pytest.fixture
def crowd(tmp_path):
    return Crowd(tmp_path / "crowd")


def kill_again_and_again(crowd, place, command, *, kills, check, check_end, has_archive=False):
    """Kill work on copies of a store until so many kills fell into it; none is left unfinished."""
    copy = copy_of(crowd, place, has_archive=has_archive)
    duration_s = time_of(copy, command(copy))
    copy.remove()
    tries = hits = 0

    while hits < kills:
        copy = copy_of(crowd, place, has_archive=has_archive)
        # Each goes on where the last was killed, so that any moment of the whole work is as likely.
        moments = sorted(random.uniform(0, duration_s) for _ in range(KILLS_IN_A_ROW))
        for earlier, moment in pairwise([0, *moments]):
            process = start(*command(copy))
            wait_for_a_change(copy, process)
            process.join(moment - earlier)
            if random.random() < 0.5:
                # What follows a change at once is done in less time than writing it takes.
                wait_for_a_change(copy, process)
                process.join(random.uniform(0, 0.01))
            process.kill()
            process.join()
            tries += 1
            hits += process.exitcode == -signal.SIGKILL
            copy.record(at=crowd.at(1, 20))
            check(copy)
        process = start(*command(copy))
        process.join()
        assert process.exitcode == 0
        check(copy)
        check_end(copy)
        copy.remove()
    print(f"\n{tries} kills, {hits} while it worked, of {1000 * duration_s:.0f} ms undisturbed")


def time_of(copy, command):
    process = start(*command)
    wait_for_a_change(copy, process)
    begin = time.monotonic()
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - begin


def wait_for_a_change(copy, process):
    """Wait until work has changed something, or has found nothing left to do."""
    before = copy.state()
    while process.is_alive() and copy.state() == before:
        process.join(0.0005)


def copy_of(crowd, place, *, has_archive):
    copy = Copy(crowd, place / "store")
    if has_archive:
        copy.archive = make_archive(place / "archive", of=copy.store)
    return copy


def assert_sound(seen):
    """Find each row once, nothing that cannot be read, and all that the events need."""
    assert [row for row, count in seen.times.items() if count > 1] == []
    assert seen.set_aside == []
    assert seen.missing_links == set()


def assert_nothing_left(store):
    """Find no trace of what happened to a store."""
    manifest, trouble = load_manifest(store)
    assert trouble is None
    assert (manifest.pending, manifest.moving, manifest.taken) == ((), None, ())
    assert leftovers_in(store) == []
    assert verify(store).findings == []


def test_killed_compacting_changes_no_row(crowd, tmp_path, kills):
    def command(copy):
        return "mcplens", "store", "compact", "--store", str(copy.store.path)

    def check(copy):
        seen = copy.read()
        assert_sound(seen)
        assert seen.events == copy.everything()
        counts = [seen.count(name) for name in ("runs", "connections", "definitions", "notices")]
        assert counts == [6, 6, 6, 36]

    def check_end(copy):
        assert_nothing_left(copy.store)
        files = load_manifest(copy.store)[0].files
        assert len([file for file in files if file.table == "events"]) == 6

    kill_again_and_again(crowd, tmp_path, command, kills=kills, check=check, check_end=check_end)


def test_killed_archiving_shows_each_event_here_or_there(crowd, tmp_path, kills):
    due = crowd.before(days=3, hour=12)

    def command(copy):
        older = ("--older-than", f"{crowd.age_s(days=3, hour=12):.0f}s")
        to = ("--archive", str(copy.archive.path), "--store", str(copy.store.path))
        return "mcplens", "store", "prune", *older, *to

    def check(copy):
        here, there = copy.read(), copy.read(copy.archive)
        assert_sound(here)
        assert_sound(there)
        assert {**there.events, **here.events} == copy.everything()
        assert set(there.events) <= due
        # The manifest says of these that they may be there already.
        assert set(here.events) & set(there.events) <= moving_in(copy.store)

    def check_end(copy):
        here, there = copy.read(), copy.read(copy.archive)
        assert set(there.events) == due
        assert set(here.events) == copy.everything().keys() - due
        assert here.count("notices") + there.count("notices") == 36
        for store in (copy.store, copy.archive):
            assert_nothing_left(store)

    kill_again_and_again(
        crowd, tmp_path, command, kills=kills, check=check, check_end=check_end, has_archive=True
    )


def check_deletion_of(crowd, due):
    def check(copy):
        seen = copy.read()
        assert_sound(seen)
        everything = copy.everything()
        assert seen.events.items() <= everything.items()
        gone = everything.keys() - seen.events.keys()
        assert gone <= due
        for file in crowd.files_of(due):
            assert file <= gone or file.isdisjoint(gone)

    def check_end(copy):
        assert_nothing_left(copy.store)
        assert set(copy.read().events) == copy.everything().keys() - due

    return {"check": check, "check_end": check_end}


def test_killed_deleting_takes_nothing_that_is_to_stay(crowd, tmp_path, kills):
    due = crowd.before(days=3, hour=12)

    def command(copy):
        older = ("--older-than", f"{crowd.age_s(days=3, hour=12):.0f}s")
        return "mcplens", "store", "prune", *older, "--store", str(copy.store.path)

    kill_again_and_again(crowd, tmp_path, command, kills=kills, **check_deletion_of(crowd, due))


def test_killed_housekeeping_takes_nothing_that_is_to_stay(crowd, tmp_path, kills):
    # It ages to the end of yesterday, and leaves the limit's own day for tomorrow.
    set_retention(crowd.store, Retention(age_s=2.5 * DAY_S))
    due = crowd.before(days=3)

    def command(copy):
        return "housekeeping", str(copy.store.path), "--compact"

    kill_again_and_again(crowd, tmp_path, command, kills=kills, **check_deletion_of(crowd, due))
