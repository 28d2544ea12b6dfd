"""Real disks that are full, cannot be written or go away, while a recorder writes to them."""

import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

from mcplens.capture import writer as writer_module
from mcplens.capture.recorder import Recorder
from mcplens.store.location import Store, create
from tests.builders import call
from tests.processes import until
from tests.spooled import rows


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A store in trouble is tried again at once, and nothing is sealed."""
    monkeypatch.setattr(writer_module, "RETRY_NS", 1)


@pytest.fixture
def disk(tmp_path):
    """A disk of its own, with a megabyte of room."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` here")
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


@contextmanager
def recording(store, said):
    with Recorder(store, observer="client", seal=False, say=said.append) as recorder:
        until(lambda: rows(store.path, "runs") or said)
        yield recorder


def record(recorder, first, last):
    for sequence in range(first, last + 1):
        recorder.record(call(sequence=sequence))


def sequences(store):
    return [event.sequence for event in rows(store.path, "events")]


def fill_up(disk):
    """Leave no byte of room."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


def test_a_disk_that_is_full_for_a_while_costs_nothing(disk):
    store, said = create(disk / "store"), []
    with recording(store, said) as recorder:
        record(recorder, 1, 10)
        until(lambda: sequences(store))
        ballast = fill_up(disk)
        record(recorder, 11, 300)
        until(lambda: said)

        ballast.unlink()
        until(lambda: len(sequences(store)) == 300)
        record(recorder, 301, 310)

    assert sequences(store) == list(range(1, 311))
    assert rows(store.path, "runs")[-1].lost_count == 0
    assert len(said) == 1
    assert "No space left on device" in said[0]


def test_a_disk_that_stays_full_costs_rows_which_are_counted_and_told_when_there_is_room(disk):
    store, said = create(disk / "store"), []
    recorder = Recorder(
        store, observer="client", seal=False, is_lazy=True, max_rows=5, say=said.append
    )
    with recorder:
        ballast = fill_up(disk)
        record(recorder, 1, 1)
        until(lambda: said)
        record(recorder, 2, 20)
        ballast.unlink()
        until(lambda: rows(store.path, "notices"))
        record(recorder, 21, 21)

    found = [(event.sequence, event.lost_before) for event in rows(store.path, "events")]
    assert found == [(1, None), (2, None), (3, None), (4, None), (5, None), (21, 15)]
    assert rows(store.path, "runs")[-1].lost_count == 15
    assert len(said) == 1


def test_a_disk_without_room_even_for_the_store_is_recorded_to_when_there_is(disk):
    ballast, said = fill_up(disk), []
    store = Store(disk / "store")
    with recording(store, said) as recorder:
        record(recorder, 1, 3)
        ballast.unlink()
        until(lambda: sequences(store))

    assert sequences(store) == [1, 2, 3]
    assert len(said) == 1


def test_a_disk_that_cannot_be_written_is_recorded_to_when_it_can(disk):
    store, said = create(disk / "store"), []
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with recording(store, said) as recorder:
        record(recorder, 1, 3)
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        until(lambda: sequences(store))

    assert sequences(store) == [1, 2, 3]
    assert len(said) == 1
    assert "Read-only file system" in said[0]


def test_a_disk_that_goes_away_and_comes_back_is_found_again(disk, tmp_path):
    store, said, aside = create(disk / "store"), [], tmp_path / "aside"
    aside.mkdir()
    with recording(store, said) as recorder:
        record(recorder, 1, 1)
        until(lambda: sequences(store))
        subprocess.run(["mount", "--bind", str(disk), str(aside)], check=True)
        try:
            subprocess.run(["umount", "-l", str(disk)], check=True)
            record(recorder, 2, 2)
            until(lambda: sequences(store) == [2])
            subprocess.run(["mount", "--bind", str(aside), str(disk)], check=True)
            record(recorder, 3, 3)
            until(lambda: sequences(store) == [1, 3])
            subprocess.run(["umount", "-l", str(disk)], check=True)
        finally:
            subprocess.run(["umount", "-l", str(aside)], check=True)

    assert sequences(store) == [2]
    assert said == []


def test_a_store_whose_place_is_taken_by_something_else_is_made_when_it_is_free(tmp_path):
    store, said = create(tmp_path / "store"), []
    with recording(store, said) as recorder:
        record(recorder, 1, 1)
        until(lambda: sequences(store))
        shutil.rmtree(store.path)
        store.path.write_text("in the way")
        record(recorder, 2, 5)
        until(lambda: said)

        store.path.unlink()
        until(store.manifest.exists)

    assert sequences(store) == [2, 3, 4, 5]
    assert len(said) == 1
    assert "is a file, and a store is a folder" in said[0]


def test_a_store_that_was_moved_keeps_what_it_has_and_a_new_one_gets_the_rest(tmp_path):
    store, said = create(tmp_path / "store"), []
    with recording(store, said) as recorder:
        record(recorder, 1, 3)
        until(lambda: len(sequences(store)) == 3)
        moved = store.path.rename(tmp_path / "moved")
        record(recorder, 4, 6)

    assert [event.sequence for event in rows(moved, "events")] == [1, 2, 3]
    assert sequences(store) == [4, 5, 6]
    assert said == []


def test_a_copy_in_the_place_of_a_store_is_written_to_and_not_the_lost_original(tmp_path):
    store, said = create(tmp_path / "store"), []
    with recording(store, said) as recorder:
        record(recorder, 1, 3)
        until(lambda: len(sequences(store)) == 3)
        moved = store.path.rename(tmp_path / "moved")
        shutil.copytree(moved, store.path)
        record(recorder, 4, 6)

    assert [event.sequence for event in rows(moved, "events")] == [1, 2, 3]
    assert sequences(store) == [1, 2, 3, 4, 5, 6]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from mcplens.capture import writer
from mcplens.capture.recorder import Recorder
from mcplens.store.location import create
from tests.builders import call
from tests.processes import until
from tests.spooled import rows

writer.RETRY_NS = 1
store, said = create(Path(sys.argv[1])), []
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
with Recorder(store, observer="client", seal=False, say=said.append) as recorder:
    until(lambda: rows(store.path, "runs"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    for sequence in range(1, 201):
        recorder.record(call(sequence=sequence))
    until(lambda: said)
    part = max(part.stat().st_size for part in store.spool.glob("*.jsonl"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    until(lambda: len(rows(store.path, "events")) == 200)
print(part <= 20_000, len(said), said[0])
"""


def test_a_system_that_takes_half_a_batch_and_no_more_costs_nothing(tmp_path):
    """As a full disk does, but wherever this test runs: a limit on the size of files."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY

    ran = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "store")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert ran.stdout.startswith("True 1 recording waits, the traffic goes on: cannot write ")
    assert "(File too large)" in ran.stdout
    found = [event.sequence for event in rows(tmp_path / "store", "events")]
    assert found == list(range(1, 201))
