import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from mcplens.errors import StoreError
from mcplens.events import SCHEMA_VERSION
from mcplens.store import housekeeping
from mcplens.store.files import locked
from mcplens.store.housekeeping import keep_house
from mcplens.store.manifest import Retention, load_manifest
from mcplens.store.reading import readable_files
from mcplens.store.retention import set_retention
from mcplens.store.seal import seal
from mcplens.store.spool import Spool, start_sealing
from tests.builders import call
from tests.store.looking import event_ids_in, write_part


def wait_until(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_closed_part_is_sealed_by_a_process_of_its_own(store):
    spool = Spool(store, run_id="run1", on_part_closed=lambda _: start_sealing(store))
    spool.write([call(sequence=1)])

    spool.close()

    wait_until(lambda: load_manifest(store)[0].files)
    assert event_ids_in(store) == ["run1-1"]


@pytest.mark.parametrize(
    ("name", "value"), [("frozen", True), ("executable", ""), ("executable", None)]
)
def test_a_program_with_python_inside_is_not_started_again(store, monkeypatch, name, value):
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: started.append(command))
    monkeypatch.setattr(sys, name, value, raising=False)

    start_sealing(store)

    assert started == []


def test_whoever_started_it_keeps_no_dead_process(store):
    write_part(store, [call(sequence=1)])
    before = set(threading.enumerate())

    start_sealing(store)

    [waiting] = set(threading.enumerate()) - before
    waiting.join(60)
    assert not waiting.is_alive()
    assert readable_files(store).tails[1:] == []


def test_why_nothing_is_sealed_is_told_to_whoever_asked(store, monkeypatch):
    write_part(store, [call(sequence=1)])
    store.manifest.write_bytes(b"damaged")
    store.manifest_backup.write_bytes(b"damaged")
    told = []

    start_sealing(store, on_failure=told.append)

    wait_until(lambda: told)
    [reason] = told
    assert reason.startswith(f"mcplens: {store.manifest}")


