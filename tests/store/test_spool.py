import errno
import os

import msgspec
import pytest

from mcplens.errors import StoreError
from mcplens.store import files
from mcplens.store import spool as spool_module
from mcplens.store.location import Store, create
from mcplens.store.parts import has_writer, list_parts
from mcplens.store.reading import readable_files
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import call, event
from tests.store.looking import event_ids_in, write_part

NOON_S = 1_795_176_000.0  # 2026-11-20 12:00:00 UTC
DAY_S = 86_400


class Time:
    """A clock that is set by hand."""

    def __init__(self, seconds=NOON_S):
        self.seconds = seconds

    def __call__(self):
        return self.seconds


def names_of(store):
    return [part.path.name for part in list_parts(store)]


def test_a_row_is_one_line_without_what_is_not_known(store):
    spool = Spool(store, run_id="run1")

    spool.write([event(sequence=7, outcome=None)])

    [line] = spool.path.read_bytes().splitlines()
    written = msgspec.json.decode(line)
    assert written["table"] == "events"
    assert written["event_id"] == "run1-7"
    assert "outcome" not in written


def test_a_batch_is_one_write(store, monkeypatch):
    spool = Spool(store, run_id="run1")
    writes = []
    monkeypatch.setattr(files.os, "write", lambda _, data: writes.append(bytes(data)) or len(data))

    spool.write([call(), call(), call()])

    [written] = writes
    assert written.count(b"\n") == 3


def test_what_is_written_is_read_at_once(store):
    spool = Spool(store, run_id="run1")

    spool.write([call(sequence=1), call(sequence=2)])

    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_a_part_is_held_by_its_writer_until_it_is_closed(store):
    spool = Spool(store, run_id="run1")
    spool.write([call()])
    [part] = list_parts(store)

    assert has_writer(part)
    spool.close()
    assert not has_writer(part)


def test_a_full_part_is_closed_and_the_next_begun(store):
    closed = []
    spool = Spool(store, run_id="run1", max_bytes=1, on_part_closed=closed.append)

    spool.write([call()])
    spool.write([call()])
    spool.write([call()])

    assert names_of(store) == ["run1-00001.jsonl", "run1-00002.jsonl", "run1-00003.jsonl"]
    assert [path.name for path in closed] == ["run1-00001.jsonl", "run1-00002.jsonl"]


def test_the_next_part_is_held_before_the_last_is_let_go(store, monkeypatch):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([call()])
    held = []
    really = os.close

    def letting_go(descriptor):
        if not held:
            held.append(None)  # Looking closes files too.
            held[0] = [has_writer(part) for part in list_parts(store)]
        really(descriptor)

    monkeypatch.setattr(spool_module.os, "close", letting_go)
    spool.write([call()])

    assert held == [[True, True]]


def test_an_old_part_is_closed_with_the_next_row(store):
    now = Time()
    spool = Spool(store, run_id="run1", max_age_s=600, clock=now)

    spool.write([call()])
    now.seconds += 599
    spool.write([call()])
    assert names_of(store) == ["run1-00001.jsonl"]
    now.seconds += 1
    spool.write([call()])

    assert names_of(store) == ["run1-00001.jsonl", "run1-00002.jsonl"]


def test_an_old_part_is_closed_although_nothing_comes(store):
    now, closed = Time(), []
    spool = Spool(store, run_id="run1", max_age_s=600, clock=now, on_part_closed=closed.append)
    spool.write([call()])

    now.seconds += 599
    spool.rest()
    assert closed == []
    now.seconds += 1
    spool.rest()

    assert [path.name for path in closed] == ["run1-00001.jsonl"]
    assert [has_writer(part) for part in list_parts(store)] == [False, True]


def test_an_empty_part_stays_open_however_old_it_is(store):
    now, closed = Time(), []
    spool = Spool(store, run_id="run1", max_age_s=600, clock=now, on_part_closed=closed.append)

    for _ in range(7):
        now.seconds += DAY_S
        spool.rest()

    assert closed == []
    assert names_of(store) == ["run1-00001.jsonl"]


def test_a_part_in_a_store_that_was_removed_is_not_followed_by_another(store):
    now = Time()
    spool = Spool(store, run_id="run1", max_age_s=600, clock=now)
    spool.write([call()])
    moved = store.path.rename(store.path.with_name("moved"))
    create(store.path)

    now.seconds += 600
    spool.rest()

    assert names_of(store) == []
    assert names_of(Store(moved)) == ["run1-00001.jsonl"]
    assert not spool.is_in_place()


def test_a_day_ends_a_part_at_midnight_utc(store):
    now = Time(NOON_S + DAY_S / 2 - 1)
    spool = Spool(store, run_id="run1", clock=now)

    spool.write([call()])
    now.seconds += 0.5
    spool.write([call()])
    assert names_of(store) == ["run1-00001.jsonl"]
    now.seconds += 0.5
    spool.write([call()])

    assert names_of(store) == ["run1-00001.jsonl", "run1-00002.jsonl"]


