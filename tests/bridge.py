"""A server on stdio put behind streamable HTTP as it was until 2025-11-25, and a client for it."""

import http.client
import json
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@contextmanager
def bridged(command, *, headers, environ, before="", refusals=None):
    """Start a server behind HTTP; give its port.

    Every answer has these headers. `before` stands before each message of a stream; `refusals` are
    the bodies with which it answers methods itself, by their names, each with its status.
    """
    process = subprocess.Popen(
        command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, env=environ, bufsize=0
    )

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = json.loads(body)
            if message.get("method") in (refusals or {}):
                _refuse(self, *refusals[message["method"]], headers)
                return
            process.stdin.write(body + b"\n")
            is_request = "id" in message and "method" in message
            self.send_response(200 if is_request else 202)
            for name, value in headers.items():
                self.send_header(name, value)
            named = ("Content-Type", "text/event-stream") if is_request else ("Content-Length", "0")
            self.send_header(*named)
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if is_request:
                self.stream(message["id"])

        def stream(self, number):
            for line in process.stdout:
                if line.startswith(b"{"):
                    self.wfile.write(before.encode() + b"data: " + line + b"\n")
                    said = json.loads(line)
                    if said.get("id") == number and "method" not in said:
                        return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def _refuse(handler, status, body, headers):
    handler.send_response(status)
    sent = {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}
    for name, value in sent.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body.encode())


def converse_over_http(url, planted, *, headers, also=()):
    """Be the client: send what is planted and `also` this, and answer what is asked back."""
    parts = urlsplit(url)

    def post(message):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        accept = "application/json, text/event-stream"
        sent = {**headers, "Content-Type": "application/json", "Accept": accept}
        connection.request("POST", f"{parts.path}?{parts.query}", json.dumps(message), sent)
        answer = connection.getresponse()
        for line in answer:
            if line.startswith(b"data: "):
                said = json.loads(line.removeprefix(b"data: "))
                if "method" in said and "id" in said:
                    post(planted.answer_to(said["id"]))
        connection.close()
        return answer.status

    statuses = [post(request) for request in planted.requests()]
    return [*statuses, post(planted.cancel()), *map(post, also)]
