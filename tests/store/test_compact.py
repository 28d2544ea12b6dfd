from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mcplens.errors import StoreError
from mcplens.store.compact import compact
from mcplens.store.manifest import load_manifest
from mcplens.store.reading import readable_files
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import NOON, call, connection, event
from tests.store.looking import event_ids_in, finished_in, rows_in, write_part

DAY_S = 86_400


def sealed_one_by_one(store, *batches):
    """Seal each batch of rows into a file of its own."""
    for number, rows in enumerate(batches):
        write_part(store, rows, run_id=f"w{number}")
        seal(store)


def files_of(store, table):
    return [file for file in load_manifest(store)[0].files if file.table == table]


def test_small_files_of_a_day_become_one_with_the_same_rows(store):
    sealed_one_by_one(store, [call(sequence=1)], [call(sequence=2)], [call(sequence=3)])
    before = rows_in(store, "events")

    report = compact(store)

    assert (report.replaced_count, report.written_count) == (3, 1)
    assert len(files_of(store, "events")) == 1
    assert sorted(rows_in(store, "events"), key=lambda row: row["event_id"]) == before


def test_days_and_tables_stay_apart(store):
    sealed_one_by_one(
        store,
        [call(), connection(ended_at=NOON)],
        [call(), connection(ended_at=NOON), call(at=DAY_S)],
        [call(at=DAY_S)],
    )

    compact(store)

    assert [file.date for file in files_of(store, "events")] == ["2026-11-20", "2026-11-21"]
    assert [file.date for file in files_of(store, "connections")] == ["2026-11-20"]


def test_a_joined_file_is_sorted_by_time(store):
    sealed_one_by_one(
        store, [call(at=3, sequence=3)], [call(at=1, sequence=1), call(at=5, sequence=5)]
    )

    compact(store)

    [path] = readable_files(store).parquet["events"][1:]
    assert pq.ParquetFile(path).read(["sequence"])["sequence"].to_pylist() == [1, 3, 5]


def test_there_is_nothing_to_join_in_one_file(store):
    sealed_one_by_one(store, [call()])

    assert compact(store).written_count == 0
    assert load_manifest(store)[0].generation == 1


def test_a_few_small_files_may_wait(store):
    sealed_one_by_one(store, [call()], [call()])

    assert compact(store, at_least=3).written_count == 0
    assert compact(store, at_least=2).written_count == 1


def test_replaced_files_stay_for_readers_that_began_before(store):
    sealed_one_by_one(store, [call()], [call()])
    listed = readable_files(store).parquet["events"][1:]
    now = 1_000_000.0

    compact(store, clock=lambda: now)
    assert [pq.read_metadata(path).num_rows for path in listed] == [1, 1]
    compact(store, clock=lambda: now + 3600)

    assert [path for path in listed if Path(path).exists()] == []
    assert len(event_ids_in(store)) == 2


