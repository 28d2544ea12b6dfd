"""MCP logs of Claude Desktop: lines of text, some with a JSON-RPC message in them.

Written after logs that people have published (read, not run):

    2025-09-30T01:18:25.032Z [server] [info] Message from client: {…} { metadata: undefined }

`mcp-server-NAME.log` has one server, `mcp.log` all; where a line does not name its server, the file
does. Later versions shorten messages: a message that is no whole JSON is counted as a bad line.
What a server printed itself is in there too, and is left out. A connection begins with the
client's `initialize` and ends where the log says that a transport closed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.imports.format import Format
from mcplens.capture.imports.times import time_ns
from mcplens.capture.imports.wires import WireLogs
from mcplens.capture.names import clean_name

if TYPE_CHECKING:
    from mcplens.capture.imports.intake import Intake
    from mcplens.capture.imports.source import Head, Source
    from mcplens.events import Direction

_LINE: Final = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z) +(?:\[(?P<server>[^\]]{1,200})\] +)?"
    r"\[(?P<level>[a-z]+)\] +(?P<text>.*)",
    re.DOTALL,
)
_MESSAGE: Final = re.compile(r"Message from (?P<who>client|server): *(?=[{\[])")
_FILE: Final = re.compile(r"mcp-server-(?P<name>.+?)\d*\.log(\.gz)?")
_ENDS: Final = (
    ("Shutting down server", "client_closed"),
    ("Client transport closed", "client_closed"),
    ("Server transport closed", "server_exited"),
    ("Server disconnected", "server_exited"),
)
_DIRECTIONS: Final[dict[str, Direction]] = {"client": "to_server", "server": "to_client"}


def confidence(head: Head) -> float:
    """Say whether lines begin as Claude Desktop's do."""
    matched = [_LINE.match(line.decode("utf-8", "replace")) for line in head.lines]
    return 0.9 if any(found is not None for found in matched) else 0.0


def read(source: Source, intake: Intake) -> None:
    """Give all messages of a log to the intake."""
    wires = WireLogs(intake, "claude-desktop")
    named = _FILE.fullmatch(source.path.name)
    of_file = named["name"] if named else None
    starts: dict[str | None, int | None] = {}
    for line in source.lines():
        found = None if line.is_too_long else _LINE.match(line.data.decode("utf-8", "replace"))
        if found is None:
            intake.other()
            continue
        server = clean_name(found["server"]) or of_file
        ns = time_ns(found["time"])
        said = _MESSAGE.match(found["text"])
        if said is None or ns is None:
            reason = next((why for words, why in _ENDS if found["text"].startswith(words)), None)
            if reason is not None and server in starts:
                wires.end((server, starts.pop(server)), reason=reason, ns=ns or 0)
            intake.other()
            continue
        text = found["text"][said.end() :]
        message = _message(text)
        if message is None:
            intake.bad(line.number, "a message that is no whole JSON")
            continue
        if server not in starts or _is_initialize(message):
            if server in starts:
                wires.end((server, starts[server]))
            starts[server] = ns
        wires.message(
            (server, starts[server]),
            _DIRECTIONS[said["who"]],
            message,
            ns=ns,
            server_name=server,
        )
    wires.end_all()


def _message(text: str) -> Any:
    """Read the JSON that a text begins with; None when it is cut short."""
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _is_initialize(message: Any) -> bool:
    return isinstance(message, dict) and message.get("method") == "initialize"


CLAUDE_DESKTOP: Final = Format(
    name="claude-desktop",
    title="Claude Desktop's MCP log",
    gives="everything a recording knows, except of messages that were logged shortened",
    checked="written after published logs; none was run",
    confidence=confidence,
    read=read,
)
