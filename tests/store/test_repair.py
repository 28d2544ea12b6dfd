"""What repairing must never cost: rows, settings, or a sound file."""

from datetime import timedelta

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mcplens.errors import StoreError
from mcplens.store.manifest import Moving, Retention, load_manifest, save_manifest
from mcplens.store.prune import prune
from mcplens.store.repair import drop_doubles, repair
from mcplens.store.retention import set_retention
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from mcplens.store.verify import verify
from mcplens.store.wanted import Wanted
from tests.builders import NOON, call, event, run
from tests.store.looking import event_ids_in, rows_in, write_part

NOON_S = 1_795_176_000.0
EVERYTHING = Retention(age_s=None, size_bytes=None)


def sealed(store, *batches):
    """Seal each batch into files of its own."""
    for number, rows in enumerate(batches):
        write_part(store, rows, run_id=f"w{number}")
        seal(store)


def change(store, **fields):
    """Write into the manifest what somebody else did to it."""
    save_manifest(store, msgspec.structs.replace(load_manifest(store)[0], **fields))


def put_back(store, manifest):
    store.manifest.write_bytes(manifest)
    store.manifest_backup.write_bytes(manifest)


def lose_manifests(store):
    store.manifest.write_bytes(b"{torn")
    store.manifest_backup.write_bytes(b"")


def test_a_manifest_that_is_built_anew_lets_go_of_nothing_and_says_what_to_do(store):
    set_retention(store, Retention(age_s=7 * 86_400))
    sealed(store, [call(sequence=1)])
    lose_manifests(store)

    repaired = repair(store)

    assert load_manifest(store)[0].retention == EVERYTHING
    [found] = [found for found in repaired.findings if found.kind == "retention"]
    assert found.what == (
        "keeps everything from now on, and what was pruned in the last hour may be back"
    )
    assert found.advice == "Set again what it is to keep: `mcplens store retention`, then prune"
    assert not found.is_wrong
    assert "retention" not in [found.kind for found in repair(store).findings]


def test_a_row_whose_other_copy_left_meanwhile_is_kept(store):
    sealed(store, [event(sequence=1)], [event(sequence=1)])
    doubles = verify(store).doubles
    change(store, files=load_manifest(store)[0].files[1:])

    assert drop_doubles(store, doubles) == 0
    assert event_ids_in(store) == ["run1-1"]


def test_a_row_whose_other_copy_was_torn_meanwhile_is_kept(store):
    sealed(store, [event(sequence=1)], [event(sequence=1)])
    doubles = verify(store).doubles
    torn = store.path / load_manifest(store)[0].files[0].path
    torn.write_bytes(torn.read_bytes()[:-1])

    assert drop_doubles(store, doubles) == 0
    assert event_ids_in(store) == ["run1-1"]


def test_a_row_whose_copy_in_the_spool_is_gone_is_kept(store):
    sealed(store, [event(sequence=1)])
    living = Spool(store, run_id="run9")
    living.write([event(sequence=1)])
    doubles = verify(store).doubles
    living.path.unlink()

    assert drop_doubles(store, doubles) == 0
    assert event_ids_in(store) == ["run1-1"]


def test_rows_that_stand_in_a_chain_of_files_are_put_right_at_once(store):
    one, two, three = (event(sequence=n) for n in (1, 2, 3))
    sealed(store, [two], [two, one], [one, three, two])

    drop_doubles(store, verify(store).doubles)

    assert event_ids_in(store) == ["run1-1", "run1-2", "run1-3"]


def test_a_file_on_its_way_into_an_archive_is_not_rewritten(store, tmp_path):
    sealed(store, [event(sequence=1)], [event(sequence=1)])
    doubles = verify(store).doubles
    files = load_manifest(store)[0].files
    change(store, moving=Moving(archive=str(tmp_path / "away"), paths=(files[1].path,)))

    assert drop_doubles(store, doubles) == 0
    assert load_manifest(store)[0].files == files


def test_a_sound_file_that_cannot_be_unpacked_now_stays_where_it_is(store, monkeypatch):
    sealed(store, [event(sequence=1)])

    def refuse(*_, **__):
        raise pa.ArrowMemoryError("malloc of size 4 failed")

    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetFile, "iter_batches", refuse)
        repaired = repair(store)

    [found] = repaired.findings
    assert (found.kind, found.advice) == (
        "unreadable",
        "See that it can be read, and verify again",
    )
    assert found.what == "cannot be unpacked now (malloc of size 4 failed)"
    assert event_ids_in(store) == ["run1-1"]


def test_a_manifest_is_not_built_anew_while_files_cannot_be_unpacked(store, monkeypatch):
    sealed(store, [event(sequence=1)])
    lose_manifests(store)

    def refuse(*_, **__):
        raise pa.ArrowMemoryError("malloc of size 4 failed")

    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetFile, "read", refuse)
        with pytest.raises(StoreError, match=r"cannot repair .* \(malloc of size 4 failed\)"):
            repair(store)
    repair(store)

    assert event_ids_in(store) == ["run1-1"]


