import shutil
import threading
import time
from datetime import timedelta

import pytest

from mcplens.capture import writer as writer_module
from mcplens.capture.clock import Clock
from mcplens.capture.recorder import Recorder
from mcplens.store.location import create
from tests.builders import call, event
from tests.processes import until
from tests.spooled import rows


@pytest.fixture(autouse=True)
def no_sealing(monkeypatch):
    """Parts stay as they were written, and no process is started for them."""
    started = []
    monkeypatch.setattr(writer_module, "start_sealing", lambda store, **_: started.append(store))
    return started


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")


class Trouble:
    """A store that can be broken and mended."""

    def __init__(self, monkeypatch):
        self.is_broken = False
        self.tries = 0
        self.said = []
        self._write = writer_module.Spool.write
        # A bound method would not be given the spool.
        write = lambda spool, rows: self.write(spool, rows)  # noqa: E731, PLW0108
        monkeypatch.setattr(writer_module.Spool, "write", write)
        monkeypatch.setattr(writer_module, "RETRY_NS", 1)

    def write(self, spool, rows):
        self.tries += 1
        if self.is_broken:
            raise OSError(28, "No space left on device")
        return self._write(spool, rows)


@pytest.fixture
def trouble(monkeypatch):
    return Trouble(monkeypatch)


def test_rows_reach_the_spool_in_their_order(store):
    with Recorder(store, observer="client") as recorder:
        for sequence in range(1, 201):
            recorder.record(call(sequence=sequence))

    assert [e.sequence for e in rows(store.path, "events")] == list(range(1, 201))


def test_a_row_is_readable_while_the_run_goes_on(store):
    with Recorder(store, observer="client") as recorder:
        recorder.record(call(sequence=1))

        until(lambda: rows(store.path, "events"))


