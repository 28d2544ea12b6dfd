from datetime import timedelta

import msgspec
import pyarrow.parquet as pq
import pytest

from mcplens.errors import NewerSchemaError, StoreError
from mcplens.events import SCHEMA_VERSION, SideEffect
from mcplens.store.manifest import load_manifest, save_manifest
from mcplens.store.parts import list_parts
from mcplens.store.reading import readable_files
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import NOON, call, connection, event, run
from tests.store.looking import event_ids_in, finished_in, rows_in, write_part

HOUR_S = 3600


def parquet_of(store, table):
    return [
        path.relative_to(store.path / table).as_posix()
        for path in sorted((store.path / table).glob("*/*.parquet"))
        if path.name != "seed.parquet"
    ]


def test_a_closed_part_becomes_parquet_and_is_read_once(store):
    write_part(store, [call(sequence=1), call(sequence=2)])

    report = seal(store)

    assert (report.part_count, report.row_count) == (1, 2)
    assert parquet_of(store, "events") == ["date=2026-11-20/run1-00001.parquet"]
    assert event_ids_in(store) == ["run1-1", "run1-2"]
    assert len(readable_files(store).tails) == 1


def test_every_value_comes_back_as_it_was(store):
    spooled = call(
        sequence=1,
        content_kinds=["text", "image"],
        side_effects=[SideEffect(kind="file", target="a.txt"), SideEffect(kind="issue")],
        cost_usd=0.25,
        is_read_only=False,
        error_code=-32602,
        duration_bin=117,
        arguments='{"path": "äöü\u0000\U0001f600"}',
    )
    write_part(store, [spooled])

    [before] = rows_in(store, "events")
    seal(store)
    [after] = rows_in(store, "events")

    assert after["side_effects"] == [
        {"kind": "file", "target": "a.txt", "detail": None},
        {"kind": "issue", "target": None, "detail": None},
    ]
    assert after["started_at"] == NOON
    assert after == before


def test_each_table_goes_to_its_own_folder(store):
    write_part(store, [run(), connection(ended_at=NOON), call()])

    seal(store)

    assert len(rows_in(store, "runs")) == 1
    assert len(rows_in(store, "connections")) == 1
    assert parquet_of(store, "runs") == ["date=2026-11-20/run1-00001.parquet"]
    assert parquet_of(store, "connections") == ["date=2026-11-20/run1-00001.parquet"]


def test_rows_are_dated_by_their_own_time_and_not_by_the_recording(store):
    before_midnight, after_midnight = 12 * HOUR_S - 1, 12 * HOUR_S
    rows = [call(at=after_midnight, sequence=2), call(at=before_midnight, sequence=1)]

    write_part(store, rows)
    seal(store)

    assert parquet_of(store, "events") == [
        "date=2026-11-20/run1-00001.parquet",
        "date=2026-11-21/run1-00001.parquet",
    ]


def test_a_row_without_a_time_is_dated_by_its_recording(store):
    write_part(
        store, [connection(spawned_at=None, ended_at=NOON, recorded_at=NOON + timedelta(days=1))]
    )

    seal(store)

    assert parquet_of(store, "connections")[0].startswith("date=2026-11-21/")


def test_a_row_that_knows_no_time_at_all_is_kept(store):
    write_part(store, [call(sequence=1, started_at=None, recorded_at=None)])

    seal(store)

    assert event_ids_in(store) == ["run1-1"]


def test_rows_are_sorted_by_time_and_equal_times_keep_their_order(store):
    rows = [
        call(at=2, sequence=1),
        call(at=1, sequence=2),
        call(at=2, sequence=3),
        call(at=1, sequence=4),
    ]
    write_part(store, rows)

    seal(store)

    [path] = readable_files(store).parquet["events"][1:]
    assert pq.ParquetFile(path).read(["sequence"])["sequence"].to_pylist() == [2, 4, 1, 3]