def test_an_open_row_is_dropped_when_its_end_is_known(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([event(sequence=1, outcome=None), event(sequence=2, outcome=None)])
    spool.write([event(sequence=1, outcome="ok")])
    seal(store)
    spool.write([event(sequence=3)])
    seal(store)
    spool.write([event(sequence=4)])

    report = compact(store)

    assert report.dropped_count == 1
    assert event_ids_in(store) == ["run1-1", "run1-2", "run1-3", "run1-4"]
    assert finished_in(store) == {"run1-1": "ok", "run1-2": None, "run1-3": "ok", "run1-4": "ok"}


def test_a_request_still_open_after_joining_is_ended_when_its_recorder_died(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([event(sequence=1, outcome=None)])
    spool.write([event(sequence=2)])
    seal(store)
    sealed_one_by_one(store, [event(sequence=3)])
    compact(store)
    spool.close()

    seal(store)
    compact(store)

    assert finished_in(store) == {"run1-1": "unanswered", "run1-2": "ok", "run1-3": "ok"}
    assert event_ids_in(store) == ["run1-1", "run1-2", "run1-3"]


def test_an_open_row_whose_end_nobody_found_is_kept(store):
    """Its file could not be read when its recorder died, and was brought back later."""
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([event(sequence=1, outcome=None)])
    spool.write([event(sequence=2)])
    seal(store)
    path = store.path / files_of(store, "events")[0].path
    path.rename(store.path / "elsewhere")
    spool.close()
    seal(store)
    (store.path / "elsewhere").rename(path)

    compact(store)

    assert finished_in(store) == {"run1-1": None, "run1-2": "ok"}


def test_a_torn_file_is_left_alone_and_the_others_are_joined(store):
    sealed_one_by_one(store, [call(sequence=1)], [call(sequence=2)], [call(sequence=3)])
    torn = store.path / files_of(store, "events")[1].path
    torn.write_bytes(torn.read_bytes()[:-100])

    report = compact(store)

    assert [aside.path for aside in report.set_aside] == [torn]
    assert report.replaced_count == 2
    assert torn.exists()
    assert event_ids_in(store) == ["run1-1", "run1-3"]


def test_a_file_torn_inside_is_left_alone_too(store):
    sealed_one_by_one(store, [call(sequence=1)], [call(sequence=2)], [call(sequence=3)])
    torn = store.path / files_of(store, "events")[1].path
    content = bytearray(torn.read_bytes())
    content[4:] = b"\0" * (len(content) - 8) + b"PAR1"
    torn.write_bytes(content)

    report = compact(store)

    assert [aside.path for aside in report.set_aside] == [torn]
    assert report.replaced_count == 2


def test_a_file_whose_rows_are_damaged_is_left_alone_too(store):
    sealed_one_by_one(store, [call(sequence=1)], [call(sequence=2)], [call(sequence=3)])
    torn = store.path / files_of(store, "events")[1].path
    content = bytearray(torn.read_bytes())
    content[4:2000] = b"\xff" * 1996
    torn.write_bytes(content)

    report = compact(store)

    assert [aside.path for aside in report.set_aside] == [torn]
    assert report.replaced_count == 2


def test_columns_that_a_later_mcplens_added_are_kept(store):
    sealed_one_by_one(store, [call(sequence=1)], [call(sequence=2)])
    manifest, _ = load_manifest(store)
    path = store.path / manifest.files[0].path
    later = pq.ParquetFile(path).read().append_column("mood", pa.array(["calm"]))
    pq.write_table(later, path)
    store.manifest.write_bytes(
        store.manifest.read_bytes().replace(
            f'"size_bytes": {manifest.files[0].size_bytes}'.encode(),
            f'"size_bytes": {path.stat().st_size}'.encode(),
            1,
        )
    )

    compact(store)

    [path] = readable_files(store).parquet["events"][1:]
    assert pq.ParquetFile(path).read(["mood"])["mood"].to_pylist() == ["calm", None]


def test_large_files_are_left_alone(store, monkeypatch):
    sealed_one_by_one(store, [call()], [call()])
    monkeypatch.setattr("mcplens.store.compact._SMALL_BYTES", 1)

    assert compact(store).written_count == 0


def test_no_more_is_unpacked_at_once_than_fits(store, monkeypatch):
    sealed_one_by_one(store, *([call(sequence=n)] for n in range(1, 6)))
    unpacked = pq.read_metadata(readable_files(store).parquet["events"][1]).row_group(0)
    monkeypatch.setattr(
        "mcplens.store.compact._BYTES_AT_A_TIME", int((unpacked.total_byte_size + 500) * 2.5)
    )

    report = compact(store)

    assert report.written_count >= 2
    assert event_ids_in(store) == ["run1-1", "run1-2", "run1-3", "run1-4", "run1-5"]


def test_a_store_that_cannot_be_written_says_so(store):
    sealed_one_by_one(store, [call(sequence=1)], [call(sequence=2)])
    (store.path / "events" / "date=2026-11-20" / "compacted-000003.parquet.tmp").mkdir()

    with pytest.raises(StoreError, match=r"cannot compact .* Everything stays readable"):
        compact(store)

    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_compacting_waits_while_too_much_that_was_replaced_is_still_there(store, monkeypatch):
    sealed_one_by_one(store, [call(), call(at=DAY_S)], [call(), call(at=DAY_S)])
    [first, *_] = files_of(store, "events")
    spooled = sum(path.stat().st_size for path in store.spool.glob("*.jsonl"))
    monkeypatch.setattr("mcplens.store.compact.MOST_WAITING_BYTES", spooled + 3 * first.size_bytes)

    report = compact(store)

    assert (report.replaced_count, report.written_count, report.is_postponed) == (2, 1, True)
    later = compact(store, grace_s=0)
    assert (later.is_postponed, len(event_ids_in(store))) == (True, 4)
    assert compact(store).replaced_count == 2


def test_files_that_follow_each_other_are_joined_in_their_order(store):
    sealed_one_by_one(store, [call(at=1, sequence=1)], [call(at=2, sequence=2), call(at=2)])

    compact(store)

    [file] = files_of(store, "events")
    times = pq.read_table(store.path / file.path, partitioning=None)["started_at"].to_pylist()
    assert times == sorted(times)
