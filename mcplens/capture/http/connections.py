"""Which connection an HTTP request belongs to, and what is known beside its message.

HTTP has no connections in MCP's sense. In the old era a session id makes one. Without it, requests
are one connection when they come from the same host with the same credential and the same client's
name; ids count within one exchange then, since two clients may use the same ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcplens.capture.identity import CLIENT_INFO_KEY, ConnectionFacts
from mcplens.capture.sighting import Beside

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.correlator import Correlator
    from mcplens.capture.recorder import Recorder

MAX_CONNECTIONS: Final = 1000
"""Connections followed at once; the one that was silent longest gives way."""

IDLE_NS: Final = 1_800_000_000_000
"""After half an hour without a request, a connection has ended."""


class Caller(NamedTuple):
    """What an HTTP request tells of whoever sent it."""

    peer: str | None
    """The host it came from; it is compared and never written."""
    authorization: str | None
    session: str | None
    """The old era's session id."""


class Known(NamedTuple):
    """A caller, with hashes in the place of secrets."""

    peer: str | None
    credential_id: str | None
    session_id: str | None


@dataclass(slots=True, kw_only=True)
class HttpConnection:
    """One client of a server behind HTTP."""

    correlator: Correlator
    used_ns: int
    session_id: str | None = None
    """Keyed hash of the old era's session id."""
    seen_by: object = None
    """What its observer keeps in mind of it."""

    def beside(self, caller: Known, *, exchange: str, http_status: int | None = None) -> Beside:
        """Say what is known of a message of this connection."""
        return Beside(
            # Within a session ids are unique, and an answer may come in another exchange.
            scope=None if self.session_id else exchange,
            exchange=exchange,
            http_status=http_status,
            credential_id=caller.credential_id,
            protocol_session_id=self.session_id,
        )


class HttpConnections:
    """The connections that one observer of HTTP follows; used by one thread."""

    def __init__(
        self,
        recorder: Recorder,
        facts: Callable[[int], ConnectionFacts],
        *,
        server_name: str | None = None,
    ) -> None:
        """Follow none so far.

        Args:
            recorder: The run to record into.
            facts: Gives what is known of a connection that begins at a time.
            server_name: What to call the server, instead of what it calls itself.
        """
        self._recorder = recorder
        self._facts = facts
        self._server_name = server_name
        self._open: OrderedDict[tuple[Any, ...], HttpConnection] = OrderedDict()

    def known(self, caller: Caller) -> Known:
        """Put keyed hashes in the place of what must not be written."""
        keeps_hashes = self._recorder.keep != "none"
        return Known(
            caller.peer,
            self._hash("credential", caller.authorization) if keeps_hashes else None,
            self._hash("session", caller.session),
        )

    def of_message(self, known: Known, message: Any, *, exchange: str, ns: int) -> HttpConnection:
        """Find the connection of a message that a client sends, or begin it."""
        if known.session_id is not None:
            return self._at(("session", known.session_id), ns, session_id=known.session_id)
        if isinstance(message, Mapping) and message.get("method") == "initialize":
            return self._at(("handshake", exchange), ns)
        return self._at((known.peer, known.credential_id, _client_of(message)), ns)

    def of_session(self, known: Known, ns: int) -> HttpConnection | None:
        """Find the connection of a stream that a client opens for a session; None without one."""
        if known.session_id is None:
            return None
        return self._at(("session", known.session_id), ns, session_id=known.session_id)

    def of_session_if_known(self, known: Known) -> HttpConnection | None:
        """Find the connection of a session; None when it is a new one."""
        return self._open.get(("session", known.session_id))

    def of_endpoint(self, path: str) -> HttpConnection | None:
        """Find the connection whose stream told the client to send its messages to a path."""
        return self._open.get(("endpoint", path))

    def stream(self, path: str, ns: int) -> HttpConnection:
        """Begin the connection of a stream that told to send messages to a path: HTTP+SSE."""
        connection = self._at(("endpoint", path), ns)
        connection.session_id = self._hash("session", path)
        return connection

    def shaken_hands(
        self, connection: HttpConnection, known: Known, session: str | None, ns: int
    ) -> None:
        """Take in which session the answer to a handshake gives; None is a server without."""
        session_id = self._hash("session", session)
        key: tuple[Any, ...] = ("session", session_id)
        if session_id is None:
            key = (known.peer, known.credential_id, None)
        before = self._open.get(key)
        if before is connection:
            return
        if before is not None:
            self.end(before, "client_closed", ns)
        self._forget(connection)
        connection.session_id = session_id
        self._open[key] = connection

    def end(self, connection: HttpConnection, reason: str, ns: int) -> None:
        """End a connection."""
        self._forget(connection)
        connection.correlator.ended(reason, ns)

    def tick(self, ns: int) -> None:
        """Write what is open for long, and end what is idle."""
        for connection in list(self._open.values()):
            if ns - connection.used_ns > IDLE_NS:
                self.end(connection, "client_closed", ns)
            else:
                connection.correlator.tick(ns)

    def end_all(self, reason: str, ns: int) -> None:
        """End all connections."""
        for connection in list(self._open.values()):
            self.end(connection, reason, ns)

    def _forget(self, connection: HttpConnection) -> None:
        for key, opened in list(self._open.items()):
            if opened is connection:
                del self._open[key]

    def _at(
        self, key: tuple[Any, ...], ns: int, *, session_id: str | None = None
    ) -> HttpConnection:
        connection = self._open.get(key)
        if connection is None:
            if len(self._open) >= MAX_CONNECTIONS:
                self.end(next(iter(self._open.values())), "client_closed", ns)
            correlator = self._recorder.correlator(self._facts(ns), server_name=self._server_name)
            connection = HttpConnection(correlator=correlator, used_ns=ns, session_id=session_id)
            self._open[key] = connection
        connection.used_ns = ns
        self._open.move_to_end(key)
        return connection

    def _hash(self, what: str, secret: str | None) -> str | None:
        if secret is None:
            return None
        data = f"{what}\0{secret}".encode("utf-8", "surrogateescape")
        return self._recorder.privacy.hash(data)


def _client_of(message: Any) -> tuple[str, str] | None:
    """Name the client by its own word: the stateless era says it in every request."""
    params = message.get("params") if isinstance(message, Mapping) else None
    meta = params.get("_meta") if isinstance(params, Mapping) else None
    info = meta.get(CLIENT_INFO_KEY) if isinstance(meta, Mapping) else None
    if not isinstance(info, Mapping):
        return None
    return str(info.get("name"))[:200], str(info.get("version"))[:200]
