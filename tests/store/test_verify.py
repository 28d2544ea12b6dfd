"""What verify finds in a store, and what repair makes of it."""

import os

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mcplens.errors import StoreError
from mcplens.store.compact import compact
from mcplens.store.files import digest_of
from mcplens.store.location import create, open_store
from mcplens.store.manifest import load_manifest
from mcplens.store.repair import repair
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from mcplens.store.verify import verify
from tests.builders import NOON, call, connection, definition, event, notice, run
from tests.store.looking import event_ids_in, finished_in, rows_in, write_part

HOUR_S = 3600
ENDED = {"ended_at": NOON, "lost_count": 0}


def sealed(store, *batches):
    """Seal each batch into files of its own."""
    for number, rows in enumerate(batches):
        write_part(store, rows, run_id=f"w{number}")
        seal(store)


def events_of(store):
    return [store.path / f.path for f in load_manifest(store)[0].files if f.table == "events"]


def kinds(looked):
    return [found.kind for found in looked.findings]


def standing(looked):
    return [found.kind for found in looked.findings if not found.is_repaired]


def in_quarantine(store):
    return sorted(path.name for path in store.quarantine.iterdir())


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


def test_nothing_is_wrong_with_a_store_in_use(store):
    sealed(store, [run(), connection(), definition(), call(sequence=1)], [call(sequence=2)])
    compact(store)
    living = Spool(store, run_id="run2")
    living.write([event(run_id="run2", sequence=1, outcome=None)])

    looked = verify(store)

    assert looked.findings == []
    assert (looked.part_count, looked.row_count) == (1, 7)


def test_the_digest_of_a_file_is_known_from_writing_it(store):
    sealed(store, [call(sequence=1)])

    [file] = load_manifest(store)[0].files

    assert file.digest == digest_of(store.path / file.path)


def test_progress_is_told_in_bytes_up_to_all_of_them(store):
    sealed(store, [call(sequence=1)], [call(sequence=2)])
    told = []

    verify(store, on_progress=lambda done, total: told.append((done, total)))

    sizes = [path.stat().st_size for path in events_of(store)]
    assert told == [(sizes[0], sum(sizes)), (sum(sizes), sum(sizes))]


def test_a_changed_byte_is_found_by_the_digest_and_moved_away(store):
    sealed(store, [call(sequence=1)], [call(sequence=2)])
    changed, _ = events_of(store)
    rows = pq.ParquetFile(changed).metadata.num_rows
    flip(changed, changed.read_bytes().index(b"read_file"))

    looked = verify(store)
    repaired = repair(store)

    assert rows == 1
    [found] = looked.findings
    assert found.kind in {"tampered", "torn"}
    assert found.is_wrong
    assert event_ids_in(store) == ["run1-2"]
    assert not changed.exists()
    assert in_quarantine(store) == [
        "events-date=2026-11-20-w0-00001.parquet",
        "events-date=2026-11-20-w0-00001.parquet.reason.txt",
    ]
    assert not repaired.is_fine
    assert standing(repaired) == ["quarantined"]


def test_a_file_with_another_number_of_rows_is_found_without_a_digest(store):
    sealed(store, [call(sequence=1)], [call(sequence=2)])
    first, second = events_of(store)
    first.write_bytes(second.read_bytes())
    forget_digests(store)

    looked = verify(store)

    assert kinds(looked) == ["duplicate"]


def forget_digests(store):
    """Leave the manifest as an mcplens wrote it that knew no digests."""
    manifest, _ = load_manifest(store)
    files = tuple(
        msgspec.structs.replace(
            file, digest=None, size_bytes=(store.path / file.path).stat().st_size
        )
        for file in manifest.files
    )
    content = msgspec.json.encode(msgspec.structs.replace(manifest, files=files))
    store.manifest.write_bytes(content)
    store.manifest_backup.write_bytes(content)


def test_a_file_that_is_brought_back_is_taken_back(store):
    sealed(store, [call(sequence=1)], [call(sequence=2)])
    torn, _ = events_of(store)
    copy = torn.read_bytes()
    torn.write_bytes(copy[:-100])
    repair(store)
    gone = event_ids_in(store)

    torn.write_bytes(copy)
    before = event_ids_in(store)
    repaired = repair(store)

    assert gone == before == ["run1-2"]
    assert event_ids_in(store) == ["run1-1", "run1-2"]
    assert repaired.is_fine
    assert load_manifest(store)[0].quarantined == ()


def test_a_file_that_is_mended_in_the_quarantine_is_taken_back(store):
    sealed(store, [call(sequence=1)])
    [torn] = events_of(store)
    copy = torn.read_bytes()
    torn.write_bytes(copy[:-100])
    repair(store)
    [name, _] = in_quarantine(store)

    (store.quarantine / name).write_bytes(copy)
    repair(store)

    assert event_ids_in(store) == ["run1-1"]
    assert in_quarantine(store) == []


