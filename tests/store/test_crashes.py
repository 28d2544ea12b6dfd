"""A crash between any two steps, and a fresh process after it."""

import shutil

import msgspec
import pytest

from mcplens.store.compact import compact
from mcplens.store.layout import Store
from mcplens.store.manifest import load_manifest
from mcplens.store.quarantine import tidy
from mcplens.store.reading import readable_files
from mcplens.store.repair import repair
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.builders import call, connection, event
from tests.store.looking import event_ids_in, finished_in, leftovers_in, rows_in, write_part

DAY_S = 86_400
HOUR_S = 3600


class CrashError(Exception):
    """The process dies here."""


class CrashAt:
    """Dies at a step of its own choice; counts on until there."""

    def __init__(self, step):
        self.left = step
        self.names = []

    def __call__(self, name):
        self.names.append(name)
        self.left -= 1
        if self.left == 0:
            raise CrashError


@pytest.fixture
def eventful(store):
    """Hold a bit of everything: two days, all kinds of rows, a dead recorder, damage."""
    write_part(store, [connection(), call(sequence=1), event(sequence=2, outcome=None)])
    path = write_part(store, [call(sequence=n, run_id="b") for n in (1, 2, 3)], run_id="b")
    first, _, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"{damaged\n" + third)
    write_part(store, [call(sequence=1, run_id="c", at=DAY_S)], run_id="c")
    return store


EVENTFUL = {"run1-1": "ok", "b-1": "ok", "b-3": "ok", "c-1": "ok"}


def crash_everywhere(store, tmp_path, act, check):
    """Let `act` crash at its first step, its second, and so on, each time in a fresh copy."""
    crashed = []
    while True:
        copy = Store(tmp_path / f"crash{len(crashed)}")
        shutil.copytree(store.path, copy.path)
        crash = CrashAt(len(crashed) + 1)
        try:
            act(copy, crash)
        except CrashError:
            crashed.append(crash.names[-1])
            check(copy)
        else:
            check(copy)
            return crashed


def test_a_crash_while_sealing_changes_no_event(eventful, tmp_path):
    def check(store):
        outcomes = finished_in(store)
        assert outcomes.pop("run1-2") in {None, "unanswered"}
        assert outcomes == EVENTFUL
        assert [
            aside for aside in readable_files(store).set_aside if "manifest" in aside.reason
        ] == []

        seal(store)
        assert finished_in(store) == {**EVENTFUL, "run1-2": "unanswered"}
        assert sorted(event_ids_in(store)).count("run1-2") == 2
        assert (store.quarantine / "b-00001.jsonl").read_bytes() == b"{damaged\n"
        assert load_manifest(store)[0].pending == ()
        assert leftovers_in(store) == []
        assert readable_files(store).tails[1:] == []
        assert len(rows_in(store, "connections")) == 2

    crashed = crash_everywhere(eventful, tmp_path, lambda s, crash: seal(s, on_step=crash), check)

    assert {"pending", "written", "renamed", "committed"} <= set(crashed)
    assert len(crashed) >= 12


def test_a_crash_while_joining_changes_no_event(store, tmp_path):
    spool = Spool(store, run_id="run1", max_bytes=1)
    spool.write([event(sequence=1, outcome=None), event(sequence=2, outcome=None)])
    spool.write([event(sequence=1)])
    seal(store)
    for sequence in (3, 4, 5):
        spool.write([event(sequence=sequence), event(sequence=sequence + 10, at=DAY_S)])
        seal(store)
    expected = {f"run1-{n}": "ok" for n in (1, 3, 4, 5, 13, 14, 15)} | {"run1-2": None}

    def check(store):
        assert finished_in(store) == expected
        compact(store)
        assert finished_in(store) == expected
        assert len(load_manifest(store)[0].files) == 2
        assert load_manifest(store)[0].pending == ()
        assert leftovers_in(store) == []

    crashed = crash_everywhere(store, tmp_path, lambda s, crash: compact(s, on_step=crash), check)

    assert crashed == ["pending", "written", "renamed", "committed"] * 2


def test_a_crash_while_deleting_changes_no_event(eventful, tmp_path):
    seal(eventful, clock=lambda: 0.0)
    compact(eventful, clock=lambda: 0.0)

    def check(store):
        assert finished_in(store) == {**EVENTFUL, "run1-2": "unanswered"}
        seal(store, clock=lambda: HOUR_S)
        assert finished_in(store) == {**EVENTFUL, "run1-2": "unanswered"}
        assert load_manifest(store)[0].retired == ()

    crashed = crash_everywhere(
        eventful, tmp_path, lambda s, crash: seal(s, clock=lambda: HOUR_S, on_step=crash), check
    )

    assert crashed[-2:] == ["deleted", "forgotten"]
    assert len(crashed) > 5


