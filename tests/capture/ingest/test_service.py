import pytest

from tests.capture.ingest.posted import sent
from tests.spooled import calls


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
