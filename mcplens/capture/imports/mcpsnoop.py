"""Sessions of mcpsnoop: one JSON object per line, each with a JSON-RPC message as it was sent.

Written after mcpsnoop's source (0.16, read, not run): `session_id`, `server_label`, `ts`,
`direction` (c2s, s2c, stderr, meta), `transport`, `raw`, and over HTTP `conn_id` and `status`. A
message that mcpsnoop cut short has no `raw`; it is counted among the bad lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.imports.format import Format
from mcplens.capture.imports.times import time_ns
from mcplens.capture.imports.wires import WireLogs
from mcplens.capture.wire import NotJsonError

if TYPE_CHECKING:
    from mcplens.capture.imports.intake import Intake
    from mcplens.capture.imports.source import Head, Source
    from mcplens.events import Direction

_DIRECTIONS: Final[dict[Any, Direction]] = {"c2s": "to_server", "s2c": "to_client"}
_OTHER: Final = ("stderr", "meta")
_MAX_WORDS: Final = 200


def confidence(head: Head) -> float:
    """Say whether lines are envelopes of mcpsnoop."""
    return 1.0 if any(_is_envelope(value) for value in head.values) else 0.0


def read(source: Source, intake: Intake) -> None:
    """Give all messages of a file to the intake."""
    wires = WireLogs(intake, "mcpsnoop")
    commands: dict[object, list[str]] = {}
    for number, value in source.values():
        if isinstance(value, NotJsonError) or not isinstance(value, dict):
            intake.bad(number, str(value) if isinstance(value, NotJsonError) else "no JSON object")
            continue
        session, direction = value.get("session_id"), value.get("direction")
        if not isinstance(session, str) or not isinstance(direction, str):
            intake.bad(number, "no envelope of mcpsnoop")
            continue
        if direction in _OTHER:
            if direction == "meta" and len(commands) < _MAX_WORDS:
                commands[session] = _command(value.get("raw"))
            intake.other()
            continue
        ns, raw = time_ns(value.get("ts")), value.get("raw")
        if direction not in _DIRECTIONS or ns is None or raw is None:
            intake.bad(number, _why(value, ns))
            continue
        # Ids count per client, and one HTTP proxy has many.
        conn = value.get("conn_id")
        wires.message(
            (session, conn if isinstance(conn, str) else None),
            _DIRECTIONS[direction],
            raw,
            ns=ns,
            transport=value["transport"] if value.get("transport") in ("stdio", "http") else None,
            command=commands.get(session) or _command({"command": [value.get("server_label")]}),
        )
    wires.end_all()


def _is_envelope(value: Any) -> bool:
    return isinstance(value, dict) and {"session_id", "direction", "ts"} <= value.keys()


def _why(value: dict[str, Any], ns: int | None) -> str:
    if ns is None:
        return "no time"
    if value.get("truncated"):
        return "a message that mcpsnoop cut short"
    return "no message"


def _command(raw: Any) -> list[str]:
    words = raw.get("command") if isinstance(raw, dict) else None
    if not isinstance(words, list):
        return []
    return [word for word in words[:_MAX_WORDS] if isinstance(word, str)]


MCPSNOOP: Final = Format(
    name="mcpsnoop",
    title="mcpsnoop session",
    gives="everything a recording knows",
    checked="written after its source; no file of it was run",
    confidence=confidence,
    read=read,
)
