"""Recorders that live for weeks, by a clock that is set by hand."""

import pytest

from mcplens.capture import writer as writer_module
from mcplens.capture.clock import Clock
from mcplens.capture.recorder import Recorder
from mcplens.store.location import create
from mcplens.store.manifest import Retention, load_manifest
from mcplens.store.parts import has_writer, list_parts
from mcplens.store.retention import set_retention
from mcplens.store.seal import seal
from tests.builders import call
from tests.processes import until
from tests.store.looking import event_ids_in

NOON_S = 1_795_176_000  # 2026-11-20 12:00:00 UTC
HOUR_S = 3600
DAY_S = 24 * HOUR_S


class Time:
    """What both clocks of a machine show."""

    def __init__(self):
        self.passed_s = 0.0
        self.clock = Clock(
            monotonic_ns=lambda: int(self.passed_s * 1e9),
            wall_ns=lambda: int((NOON_S + self.passed_s) * 1e9),
        )

    def pass_by(self, seconds):
        self.passed_s += seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")


@pytest.fixture
def started(monkeypatch):
    """Sealing that is asked for, and done by hand."""
    started = []

    def start(_store, *, on_failure):
        started.append(on_failure)

    monkeypatch.setattr(writer_module, "start_sealing", start)
    return started


def names_of(store):
    return [part.path.name for part in list_parts(store)]


def is_written(store, count):
    return lambda: len(event_ids_in(store)) == count


def test_a_part_is_sealed_when_it_is_old_although_nothing_comes(store, time, started):
    with Recorder(store, observer="client", clock=time.clock, run_id="r1") as recorder:
        recorder.record(call(run_id="r1", sequence=1))
        until(is_written(store, 1))
        assert started == []

        time.pass_by(601)
        until(lambda: started)
        seal(store)

        # A week in which nobody calls: all is in Parquet, and the run is seen to be alive.
        time.pass_by(7 * DAY_S)
        manifest, _ = load_manifest(store)
        assert {file.table for file in manifest.files} == {"runs", "events"}
        [open_part] = [part for part in list_parts(store) if has_writer(part)]
        assert open_part.path.name == "r1-00002.jsonl"
        assert open_part.path.stat().st_size == 0
        assert len(started) == 1

        recorder.record(call(run_id="r1", sequence=2))
        until(is_written(store, 2))

    seal(store)
    assert event_ids_in(store) == ["r1-1", "r1-2"]


def test_a_week_of_calls_leaves_a_part_for_every_day_and_none_unsealed(store, time, started):
    with Recorder(store, observer="client", clock=time.clock, run_id="r1") as recorder:
        for day in range(1, 8):
            recorder.record(call(run_id="r1", sequence=day))
            until(is_written(store, day))
            time.pass_by(DAY_S)
            until(lambda day=day: len(started) == day)
            seal(store, grace_s=0)

            assert names_of(store) == [f"r1-{day + 1:05d}.jsonl"]

    assert len(event_ids_in(store)) == 7


def test_midnight_ends_a_part_although_nothing_comes(store, time, started):
    time.pass_by(12 * HOUR_S - 2)  # Two seconds before.
    with Recorder(store, observer="client", clock=time.clock, run_id="r1") as recorder:
        recorder.record(call(run_id="r1", sequence=1))
        until(is_written(store, 1))
        time.pass_by(1)
        time.pass_by(1)

        until(lambda: started)
        assert names_of(store) == ["r1-00001.jsonl", "r1-00002.jsonl"]


def test_sealing_that_fails_is_told_once_and_tried_again_every_minute(store, time, started):
    said = []
    with Recorder(store, observer="client", clock=time.clock, say=said.append) as recorder:
        recorder.record(call())
        until(is_written(store, 1))
        time.pass_by(601)
        until(lambda: len(started) == 1)

        for times in range(2, 5):
            started[-1]("No space left on device")
            time.pass_by(61)
            until(lambda times=times: len(started) == times)

    assert said == [
        "what is recorded is readable, but the store is not looked after: No space left on device"
    ]


def test_sealing_that_fails_in_a_store_that_was_removed_is_nobodys_trouble(store, time, started):
    said = []
    with Recorder(store, observer="client", clock=time.clock, say=said.append) as recorder:
        recorder.record(call())
        until(is_written(store, 1))
        time.pass_by(601)
        until(lambda: started)
        store.path.rename(store.path.with_name("moved"))

        started[0]("there is no store")

    assert said == []


def test_a_part_is_really_sealed_while_its_recorder_lives(store, time):
    with Recorder(store, observer="client", clock=time.clock, run_id="r1") as recorder:
        recorder.record(call(run_id="r1", sequence=1))
        until(is_written(store, 1))
        time.pass_by(601)

        until(lambda: load_manifest(store)[0].files)
        assert event_ids_in(store) == ["r1-1"]


def test_in_a_store_that_keeps_minutes_a_part_is_closed_within_them(store, time, started):
    set_retention(store, Retention(age_s=300, size_bytes=None))
    with Recorder(store, observer="proxy", clock=time.clock) as recorder:
        recorder.record(call())
        recorder.wait_for_room()

        time.pass_by(60)

        until(lambda: started)
    assert len(names_of(store)) == 2
