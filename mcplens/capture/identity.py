"""Who speaks on a connection: the client, the server, and the version of MCP between them.

Until 2025-11-25 a handshake says it once. From 2026-07-28 every request says it in its `_meta`,
and every result may. Names are taken as they are told: nothing here proves them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.commands import name_of_command
from mcplens.capture.names import clean_name

if TYPE_CHECKING:
    from mcplens.events import Event, Observer

_PREFIX: Final = "io.modelcontextprotocol/"
PROTOCOL_VERSION_KEY: Final = _PREFIX + "protocolVersion"
CLIENT_INFO_KEY: Final = _PREFIX + "clientInfo"
SERVER_INFO_KEY: Final = _PREFIX + "serverInfo"

_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)
_MAX_TRACEPARENT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFacts:
    """What an observer knows of a connection before its first message."""

    connection_id: str
    observer: Observer
    transport: str | None = None
    command: Sequence[str] = ()
    """The server's command as it was started; it is redacted before anything is written."""
    address: str | None = None
    spawned_ns: int | None = None
    """When the server was started or the connection opened, by the recorder's clock."""
    client_process_id: str | None = None
    """Keyed hash of the process that the client is."""
    shadowed_by: str | None = None
    """The connection as which an observer further out says it records the same traffic."""
    server_info: Mapping[str, Any] | None = None
    """What the server calls itself, where the observer stands in it."""


class Identity:
    """What is known by now of the two who speak on a connection."""

    __slots__ = (
        "client_name",
        "client_version",
        "protocol_version",
        "server_basis",
        "server_name",
        "server_version",
    )

    def __init__(self, *, facts: ConnectionFacts, server_name_option: str | None) -> None:
        self.client_name: str | None = None
        self.client_version: str | None = None
        self.protocol_version: str | None = None
        self.server_version: str | None = None
        self.server_name = clean_name(server_name_option)
        self.server_basis: str | None = "option" if self.server_name else None
        if self.server_name is None:
            self.server_name = name_of_command(facts.command)
            self.server_basis = "command" if self.server_name else None
        self._learn_server(facts.server_info)

    def learn_client(self, info: Any) -> None:
        """Take in who the client says it is."""
        name, version = _name_and_version(info)
        if name is not None:
            self.client_name, self.client_version = name, version

    def learn_from_meta(self, meta: Mapping[str, Any], event: Event) -> None:
        """Take in what a request's metadata says of this one request: the stateless era."""
        if CLIENT_INFO_KEY in meta:
            info = meta[CLIENT_INFO_KEY]
            event.client_name, event.client_version = _name_and_version(info)
            if self.client_name is None:
                self.learn_client(info)
        if PROTOCOL_VERSION_KEY in meta:
            event.protocol_version = clean_name(meta[PROTOCOL_VERSION_KEY])
        if "traceparent" in meta:
            event.trace_id, event.span_id = parse_traceparent(meta["traceparent"])

    def learn_from_result(self, result: Mapping[str, Any], event: Event) -> bool:
        """Take in who the server says it is; True when the connection's own facts changed."""
        known = self._facts()
        if event.method == "initialize":
            event.protocol_version = clean_name(result.get("protocolVersion"))
            self._learn_server(result.get("serverInfo"))
        meta = result.get("_meta")
        if isinstance(meta, dict) and SERVER_INFO_KEY in meta:
            self._learn_server(meta[SERVER_INFO_KEY])
        # A version that was only offered was not spoken: it counts once a result came.
        if event.protocol_version is not None and event.direction == "to_server":
            self.protocol_version = event.protocol_version
        return self._facts() != known

    def stamp(self, event: Event) -> None:
        """Write into an event what is known by now and the event does not say itself."""
        if event.client_name is None:
            event.client_name = self.client_name
            event.client_version = self.client_version
        if event.protocol_version is None:
            event.protocol_version = self.protocol_version
        event.server_name = self.server_name
        event.server_basis = self.server_basis
        event.server_version = self.server_version

    @property
    def is_server_sure(self) -> bool:
        """Whether the server's name will not change any more."""
        return self.server_basis in ("option", "handshake")

    def _facts(self) -> tuple[str | None, ...]:
        return (self.server_name, self.server_version, self.protocol_version, self.client_name)

    def _learn_server(self, info: Any) -> None:
        name, version = _name_and_version(info)
        if version is not None:
            self.server_version = version
        if name is not None and self.server_basis != "option":
            self.server_name, self.server_basis = name, "handshake"


def parse_traceparent(value: Any) -> tuple[str | None, str | None]:
    """Read the trace and span ids of a W3C traceparent; two Nones when it is not valid."""
    if not isinstance(value, str) or len(value) > _MAX_TRACEPARENT:
        return None, None
    match = _TRACEPARENT.fullmatch(value)
    return (match[1], match[2]) if match else (None, None)


def _name_and_version(info: Any) -> tuple[str | None, str | None]:
    if not isinstance(info, dict):
        return None, None
    return clean_name(info.get("name")), clean_name(info.get("version"))
