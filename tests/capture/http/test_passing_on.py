"""What passes through the HTTP proxy, byte by byte, between raw ends."""

import gzip
import json
import queue
import signal
import socket

import pytest

from tests.capture.http.wire import (
    CALL,
    OLD_CALL,
    RESULT,
    answer,
    connect,
    headers_of,
    post,
    read_head,
    read_message,
)
from tests.spooled import rows

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def once(response, seen=None):
    """Serve one request per connection."""

    def serve(connection):
        message = read_message(connection)
        if seen is not None:
            seen.put(message)
        connection.sendall(response)

    return serve


def exchange(port, request, *, has_body=True):
    with connect(port) as client:
        client.sendall(request)
        return read_message(client, has_body=has_body)


def as_read(head):
    """Leave out what only frames an empty body, and how names are spelled."""
    first, headers = headers_of(head)
    headers = [(name.lower(), value) for name, value in headers]
    return first, [pair for pair in headers if pair != (b"content-length", b"0")]


ODD_HEADERS = (
    b"X-Twice: one\r\nx-tWiCe: two\r\nCookie: a=1\r\nAccept-Encoding: gzip, br\r\n"
    b"Authorization: Bearer secret\r\nMcp-Method: tools/call\r\nMcp-Name: =?base64?w6k=?=\r\n"
    b"Origin: http://localhost:6274\r\nUser-Agent: a/1\r\n"
)


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(CALL, more=ODD_HEADERS),
        post(gzip.compress(CALL), more=b"Content-Encoding: gzip\r\n"),
        post(b"x" * 3_000_000),
        post(CALL, more=b"X-Long: " + b"l" * 30_000 + b"\r\n"),
        post(CALL, path=b"/mcp/a%20b/%7e//c?q=%2F&q=2&e="),
        post(b""),
        b"DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: abc\r\n\r\n",
        b"GET /.well-known/oauth-protected-resource/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["headers", "gzip", "large", "long", "path", "empty", "delete", "metadata"],
)
def test_a_request_reaches_the_server_as_it_was_sent(proxied, upstream, request_bytes):
    seen = queue.Queue()
    port = upstream(once(answer(b"{}"), seen))
    proxy = proxied(f"http://127.0.0.1:{port}/mcp")

    exchange(port, request_bytes)
    exchange(proxy.port, request_bytes)

    (direct_head, direct_body), (head, body) = seen.get(timeout=30), seen.get(timeout=30)
    assert as_read(head) == as_read(direct_head)
    assert body == direct_body
    assert f"Host: 127.0.0.1:{port}".lower().encode() in head.lower()


@pytest.mark.parametrize(
    "response",
    [
        answer(
            RESULT, more=b"X-Twice: one\r\nx-twice: two\r\nSet-Cookie: a=1\r\nSet-Cookie: b\r\n"
        ),
        answer(gzip.compress(RESULT), more=b"Content-Encoding: gzip\r\n"),
        answer(b'{"error":"no"}', status=b"401 Go Away", more=b"WWW-Authenticate: Bearer\r\n"),
        answer(b"y" * 3_000_000, kind=b"text/plain"),
        b"HTTP/1.1 202 Accepted\r\nDate: any\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nServer: mine\r\n\r\n",
        STREAM + chunk(b"event: message\ndata: {}\n\n") + b"0\r\n\r\n",
        answer(b"", status=b"307 Temporary Redirect", more=b"Location: /mcp/\r\n"),
    ],
    ids=["headers", "gzip", "401", "large", "202", "204", "stream", "redirect"],
)
def test_a_response_reaches_the_client_as_it_was_sent(proxied, upstream, response):
    port = upstream(once(response))
    proxy = proxied(f"http://127.0.0.1:{port}/mcp")
    has_body = b" 204 " not in response

    direct_head, direct_body = exchange(port, post(CALL), has_body=has_body)
    head, body = exchange(proxy.port, post(CALL), has_body=has_body)

    assert headers_of(head) == headers_of(direct_head)
    assert body == direct_body


def test_an_event_arrives_when_the_server_sends_it(proxied, upstream):
    goes_on = queue.Queue()

    def serve(connection):
        read_message(connection)
        connection.sendall(STREAM + chunk(b": hello\n\n"))
        goes_on.get(timeout=20)
        connection.sendall(chunk(b"data: " + RESULT + b"\n\n") + b"0\r\n\r\n")

    proxy = proxied(f"http://127.0.0.1:{upstream(serve)}/mcp")
    with connect(proxy.port) as client:
        client.sendall(post(CALL))
        heard = b""
        while b": hello\n\n" not in heard:  # The server sends no more until we have this.
            heard += client.recv(65_536)
        goes_on.put(None)
        while not heard.endswith(b"0\r\n\r\n"):
            heard += client.recv(65_536)

    [call] = proxy.calls(1)
    assert (call.outcome, call.http_status, call.transport) == ("ok", 200, "http")


def test_a_client_that_leaves_cancels_upstream_at_once(proxied, upstream):
    left = queue.Queue()

    def serve(connection):
        read_message(connection)
        connection.sendall(STREAM + chunk(b": hello\n\n"))
        # It sends nothing more, so that only the client's leaving can end this.
        connection.settimeout(60)
        left.put(connection.recv(1))

    proxy = proxied(f"http://127.0.0.1:{upstream(serve)}/mcp")
    with connect(proxy.port) as client:
        client.sendall(post(CALL))
        read_head(client)

    rest = left.get(timeout=30)
    [call] = proxy.calls(1)
    assert rest == b""
    assert (call.outcome, call.outcome_basis) == ("cancelled", "disconnect")


