"""What is read of a store that is torn, damaged, older or newer than this mcplens."""

import duckdb
import pytest
from msgspec.structs import replace

from mcplens.errors import NewerSchemaError
from mcplens.metrics.connect import connect, refresh, set_aside
from mcplens.store.manifest import load_manifest, save_manifest
from mcplens.store.quarantine import tidy
from mcplens.store.seal import seal
from tests.builders import call


def count(con):
    return con.execute("select count(*) from calls").fetchall()[0][0]


def parquet_of(store, table="events"):
    return sorted(store.path.glob(f"{table}/date=2*/*.parquet"))


def test_a_torn_parquet_file_is_set_aside_and_the_rest_is_read(store, spool):
    spool([call(), call()], name="run1-00001")
    seal(store)
    spool([call()], name="run1-00002")
    seal(store)
    torn = parquet_of(store)[0]
    torn.write_bytes(torn.read_bytes()[:-100])

    con = connect(store.path)

    assert count(con) == 1
    [left_out] = set_aside(con)
    assert left_out.path == torn
    assert "is torn" in left_out.reason


def test_a_parquet_file_damaged_inside_is_set_aside_and_the_rest_is_read(store, spool):
    spool([call(), call()], name="run1-00001")
    seal(store)
    spool([call()], name="run1-00002")
    seal(store)
    damaged = parquet_of(store)[0]
    content = damaged.read_bytes()
    # Right in size and at both ends, but its footer is nonsense.
    damaged.write_bytes(content[:-1000] + b"\xff" * 992 + content[-8:])

    con = connect(store.path)

    assert count(con) == 1
    [left_out] = set_aside(con)
    assert str(left_out.reason).startswith(f"{damaged} cannot be read: ")
    assert "\n" not in left_out.reason


def test_what_was_moved_to_the_quarantine_is_told_and_the_rest_is_read(store, spool):
    spool([call(), call()], name="run1-00001")
    seal(store)
    spool([call()], name="run1-00002")
    seal(store)
    torn = parquet_of(store)[0]
    torn.write_bytes(torn.read_bytes()[:-100])

    tidy(store)
    con = connect(store.path)

    assert count(con) == 1
    [left_out] = set_aside(con)
    assert left_out.path == store.quarantine / "events-date=2026-11-20-run1-00001.parquet"
    assert left_out.path.exists()


def test_a_file_that_was_damaged_and_stands_in_its_place_again_is_read_when_taken_back(
    store, spool
):
    spool([call(), call()])
    seal(store)
    [file] = parquet_of(store)
    copy = file.read_bytes()
    file.write_bytes(copy[:-100])
    tidy(store)
    file.write_bytes(copy)

    con = connect(store.path)
    [waiting, _] = set_aside(con)
    before = count(con)
    tidy(store)
    refresh(con)

    assert waiting.reason == (
        f"{file} was damaged once, so it is not read. Run `mcplens store verify --repair`"
    )
    assert (before, count(con)) == (0, 2)


def test_a_tail_cut_anywhere_is_read_up_to_the_cut(store, spool):
    path = spool([call(sequence=1), call(sequence=2)])
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1

    for cut in range(first, len(whole) - 1, 37):
        path.write_bytes(whole[:cut])
        con = connect(store.path)
        assert count(con) == 1, cut
        assert set_aside(con) == []


@pytest.mark.parametrize(
    "junk",
    [
        b"not json",
        b'"a text"',
        b"[1, 2]",
        b"{}",
        b'{"table":"events"}',
        b"\xff\xfe\x00",
        b"\x00" * 99,
    ],
)
def test_a_line_that_is_no_row_is_passed_over(store, spool, junk):
    spool([call()], ending=b"\n" + junk + b"\n")
    spool([call()])

    assert count(connect(store.path)) == 2


def test_a_value_of_the_wrong_kind_is_unknown_and_its_row_stays(store, spool):
    path = spool([call()])
    path.write_bytes(path.read_bytes().replace(b'"work_ms":10.0', b'"work_ms":"quick"'))

    assert connect(store.path).sql("select outcome, work_ms from calls").fetchall() == [
        ("ok", None)
    ]


def test_a_line_longer_than_duckdb_expects_is_read(store, spool):
    spool([call(arguments="y" * 20_000_000), call()])

    con = connect(store.path)

    assert con.sql("select max(length(arguments)), count(*) from calls").fetchall() == [
        (20_000_000, 2)
    ]


def test_rows_of_a_newer_schema_are_set_aside_and_the_rest_is_read(store, spool):
    spool([call()])
    newer = spool([call(schema_version=99)], name="run2-00001")

    con = connect(store.path)

    assert count(con) == 1
    assert [left_out.path for left_out in set_aside(con)] == [newer]


def test_a_store_of_a_newer_schema_alone_is_refused(store, spool):
    newer = spool([call(schema_version=99)])

    with pytest.raises(NewerSchemaError) as refusal:
        connect(store.path)

    assert str(refusal.value) == (
        f"{newer} was written by schema 99; this mcplens reads up to 1. Upgrade mcplens to read it"
    )


def test_a_file_of_an_earlier_mcplens_has_no_value_in_newer_columns(store, spool):
    spool([call()])
    seal(store)
    [file] = parquet_of(store)
    old = duckdb.connect().sql(f"select * exclude (work_ms, note_basis) from '{file}'")
    old.write_parquet(str(file))
    manifest, _ = load_manifest(store)
    [live] = manifest.files
    # Whoever wrote it knew neither of the columns nor of the mark.
    live = replace(live, size_bytes=file.stat().st_size, digest=None, columns_mark=None)
    save_manifest(store, replace(manifest, files=(live,)))

    con = connect(store.path)

    assert set_aside(con) == []
    assert con.sql("select outcome, work_ms, note_basis from calls").fetchall() == [
        ("ok", None, None)
    ]
