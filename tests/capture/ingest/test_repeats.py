"""Repeats are harmless, whatever happened between the first time and the second."""

import json
import threading
import time
from collections import Counter
from http.client import HTTPException

import msgspec
import pytest

from mcplens.capture.clock import Clock
from mcplens.capture.ingest.intake import Intake
from mcplens.capture.ingest.known import Known
from mcplens.errors import StoreError
from mcplens.metrics.connect import connect
from mcplens.store.compact import compact
from mcplens.store.seal import seal
from mcplens.store.spool import Spool
from tests.capture.ingest.posted import read, sent


def counted(store):
    """Count the calls as people see them, with no id twice."""
    rows = connect(getattr(store, "path", store)).sql("select event_id from calls").fetchall()
    assert len(set(rows)) == len(rows)
    return len(rows)


def fates(intake, *incoming):
    return [receipt.fate for receipt in intake.take(incoming)]


def test_a_repeat_is_known_and_another_event_under_its_key_is_refused(store):
    with Intake(store) as intake:
        first = fates(intake, read(sent(), key="k1"))
        again = fates(intake, read(sent(), key="k1"), read(sent(latency_ms=13), key="k1"))

    assert (first, again) == (["counted"], ["known", "conflict"])
    assert counted(store) == 1


def test_what_differs_only_in_what_privacy_leaves_out_is_a_repeat(store):
    with Intake(store) as intake:
        fates(intake, read(sent(arguments={"q": 1}), key="k1", keep="none"))

        assert fates(intake, read(sent(arguments={"q": 1}), key="k1", keep="full")) == ["known"]


def test_repeats_within_one_batch_count_once(store):
    with Intake(store) as intake:
        same = [read(sent(), key="k1") for _ in range(3)]

        assert fates(intake, *same) == ["counted", "known", "known"]


def test_nobody_counts_an_event_while_another_is_writing_it(store, monkeypatch):
    """The second sender comes in the very moment in which the first is written."""
    seconds = []
    second = threading.Thread(target=lambda: seconds.extend(fates(intake, read(sent(), key="k1"))))
    write = Spool.write

    def write_slowly(spool, rows):
        if not second.ident:
            second.start()
            second.join(0.3)
        return write(spool, rows)

    with Intake(store, seal=False) as intake:
        monkeypatch.setattr(Spool, "write", write_slowly)
        first = fates(intake, read(sent(), key="k1"))
        second.join()

    assert (first, seconds) == (["counted"], ["known"])
    assert counted(store) == 1


def test_events_without_a_key_all_count(store):
    with Intake(store) as intake:
        assert fates(intake, read(sent()), read(sent())) == ["counted", "counted"]


@pytest.mark.parametrize("when", ["in the spool", "sealed", "compacted"])
def test_what_was_counted_is_known_to_the_next_intake(store, when):
    for key in ("k1", "k2"):
        with Intake(store, seal=False) as intake:
            fates(intake, read(sent(latency_ms=0.1), key=key))
        if when != "in the spool":
            seal(store)
    if when == "compacted":
        compact(store, at_least=2)

    with Intake(store, seal=False) as intake:
        after = fates(intake, *(read(sent(latency_ms=0.1), key=k) for k in ("k1", "k2", "k3")))

    assert after == ["known", "known", "counted"]
    assert counted(store) == 3


def test_half_a_line_was_not_counted_and_may_be_sent_again(store):
    with Intake(store, seal=False) as intake:
        fates(intake, read(sent(), key="k1"))
        [part] = store.spool.glob(f"{intake.run_id}-*.jsonl")
        fates(intake, read(sent(), key="k2"))
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:2]) + lines[2][:-20])  # As a kill while writing leaves it.

    with Intake(store, seal=False) as intake:
        after = fates(intake, read(sent(), key="k1"), read(sent(), key="k2"))

    assert after == ["known", "counted"]
    assert counted(store) == 2


def test_a_file_that_cannot_be_read_is_named(store):
    with Intake(store, seal=False) as intake:
        fates(intake, read(sent(), key="k1"))
    seal(store)
    [file] = store.path.glob("events/date=2026*/*.parquet")
    file.write_bytes(b"PAR1")

    with Intake(store, seal=False) as intake:
        assert len(intake.left_out) == 1
        assert str(file) in intake.left_out[0]


def test_memory_is_bounded_and_the_oldest_is_forgotten_first():
    known = Known(generation=100)

    for number in range(1000):
        known.add(f"post-{number:032x}", b"gist")

    assert len(known) <= 200
    assert known.gist(f"post-{999:032x}") == known.gist(f"post-{900:032x}") == b"gist"
    assert known.gist(f"post-{700:032x}") is None


def test_what_was_counted_long_ago_becomes_parquet_although_nothing_comes(store):
    passed_s = [0]
    clock = Clock(
        monotonic_ns=lambda: passed_s[0] * 10**9,
        wall_ns=lambda: (1_795_176_000 + passed_s[0]) * 10**9,  # 2026-11-20 12:00:00 UTC
    )
    with Intake(store, clock=clock, seal=False) as intake:
        fates(intake, read(sent(), key="k1"))
        passed_s[0] = 601
        intake.rest()

        assert seal(store).part_count == 1
        assert counted(store) == 1
        assert fates(intake, read(sent(), key="k1")) == ["known"]


