"""A hand-written MCP server whose tools end in every way there is, in both eras.

    python tests/matrix/wire_server.py [--http]

Over stdio, or over streamable HTTP on a free port, which it prints. Each tool is named after the
way its calls end. It needs nothing but Python, since an SDK would not let it misbehave.
"""

import itertools
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SUM = {"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
TOOLS = {
    "ok": {},
    "is_error": {},
    "jsonrpc_error": {},
    "invalid_arguments": {"inputSchema": TEXT},
    "timeout": {},
    "cancel": {},
    "crash": {},
    "schema_violation": {"outputSchema": SUM},
    "malformed_result": {},
    "input_required": {},
}
MODERN = "2026-07-28"
QUESTION = {"message": "What is your name?", "requestedSchema": NAME}


class Refused(Exception):  # noqa: N818  the answer, not a mishap
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def text(words, **more):
    return {"content": [{"type": "text", "text": words}], **more}


class Peer:
    """Who asks, and can be asked back in the old era."""

    def __init__(self, send):
        self.send = send
        self.is_modern = True
        self._ids = itertools.count(1)
        self._waiting = {}

    def ask(self, method, params):
        number = next(self._ids)
        self._waiting[number] = answered = threading.Event()
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        answered.wait(30)

    def answer(self, message):
        self._waiting[message["id"]].set()


def call_tool(params, peer):  # noqa: PLR0911  one line per way to end
    match params["name"]:
        case "ok":
            return text("done")
        case "is_error":
            return text("the disk is full", isError=True)
        case "jsonrpc_error":
            raise Refused(-32603, "Internal error")
        case "invalid_arguments":
            return text("Input validation error: 'text' is a required property", isError=True)
        case "timeout" | "cancel":
            return None
        case "crash":
            os._exit(3)
        case "schema_violation":
            return text("seven", structuredContent={"sum": "seven"})
        case "malformed_result":
            return {"content": "no list"}
        case "input_required":
            return ask_for_input(params, peer)
        case _:
            raise Refused(-32602, f"Unknown tool: {params['name']}")


def ask_for_input(params, peer):
    if not peer.is_modern:
        peer.ask("elicitation/create", QUESTION)
        return text("hello")
    if "inputResponses" in params:
        return text("hello")
    question = {"method": "elicitation/create", "params": {"mode": "form", **QUESTION}}
    return {
        "resultType": "input_required",
        "inputRequests": {"name": question},
        "requestState": "asked for the name",
    }


def handle(method, params, peer):
    match method:
        case "initialize":
            peer.is_modern = False
            return {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "every-way", "version": "1.0"},
            }
        case "server/discover":
            return {
                "supportedVersions": [MODERN],
                "capabilities": {"tools": {}},
                "ttlMs": 0,
                "cacheScope": "private",
            }
        case "ping":
            return {}
        case "tools/list":
            anything = {"inputSchema": {"type": "object"}}
            tools = [{"name": name, **anything, **more} for name, more in TOOLS.items()]
            return {
                "tools": tools,
                **({"ttlMs": 0, "cacheScope": "private"} if peer.is_modern else {}),
            }
        case "tools/call":
            return call_tool(params, peer)
        case _:
            raise Refused(-32601, f"Method not found: {method}")


def answer_to(message, peer):
    """Give the answer to a request; None when it gets none."""
    answer = {"jsonrpc": "2.0", "id": message["id"]}
    try:
        result = handle(message["method"], message.get("params") or {}, peer)
    except Refused as refused:
        return {**answer, "error": {"code": refused.code, "message": str(refused)}}
    if result is None:
        return None
    if peer.is_modern:
        about = {"io.modelcontextprotocol/serverInfo": {"name": "every-way", "version": "1.0"}}
        result = {"resultType": "complete", "_meta": about, **result}
    return {**answer, "result": result}


def serve_stdio():
    lock = threading.Lock()

    def send(message):
        with lock:
            print(json.dumps(message), flush=True)

    def work(message):
        answer = answer_to(message, peer)
        if answer is not None:
            send(answer)

    peer = Peer(send)
    for line in sys.stdin:
        message = json.loads(line)
        if "method" not in message:
            peer.answer(message)
        elif "id" in message:
            threading.Thread(target=work, args=[message], daemon=True).start()


class Modern(BaseHTTPRequestHandler):
    """One POST, one answer as JSON: the stateless era."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "id" not in message:
            self.respond(202, b"")
            return
        answer = answer_to(message, Peer(None))
        if answer is None:
            self.connection.recv(1)  # Until the client has left.
            self.close_connection = True
            return
        refusal = answer.get("error", {}).get("code")
        status = {-32601: 404, -32602: 400}.get(refusal, 200)
        self.respond(status, json.dumps(answer).encode())

    def do_GET(self):
        self.respond(405, b"")

    def respond(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve_http():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Modern)
    print("port", server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve_http() if "--http" in sys.argv else serve_stdio()