def test_a_system_without_room_for_a_process_is_told_and_raises_nothing(store, monkeypatch):
    def refuse(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    told = []
    monkeypatch.setattr(subprocess, "Popen", refuse)

    start_sealing(store, on_failure=told.append)

    assert told == ["Resource temporarily unavailable"]


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_system_without_room_for_a_thread_seals_all_the_same(store, monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    write_part(store, [call(sequence=1)])
    monkeypatch.setattr(threading.Thread, "start", refuse)

    start_sealing(store)

    wait_until(lambda: load_manifest(store)[0].files)


def test_many_at_once_seal_each_part_once(store):
    for number in range(30):
        write_part(store, [call(run_id=f"w{number}", sequence=1)], run_id=f"w{number}")
    command = [sys.executable, "-m", "mcplens.store.housekeeping", store.path, "--compact"]

    sealers = [subprocess.Popen(command) for _ in range(4)]

    assert [sealer.wait(60) for sealer in sealers] == [0, 0, 0, 0]
    assert event_ids_in(store) == sorted(f"w{number}-1" for number in range(30))
    assert readable_files(store).tails[1:] == []


def test_two_sealers_at_once_take_turns(store):
    for number in range(20):
        write_part(store, [call(run_id=f"w{number}", sequence=1)], run_id=f"w{number}")
    reports = []
    sealers = [threading.Thread(target=lambda: reports.append(seal(store))) for _ in range(3)]

    for sealer in sealers:
        sealer.start()
    for sealer in sealers:
        sealer.join()

    assert sorted(report.part_count for report in reports) == [0, 0, 20]
    assert event_ids_in(store) == sorted(f"w{number}-1" for number in range(20))


def test_one_that_finds_another_at_work_leaves(store):
    write_part(store, [call(sequence=1)])

    with locked(store.housekeeping_lock):
        keep_house(store, at_least=2)

    assert load_manifest(store)[0].files == ()


def test_a_part_closed_at_the_last_moment_is_sealed_by_the_one_at_work(store, monkeypatch):
    write_part(store, [call(sequence=1)], run_id="early")
    really = housekeeping._work
    late = [[call(sequence=2)]]

    def work(*arguments, **options):
        done = really(*arguments, **options)
        if late:
            write_part(store, late.pop(), run_id="late")
            keep_house(store, at_least=2)  # Another, which finds the lock taken and leaves.
        return done

    monkeypatch.setattr(housekeeping, "_work", work)
    keep_house(store, at_least=2)

    assert readable_files(store).tails[1:] == []
    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_while_the_archive_is_away_parts_are_sealed_and_that_is_told(store, tmp_path, monkeypatch):
    set_retention(store, Retention(age_s=300, archive=str(tmp_path / "archive")))
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    write_part(store, [call(sequence=1)], run_id="early")
    really = housekeeping._work
    late = [[call(sequence=2)]]

    def work(*arguments, **options):
        done = really(*arguments, **options)
        if late:
            write_part(store, late.pop(), run_id="late")
        return done

    monkeypatch.setattr(housekeeping, "_work", work)
    with pytest.raises(StoreError, match=r"archive .* is not there, so nothing is moved"):
        keep_house(store, at_least=2)

    assert readable_files(store).tails[1:] == []
    assert event_ids_in(store) == ["run1-1", "run1-2"]


def test_a_part_that_has_to_wait_keeps_nobody_busy(store):
    newer = SCHEMA_VERSION + 1
    write_part(store, [call(run_id="new", schema_version=newer)], run_id="new")

    keep_house(store, at_least=2)

    assert len(readable_files(store).set_aside) == 1


def test_few_small_files_are_joined_only_when_asked(store):
    for number in range(3):
        write_part(store, [call(sequence=number)], run_id=f"w{number}")
        seal(store)
    command = [sys.executable, "-m", "mcplens.store.housekeeping", store.path]

    subprocess.run(command, check=True)
    assert len(load_manifest(store)[0].files) == 3
    subprocess.run([*command, "--compact"], check=True)

    assert len(load_manifest(store)[0].files) == 1


def test_what_is_past_a_short_window_leaves_when_a_part_is_closed(store):
    set_retention(store, Retention(age_s=300))
    write_part(store, [call(sequence=1)])
    now = datetime.now(UTC).replace(tzinfo=None)
    write_part(store, [call(sequence=2, started_at=now, recorded_at=now)], run_id="run2")

    keep_house(store, at_least=2)

    assert event_ids_in(store) == ["run1-2"]


def test_what_is_past_a_short_window_leaves_although_no_part_was_closed(store):
    set_retention(store, Retention(age_s=300))
    write_part(store, [call(sequence=1)])
    seal(store)

    subprocess.run([sys.executable, "-m", "mcplens.store.housekeeping", store.path], check=True)

    assert event_ids_in(store) == []


def test_a_clock_that_is_years_ahead_empties_no_store_by_itself(store, monkeypatch):
    now = datetime.now(UTC).replace(tzinfo=None)
    for days in (0, 100, 500):
        day = now - timedelta(days=days)
        write_part(
            store, [call(sequence=days + 1, started_at=day, recorded_at=day)], run_id=f"w{days}"
        )
    ahead = time.time() + 800 * 86_400
    monkeypatch.setattr(housekeeping.time, "time", lambda: ahead)
    later = now + timedelta(days=800)
    write_part(store, [call(sequence=9, started_at=later, recorded_at=later)], run_id="ahead")

    keep_house(store, at_least=2)

    assert event_ids_in(store) == ["run1-1", "run1-101", "run1-9"]


def test_nothing_heavy_is_loaded_to_find_that_there_is_nothing_to_do(store):
    code = (
        "import sys; from mcplens.store.housekeeping import main; main([sys.argv[1]]);"
        "print('pyarrow' in sys.modules)"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code, store.path], capture_output=True, text=True, check=True
    )

    assert printed.stdout == "False\n"


def test_what_is_no_store_is_said_in_one_line(tmp_path):
    command = [sys.executable, "-m", "mcplens.store.housekeeping", tmp_path / "none"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith(f"mcplens: there is no store at {tmp_path}/none.")
    assert done.stderr.count("\n") == 1


def test_what_is_damaged_is_moved_to_the_quarantine_and_what_is_nobodys_stays(store):
    for name in ("w1", "w2", "w3"):
        write_part(store, [call(sequence=int(name[1]))], run_id=name)
        seal(store)
    torn, inside, _ = sorted(store.path.glob("events/date=2026*/*.parquet"))
    torn.write_bytes(torn.read_bytes()[:-100])
    content = bytearray(inside.read_bytes())
    content[4:2000] = b"\xff" * 1996
    inside.write_bytes(content)
    nobodys = torn.with_name("mine.parquet")
    nobodys.write_bytes(b"mine")

    keep_house(store, at_least=2)

    assert event_ids_in(store) == ["run1-3"]
    assert sorted(path.name for path in store.quarantine.glob("*.parquet")) == [
        "events-date=2026-11-20-w1-00001.parquet",
        "events-date=2026-11-20-w2-00001.parquet",
    ]
    assert len(load_manifest(store)[0].files) == 1
    assert nobodys.exists()