def test_a_second_file_of_one_name_takes_nothing_from_the_first(store):
    sealed(store, [call(sequence=1)])
    [place] = events_of(store)
    for content in (b"one", b"two"):
        foreign = place.with_name("foreign.parquet")
        foreign.write_bytes(content)
        repair(store)

    kept = [path.read_bytes() for path in sorted(store.quarantine.glob("*.parquet"))]
    assert sorted(kept) == [b"one", b"two"]
    assert len(list(store.quarantine.glob("*.reason.txt"))) == 2


def test_a_foreign_file_is_moved_away_unread(store):
    sealed(store, [call(sequence=1)])
    [place] = events_of(store)
    foreign = place.with_name("mine.parquet")
    foreign.write_bytes(place.read_bytes())

    found = verify(store)
    repaired = repair(store)

    assert kinds(found) == ["foreign"]
    assert repaired.is_fine
    assert event_ids_in(store) == ["run1-1"]
    assert "is not in the manifest" in next(store.quarantine.glob("*.reason.txt")).read_text()


def test_a_file_of_a_newer_schema_stays_where_it_is(store):
    sealed(store, [call(sequence=1)], [call(sequence=2)])
    manifest, _ = load_manifest(store)
    newer = msgspec.structs.replace(manifest.files[0], schema_version=99)
    content = msgspec.json.encode(
        msgspec.structs.replace(manifest, files=(newer, *manifest.files[1:]))
    )
    store.manifest.write_bytes(content)
    store.manifest_backup.write_bytes(content)

    repaired = repair(store)

    assert repaired.is_fine
    assert [(found.kind, found.where) for found in repaired.findings] == [("newer", newer.path)]
    assert "Upgrade mcplens" in repaired.findings[0].what
    assert (store.path / newer.path).exists()


def test_a_missing_file_is_named_and_stays_wrong(store):
    sealed(store, [call(sequence=1)])
    [gone] = events_of(store)
    gone.unlink()

    repaired = repair(store)

    assert not repaired.is_fine
    assert standing(repaired) == ["missing"]


def test_rows_that_stand_twice_are_found_and_one_of_each_is_kept(store):
    rows = [event(sequence=1), event(sequence=2), notice(notice_id="n1")]
    sealed(store, rows, rows[:1] + rows[2:])

    looked = verify(store)
    repaired = repair(store)

    assert kinds(looked) == ["duplicate", "duplicate"]
    assert "events that stand twice: run1-1" in looked.findings[0].what
    assert repaired.is_fine
    assert event_ids_in(store) == ["run1-1", "run1-2"]
    assert len(rows_in(store, "notices")) == 1


def test_rows_that_stand_twice_in_one_file_are_found_too(store):
    sealed(store, [event(sequence=1), event(sequence=1), event(sequence=2)])

    repaired = repair(store)

    assert kinds(repaired) == ["duplicate"]
    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_a_row_in_the_tail_of_a_living_writer_is_the_one_that_is_kept(store):
    sealed(store, [event(sequence=1), event(sequence=2)])
    living = Spool(store, run_id="run9")
    living.write([event(sequence=1)])

    repaired = repair(store)

    assert repaired.is_fine
    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_an_open_row_and_its_end_are_not_twice_the_same(store):
    sealed(store, [event(sequence=1, outcome=None)], [event(sequence=1)])

    assert "duplicate" not in kinds(verify(store))


def test_an_event_told_twice_and_differently_is_kept_and_named(store):
    sealed(store, [event(sequence=1, work_ms=1.0)], [event(sequence=1, work_ms=2.0)])

    repaired = repair(store)

    assert not repaired.is_fine
    [found] = repaired.findings
    assert found.kind == "conflict"
    assert found.what == "events that are told twice and differently: run1-1"
    assert event_ids_in(store) == ["run1-1", "run1-1"]


@pytest.mark.parametrize(
    ("sequences", "ending", "expected"),
    [
        ([1, 2, 4, 5, 9], ENDED, "lacks 4 requests: 3, 6 to 8"),
        ([1, 2, 4], {**ENDED, "lost_count": 1}, None),
        ([1, 4], {**ENDED, "lost_count": 1}, "lacks 2 requests: 2 to 3; it says it lost 1"),
        ([5, 6, 7], ENDED, None),
    ],
)
def test_requests_that_lack_are_named_unless_the_run_tells_of_them(
    store, sequences, ending, expected
):
    rows = [event(sequence=n, at=n) for n in sequences]
    sealed(store, [run(), *rows, run(at=100, **ending)])

    looked = verify(store)

    assert [found.what for found in looked.findings] == ([expected] if expected else [])


def test_what_was_under_way_when_a_recorder_was_killed_does_not_lack(store):
    sealed(store, [run(), *(event(sequence=n, at=n) for n in (1, 2, 4))])
    late = [found.what for found in verify(store).findings]
    sealed(store, [event(sequence=5, at=60), event(sequence=6, at=61)])

    lacking = [found.what for found in verify(store).findings]

    assert late == []
    assert lacking == ["lacks 1 requests: 3"]


def test_what_lies_in_the_quarantine_does_not_lack(store):
    path = write_part(store, [run(), *(event(sequence=n, at=n) for n in (1, 2, 3)), run(**ENDED)])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"{damaged\n", *lines[3:]]))
    tail = kinds(verify(store))
    seal(store)

    assert tail == ["bad_lines"]
    assert kinds(verify(store)) == ["quarantined"]


