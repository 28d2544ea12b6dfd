# ruff: noqa: A002  an id is called `id` on the wire
"""Transcripts for tests: what client and server said, in order, and the rows it becomes.

Every step comes 10 ms after the one before it unless it says `at`, in milliseconds since noon.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec

from mcplens.capture.clock import Clock
from mcplens.capture.correlator import Correlator
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.privacy import Privacy
from mcplens.capture.wire import LineReader
from mcplens.config import NO_SETTINGS
from mcplens.events import Connection, Definition, Event, Notice

NOON_NS = 1_795_176_000_000_000_000  # 2026-11-20T12:00:00Z
KEY = b"a key for tests, nobody's secret"
META = "io.modelcontextprotocol/"


@dataclass(frozen=True)
class Step:
    """One thing that happens on a connection."""

    do: str
    direction: str = "to_server"
    message: Any = None
    at: float | None = None
    values: dict[str, Any] = field(default_factory=dict)


def _message(method, id, parts) -> dict[str, Any]:
    message: dict[str, Any] = {"jsonrpc": "2.0"}
    if id is not None:
        message["id"] = id
    if method is None:
        return {**message, **parts}
    if parts:
        message["params"] = parts
    return {**message, "method": method}


def client(method=None, /, *, id=None, at=None, **parts) -> Step:
    """Let the client send a request, a notification, or (with result or error) an answer."""
    return Step("say", "to_server", _message(method, id, parts), at)


def server(method=None, /, *, id=None, at=None, **parts) -> Step:
    """Let the server send an answer, or a request or notification of its own."""
    return Step("say", "to_client", _message(method, id, parts), at)


def call(name, /, *, id, at=None, meta=None, **arguments) -> Step:
    """Let the client call a tool."""
    params = {"name": name, "arguments": arguments}
    return client("tools/call", id=id, at=at, **params, **({"_meta": meta} if meta else {}))


def text(words, *, id, at=None, **parts) -> Step:
    """Let the server answer a call with a text."""
    return server(id=id, at=at, result={"content": [{"type": "text", "text": words}], **parts})


def raw(data: bytes, *, direction="to_client", at=None) -> Step:
    """Let bytes pass that need not be a message."""
    return Step("bytes", direction, data, at)


def lost(number, *, at=None) -> Step:
    """Let the observer drop messages."""
    return Step("lost", at=at, values={"count": number})


def tick(*, at) -> Step:
    """Let the clock of the observer tick."""
    return Step("tick", at=at)


def end(reason="client_closed", *, at=None, exit_code=None) -> Step:
    """End the connection."""
    return Step("end", at=at, values={"reason": reason, "exit_code": exit_code})


def modern_meta(version="2026-07-28", **more) -> dict[str, Any]:
    """Fill in the metadata of a request of the stateless era."""
    return {
        META + "protocolVersion": version,
        META + "clientCapabilities": {},
        META + "clientInfo": {"name": "agent", "version": "3"},
        **more,
    }


HANDSHAKE = (
    client(
        "initialize",
        id=0,
        protocolVersion="2025-11-25",
        capabilities={},
        clientInfo={"name": "agent", "version": "3"},
    ),
    server(
        id=0,
        result={
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "serverInfo": {"name": "files", "version": "1.2"},
        },
    ),
    client("notifications/initialized"),
)


@dataclass
class Recorded:
    """The rows that a transcript became."""

    rows: list[Any]

    @property
    def events(self) -> list[Event]:
        return [row for row in self.rows if isinstance(row, Event) and row.outcome is not None]

    @property
    def opened(self) -> list[Event]:
        return [row for row in self.rows if isinstance(row, Event) and row.outcome is None]

    @property
    def calls(self) -> list[Event]:
        return [event for event in self.events if event.call_id is not None]

    @property
    def notices(self) -> list[Notice]:
        return [row for row in self.rows if isinstance(row, Notice)]

    @property
    def connections(self) -> list[Connection]:
        return [row for row in self.rows if isinstance(row, Connection)]

    @property
    def definitions(self) -> list[Definition]:
        return [row for row in self.rows if isinstance(row, Definition)]

    @property
    def encoded(self) -> str:
        return "\n".join(msgspec.json.encode(row).decode() for row in self.rows)


def correlator(
    rows,
    *,
    keep="shape",
    settings=NO_SETTINGS,
    server_name_option=None,
    clock=None,
    **facts,
) -> Correlator:
    """Build a correlator whose rows go to a list, on a clock that stands at noon."""
    return Correlator(
        run_id="run1",
        connection=ConnectionFacts(
            **{
                "connection_id": "run1-c1",
                "observer": "proxy",
                "transport": "stdio",
                "command": ("files-server",),
                "spawned_ns": 0,
                **facts,
            }
        ),
        privacy=Privacy(keep, key=KEY, settings=settings),
        settings=settings,
        clock=clock or Clock(monotonic_ns=lambda: 0, wall_ns=lambda: NOON_NS),
        next_sequence=count(1).__next__,
        emit=rows.append,
        server_name_option=server_name_option,
    )


def record(*steps: Step, **settings) -> Recorded:
    """Play a transcript to a correlator as lines of a stdio wire."""
    rows: list[Any] = []
    watching = correlator(rows, **settings)
    readers = {"to_server": LineReader(), "to_client": LineReader()}
    now_ms = 0.0
    for step in steps:
        now_ms = now_ms + 10 if step.at is None else step.at
        ns = round(now_ms * 1e6)
        if step.do == "lost":
            watching.lost(step.values["count"], ns)
        elif step.do == "tick":
            watching.tick(ns)
        elif step.do == "end":
            for direction, reader in readers.items():
                for line in reader.finish():
                    watching.line(direction, line)
            watching.ended(step.values["reason"], ns, step.values["exit_code"])
        else:
            data = step.message if step.do == "bytes" else wire(step.message)
            for line in readers[step.direction].feed(data, ns):
                watching.line(step.direction, line)
    return Recorded(rows)


def wire(message: Any) -> bytes:
    """Write a message as a line of the wire."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def told(row) -> dict[str, Any]:
    """Say what a row tells, without what every row of these transcripts has."""
    same = {"run_id", "schema_version", "connection_id", "observer", "transport"}
    same |= {"session_id", "session_basis"}
    values = msgspec.structs.asdict(row)
    return {name: value for name, value in values.items() if value is not None and name not in same}