def test_a_file_that_is_damaged_inside_is_not_read_when_the_manifest_is_built(store):
    sealed(store, [event(sequence=1)], [event(sequence=2)])
    damaged = store.path / load_manifest(store)[0].files[0].path
    content = damaged.read_bytes()
    damaged.write_bytes(content[:4] + b"\xff" * 200 + content[204:])
    lose_manifests(store)

    repair(store)

    assert event_ids_in(store) == ["run1-1", "run1-2"]  # From its part, which still stands.
    assert (store.quarantine / "events-date=2026-11-20-w0-00001.parquet").exists()


def test_a_rescued_row_has_what_sealing_adds(store):
    failed = call(sequence=1, arguments_hash="h", outcome="timeout", work_ms=10.0)
    again = call(sequence=2, at=60, arguments_hash="h", work_ms=10.0)
    sealed(store, [failed])
    write_part(store, [failed, again], run_id="late")
    lose_manifests(store)

    repair(store)

    [row] = [row for row in rows_in(store, "events") if row["event_id"] == "run1-2"]
    # 1.02 to the power of 117 is the first that is over 10.
    assert (row["attempt"], row["retry_of"], row["duration_bin"]) == (2, "run1-1", 117)


def test_rows_in_the_quarantine_are_wrong_until_their_file_is_deleted(store):
    sealed(store, [event(sequence=1)], [event(sequence=2)])
    torn = store.path / load_manifest(store)[0].files[0].path
    torn.write_bytes(torn.read_bytes()[:-1])
    repair(store)

    looked = verify(store)
    for path in store.quarantine.iterdir():
        path.unlink()

    [found] = looked.findings
    assert (found.kind, found.is_wrong, looked.is_fine) == ("quarantined", True, False)
    assert verify(store).findings == []


def test_pruned_rows_do_not_come_back_with_a_copy_of_their_file(store):
    sealed(store, [call(run_id="gone", sequence=1)], [call(run_id="kept", sequence=1)])
    [path] = [file.path for file in load_manifest(store)[0].files if "w0" in file.path]
    copy = (store.path / path).read_bytes()
    prune(store, Wanted(run_ids=frozenset({"gone"})), clock=lambda: NOON_S)
    seal(store, clock=lambda: NOON_S + 2 * 3600)
    is_deleted = not (store.path / path).exists()

    (store.path / path).write_bytes(copy)
    repaired = repair(store)

    assert is_deleted
    assert repaired.is_fine
    assert event_ids_in(store) == ["kept-1"]
    assert (store.quarantine / "events-date=2026-11-20-w0-00001.parquet").read_bytes() == copy


def test_what_an_old_manifest_does_not_know_is_read_again_with_one_that_does(store):
    sealed(store, [call(sequence=1)])
    old = store.manifest.read_bytes()
    write_part(store, [call(sequence=2)], run_id="later")
    seal(store, grace_s=0)
    seal(store, grace_s=0)  # Deletes the part: the row stands in Parquet alone.
    right = store.manifest.read_bytes()
    put_back(store, old)
    repair(store)
    before = event_ids_in(store)

    put_back(store, right)
    name = "date=2026-11-20/later-00001.parquet"
    (store.quarantine / f"events-{name.replace('/', '-')}").rename(store.path / "events" / name)

    assert before == ["run1-1"]
    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_requests_that_were_pruned_around_a_long_one_do_not_lack(store):
    long = event(sequence=1, recorded_at=NOON + timedelta(seconds=3600))
    short = [event(sequence=n, at=n) for n in (2, 3)]
    sealed(store, [run(), long, *short, *(event(sequence=n, at=3600 + n) for n in (4, 5))])

    prune(store, Wanted(limit=NOON + timedelta(seconds=1800)))

    assert event_ids_in(store) == ["run1-1", "run1-4", "run1-5"]
    assert [found.what for found in verify(store).findings] == []


def test_requests_that_lack_among_what_was_not_pruned_are_still_named(store):
    rows = [event(sequence=n, at=n) for n in (1, 2)]
    young = [event(sequence=n, at=3600 + n) for n in (3, 5)]
    sealed(store, [run(), *rows, *young, run(at=9000, ended_at=NOON, lost_count=0)])

    prune(store, Wanted(limit=NOON + timedelta(seconds=1800)))

    assert [found.what for found in verify(store).findings] == ["lacks 1 requests: 4"]


def test_requests_that_left_for_want_of_room_do_not_lack(store):
    rest = [event(sequence=1, at=1), event(sequence=3, at=3)]
    sealed(store, [run(), event(sequence=2, at=2)], [*rest, run(at=9, ended_at=NOON)])

    prune(store, Wanted(size_bytes=1))

    assert event_ids_in(store) == ["run1-1", "run1-3"]
    assert verify(store).findings == []


def test_a_backup_that_is_behind_is_written_again_by_whoever_changes_the_store_next(store):
    sealed(store, [event(sequence=1)])
    store.manifest_backup.write_bytes(b"{}")

    seal(store)

    assert store.manifest_backup.read_bytes() == store.manifest.read_bytes()