def test_rows_from_many_threads_all_arrive(store):
    with Recorder(store, observer="client") as recorder:
        threads = [
            threading.Thread(target=lambda: [recorder.record(call()) for _ in range(500)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(rows(store.path, "events")) == 2000


def test_a_row_says_when_it_was_written(store):
    with Recorder(store, observer="client") as recorder:
        before = recorder.clock.utc(recorder.clock.ns())
        recorder.record(call(recorded_at=None))

    [event] = rows(store.path, "events")
    assert before <= event.recorded_at <= recorder.clock.utc(recorder.clock.ns())


def test_a_run_is_told_at_its_start_and_at_its_end(store):
    with Recorder(store, observer="client", label="night", run_id="r1") as recorder:
        until(lambda: rows(store.path, "runs"))
        recorder.record(call(outcome="ok"))
        recorder.record(event(outcome=None))

    start, end = rows(store.path, "runs")
    assert (start.run_id, start.label, start.observer) == ("r1", "night", "client")
    assert (start.ended_at, start.event_count) == (None, None)
    assert end.ended_at is not None
    assert (end.event_count, end.lost_count) == (1, 0)
    assert end.recorder_cpu_ms > 0


def test_a_run_began_when_it_began_however_long_the_machine_slept(store):
    wall = [1_795_176_000_000_000_000]
    clock = Clock(monotonic_ns=lambda: 0, wall_ns=lambda: wall[0])
    with Recorder(store, observer="client", clock=clock):
        until(lambda: rows(store.path, "runs"))
        wall[0] += 8 * 3600 * 1_000_000_000

    start, end = rows(store.path, "runs")
    assert end.started_at == start.started_at
    assert end.ended_at - end.started_at == timedelta(hours=8)


def test_a_label_that_is_no_text_costs_no_run(store):
    with Recorder(store, observer="client", label="caf\udce9\x1b[2J"):
        pass

    assert [run.label for run in rows(store.path, "runs")] == ["caf[2J", "caf[2J"]


def test_a_full_queue_drops_and_counts(store, trouble):
    trouble.is_broken = True
    with Recorder(store, observer="client", max_rows=3, say=trouble.said.append) as recorder:
        until(lambda: trouble.tries)
        for sequence in range(1, 11):
            recorder.record(call(sequence=sequence))
        assert recorder.lost_count == 7

        trouble.is_broken = False
        until(lambda: rows(store.path, "notices"))
        recorder.record(call(sequence=11))

    assert [(e.sequence, e.lost_before) for e in rows(store.path, "events")] == [
        (1, None),
        (2, None),
        (3, None),
        (11, 7),
    ]
    [notice] = rows(store.path, "notices")
    assert (notice.kind, notice.lost_count) == ("lost", 7)
    assert rows(store.path, "runs")[-1].lost_count == 7


def test_contents_that_wait_are_bounded_by_what_they_weigh(store, trouble):
    trouble.is_broken = True
    # A row weighs 1,000 bytes and its contents.
    with Recorder(store, observer="client", max_bytes=5_000, say=trouble.said.append) as recorder:
        until(lambda: trouble.tries)
        recorder.record(call(sequence=1, arguments="x" * 1_000, result="x" * 1_000))
        recorder.record(call(sequence=2, result="x" * 1_001))
        recorder.record(call(sequence=3, result="x" * 1_000))
        assert recorder.lost_count == 1

        trouble.is_broken = False
        until(lambda: rows(store.path, "notices"))
        recorder.record(call(sequence=4, result="x" * 9_000))

    found = [(e.sequence, e.lost_before) for e in rows(store.path, "events")]
    assert found == [(1, None), (3, None), (4, 1)]


def test_rows_wait_for_a_store_in_trouble(store, trouble):
    with Recorder(store, observer="client", say=trouble.said.append) as recorder:
        until(lambda: trouble.tries)
        trouble.is_broken = True
        tries = trouble.tries
        for sequence in range(1, 101):
            recorder.record(call(sequence=sequence))
        until(lambda: trouble.tries > tries + 2)

        trouble.is_broken = False

    assert [e.sequence for e in rows(store.path, "events")] == list(range(1, 101))
    assert rows(store.path, "runs")[-1].lost_count == 0
    assert len(trouble.said) == 1
    assert "No space left on device" in trouble.said[0]


def test_who_waits_for_room_is_not_told_of_trouble_that_is_over(store, trouble):
    with Recorder(store, observer="client", say=trouble.said.append, wake_s=0.2) as recorder:
        until(lambda: trouble.tries)
        trouble.is_broken = True
        recorder.record(call())
        until(lambda: trouble.said)
        trouble.is_broken = False
        until(lambda: not recorder._queue)

        recorder.record(call())
        recorder.wait_for_room()


def test_a_store_that_stays_in_trouble_costs_its_rows_only(store, trouble):
    trouble.is_broken = True
    recorder = Recorder(store, observer="client", say=trouble.said.append)
    recorder.record(call())

    recorder.close()

    assert recorder.lost_count == 1
    assert len(trouble.said) == 1


def test_a_disk_that_is_full_from_the_start_collects_no_parts(store, trouble):
    trouble.is_broken = True
    with Recorder(store, observer="client", say=trouble.said.append) as recorder:
        recorder.record(call())
        until(lambda: trouble.tries > 3)

    assert [path.name for path in store.spool.iterdir()] == ["seed.jsonl"]


def test_a_store_that_was_removed_is_made_anew(store):
    with Recorder(store, observer="client", run_id="r1") as recorder:
        recorder.record(call(sequence=1))
        until(lambda: rows(store.path, "events"))
        shutil.rmtree(store.path)

        recorder.record(call(sequence=2))

    assert [e.sequence for e in rows(store.path, "events")] == [2]
    assert {run.run_id for run in rows(store.path, "runs")} == {"r1"}


def test_a_row_that_cannot_be_written_costs_no_other(store):
    with Recorder(store, observer="client") as recorder:
        recorder.record(call(sequence=1))
        recorder.record(call(sequence=2, target=object()))
        recorder.record(call(sequence=3))
        until(lambda: rows(store.path, "events"))

    assert [e.sequence for e in rows(store.path, "events")] == [1, 3]
    assert rows(store.path, "runs")[-1].lost_count == 1


def test_without_a_store_rows_are_taken(tmp_path):
    with Recorder(None, observer="client") as recorder:
        recorder.record(call())

    assert recorder.lost_count == 0
    assert list(tmp_path.iterdir()) == []


def test_a_closed_part_is_sealed_elsewhere(store, no_sealing):
    with Recorder(store, observer="client") as recorder:
        recorder.record(call())

    assert no_sealing == [store]


def test_closing_takes_bounded_time_when_the_disk_hangs(store, monkeypatch):
    hanging = threading.Event()
    monkeypatch.setattr(writer_module.Spool, "write", lambda *_: hanging.wait())
    recorder = Recorder(store, observer="client")

    begin = time.monotonic()
    recorder.close(timeout=0.2)

    assert time.monotonic() - begin < 5
    hanging.set()
    recorder.close()  # Or its thread would go on in the next test.


class Counting:
    """A source with so many pieces of work."""

    def __init__(self, recorder, pieces):
        self.recorder = recorder
        self.pieces = pieces
        self.threads = set()
        self.given_up = 0

    def work(self):
        self.threads.add(threading.current_thread().name)
        if self.pieces:
            self.pieces -= 1
            self.recorder.record(call())
        return self.pieces > 0

    def give_up(self):
        self.given_up += 1


def test_a_source_works_on_the_recorders_thread(store):
    with Recorder(store, observer="client") as recorder:
        source = Counting(recorder, pieces=300)
        recorder.attach(source)

    assert len(rows(store.path, "events")) == 300
    assert source.threads == {"mcplens-recorder"}
    assert source.given_up == 1


def test_work_that_never_ends_is_given_up(store):
    recorder = Recorder(store, observer="client")
    source = Counting(recorder, pieces=10**9)
    recorder.attach(source)

    begin = time.monotonic()
    recorder.close(timeout=0.3)

    assert time.monotonic() - begin < 5
    # Its thread may come to that after close() stopped waiting for it.
    recorder._drain._thread.join(60)
    assert source.given_up == 1
    assert rows(store.path, "runs")[-1].ended_at is not None


def test_a_broken_source_stops_no_other(store):
    class Broken:
        def work(self):
            raise ZeroDivisionError

        def give_up(self):
            """Nothing to count."""

    said = []
    with Recorder(store, observer="client", say=said.append) as recorder:
        recorder.attach(Broken())
        recorder.attach(Counting(recorder, pieces=5))

    assert len(rows(store.path, "events")) == 5
    assert said == ["stopped reading a connection: ZeroDivisionError"]


def test_a_mistake_of_our_own_ends_no_recording(store, monkeypatch):
    said, rest, mistakes = [], writer_module.Writer.rest, [ZeroDivisionError, KeyError]

    def stumble(writer):
        if mistakes and writer._store is store:  # Others may still be at work in this process.
            raise mistakes.pop(0)
        rest(writer)

    monkeypatch.setattr(writer_module.Writer, "rest", stumble)
    with Recorder(store, observer="client", say=said.append) as recorder:
        until(lambda: not mistakes)
        recorder.record(call(sequence=1))

    assert [e.sequence for e in rows(store.path, "events")] == [1]
    assert said == ["recording stumbled and goes on: ZeroDivisionError"]


def test_what_a_broken_source_had_not_read_is_counted(store):
    class Broken:
        def work(self):
            raise ZeroDivisionError

        def give_up(self):
            recorder.count_lost(7)

    with Recorder(store, observer="client", say=lambda _: None) as recorder:
        recorder.attach(Broken())

    assert rows(store.path, "runs")[-1].lost_count == 7


def test_a_machine_without_room_for_a_thread_costs_only_the_recording(store, monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    said = []
    monkeypatch.setattr(threading.Thread, "start", refuse)

    with Recorder(store, observer="client", say=said.append) as recorder:
        recorder.record(call())

    assert recorder.lost_count == 1
    assert said == ["recording nothing, the traffic goes on: can't start new thread"]


def test_a_source_that_cannot_be_given_up_costs_the_run_nothing(store):
    class Stubborn:
        def work(self):
            return False

        def give_up(self):
            raise ZeroDivisionError

    with Recorder(store, observer="client") as recorder:
        recorder.attach(Stubborn())

    assert rows(store.path, "runs")[-1].ended_at is not None


def test_ids_are_counted_once_for_all_connections():
    with Recorder(None, observer="client", run_id="r1") as recorder:
        assert [recorder.next_sequence() for _ in range(3)] == [1, 2, 3]
        assert [recorder.next_connection_id() for _ in range(2)] == ["r1-c1", "r1-c2"]