def test_what_every_query_reads_is_packed_for_speed_and_the_rest_for_size(store):
    write_part(store, [call(side_effects=[SideEffect(kind="file")], content_kinds=["text"])])

    seal(store)

    [path] = readable_files(store).parquet["events"][1:]
    group = pq.read_metadata(path).row_group(0)
    codecs = {
        group.column(i).path_in_schema: group.column(i).compression
        for i in range(group.num_columns)
    }
    assert codecs["started_at"] == codecs["work_ms"] == codecs["outcome"] == "LZ4"
    assert {codec for name, codec in codecs.items() if name not in HOT} == {"ZSTD"}


HOT = {
    "started_at", "duration_ms", "work_ms", "duration_bin", "method", "target", "server_name",
    "session_id", "direction", "is_final", "is_warmup", "outcome", "error_class",
}  # fmt: skip


def test_the_part_of_a_living_writer_is_left_alone(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([call(sequence=1)])
    spool.write([call(sequence=2)])

    report = seal(store)

    assert report.part_count == 1
    assert [part.number for part in list_parts(store)] == [1, 2]
    assert event_ids_in(store) == ["run1-1", "run1-2"]
    assert len(readable_files(store).tails) == 2


def test_parts_of_many_dead_writers_are_sealed_together(store):
    for number in range(20):
        write_part(store, [call(run_id=f"run{number}")], run_id=f"run{number}")

    report = seal(store)

    assert report.part_count == 20
    assert len(parquet_of(store, "events")) == 1
    assert len(event_ids_in(store)) == 20


def test_a_part_without_rows_is_done_with(store):
    (store.spool / "run1-00001.jsonl").touch()

    assert seal(store).part_count == 1
    assert seal(store).part_count == 0


def test_what_was_sealed_is_deleted_an_hour_later(store):
    write_part(store, [call(sequence=1)])
    now = 1_000_000.0
    seal(store, clock=lambda: now)

    seal(store, clock=lambda: now + HOUR_S - 1)
    assert len(list_parts(store)) == 1
    seal(store, clock=lambda: now + HOUR_S)

    assert list_parts(store) == []
    assert load_manifest(store)[0].retired == ()
    assert event_ids_in(store) == ["run1-1"]


def test_a_torn_last_line_is_the_normal_end_of_a_killed_writer(store):
    path = write_part(store, [call(sequence=1), call(sequence=2)])
    path.write_bytes(path.read_bytes()[:-50])

    report = seal(store)

    assert (report.torn_count, report.quarantined_count) == (1, 0)
    assert event_ids_in(store) == ["run1-1"]
    assert list(store.quarantine.iterdir()) == []


def test_a_last_line_that_lacks_only_its_end_is_a_row(store):
    path = write_part(store, [call(sequence=1), call(sequence=2)])
    path.write_bytes(path.read_bytes()[:-1])

    report = seal(store)

    assert report.torn_count == 0
    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_a_damaged_line_is_put_aside_with_its_reason_and_the_rest_is_sealed(store):
    path = write_part(store, [call(sequence=n) for n in (1, 2, 3)])
    first, _, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b'{"table":"events",\x00\xff\n' + third)

    report = seal(store)

    assert report.quarantined_count == 1
    assert event_ids_in(store) == ["run1-1", "run1-3"]
    kept = store.quarantine / "run1-00001.jsonl"
    assert kept.read_bytes() == b'{"table":"events",\x00\xff\n'
    reason = (store.quarantine / "run1-00001.jsonl.reason.txt").read_text()
    assert reason.startswith("run1-00001.jsonl, line 2: JSON is malformed")
    [said] = readable_files(store).set_aside
    assert said.path == kept


@pytest.mark.parametrize(
    "line",
    [
        b'{"table":"unheard_of","run_id":"r","schema_version":1}\n',
        b'{"table":"events","run_id":"r","schema_version":1}\n',
        b'"events"\n',
        b"[" * 100_000 + b"\n",
        b"\x00" * 4096 + b"\n",
        b'{"table":"events","event_id":"\xff\xfe"}\n',
    ],
    ids=["other table", "fields missing", "no object", "deep", "zeros", "no UTF-8"],
)
def test_no_line_is_bad_enough_to_stop_the_sealing(store, line):
    path = write_part(store, [call(sequence=1)])
    path.write_bytes(line + path.read_bytes())

    report = seal(store)

    assert report.quarantined_count == 1
    assert event_ids_in(store) == ["run1-1"]


