"""Secrets planted wherever contents travel, and the search for them in every file of a store.

`SAID_BY_CLIENT` and `SAID_BY_SERVER` name the places; `Planted` gives each a secret of its own, so
that a find says where it leaked from. An observer that is to be tested lets `Planted.requests()`
reach tests/servers/telling.py through it, and asks `found_in(store)`.
"""

import json
import secrets
from dataclasses import dataclass, field

import pyarrow.parquet as pq

CONTENTS = frozenset(
    # What a person asks for who keeps contents.
    {"argument_value", "argument_key", "argument_deep", "result_text", "structured_value"}
    | {"structured_key", "structured_deep", "tool_error", "error_message", "question", "answer"}
    | {"resource_text", "prompt_argument", "prompt_text", "completion", "completion_argument"}
    | {"instructions", "capability", "client_capability", "title"}
    | {"resource_query", "resource_list_query"}
)
NEVER = frozenset(
    {"argv_flag", "argv_word", "argv_user", "argv_query", "argv_setting", "environment"}
    | {"stderr", "stdout_noise", "progress", "logger", "log", "error_data", "error_data_key"}
    | {"request_meta", "result_meta", "cancel_reason", "resource_user", "resource_list_user"}
    | {"progress_token", "bearer", "request_header", "response_header", "protocol_session"}
    | {"url_query"}
)


@dataclass
class Planted:
    """One secret for every place."""

    secrets: dict = field(
        default_factory=lambda: {
            place: f"{place.replace('_', '')}{secrets.token_hex(8)}" for place in CONTENTS | NEVER
        }
    )

    def __getattr__(self, place):
        return self.secrets[place]

    @property
    def argv(self):
        """Words for the server's command."""
        return [
            f"--token={self.argv_flag}",
            "--password",
            self.argv_word,
            f"https://{self.argv_user}@host/path?key={self.argv_query}",
            f"SETTING={self.argv_setting}",
        ]

    @property
    def environ(self):
        """What the server's environment holds."""
        uri = f"mail://me:{self.resource_list_user}@host/inbox?q={self.resource_list_query}"
        told = {**self.secrets, "resource_uri": uri}
        return {"SECRETS": json.dumps(told), "API_TOKEN": self.environment}

    def requests(self):
        """What a client sends, in order; each is answered before the next, but the cancel."""
        deep = {"list": [{"deep": self.argument_deep}]}
        arguments = {"text": self.argument_value, self.argument_key: 1, "nested": deep}
        meta = {"progressToken": self.progress_token, "note": self.request_meta}
        uri = f"mail://me:{self.resource_user}@host/inbox?q={self.resource_query}"
        info = {"name": "agent", "version": "1"}
        capabilities = {"elicitation": {}, "experimental": {self.client_capability: {}}}
        opening = {"protocolVersion": "2025-11-25", "capabilities": capabilities}
        said = [
            ("initialize", {**opening, "clientInfo": info}),
            ("tools/list", {}),
            ("tools/call", {"name": "tell", "arguments": arguments, "_meta": meta}),
            ("tools/call", {"name": "fail", "arguments": arguments}),
            ("tools/call", {"name": "refuse", "arguments": arguments}),
            ("tools/call", {"name": "ask", "arguments": {}}),
            ("resources/list", {}),
            ("resources/read", {"uri": uri}),
            ("prompts/get", {"name": "p", "arguments": {"about": self.prompt_argument}}),
            ("completion/complete", {"argument": {"value": self.completion_argument}}),
        ]
        return [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(said)
        ]

    def answer_to(self, question):
        """What the client says when it is asked back."""
        content = {"name": self.answer}
        return {
            "jsonrpc": "2.0",
            "id": question,
            "result": {"action": "accept", "content": content},
        }

    def cancel(self):
        """What a client sends that no longer waits for something."""
        params = {"requestId": 99, "reason": self.cancel_reason}
        return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}

    def found_in(self, store):
        """Name the places whose secrets stand in any file of a store, however it is packed."""
        everything = b"\n".join(_read(path) for path in store.rglob("*") if path.is_file())
        low = everything.lower()
        return {place for place, secret in self.secrets.items() if _is_in(secret, low)}


def converse(process, planted):
    """Be the client: send what is planted, and answer what is asked back."""

    def send(message):
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()

    for request in planted.requests():
        send(request)
        for line in process.stdout:
            if not line.startswith(b"{"):
                continue
            said = json.loads(line)
            if "method" in said and "id" in said:
                send(planted.answer_to(said["id"]))
            elif said.get("id") == request["id"]:
                break
    send(planted.cancel())
    process.communicate(timeout=60)


def _is_in(secret, everything):
    # A part of a secret is one too.
    return secret.lower().encode() in everything or secret[-12:].encode() in everything


def _read(path):
    data = path.read_bytes()
    if path.suffix == ".parquet" and data.startswith(b"PAR1") and data.endswith(b"PAR1"):
        table = pq.read_table(path, partitioning=None)
        words = "\n".join(str(row) for row in table.to_pylist())
        data += words.encode() + words.replace("\\\\", "\\").encode()
    return data
