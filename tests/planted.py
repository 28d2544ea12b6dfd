"""Secrets planted wherever contents travel, and the search for them in every file of a store.

A `Plot` makes a secret for each place it is asked for, so that a find says where it leaked from;
`contents` are what a person asks for who keeps contents. `Planted` is one whose secrets travel over
a wire: let `Planted.requests()` reach tests/servers/telling.py through the observer that is to be
tested, and ask `found_in(store)`.
"""

import json
import secrets

import pyarrow.parquet as pq

CONTENTS = frozenset(
    {"argument_value", "argument_key", "argument_deep", "result_text", "structured_value"}
    | {"structured_key", "structured_deep", "tool_error", "error_message", "question", "answer"}
    | {"resource_text", "resource_blob", "prompt_argument", "prompt_text", "completion"}
    | {"completion_argument", "instructions", "capability", "client_capability", "title"}
    | {"resource_query", "resource_list_query", "client_title", "server_title", "sampled"}
)
NEVER = frozenset(
    {"argv_flag", "argv_word", "argv_user", "argv_query", "argv_setting", "environment"}
    | {"stderr", "stdout_noise", "progress", "logger", "log", "error_data", "error_data_key"}
    | {"request_meta", "result_meta", "cancel_reason", "resource_user", "resource_list_user"}
    | {"progress_token", "bearer", "request_header", "response_header", "protocol_session"}
    | {"url_query", "url_user", "url_path", "cookie", "baggage", "tracestate", "event_id"}
    | {"event_comment", "event_name", "error_body", "error_body_data", "working_directory"}
    # What looks like a credential, or is called like one, also where contents are kept.
    | {"argument_password", "result_password"}
    | {"default_password"}
)
MARKED = frozenset(
    # Keys with their issuer's mark.
    {"argument_marked", "result_marked", "tool_error_marked", "error_message_marked"}
    | {"resource_marked", "resource_list_marked", "description_marked", "note_marked"}
)
MAY_HOLD_CONTENTS = frozenset(
    {"events.arguments", "events.result", "events.error_message", "definitions.definition"}
)
"""The columns in which contents may stand, where they are kept."""


class Plot:
    """One secret for every place that somebody asks for."""

    def __init__(self):
        self.secrets = {}
        self.contents = set()

    def kept(self, place):
        """Give the secret of a place that is kept where contents are."""
        self.contents.add(place)
        return self.never(place)

    def never(self, place):
        """Give the secret of a place that is never kept."""
        return self.secrets.setdefault(place, f"{place.replace('_', '')}{secrets.token_hex(8)}")

    def marked(self, place):
        """Give a secret that is written as credentials are, wherever it stands."""
        return self.secrets.setdefault(place, f"ghp_{secrets.token_hex(18)}")

    def found_in(self, store, said=""):
        """Name the places whose secrets stand in any file of a store, however it is packed."""
        everything = b"\n".join(map(_read, store.rglob("*")))
        low = everything.lower() + said.encode().lower()
        return {place for place, secret in self.secrets.items() if _is_in(secret, low)}

    def columns_with_secrets(self, store):
        """Name the columns of sealed tables in which a secret stands."""
        return {
            f"{path.relative_to(store).parts[0]}.{column}"
            for path in store.rglob("*.parquet")
            for row in pq.read_table(path, partitioning=None).to_pylist()
            for column, value in row.items()
            if any(_is_in(secret, str(value).lower().encode()) for secret in self.secrets.values())
        }


class Planted(Plot):
    """One secret for every place on a wire."""

    def __init__(self):
        super().__init__()
        for place in CONTENTS:
            self.kept(place)
        for place in NEVER:
            self.never(place)
        for place in MARKED:
            self.marked(place)

    def __getattr__(self, place):
        try:
            return self.__dict__["secrets"][place]
        except KeyError:
            raise AttributeError(place) from None

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
        uri = f"mail://me:{self.resource_list_user}@host/{self.resource_list_marked}"
        uri = f"{uri}?q={self.resource_list_query}"
        told = {**self.secrets, "resource_uri": uri}
        return {"SECRETS": json.dumps(told), "API_TOKEN": self.environment}

    def requests(self):
        """What a client sends, in order; each is answered before the next, but the cancel."""
        deep = {"list": [{"deep": self.argument_deep}]}
        arguments = {
            "text": self.argument_value,
            self.argument_key: 1,
            "nested": deep,
            "password": self.argument_password,
            "script": f"login {self.argument_marked}",
        }
        meta = {"progressToken": self.progress_token, "note": self.request_meta}
        meta |= {"tracestate": f"v={self.tracestate}", "baggage": f"user={self.baggage}"}
        uri = f"mail://me:{self.resource_user}@host/{self.resource_marked}?q={self.resource_query}"
        info = {"name": "agent", "version": "1", "title": self.client_title}
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


def converse(process, planted, *, seen=lambda _who, _line: None):
    """Be the client: send what is planted, and answer what is asked back."""

    def send(message):
        line = json.dumps(message).encode()
        seen("client", line)
        process.stdin.write(line + b"\n")
        process.stdin.flush()

    for request in planted.requests():
        send(request)
        for line in process.stdout:
            if not line.startswith(b"{"):
                continue
            seen("server", line)
            said = json.loads(line)
            if "method" in said and "id" in said:
                send(planted.answer_to(said["id"]))
            elif said.get("id") == request["id"]:
                break
    send(planted.cancel())
    # Not communicate(): somebody else may be reading stderr.
    process.stdin.close()
    with process.stdout:
        process.stdout.read()
    process.wait(60)


def _is_in(secret, everything):
    # A part of a secret is one too.
    return secret.lower().encode() in everything or secret[-12:].encode() in everything


def _read(path):
    try:
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):  # Sealing beside us moves files.
        return b""
    if path.suffix == ".parquet" and data.startswith(b"PAR1") and data.endswith(b"PAR1"):
        table = pq.read_table(path, partitioning=None)
        words = "\n".join(str(row) for row in table.to_pylist())
        data += words.encode() + words.replace("\\\\", "\\").encode()
    return data
