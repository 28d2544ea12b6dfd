"""Raw ends of HTTP for tests: an upstream that is a function, and requests as bytes."""

import re
import socket
import threading


class Upstream:
    """A server on a port of its own: `serve` gets each connection as a socket, on a thread."""

    def __init__(self, serve):
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        with connection:
            self._serve(connection)

    def close(self):
        self._listener.close()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def read_head(connection):
    """Read a head to the blank line, and give it with what came behind."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return data, b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def read_message(connection, *, has_body=True):
    """Read one request or response: its head, and its body without the framing."""
    head, rest = read_head(connection)
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if not has_body:
        return head, b""
    if length:
        while len(rest) < int(length[1]):
            piece = connection.recv(65_536)
            if not piece:
                break
            rest += piece
        return head, rest
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
        while not rest.endswith(b"0\r\n\r\n"):
            piece = connection.recv(65_536)
            if not piece:
                break
            rest += piece
        return head, unchunked(rest)
    return head, rest


def unchunked(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        if not size:
            break
        body += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return body


def headers_of(head, *, besides=()):
    """Give a head's first line and its headers in order, without those of a single hop."""
    first, *lines = head.split(b"\r\n")
    hop = {b"connection", b"keep-alive", b"transfer-encoding", b"host", *besides}
    pairs = [tuple(line.split(b": ", 1)) for line in lines]
    return first, [(name, value) for name, value in pairs if name.lower() not in hop]


def answer(body, *, kind=b"application/json", status=b"200 OK", more=b""):
    """Write a response."""
    return (
        b"HTTP/1.1 "
        + status
        + b"\r\ncontent-type: "
        + kind
        + b"\r\n"
        + more
        + b"content-length: "
        + str(len(body)).encode()
        + b"\r\n\r\n"
        + body
    )


def post(body, *, more=b"", path=b"/mcp", port=1):
    """Write a request as a client of the old era does."""
    return (
        b"POST "
        + path
        + b" HTTP/1.1\r\nHost: 127.0.0.1:"
        + str(port).encode()
        + b"\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
        + more
        + b"Content-Length: "
        + str(len(body)).encode()
        + b"\r\n\r\n"
        + body
    )


CALL = (
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},"_meta":'
    b'{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}'
)
RESULT = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ok"}]}}'
OLD_CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}'
