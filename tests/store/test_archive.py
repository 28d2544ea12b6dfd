"""What is moved into another store, and a crash at every step of it."""

import shutil
from datetime import datetime, timedelta

import pytest

import mcplens
from mcplens.errors import StoreError
from mcplens.store.compact import compact
from mcplens.store.layout import Store
from mcplens.store.location import create
from mcplens.store.manifest import Retention, load_manifest
from mcplens.store.prune import prune
from mcplens.store.quarantine import tidy
from mcplens.store.retention import make_archive, set_retention
from mcplens.store.seal import seal
from mcplens.store.wanted import Wanted
from tests.builders import NOON, call, connection, definition, notice, run
from tests.store.looking import event_ids_in, leftovers_in, rows_in, write_part
from tests.store.test_crashes import CrashAt, CrashError

DAY_S = 86_400
NOW = (NOON - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001
A_WEEK = Wanted(limit=NOON - timedelta(days=7))


def clock():
    return NOW


def sealed(store, *rows, run_id="run1"):
    write_part(store, rows, run_id=run_id)
    seal(store, clock=clock)


@pytest.fixture
def archive(store, tmp_path):
    made = make_archive(tmp_path / "archive", of=store)
    set_retention(store, Retention(age_s=7 * DAY_S, archive=str(made.path)))
    return made


def fill(store):
    """Record two months, one connection in both, and rows across the limit."""
    old = {"at": -40 * DAY_S}
    sealed(
        store,
        run(**old, ended_at=NOON),
        connection(**old, ended_at=NOON),
        definition(**old),
        notice(**old),
        call(**old, sequence=1),
        call(at=-39 * DAY_S, sequence=2),
        call(at=-9 * DAY_S, sequence=3),
        call(at=-7 * DAY_S - 60, sequence=4),
        call(at=-7 * DAY_S + 60, sequence=5),
        call(sequence=6),
    )


def test_what_is_too_old_is_moved_and_reads_sensibly_there(store, archive):
    fill(store)
    rows = mcplens.connect(store.path).sql("from raw_events order by event_id").fetchall()

    report = prune(store, A_WEEK, clock=clock)

    assert event_ids_in(store) == ["run1-5", "run1-6"]
    there = mcplens.connect(archive.path)
    assert there.sql("from raw_events order by event_id").fetchall() == rows[:4]
    for table in ("runs", "connections", "definitions"):
        assert len(rows_in(archive, table)) == 1, table
    assert len(rows_in(store, "connections")) == 1
    assert report.archive == archive.path
    assert report.gone["events"].row_count == 4


def test_links_that_leave_later_are_not_there_twice(store, archive):
    fill(store)
    prune(store, A_WEEK, clock=clock)

    prune(store, Wanted(limit=NOON + timedelta(days=1)), clock=clock)

    assert rows_in(store, "connections") == rows_in(store, "events") == []
    assert len(rows_in(archive, "connections")) == len(rows_in(archive, "runs")) == 1
    assert event_ids_in(archive) == [f"run1-{n}" for n in range(1, 7)]


def test_a_month_is_one_change_of_the_archive(store, archive):
    sealed(store, *(call(at=-n * DAY_S, sequence=n) for n in (40, 41, 60)))
    steps = []

    prune(store, clock=clock, on_step=steps.append)

    assert steps.count("taken") == 2
    assert event_ids_in(archive) == ["run1-40", "run1-41", "run1-60"]


def test_a_run_is_deleted_unless_an_archive_is_named(store, archive):
    fill(store)
    sealed(store, call(run_id="b", sequence=1), run_id="b")

    prune(store, Wanted(run_ids=frozenset({"b"})), clock=clock)
    assert event_ids_in(archive) == []
    prune(store, Wanted(run_ids=frozenset({"run1"})), archive=archive.path, clock=clock)

    assert event_ids_in(store) == []
    assert event_ids_in(archive) == [f"run1-{n}" for n in range(1, 7)]
    assert len(rows_in(archive, "connections")) == 1


def test_a_file_damaged_inside_stays_and_the_others_move(store, archive):
    sealed(store, call(at=-9 * DAY_S, sequence=1), call(at=-8 * DAY_S, sequence=2))
    damaged = store.path / load_manifest(store)[0].files[0].path
    content = bytearray(damaged.read_bytes())
    content[4:2000] = b"\xff" * 1996
    damaged.write_bytes(content)

    report = prune(store, A_WEEK, clock=clock)

    assert [aside.path for aside in report.set_aside] == [damaged]
    assert damaged.exists()
    assert event_ids_in(archive) == ["run1-2"]


def test_a_file_damaged_on_its_way_stays_and_the_others_move(store, archive):
    sealed(store, call(at=-9 * DAY_S, sequence=1), call(at=-8 * DAY_S, sequence=2))
    with pytest.raises(CrashError):
        prune(store, A_WEEK, clock=clock, on_step=CrashAt(1))
    damaged = store.path / load_manifest(store)[0].moving.paths[0]
    damaged.write_bytes(damaged.read_bytes()[:-50])

    report = prune(store, A_WEEK, clock=clock)

    assert load_manifest(store)[0].moving is None
    assert [aside.path for aside in report.set_aside] == [damaged]
    assert report.gone["events"].row_count == 1
    assert event_ids_in(archive) == ["run1-2"]


def flip_a_bit(path):
    """Change a file without its size, its ends or its columns being odd."""
    content = bytearray(path.read_bytes())
    at = content.index(b"read_file")
    content[at] ^= 1
    path.write_bytes(content)


def test_a_file_with_a_flipped_bit_is_not_archived_as_sound(store, archive):
    sealed(store, call(at=-9 * DAY_S, sequence=1), call(at=-8 * DAY_S, sequence=2))
    flipped = store.path / load_manifest(store)[0].files[0].path
    flip_a_bit(flipped)

    report = prune(store, A_WEEK, clock=clock)

    assert [aside.path for aside in report.set_aside] == [flipped]
    assert flipped.exists()
    assert event_ids_in(archive) == ["run1-2"]


def test_a_bit_that_flips_while_a_file_moves_is_found_in_the_copy(store, archive):
    sealed(store, call(at=-9 * DAY_S, sequence=1))
    with pytest.raises(CrashError):
        prune(store, A_WEEK, clock=clock, on_step=CrashAt(1))
    flip_a_bit(store.path / load_manifest(store)[0].files[0].path)

    with pytest.raises(StoreError, match="is not what was written, so it is not archived"):
        prune(store, A_WEEK, clock=clock)

    assert load_manifest(archive)[0].files == ()
    assert len(event_ids_in(store)) == 1


def test_a_move_that_goes_on_is_counted(store, archive):
    sealed(store, call(at=-9 * DAY_S, sequence=1))
    with pytest.raises(CrashError):
        prune(store, A_WEEK, clock=clock, on_step=CrashAt(1))

    report = prune(store, A_WEEK, clock=clock)

    assert report.gone["events"].row_count == 1
    assert event_ids_in(archive) == ["run1-1"]


def test_two_stores_may_share_an_archive(store, archive, tmp_path):
    other = create(tmp_path / "other")
    for one in (store, other):
        sealed(one, call(at=-9 * DAY_S, sequence=1, run_id=one.path.name))

    for one in (store, other):
        prune(one, A_WEEK, archive=archive.path, clock=clock)

    assert event_ids_in(archive) == ["other-1", "store-1"]


def test_a_copy_of_a_store_adds_nothing_to_the_archive(store, archive, tmp_path):
    sealed(store, call(at=-9 * DAY_S, sequence=1))
    copy = Store(tmp_path / "copy")
    shutil.copytree(store.path, copy.path)

    for one in (store, copy):
        prune(one, A_WEEK, archive=archive.path, clock=clock)

    assert event_ids_in(copy) == []
    assert event_ids_in(archive) == ["run1-1"]


def test_while_the_archive_is_away_nothing_is_deleted(store, archive):
    fill(store)
    archive.path.rename(archive.path.with_name("elsewhere"))

    with pytest.raises(StoreError, match=r"archive .* is not there, so nothing is moved"):
        prune(store, clock=clock)

    assert len(event_ids_in(store)) == 6


def test_an_archive_that_is_away_is_not_made_anew_by_another_limit(store, archive):
    archive.path.rename(archive.path.with_name("elsewhere"))

    set_retention(store, Retention(age_s=30 * DAY_S, archive=str(archive.path)))

    assert not archive.path.exists()
    assert load_manifest(store)[0].retention.age_s == 30 * DAY_S


def test_an_archive_has_to_keep_everything(store, tmp_path):
    create(tmp_path / "busy")

    with pytest.raises(StoreError, match="an archive has to keep everything"):
        make_archive(tmp_path / "busy", of=store)
    with pytest.raises(StoreError, match="is in the store itself"):
        make_archive(store.path / "archive", of=store)


def test_a_crash_while_moving_loses_no_event_and_shows_none_twice(store, archive, tmp_path):
    sealed(
        store,
        connection(at=-9 * DAY_S, ended_at=NOON),
        call(at=-9 * DAY_S, sequence=1),
        call(at=-7 * DAY_S - 60, sequence=2),
        call(at=-7 * DAY_S + 60, sequence=3),
        call(sequence=4),
    )
    crashed = []

    def seen_in(here, there):
        ids, ids_there = event_ids_in(here), event_ids_in(there)
        assert len(ids) == len(set(ids))
        assert len(ids_there) == len(set(ids_there))
        assert {*ids, *ids_there} == {"run1-1", "run1-2", "run1-3", "run1-4"}
        return ids

    while True:
        here = Store(tmp_path / f"store{len(crashed)}")
        there = Store(tmp_path / f"archive{len(crashed)}")
        shutil.copytree(store.path, here.path)
        shutil.copytree(archive.path, there.path)
        crash = CrashAt(len(crashed) + 1)
        try:
            prune(here, A_WEEK, archive=there.path, clock=clock, on_step=crash)
        except CrashError:
            crashed.append(crash.names[-1])
        else:
            break
        seen_in(here, there)
        # What others do before it goes on must not make the archive meet the same event again.
        compact(here, clock=clock)
        compact(there, clock=clock)
        later = Wanted(limit=NOON - timedelta(days=6))
        prune(here, later, archive=there.path, clock=clock)
        assert seen_in(here, there) == ["run1-4"]
        assert len(rows_in(there, "connections")) == 1
        assert leftovers_in(here) == leftovers_in(there) == []
        assert load_manifest(here)[0].moving is None
        assert load_manifest(there)[0].taken == ()

    assert {"named", "pending there", "copied", "taken", "let go", "moved"} <= set(crashed)


def test_what_was_taken_and_then_damaged_here_is_known_there_when_it_comes_back(store, archive):
    sealed(store, call(at=-9 * DAY_S, sequence=1))
    sealed(archive, call(at=-9 * DAY_S, sequence=2, run_id="b"), run_id="b")

    def on_step(name):
        if name == "taken":
            raise CrashError

    with pytest.raises(CrashError):
        prune(store, A_WEEK, clock=clock, on_step=on_step)
    file = store.path / load_manifest(store)[0].files[0].path
    content = file.read_bytes()
    file.write_bytes(content[:-50])
    tidy(store)
    prune(store, A_WEEK, clock=clock)
    compact(archive, clock=clock)
    file.write_bytes(content)
    tidy(store)

    prune(store, A_WEEK, clock=clock)

    assert event_ids_in(store) == []
    assert event_ids_in(archive) == ["b-2", "run1-1"]


def test_a_crash_while_pruning_loses_only_what_leaves(store, tmp_path):
    fill(store)
    crashed = []

    while True:
        here = Store(tmp_path / f"store{len(crashed)}")
        shutil.copytree(store.path, here.path)
        crash = CrashAt(len(crashed) + 1)
        try:
            prune(here, A_WEEK, clock=clock, on_step=crash)
        except CrashError:
            crashed.append(crash.names[-1])
        else:
            break
        ids = event_ids_in(here)
        assert len(ids) == len(set(ids))
        assert {"run1-5", "run1-6"} <= set(ids)
        prune(here, A_WEEK, clock=clock)
        assert event_ids_in(here) == ["run1-5", "run1-6"]
        assert leftovers_in(here) == []
        assert load_manifest(here)[0].pending == ()

    assert {"pending", "written", "renamed", "committed"} <= set(crashed)


def test_a_move_to_an_archive_that_is_gone_for_good_can_be_given_up(store, archive):
    fill(store)
    with pytest.raises(CrashError):
        prune(store, clock=clock, on_step=CrashAt(1))
    shutil.rmtree(archive.path)
    with pytest.raises(StoreError, match="--no-archive"):
        prune(store, clock=clock)

    set_retention(store, Retention(age_s=7 * DAY_S))
    prune(store, clock=clock)

    assert load_manifest(store)[0].moving is None
    assert event_ids_in(store) == ["run1-4", "run1-5", "run1-6"]
