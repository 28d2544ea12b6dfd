"""What a connection is, and what it does with a store that is growing, or not there."""

import threading
from datetime import timedelta

import duckdb
import pytest

from mcplens.errors import StoreError, UsageError
from mcplens.events import TABLES, columns
from mcplens.metrics.connect import connect, refresh, set_aside
from mcplens.metrics.layers import view_files
from mcplens.store.compact import compact
from mcplens.store.seal import seal
from tests.builders import NOON, call
from tests.metrics.conftest import rows_of

ROUNDS = 40


def count(con):
    return con.execute("select count(*) from calls").fetchall()[0][0]


def parquet_of(store, table="events"):
    return sorted(store.path.glob(f"{table}/date=2*/*.parquet"))


def test_an_empty_store_has_every_view_typed_and_without_rows(store):
    con = connect(store.path)

    for view in view_files():
        rows = con.sql(f"from {view.name}").fetchall()
        types = {str(kind) for kind in con.sql(f"from {view.name}").types}
        assert len(rows) == (1 if view.name == "overview" else 0), view.name
        assert '"NULL"' not in types, view.name
    [overview] = rows_of(con, "from overview")
    assert (overview.call_count, overview.success_rate, overview.lost_count) == (0, None, 0)


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(StoreError, match="is an empty folder, not a store yet"):
        connect(tmp_path)


def test_without_a_word_the_store_is_found_as_everywhere(store, spool, monkeypatch):
    spool([call()])
    monkeypatch.setenv("MCPLENS_STORE", str(store.path))

    assert count(connect()) == 1


def test_times_are_utc_whatever_the_machine_says(store, spool, monkeypatch):
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    spool([call()])

    con = connect(store.path)

    assert con.execute("select started_at, current_setting('timezone') from calls").fetchall() == [
        (NOON, "UTC")
    ]


def test_nothing_is_downloaded_on_the_quiet(store):
    con = connect(store.path)

    with pytest.raises(duckdb.Error, match="requires the extension httpfs"):
        con.sql("from 's3://somewhere/calls.parquet'")


def test_a_connection_stands_still_until_it_is_refreshed(store, spool):
    path = spool([call()])
    con = connect(store.path)

    spool([call()])
    spool([call()], name="run2-00001")
    before = count(con)
    refresh(con)

    assert (before, count(con)) == (1, 3)
    assert path.exists()


def test_a_cursor_sees_what_was_refreshed(store, spool):
    spool([call()])
    con = connect(store.path)
    cursor = con.cursor()

    spool([call()])
    refresh(con)

    assert count(cursor) == 2


def test_an_old_connection_is_refreshed_after_its_files_are_gone(store, spool):
    spool([call()])
    seal(store)
    con = connect(store.path)
    spool([call()], name="run1-00002")
    seal(store, grace_s=0.0)
    [old, new] = parquet_of(store)
    # What a compaction and an hour do to it, in short.
    old.unlink()

    refresh(con)

    assert count(con) == 1
    assert [left_out.path for left_out in set_aside(con)] == [old]
    assert new.exists()


def test_refreshing_keeps_the_filters(store, spool):
    spool([call(), call(target="write")])
    con = connect(store.path, tool="read_file", run="run1", since=NOON)

    spool([call(), call(target="write"), call(at=-1)])
    refresh(con)

    assert count(con) == 2


def test_each_call_is_seen_once_while_it_moves_into_parquet(store, spool):
    con = connect(store.path)
    done = threading.Event()

    def record_and_seal():
        for number in range(1, ROUNDS + 1):
            spool([call(), call(), call()], name=f"run1-{number:05d}")
            seal(store)
            if number % 10 == 0:
                compact(store)
        done.set()

    recorder = threading.Thread(target=record_and_seal)
    recorder.start()
    counts = []
    while not done.is_set():
        refresh(con)
        counts += con.execute("select count(*), count(distinct call_id) from calls").fetchall()
    recorder.join()
    refresh(con)

    assert [seen for seen, distinct in counts if seen != distinct or seen % 3] == []
    assert counts == sorted(counts)
    assert count(con) == 3 * ROUNDS
    assert set_aside(con) == []


def test_a_connection_in_a_transaction_of_its_own_is_not_refreshed(store):
    con = connect(store.path)
    con.execute("begin")

    with pytest.raises(StoreError, match=r"cannot be read: .* transaction"):
        refresh(con)


def test_only_a_connection_of_ours_can_be_refreshed():
    with pytest.raises(UsageError, match=r"not made by mcplens.connect\(\)"):
        refresh(duckdb.connect())


def test_a_store_that_may_only_be_read_is_read(store, spool):
    spool([call()])
    for path in (store.path, *store.path.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)

    assert count(connect(store.path)) == 1


def test_connecting_changes_nothing_in_the_store(store, spool):
    spool([call()])
    before = {path: path.stat().st_mtime_ns for path in store.path.rglob("*")}

    connect(store.path).sql("from tool_metrics").fetchall()

    assert {path: path.stat().st_mtime_ns for path in store.path.rglob("*")} == before


def test_every_raw_table_has_its_columns_in_order(store):
    con = connect(store.path)

    for table in TABLES:
        assert con.sql(f"from raw_{table}").columns == [column.name for column in columns(table)]


def test_a_call_is_read_from_the_tail_as_it_was_written(store, spool):
    written = call(
        content_kinds=["text", "image"],
        is_structured=True,
        arguments='{"path": "naïve – \\u0000"}',
        started_at=NOON + timedelta(microseconds=123_456),
    )
    spool([written])

    [row] = rows_of(connect(store.path), "from calls")

    assert row.content_kinds == ["text", "image"]
    assert row.is_structured is True
    assert row.arguments == written.arguments
    assert row.started_at == written.started_at
