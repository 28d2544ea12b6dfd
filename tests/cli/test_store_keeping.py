"""What a person types to keep less, and what is answered."""

import json

import pytest

from mcplens.store.manifest import Retention, load_manifest
from mcplens.store.retention import make_archive, set_retention
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import NOON, call, connection, run
from tests.store.looking import event_ids_in, write_part

DAY_S = 86_400


@pytest.fixture
def kept(store):
    """Hold a run of long ago and one of 2026-11-20."""
    set_retention(store, Retention(age_s=None, size_bytes=None))
    for run_id, label, days in (("aaa", "old", 500), ("bbb", "new", 0)):
        at = -days * DAY_S
        write_part(
            store,
            [
                run(run_id=run_id, label=label, at=at, ended_at=NOON),
                connection(run_id=run_id, at=at, ended_at=NOON),
                call(run_id=run_id, sequence=1, at=at),
                call(run_id=run_id, sequence=2, at=at),
            ],
            run_id=run_id,
        )
    seal(store)
    return store


def test_a_dry_run_says_what_would_go_and_changes_nothing(mcplens, kept):
    before = kept.manifest.read_bytes()

    ran = mcplens("store", "prune", "--older-than", "400d", "--dry-run")

    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["table", "days", "files", "rows", "size", "goes", "to"]
    assert lines[1][:4] == ["events", "2025-07-08", "1", "2"]
    assert [line[0] for line in lines[2:]] == ["connections", "runs"]
    assert [line[-1] for line in lines[1:]] == ["deleted"] * 3
    assert "4 rows, " in ran.err
    assert "would go; 4 rows in Parquet" in ran.err
    assert "from 2026-11-20 on, would stay." in ran.err
    assert f"mcplens store prune --older-than 400d --store {kept.path}" in ran.err
    assert kept.manifest.read_bytes() == before


def test_pruning_says_what_is_gone(mcplens, kept):
    ran = mcplens("store", "prune", "--older-than", "400d")

    assert "4 rows, " in ran.err
    assert "are gone; 4 rows in Parquet" in ran.err
    assert "Their files stay on disk for 1 hour" in ran.err
    assert event_ids_in(kept) == ["bbb-1", "bbb-2"]


def test_json_names_each_table_with_what_left_it(mcplens, kept):
    rows = json.loads(mcplens("store", "prune", "--run", "old", "--format", "json").out)

    assert [(row["table_name"], row["row_count"]) for row in rows] == [
        ("events", 2),
        ("connections", 1),
        ("runs", 1),
    ]
    assert rows[0]["first_date"] == rows[0]["last_date"] == "2025-07-08"
    assert rows[0]["goes_to"] == "deleted"
    assert event_ids_in(kept) == ["bbb-1", "bbb-2"]


def test_without_options_it_is_what_the_store_keeps(mcplens, kept):
    nothing = mcplens("store", "prune")
    set_retention(kept, Retention(age_s=400 * DAY_S))
    mcplens("store", "prune")

    assert nothing.out == ""
    assert "There is nothing to prune: the store keeps everything. It holds 8 rows" in nothing.err
    assert event_ids_in(kept) == ["bbb-1", "bbb-2"]


def test_an_archive_reads_again_when_it_is_named(mcplens, kept, tmp_path):
    archive = tmp_path / "archive"

    ran = mcplens("store", "prune", "--older-than", "400d", "--archive", str(archive))

    assert "have moved; 4 rows in Parquet" in ran.err
    assert f"mcplens --store {archive}" in ran.err
    tools = json.loads(
        mcplens("tools", "--store", str(archive), "--format", "json", store_option=False).out
    )
    assert [(row["tool_name"], row["call_count"]) for row in tools] == [("read_file", 2)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--table", "samples"], "--table samples narrows what goes"),
        (["--run", "old", "--larger-than", "1GB"], "Leave out --run"),
        (["--run", "old", "--table", "connections"], "would leave what needs it"),
        (["--run", "old", "--table", "events", "--table", "runs"], "--table runs with --run"),
        (["--run", "odl"], 'Did you mean "old"?'),
        (["--older-than", "soon"], '"soon" is no stretch of time'),
        (["--larger-than", "much"], '"much" is no size'),
    ],
)
def test_what_cannot_be_meant_is_one_line(mcplens, kept, options, said):
    ran = mcplens("store", "prune", *options)

    assert ran.code == 2
    assert said in ran.err.splitlines()[-1]
    assert len(event_ids_in(kept)) == 4