def test_an_empty_part_has_no_age(store):
    now = Time()
    spool = Spool(store, run_id="run1", max_age_s=600, clock=now)

    now.seconds += 3 * DAY_S
    spool.write([call()])

    assert names_of(store) == ["run1-00001.jsonl"]


def test_a_writer_that_wrote_nothing_leaves_nothing(store):
    closed = []
    spool = Spool(store, run_id="run1", on_part_closed=closed.append)

    spool.close()
    spool.close()

    assert names_of(store) == []
    assert closed == []


def test_a_short_write_is_finished_so_that_every_line_is_whole(store, monkeypatch):
    spool = Spool(store, run_id="run1")
    really = os.write
    monkeypatch.setattr(
        files.os, "write", lambda descriptor, data: really(descriptor, data[: len(data) // 2 + 1])
    )

    spool.write([call(sequence=1), call(sequence=2)])

    assert event_ids_in(store) == ["run1-1", "run1-2"]
    assert spool.path.read_bytes().endswith(b"}\n")


def test_a_full_disk_takes_all_of_a_batch_or_nothing(store, monkeypatch):
    spool = Spool(store, run_id="run1")
    spool.write([call(sequence=1)])
    disk = SmallDisk(room=1_000)
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", disk.write)
        with pytest.raises(StoreError, match=r"cannot write .* \(No space left on device\)"):
            spool.write([call(sequence=2), call(sequence=3)])

    spool.write([call(sequence=4)])

    assert disk.room == 0
    assert event_ids_in(store) == ["run1-1", "run1-4"]
    assert spool.path.read_bytes().count(b"\n") == 2


def test_half_a_line_that_cannot_be_taken_back_costs_nothing_but_itself(store, monkeypatch):
    spool = Spool(store, run_id="run1")
    spool.write([call(sequence=1)])
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", SmallDisk(room=100).write)
        patch.setattr(files.os, "ftruncate", refuse)
        with pytest.raises(StoreError):
            spool.write([call(sequence=2)])

    spool.write([call(sequence=3)])
    spool.close()
    report = seal(store)

    assert event_ids_in(store) == ["run1-1", "run1-3"]
    assert report.quarantined_count == 1


def test_rows_that_cannot_be_taken_back_stand_and_are_not_tried_again(store, monkeypatch):
    spool = Spool(store, run_id="run1")
    rows = [call(sequence=1), call(sequence=2)]
    spool.write(rows)
    one_and_a_half = spool.path.stat().st_size * 3 // 4
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", SmallDisk(room=one_and_a_half).write)
        patch.setattr(files.os, "ftruncate", refuse)
        stand = spool.write([call(sequence=3), call(sequence=4)])

    spool.write([call(sequence=5)])

    assert stand == 1
    assert event_ids_in(store) == ["run1-1", "run1-2", "run1-3", "run1-5"]


def test_a_failure_after_half_a_line_never_cuts_what_came_between(store, monkeypatch):
    spool = Spool(store, run_id="run1")
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", SmallDisk(room=100).write)
        patch.setattr(files.os, "ftruncate", refuse)
        with pytest.raises(StoreError):
            spool.write([call(sequence=1)])
    spool.write([call(sequence=2)])
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", SmallDisk(room=100).write)
        with pytest.raises(StoreError):
            spool.write([call(sequence=3)])
    spool.write([call(sequence=4)])

    assert event_ids_in(store) == ["run1-2", "run1-4"]


def test_a_row_that_json_cannot_express_costs_nothing_but_itself(store):
    spool = Spool(store, run_id="run1")

    written = spool.write([call(sequence=1), call(sequence=2, target="\ud800"), call(sequence=3)])

    assert written == 2
    assert event_ids_in(store) == ["run1-1", "run1-3"]


def test_a_run_that_comes_back_does_not_hide_behind_what_was_sealed(store):
    write_part(store, [call(sequence=1)])
    seal(store)
    for part in list_parts(store):
        part.path.unlink()

    Spool(store, run_id="run1").write([call(sequence=2)])

    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_a_spool_that_cannot_be_made_says_so(store):
    seed, *_ = store.spool.iterdir()
    seed.unlink()
    store.spool.rmdir()

    with pytest.raises(StoreError, match=r"cannot write .*run1-00001.jsonl \(No such file"):
        Spool(store, run_id="run1")


def test_a_part_nobody_can_see_yet_is_read_by_nobody(store):
    hidden = store.spool / "run1-00001.jsonl.tmp"
    hidden.write_bytes(b"")

    assert len(readable_files(store).tails) == 1


class SmallDisk:
    """A disk with room for so many bytes."""

    def __init__(self, *, room):
        self.room = room
        self._write = os.write

    def write(self, descriptor, data):
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self._write(descriptor, data[: self.room])
        self.room -= taken
        return taken


def refuse(*_):
    raise OSError(errno.EIO, os.strerror(errno.EIO))
