import json
import os
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from mcplens.capture.ingest.service import IDLE_S
from tests.capture.ingest.posted import sent
from tests.processes import until
from tests.spooled import calls, rows

TOKEN = "0123456789abcdef-token"


def test_an_event_that_is_posted_stands_in_the_store(serve):
    service = serve()

    status, answer = service.send(sent())

    assert status == 201
    [call] = calls(service.store)
    assert (call.event_id, call.target) == (answer["event_id"], "search")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"body": b"[1,"}, 400),
        ({"body": b"[" * 5000}, 400),
        ({"body": b"7"}, 422),
        ({"body": b"[]"}, 400),
        ({"body": b"{}", "path": "/"}, 404),
        ({"body": b"", "method": "GET"}, 405),
        ({"body": b" " * 4_000_001}, 413),
        ({"body": b"[" + b"0," * 10_000 + b"0]"}, 413),
        ({"body": b"{}", "Content_Type": "text/plain"}, 415),
        ({"body": b"{}", "Content_Encoding": "gzip"}, 415),
        ({"body": b"{}", "Idempotency_Key": "k" * 201}, 422),
        ({"body": b"{}", "Host": "evil.example:80"}, 401),
    ],
)
def test_what_cannot_be_counted_says_why(serve, request_, status):
    service = serve()

    answered, answer = service.send(**request_)

    assert answered == status
    assert answer["error"]
    assert calls(service.store) == []


def test_a_refused_field_is_named_with_what_it_should_be(serve):
    service = serve()

    status, answer = service.send(sent(latency_ms=None, success="yes"))

    assert status == 422
    assert answer["fields"]["success"] == "true or false"
    assert "latency_ms is missing; it should be a number of milliseconds" in answer["error"]


@pytest.mark.parametrize("where", ["environment", "file"])
def test_who_has_the_token_is_let_in_and_it_is_nowhere_to_be_read(serve, tmp_path, where):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    service = (
        serve("--token-file", str(file))
        if where == "file"
        else serve(environment={"MCPLENS_INGEST_TOKEN": TOKEN})
    )

    refused = [
        service.send(sent(), **headers)[0]
        for headers in ({}, {"Authorization": TOKEN}, {"Authorization": f"Bearer {TOKEN}x"})
    ]
    let_in, _ = service.send(sent(), Authorization=f"Bearer {TOKEN}")
    service.end()

    assert (refused, let_in) == ([401, 401, 401], 201)
    written = b"".join(path.read_bytes() for path in service.store.rglob("*") if path.is_file())
    assert TOKEN not in "".join(service.said)
    assert TOKEN.encode() not in written


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (["--ingest", "0.0.0.0:0"], {}, "can be reached from elsewhere, and there is no token"),
        (["--ingest", "0.0.0.0:0"], {"MCPLENS_INGEST_TOKEN": "short"}, "at least 16 printable"),
        (["--ingest", "127.0.0.1"], {}, '"127.0.0.1" is no HOST:PORT'),
        (["--ingest", "127.0.0.1:0", "--token-file", "none"], {}, "cannot read the token in none"),
        ([], {}, "there is nothing to serve"),
    ],
)
def test_a_service_that_makes_no_sense_does_not_start(tmp_path, options, environment, said):
    ran = subprocess.run(
        [sys.executable, "-m", "mcplens", "serve", "--store", str(tmp_path / "store"), *options],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 2
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_off_loopback_with_a_token_it_serves(serve):
    service = serve(host="0.0.0.0", environment={"MCPLENS_INGEST_TOKEN": TOKEN})

    assert service.send(sent(), Authorization=f"Bearer {TOKEN}")[0] == 201


def test_a_store_in_trouble_is_503_and_nothing_is_counted_until_it_is_well(serve):
    service = serve()
    shutil.rmtree(service.store)
    service.store.write_text("in the way")

    trouble, answer = service.send(sent(), Idempotency_Key="k1")
    service.store.unlink()
    well, _ = service.send(sent(), Idempotency_Key="k1")

    assert (trouble, well) == (503, 201)
    assert str(service.store) not in answer["error"]
    assert len(calls(service.store)) == 1


def test_told_to_end_it_finishes_what_is_under_way_and_ends_its_run(serve):
    service = serve()
    body = json.dumps([sent() for _ in range(3000)]).encode()
    answered = []
    sender = threading.Thread(target=lambda: answered.append(service.send(body)[0]))
    sender.start()
    until(lambda: len(calls(service.store)) > 0 or answered)
    exit_code = service.end()
    sender.join()

    [*_, run] = rows(service.store, "runs")
    assert exit_code == 0
    assert answered == [201]
    assert (run.observer, run.event_count, run.lost_count) == ("import", 3000, 0)
    assert run.ended_at is not None
    assert run.recorder_cpu_ms > 0


def test_a_body_that_never_comes_whole_keeps_nobody_waiting(serve):
    service = serve()
    slow = socket.create_connection(("127.0.0.1", service.port))
    slow.sendall(
        b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )

    assert service.send(sent())[0] == 201
    assert service.end() == 0
    slow.close()


@pytest.mark.deep
@pytest.mark.timeout(120)
def test_slow_connections_are_closed(serve):
    service = serve()
    head = b"POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    bodyless = socket.create_connection(("127.0.0.1", service.port), timeout=IDLE_S + 20)
    bodyless.sendall(head + b"Content-Length: 100\r\n\r\n{")
    headless = socket.create_connection(("127.0.0.1", service.port), timeout=IDLE_S + 20)
    headless.sendall(head)

    assert bodyless.recv(1000).startswith(b"HTTP/1.1 408")
    assert headless.recv(1000) == b""
    bodyless.close()
    headless.close()


def test_without_its_extra_it_says_what_to_install(tmp_path):
    words = ["serve", "--ingest", "127.0.0.1:0", "--store", str(tmp_path / "store")]
    program = (
        "import sys; sys.modules['aiohttp'] = None; "
        f"from mcplens.cli.main import main; sys.exit(main({words!r}))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )

    assert ran.returncode == 2
    assert 'pip install "mcplens[http]"' in ran.stderr
    assert ran.stderr.count("\n") == 1