def test_a_value_that_does_not_fit_its_column_costs_only_its_row(store):
    rows = [call(sequence=1), call(sequence=2, error_code=2**70), call(sequence=3)]
    write_part(store, rows)

    report = seal(store)

    assert (report.row_count, report.quarantined_count) == (2, 1)
    assert event_ids_in(store) == ["run1-1", "run1-3"]
    kept = store.quarantine / "run1-00001-misfits.jsonl"
    assert msgspec.json.decode(kept.read_bytes())["event_id"] == "run1-2"


def test_a_part_of_nothing_but_misfits_leaves_nothing(store):
    write_part(store, [call(sequence=1, error_code=2**70)])

    assert seal(store).quarantined_count == 1
    assert event_ids_in(store) == []


def test_a_time_before_all_times_is_kept_or_put_aside(store):
    path = write_part(store, [call(sequence=1)])
    early = path.read_bytes().replace(b"2026-11-20T12:00:00", b"0001-01-01T00:00:00+05:00")
    path.write_bytes(early)

    report = seal(store)

    assert report.row_count + report.quarantined_count == 1


def test_a_part_of_a_newer_mcplens_waits_for_it(store):
    newer = SCHEMA_VERSION + 1
    path = write_part(store, [call(run_id="new", schema_version=newer)], run_id="new")
    content = path.read_bytes()
    write_part(store, [call(sequence=1)])

    report = seal(store)

    sentence = (
        f"{path} was written by schema 2; this mcplens reads up to 1. Upgrade mcplens to read it"
    )
    assert [aside.reason for aside in report.set_aside] == [sentence]
    assert [aside.reason for aside in readable_files(store).set_aside] == [sentence]
    assert path.read_bytes() == content
    assert event_ids_in(store) == ["run1-1"]


def test_later_parts_wait_for_an_earlier_one_that_cannot_be_sealed(store):
    (store.spool / "run1-00001.jsonl").mkdir()
    write_part(store, [call(sequence=1)])

    report = seal(store)

    [aside] = report.set_aside
    assert report.part_count == 0
    assert aside.reason.endswith(
        "run1-00001.jsonl cannot be read (Is a directory). Allow reading it"
    )
    assert event_ids_in(store) == ["run1-1"]


def test_an_open_request_whose_end_is_there_too_leaves_one_row(store):
    write_part(store, [event(sequence=1, outcome=None), event(sequence=1, outcome="ok")])

    seal(store)

    assert [row["outcome"] for row in rows_in(store, "events")] == ["ok"]