def test_one_intake_writes_into_a_store_at_a_time(store):
    with (
        Intake(store),
        pytest.raises(StoreError, match="another `mcplens serve --ingest` writes into"),
    ):
        Intake(store, lock_wait_s=0)

    Intake(store, lock_wait_s=0).close()


def test_nothing_is_counted_while_the_store_takes_nothing(store, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with Intake(store, seal=False) as intake:
        with monkeypatch.context() as trouble:
            trouble.setattr("mcplens.store.spool.write_all", full)
            with pytest.raises(StoreError):
                intake.take([read(sent(), key="k1")])

        assert fates(intake, read(sent(), key="k1")) == ["counted"]

    assert counted(store) == 1
    assert [
        sequence for (sequence,) in connect(store.path).sql("select sequence from calls").fetchall()
    ] == [1]


def test_a_store_that_was_removed_is_made_anew(store):
    import shutil

    with Intake(store, seal=False) as intake:
        fates(intake, read(sent(), key="k1"))
        shutil.rmtree(store.path)

        assert fates(intake, read(sent(), key="k2")) == ["counted"]
        assert counted(store) == 1


@pytest.mark.parametrize("end", ["kill", "end"])
def test_a_repeat_is_known_after_a_restart(serve, end):
    service = serve()
    first = service.send(sent(), Idempotency_Key="k1")
    getattr(service, end)()

    service = serve()
    again = service.send(sent(), Idempotency_Key="k1")

    assert (first[0], again[0]) == (201, 200)
    assert first[1]["event_id"] == again[1]["event_id"]
    assert counted(service.store) == 1


def until_answered(service, key):
    """Send an event until it is answered, whichever service is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return service().send(sent(), Idempotency_Key=key)[0]
        except (OSError, HTTPException, ValueError):
            continue  # Killed before or while it answered; the next is starting.
    raise AssertionError(f"nobody answered {key}")


def test_whatever_a_kill_interrupts_each_key_counts_once(serve):
    """Senders send until they are answered, while the service is killed five times."""
    keys = [f"k{number}" for number in range(600)]
    current = [serve()]
    answered = Counter()

    def send(mine):
        for key in mine:
            answered[until_answered(lambda: current[0], key)] += 1

    senders = [threading.Thread(target=send, args=(keys[n::4],)) for n in range(4)]
    for sender in senders:
        sender.start()
    for number in range(5):
        target = (number + 1) * 80
        while sum(answered.values()) < target and any(s.is_alive() for s in senders):
            senders[0].join(0.005)
        current[0].kill()
        current[0] = serve()
    for sender in senders:
        sender.join()

    assert sum(answered.values()) == len(keys)
    assert set(answered) <= {200, 201}
    assert counted(current[0].store) == len(keys)


def test_a_kill_between_writing_and_answering_leaves_a_known_event(serve):
    """The line is seen in the spool before anything is read of the answer."""
    service = serve()
    connection = service.connect()
    connection.request(
        "POST",
        "/events",
        json.dumps(sent()),
        {"Content-Type": "application/json", "Idempotency-Key": "k1"},
    )
    while not any(b'"post-' in part.read_bytes() for part in service.store.glob("spool/*.jsonl")):
        pass
    service.kill()
    connection.close()

    service = serve()

    assert service.send(sent(), Idempotency_Key="k1")[0] == 200
    assert counted(service.store) == 1


def test_the_same_event_from_many_at_once_counts_once(serve):
    service = serve()
    statuses = []
    begin = threading.Barrier(16)

    def send():
        begin.wait()
        statuses.append(service.send(sent(event_id="e1"))[0])

    senders = [threading.Thread(target=send) for _ in range(16)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert Counter(statuses) == {201: 1, 200: 15}
    assert counted(service.store) == 1


def test_a_batch_is_judged_event_by_event_and_may_be_sent_again_mended(serve):
    service = serve()
    batch = [sent(), sent(latency_ms="fast"), sent(tool_name="read")]

    status, first = service.send(batch, Idempotency_Key="b1")
    batch[1]["latency_ms"] = 9
    mended, second = service.send(batch, Idempotency_Key="b1")

    assert (status, mended) == (207, 201)
    assert [result["status"] for result in first["results"]] == [201, 422, 201]
    assert list(first["results"][1]["fields"]) == ["latency_ms"]
    assert [result["status"] for result in second["results"]] == [200, 201, 200]
    assert counted(service.store) == 3


def test_json_lines_are_a_batch_and_a_broken_line_is_only_its_own(serve):
    service = serve()
    lines = msgspec.json.encode(sent()) + b"\n{oops\n\n" + msgspec.json.encode(sent()) + b"\n"

    status, answer = service.send(lines, Content_Type="application/x-ndjson; charset=utf-8")

    assert status == 207
    assert [result["status"] for result in answer["results"]] == [201, 400, 201]
    assert counted(service.store) == 2