def test_what_breaks_off_there_breaks_off_here_behind_what_came(proxied, upstream):
    event = b"data: " + b"x" * 100_000 + b"\n\n"
    port = upstream(once(STREAM + chunk(event)))
    proxy = proxied(f"http://127.0.0.1:{port}/mcp")

    with connect(proxy.port) as client:
        client.sendall(post(CALL))
        heard = b"".join(iter(lambda: client.recv(65_536), b""))

    [call] = proxy.calls(1)
    assert heard.partition(b"\r\n\r\n")[2].count(b"x") == 100_000
    assert not heard.endswith(b"0\r\n\r\n")
    assert (call.outcome, call.outcome_basis) == ("disconnected", "server_closed")


def test_a_server_that_hangs_up_is_asked_once(proxied, upstream):
    seen = queue.Queue()
    proxy = proxied(f"http://127.0.0.1:{upstream(once(b'', seen))}/mcp")

    head, body = exchange(proxy.port, post(CALL))

    assert head.startswith(b"HTTP/1.1 502 ")
    assert json.loads(body)["error"].startswith("mcplens: cannot reach http://127.0.0.1:")
    assert seen.qsize() == 1


def test_a_server_that_is_not_there_is_told_in_one_line(proxied):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    proxy = proxied(f"http://127.0.0.1:{port}/mcp?key=secret")

    head, body = exchange(proxy.port, post(CALL))

    assert head.startswith(b"HTTP/1.1 502 ")
    assert json.loads(body) == {
        "error": f"mcplens: cannot reach http://127.0.0.1:{port}: Connection refused"
    }
    [call] = proxy.calls(1)
    assert (call.outcome, call.error_origin) == ("disconnected", "transport")


@pytest.mark.parametrize(("host", "status"), [("evil.example:80", 403), ("localhost", 200)])
def test_only_names_of_this_machine_are_served(proxied, upstream, host, status):
    proxy = proxied(f"http://127.0.0.1:{upstream(once(answer(RESULT)))}/mcp")

    request = post(CALL).replace(b"Host: 127.0.0.1:1", f"Host: {host}".encode())
    head, _ = exchange(proxy.port, request)

    assert int(head.split()[1]) == status


def test_the_query_of_the_servers_url_is_sent_and_not_written(proxied, upstream):
    seen = queue.Queue()
    port = upstream(once(answer(RESULT), seen))
    proxy = proxied(f"http://127.0.0.1:{port}/mcp?api_key=hunter2")

    exchange(proxy.port, post(CALL))

    head, _ = seen.get(timeout=30)
    proxy.stop()
    assert head.startswith(b"POST /mcp?api_key=hunter2 HTTP/1.1\r\n")
    assert proxy.url == f"http://127.0.0.1:{proxy.port}/mcp"
    assert rows(proxy.store, "connections")[-1].address == f"http://127.0.0.1:{port}/mcp"


def test_a_redirect_within_the_server_stays_behind_us(proxied, upstream):
    port = upstream(lambda connection: redirect(connection, port))
    proxy = proxied(f"http://127.0.0.1:{port}/mcp")

    head, _ = exchange(proxy.port, post(CALL, port=proxy.port))

    assert f"Location: http://127.0.0.1:{proxy.port}/mcp/\r\n".encode() in head + b"\r\n"


def redirect(connection, port):
    read_message(connection)
    where = f"Location: http://127.0.0.1:{port}/mcp/\r\n".encode()
    connection.sendall(answer(b"", status=b"307 Temporary Redirect", more=where))


def test_what_is_open_when_we_are_told_to_end_is_written(proxied, upstream):
    came = queue.Queue()

    def serve(connection):
        came.put(read_message(connection))
        connection.recv(1)  # It never answers, so that only the signal can end this.

    proxy = proxied(f"http://127.0.0.1:{upstream(serve)}/mcp")
    with connect(proxy.port) as client:
        client.sendall(post(CALL))
        came.get(timeout=30)
        proxy.process.send_signal(signal.SIGTERM)
        assert proxy.process.wait(60) == 0

    [call] = proxy.calls(1)
    assert (call.outcome, call.outcome_basis) == ("disconnected", "signal")


def test_what_was_recorded_outlives_a_kill(proxied, upstream):
    proxy = proxied(f"http://127.0.0.1:{upstream(once(answer(RESULT)))}/mcp")
    exchange(proxy.port, post(CALL))
    proxy.calls(1)

    proxy.process.kill()

    [call] = proxy.calls(1)
    assert call.outcome == "ok"


def test_the_bearer_is_a_fingerprint(proxied, upstream):
    proxy = proxied(f"http://127.0.0.1:{upstream(once(answer(RESULT)))}/mcp")

    for token in (b"hunter2", b"hunter2", b"swordfish"):
        exchange(proxy.port, post(OLD_CALL, more=b"Authorization: Bearer " + token + b"\r\n"))

    first, again, other = (call.credential_id for call in proxy.calls(3))
    assert first == again != other
    proxy.stop()
    for part in (proxy.store / "spool").iterdir():
        assert b"hunter2" not in part.read_bytes()