def test_leftovers_are_found_and_cleared(store):
    sealed(store, [call(sequence=1)], [call(sequence=2)])
    compact(store)
    now = max(file.retired_at for file in load_manifest(store)[0].retired).timestamp() + 4 * HOUR_S
    for name in ("manifest.json.tmp", "events/date=2026-11-20/mine.parquet.tmp"):
        (store.path / name).write_bytes(b"half")
        os.utime(store.path / name, (0, 0))
    store.views_sql.write_text("select 1")
    store.manifest_backup.write_bytes(b"")
    store.path.chmod(0o755)

    repaired = repair(store, clock=lambda: now)

    gone = {found.where for found in repaired.findings if found.is_repaired}
    assert {".", "manifest.json.tmp", "views.sql", "manifest.backup.json"} <= gone
    assert [found.where for found in repaired.findings if not found.is_repaired] == [
        "events/date=2026-11-20/mine.parquet.tmp"
    ]
    assert repaired.is_fine
    assert store.path.stat().st_mode & 0o777 == 0o700
    assert load_manifest(store)[0].retired == ()


def lose_manifests(store):
    store.manifest.write_bytes(b"{torn")
    store.manifest_backup.write_bytes(b"")


def test_a_manifest_is_built_anew_of_what_stands_and_nothing_counts_twice(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([run(), connection(), event(sequence=1), event(sequence=2, outcome=None)])
    spool.write([event(sequence=2)])
    seal(store)
    spool.write([event(sequence=3)])
    seal(store)
    compact(store)
    spool.write([event(sequence=4)])
    seal(store)
    spool.write([event(sequence=5)])
    before = finished_in(store)
    lose_manifests(store)

    looked = verify(store)
    repaired = repair(store)

    assert kinds(looked) == ["manifest"]
    assert repaired.is_fine
    assert finished_in(store) == before == {f"run1-{n}": "ok" for n in range(1, 6)}
    assert sorted(set(event_ids_in(store))) == sorted(before)
    assert [len(rows_in(store, table)) for table in ("runs", "connections")] == [1, 1]


def test_a_request_that_was_open_when_the_manifest_was_lost_is_still_ended(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([event(sequence=1, outcome=None), event(sequence=2)])
    spool.write([event(sequence=3)])
    seal(store)
    lose_manifests(store)
    repair(store)

    spool.close()
    seal(store)

    assert finished_in(store) == {"run1-1": "unanswered", "run1-2": "ok", "run1-3": "ok"}


def test_a_part_whose_file_was_torn_is_read_again_when_the_manifest_is_built(store):
    path = write_part(store, [run(), connection(ended_at=NOON), event(sequence=1)])
    seal(store)
    [torn] = events_of(store)
    torn.write_bytes(torn.read_bytes()[:-100])
    lose_manifests(store)

    repair(store)

    assert event_ids_in(store) == ["run1-1"]
    assert len(rows_in(store, "connections")) == 1
    assert not path.exists()


def test_files_that_overlap_are_read_once_when_the_manifest_is_built(store):
    sealed(
        store,
        [event(sequence=1), event(sequence=2), event(sequence=3)],
        [event(sequence=3), event(sequence=4)],
    )
    lose_manifests(store)

    repair(store)

    assert event_ids_in(store) == ["run1-1", "run1-2", "run1-3", "run1-4"]


def test_a_store_without_any_manifest_is_not_taken_for_a_new_one(store, tmp_path):
    sealed(store, [event(sequence=1)])
    store.manifest.unlink()
    store.manifest_backup.unlink()

    create(store.path)
    with pytest.raises(StoreError, match=r"has lost its manifest. Build it anew with `mcplens"):
        open_store(store.path)
    repair(store)

    assert event_ids_in(store) == ["run1-1"]


def test_a_file_of_a_newer_schema_is_kept_when_the_manifest_is_built(store):
    sealed(store, [event(sequence=1)], [event(sequence=2)])
    newer, _ = events_of(store)
    content = pq.ParquetFile(newer).read()
    at = content.schema.get_field_index("schema_version")
    pq.write_table(content.set_column(at, "schema_version", pa.array([99])), newer)
    lose_manifests(store)

    repaired = repair(store)

    assert repaired.is_fine
    assert [found.kind for found in repaired.findings if not found.is_repaired] == [
        "newer",
        "retention",
        *["quarantined"] * 4,  # The manifest, its backup, and both parts: they are in Parquet.
    ]
    assert newer.exists()
    assert event_ids_in(store) == ["run1-2"]


def test_a_store_that_may_not_be_written_says_so_and_stays_as_it_is(store, monkeypatch):
    sealed(store, [event(sequence=1)], [event(sequence=2)])
    torn, _ = events_of(store)
    torn.write_bytes(torn.read_bytes()[:-100])

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.rename", refuse)

    with pytest.raises(StoreError, match=r"cannot move what is damaged .* \(Permission denied\)"):
        repair(store)

    assert torn.exists()
    assert event_ids_in(store) == ["run1-2"]