def test_a_crash_while_moving_away_what_is_damaged_changes_no_other_event(eventful, tmp_path):
    seal(eventful)
    live = [eventful.path / f.path for f in load_manifest(eventful)[0].files if f.table == "events"]
    torn = next(path for path in live if path.parent.name == "date=2026-11-21")
    torn.write_bytes(torn.read_bytes()[:-100])
    content = torn.read_bytes()
    foreign = torn.with_name("mine.parquet")
    foreign.write_bytes(b"mine")
    left = {**EVENTFUL, "run1-2": "unanswered"}
    del left["c-1"]

    def bytes_in(store):
        return [path.read_bytes() for path in store.path.rglob("*.parquet")]

    def check(store):
        assert finished_in(store) == left
        assert bytes_in(store).count(content) == 1
        assert bytes_in(store).count(b"mine") == 1
        tidy(store, foreign=True)
        assert finished_in(store) == left
        assert bytes_in(store).count(content) == 1
        assert readable_files(store).parquet["events"][1:] != []
        assert {aside.path.parent for aside in readable_files(store).set_aside} == {
            store.quarantine
        }

    def do(store, crash):
        tidy(store, foreign=True, on_step=crash)

    crashed = crash_everywhere(eventful, tmp_path, do, check)

    assert crashed == ["dropped", "explained", "moved", "explained", "moved"]


def test_a_crash_while_taking_a_file_back_counts_nothing_twice(eventful, tmp_path):
    seal(eventful)
    [torn] = [
        eventful.path / file.path
        for file in load_manifest(eventful)[0].files
        if file.table == "events" and file.date == "2026-11-21"
    ]
    content = torn.read_bytes()
    torn.write_bytes(content[:-100])
    tidy(eventful)
    [quarantined] = eventful.quarantine.glob("*.parquet")
    quarantined.write_bytes(content)
    whole = {**EVENTFUL, "run1-2": "unanswered"}

    def check(store):
        assert finished_in(store).items() <= whole.items()
        tidy(store)
        assert finished_in(store) == whole
        assert event_ids_in(store).count("c-1") == 1

    crashed = crash_everywhere(eventful, tmp_path, lambda s, crash: tidy(s, on_step=crash), check)

    assert crashed == ["returned", "taken back"]


def test_a_crash_while_building_a_manifest_counts_nothing_twice(eventful, tmp_path):
    write_part(eventful, [event(run_id="d", sequence=1), event(run_id="d", sequence=2)], run_id="d")
    seal(eventful)
    # Of these one is in Parquet as well.
    late = [event(run_id="d", sequence=2), event(run_id="d", sequence=3)]
    write_part(eventful, late, run_id="e")
    eventful.manifest.write_bytes(b"{torn")
    eventful.manifest_backup.write_bytes(b"")
    whole = {**EVENTFUL, "run1-2": "unanswered", "d-1": "ok", "d-2": "ok", "d-3": "ok"}

    def check(store):
        repair(store)
        assert finished_in(store) == whole
        assert sorted(set(event_ids_in(store))) == sorted(whole)
        ended = rows_in(store, "events")
        assert len([row for row in ended if row["outcome"]]) == len(whole)

    crashed = crash_everywhere(eventful, tmp_path, lambda s, crash: repair(s, on_step=crash), check)

    assert {"written", "rebuilt", "explained", "moved"} <= set(crashed)


def test_a_crash_while_dropping_what_stands_twice_keeps_one_of_each(store, tmp_path):
    for name in ("a", "b"):
        write_part(store, [event(sequence=1), event(sequence=2)], run_id=name)
        seal(store)
    spool = Spool(store, run_id="run1")  # Alive, so that nothing is ended.
    spool.write([event(sequence=3)])

    def check(store):
        assert set(event_ids_in(store)) == {"run1-1", "run1-2", "run1-3"}
        repair(store)
        assert event_ids_in(store) == ["run1-1", "run1-2", "run1-3"]

    crashed = crash_everywhere(store, tmp_path, lambda s, crash: repair(s, on_step=crash), check)

    assert "committed" in crashed


def test_a_crash_between_the_manifest_and_its_backup_is_no_trouble(eventful, tmp_path):
    backup = eventful.manifest_backup.read_bytes()
    seal(eventful)
    eventful.manifest_backup.write_bytes(backup)

    eventful.manifest.unlink()

    assert finished_in(eventful) == {**EVENTFUL, "run1-2": None}


def test_what_a_crash_left_is_nobodys_foreign_file(eventful):
    with pytest.raises(CrashError):
        seal(eventful, on_step=CrashAt(3))
    left = load_manifest(eventful)[0].pending

    assert (eventful.path / left[0]).exists()
    assert [aside.path.name for aside in readable_files(eventful).set_aside] == ["b-00001.jsonl"]


def test_only_what_the_manifest_calls_pending_is_cleared_away(eventful):
    bystander = eventful.path / "events" / "date=2026-11-20" / "mine.parquet.tmp"
    bystander.parent.mkdir(parents=True)
    bystander.write_text("mine")
    with pytest.raises(CrashError):
        seal(eventful, on_step=CrashAt(3))

    seal(eventful)

    assert bystander.read_text() == "mine"


def test_a_pending_file_that_is_alive_after_all_is_kept(eventful):
    seal(eventful)
    manifest, _ = load_manifest(eventful)
    [alive, *_] = [file.path for file in manifest.files if file.table == "events"]
    eventful.manifest.write_bytes(
        msgspec.json.encode(msgspec.structs.replace(manifest, pending=(alive,)))
    )

    seal(eventful)

    assert finished_in(eventful) == {**EVENTFUL, "run1-2": "unanswered"}
