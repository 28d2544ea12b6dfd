import errno

import pytest

from mcplens.store import place
from mcplens.store.location import create
from mcplens.store.place import (
    BesideParquet,
    beside_parquet,
    disk_speed,
    nearest_folder,
    trial_folder,
    why_no_locks,
)
from mcplens.store.spool import Spool
from tests.builders import call


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")


def test_the_place_of_a_store_that_is_not_there_yet_is_the_folder_above(tmp_path):
    assert nearest_folder(tmp_path / "a" / "b") == tmp_path
    assert nearest_folder(tmp_path) == tmp_path


def test_a_trial_leaves_nothing_behind(store):
    before = sorted(store.path.rglob("*"))

    with trial_folder(store.path) as folder:
        assert folder.parent == store.path
        assert disk_speed(folder).bytes_per_s > 0

    assert sorted(store.path.rglob("*")) == before


def test_locks_that_hold_are_no_trouble(tmp_path):
    assert why_no_locks(tmp_path) is None


@pytest.mark.parametrize(
    ("locks", "said"),
    [([True, True], "two can hold one lock"), ([False], "a lock that nobody holds")],
)
def test_locks_that_do_not_hold_are_told(tmp_path, monkeypatch, locks, said):
    monkeypatch.setattr(place, "take_lock", lambda _: locks.pop(0))

    assert said in why_no_locks(tmp_path)


def test_a_file_system_without_locks_is_told_in_its_words(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(place, "take_lock", refuse)

    assert why_no_locks(tmp_path) == "No locks available"


def test_what_dead_and_living_recorders_have_in_the_spool_is_counted(store):
    ended = Spool(store, run_id="ended")
    ended.write([call(run_id="ended")])
    ended.close()
    alive = Spool(store, run_id="alive")
    (store.quarantine / "x.jsonl.reason.txt").write_text("line 1")

    assert beside_parquet(store) == BesideParquet(dead_parts=1, living_parts=1, quarantined=1)
    alive.close()
