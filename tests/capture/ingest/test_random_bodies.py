"""Whatever is posted: it is counted or refused, and never anything else."""

import json
import random
import threading
from collections import Counter

from mcplens.capture.ingest.fields import FIELDS
from mcplens.metrics.connect import connect
from tests.capture.ingest.posted import sent

ODD = (
    None, True, False, 0, -1, 1.5, 10**30, 1e308, "", "x", "ok", "2026-11-20", "é\u202e", [], {},
    [1], {"kind": "a"}, [{"kind": "a"}], "a" * 300, "0" * 32,
)  # fmt: skip
NAMES = (*FIELDS, "event_id", "timestamp", "tool_name", "success", "latency_ms", "error", "nobody")
BODIES = 10_000
SENDERS = 4


def random_body(dice):
    """Make a body that is right, nearly right, or nothing at all."""
    kind = dice.random()
    if kind < 0.1:
        return dice.randbytes(dice.randrange(200))
    event = sent(event_id=f"e{dice.randrange(2000)}", latency_ms=7)
    for _ in range(dice.choice((0, 0, 1, 1, 2, 5))):
        event[dice.choice(NAMES)] = dice.choice(ODD)
    for _ in range(dice.choice((0, 0, 0, 1))):
        event.pop(dice.choice(list(event)), None)
    whole = [event, sent(), 7] if kind < 0.2 else event
    text = bytearray(json.dumps(whole).encode())
    if kind > 0.8:
        for _ in range(dice.randrange(1, 4)):
            text[dice.randrange(len(text))] = dice.randrange(256)
    return bytes(text)


def counted_in(status, answer):
    """Name the events that an answer says were counted by it."""
    if status == 201 and "event_id" in answer:
        return [answer["event_id"]]
    return [one["event_id"] for one in answer.get("results", ()) if one["status"] == 201]


def post_random_bodies(service, *, seed, count, statuses, counted):
    dice = random.Random(seed)
    connection = service.connect()
    for _ in range(count):
        kind = dice.choice(("application/json", "application/json", "application/x-ndjson"))
        connection.request("POST", "/events", random_body(dice), {"Content-Type": kind})
        answer = connection.getresponse()
        statuses.append(answer.status)
        counted += counted_in(answer.status, json.loads(answer.read()))
    connection.close()


def test_random_bodies_are_counted_or_refused(serve):
    service = serve()
    statuses, counted = [], []

    senders = [
        threading.Thread(
            target=post_random_bodies,
            args=(service,),
            kwargs={
                "seed": seed,
                "count": BODIES // SENDERS,
                "statuses": statuses,
                "counted": counted,
            },
        )
        for seed in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    kinds = Counter(statuses)
    stored = connect(service.store).sql("select event_id from stg_events").fetchall()
    assert len(statuses) == BODIES
    assert set(kinds) <= {200, 201, 207, 400, 409, 422}
    assert all(kinds[status] for status in (200, 201, 207, 400, 422))
    assert len(set(counted)) == len(counted)
    assert sorted(counted) == sorted(id_ for (id_,) in stored)


def test_what_is_no_http_disturbs_nobody(serve):
    service = serve()
    dice = random.Random(7)

    for _ in range(50):
        connection = service.connect()
        connection.connect()
        connection.sock.sendall(dice.randbytes(dice.randrange(1, 500)) + b"\r\n\r\n")
        connection.close()

    assert service.send(sent())[0] == 201
    service.end()
    assert "Traceback" not in "".join(service.said)