def test_an_open_request_of_a_living_writer_stays_open(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([event(sequence=1, outcome=None)])
    spool.write([event(sequence=2)])

    seal(store)

    assert finished_in(store) == {"run1-1": None, "run1-2": "ok"}


def test_a_request_may_end_long_after_its_beginning_was_sealed(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([event(sequence=1, outcome=None)])
    spool.write([event(sequence=1, outcome="ok")])
    seal(store)
    spool.close()

    report = seal(store)

    assert report.ended_count == 0
    assert finished_in(store) == {"run1-1": "ok"}
    assert load_manifest(store)[0].unfinished == ()


def test_what_a_dead_recorder_left_open_is_unanswered(store):
    opened = call(sequence=1, outcome=None, duration_ms=None, work_ms=None)
    write_part(store, [opened, call(sequence=2)])

    report = seal(store, clock=lambda: 1_795_176_060.0)

    assert report.ended_count == 1
    assert finished_in(store) == {"run1-1": "unanswered", "run1-2": "ok"}
    [ended] = [row for row in rows_in(store, "events") if row["outcome"] == "unanswered"]
    assert ended["outcome_basis"] == "recorder_died"
    assert ended["duration_ms"] is None
    assert ended["started_at"] == NOON
    assert ended["is_final"] is True
    assert ended["recorded_at"] == NOON + timedelta(minutes=1)


def test_it_is_unanswered_also_when_its_beginning_was_sealed_before(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([connection(), event(sequence=1, outcome=None)])
    spool.write([event(sequence=2)])
    seal(store)
    spool.close()

    report = seal(store)

    assert report.ended_count == 2
    assert finished_in(store) == {"run1-1": "unanswered", "run1-2": "ok"}
    assert seal(store).ended_count == 0


def test_a_connection_of_a_dead_recorder_ended_nobody_knows_when(store):
    opened = connection(server_name=None)
    known = connection(server_name="files", recorded_at=NOON + timedelta(seconds=1))
    write_part(store, [opened, known])

    seal(store, clock=lambda: 1_795_176_060.0)

    *_, newest = sorted(rows_in(store, "connections"), key=lambda row: row["recorded_at"])
    assert newest["end_reason"] == "recorder_died"
    assert newest["ended_at"] is None
    assert newest["server_name"] == "files"


def test_the_newest_row_of_a_connection_is_the_one_that_ends(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    later = NOON + timedelta(seconds=1)
    for row in (
        connection(server_name=None),
        connection(server_name="files", recorded_at=later),
        connection(connection_id="run1-c2", recorded_at=later),
        run(),
    ):
        spool.write([row])
        seal(store)
    # Joined files come last in the manifest, also when what they hold is older.
    manifest, _ = load_manifest(store)
    oldest, newer, *others = manifest.files
    save_manifest(store, msgspec.structs.replace(manifest, files=(newer, *others, oldest)))
    spool.close()

    seal(store)

    ended = {
        row["connection_id"]: row["server_name"]
        for row in rows_in(store, "connections")
        if row["end_reason"] == "recorder_died"
    }
    assert ended == {"run1-c1": "files", "run1-c2": "files"}


def test_a_connection_that_ended_is_not_ended_again(store):
    write_part(store, [connection(), connection(ended_at=NOON, end_reason="client_closed")])

    assert seal(store).ended_count == 0
    assert {row["end_reason"] for row in rows_in(store, "connections")} == {None, "client_closed"}


def test_what_is_open_in_a_file_that_is_gone_is_let_go_of(store):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([event(sequence=1, outcome=None)])
    spool.write([event(sequence=2)])
    seal(store)
    (store.path / "events" / "date=2026-11-20" / "run1-00001.parquet").unlink()
    spool.close()

    report = seal(store)

    assert report.ended_count == 0
    assert event_ids_in(store) == ["run1-2"]


def test_a_run_id_used_twice_writes_nothing_over(store):
    write_part(store, [call(sequence=1)])
    seal(store, grace_s=0)
    seal(store, grace_s=0)
    write_part(store, [call(sequence=2)])

    seal(store)

    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_a_store_that_cannot_be_written_says_so_and_stays_readable(store):
    write_part(store, [call(sequence=1)])
    (store.path / "events" / "date=2026-11-20").write_text("in the way")

    with pytest.raises(StoreError, match=r"cannot seal .* What is not sealed stays readable"):
        seal(store)

    assert event_ids_in(store) == ["run1-1"]


def test_a_manifest_of_a_newer_mcplens_is_refused(store):
    store.manifest.write_text('{"format": 2, "everything": "else"}')

    with pytest.raises(NewerSchemaError, match=r"has format 2; this mcplens reads up to 1"):
        seal(store)

    assert store.manifest.read_text() == '{"format": 2, "everything": "else"}'


def test_a_file_that_somebody_else_put_there_is_never_written_over(store):
    foreign = store.path / "events" / "date=2026-11-20" / "run1-00001.parquet"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    write_part(store, [call(sequence=1)])

    seal(store)

    assert foreign.read_text() == "mine"
    assert event_ids_in(store) == ["run1-1"]