def test_a_run_that_is_being_recorded_is_not_pruned(mcplens, kept):
    spool = Spool(kept, run_id="ccc")
    spool.write([run(run_id="ccc", label="now"), call(run_id="ccc", sequence=1)])

    ran = mcplens("store", "prune", "--run", "now")

    assert ran.code == 2
    assert "run ccc is still being recorded. Prune it when it has ended" in ran.err


def test_interrupted_work_says_how_it_goes_on(mcplens, kept, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("mcplens.store.prune.prune", interrupted)

    ran = mcplens("store", "prune", "--older-than", "400d")

    assert ran.code == 130
    assert "nothing is half done" in ran.err
    assert "mcplens store prune --older-than 400d" in ran.err


def test_retention_is_shown_and_set(mcplens, kept, tmp_path):
    shown = mcplens("store", "retention")
    archive = tmp_path / "old"
    changed = mcplens(
        "store", "retention", "--age", "400d", "--size", "2GB", "--archive", str(archive)
    )

    assert shown.out.splitlines()[0] == "keeps everything"
    assert changed.out.splitlines()[0] == (
        f"keeps 400 days and at most 2 GB, and moves the rest to {archive}"
    )
    assert "4 rows, " in changed.err
    assert "are past that: they go with the next recordings." in changed.err
    assert load_manifest(kept)[0].retention == Retention(
        age_s=400 * DAY_S, size_bytes=2 * 10**9, archive=str(archive)
    )


def test_what_is_not_named_stays_as_it_was_set(mcplens, kept):
    mcplens("store", "retention", "--age", "5min", "--size", "1GB")
    ran = mcplens("store", "retention", "--size", "unlimited", "--format", "json")

    [row] = json.loads(ran.out)
    assert (row["age_s"], row["size_bytes"], row["first_date"]) == (300, None, "2025-07-08")
    assert json.loads(mcplens("store", "retention", "--age", "forever", "--format", "json").out)[
        0
    ] == {**row, "age_s": None}


def test_no_archive_is_no_archive(mcplens, kept, tmp_path):
    make_archive(tmp_path / "old", of=kept)
    mcplens("store", "retention", "--archive", str(tmp_path / "old"))

    mcplens("store", "retention", "--no-archive")

    assert load_manifest(kept)[0].retention.archive is None


def test_keeping_nothing_is_refused(mcplens, kept):
    ran = mcplens("store", "retention", "--age", "0d")

    assert ran.code == 2
    assert '"0d" keeps nothing' in ran.err


def test_what_empties_a_store_is_what_is_said_to(mcplens, kept):
    said = mcplens("store", "retention", "--age", "0d").err
    command = said.partition("To empty a store now: mcplens ")[2].split()

    mcplens(*command)

    assert command == ["store", "prune", "--older-than", "0s"]
    assert event_ids_in(kept) == []


def test_compacting_says_what_it_did_and_then_that_all_is_in_order(mcplens, kept):
    write_part(kept, [call(run_id="ccc", sequence=1)], run_id="ccc")

    first, second = mcplens("store", "compact"), mcplens("store", "compact")

    assert "1 row sealed of 1 part; 2 files joined into 1. The store holds 9 rows" in first.err
    assert "Everything is in order already. The store holds 9 rows" in second.err


def test_the_overview_says_what_the_store_keeps(mcplens, kept):
    set_retention(kept, Retention())

    assert "The store keeps 400 days and at most 5 GB; " in mcplens().err
