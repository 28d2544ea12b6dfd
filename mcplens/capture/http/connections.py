"""Which connection an HTTP request belongs to, and what is known beside its message.

HTTP has no connections in MCP's sense. In the old era a session id makes one. Without it, requests
are one connection when they come from the same host with the same credential and the same client's
name; ids count within one exchange then, since two clients may use the same ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from mcplens.capture.credentials import fingerprint
from mcplens.capture.identity import CLIENT_INFO_KEY, PROTOCOL_VERSION_KEY
from mcplens.capture.sessions import hash_of_protocol_session
from mcplens.capture.sighting import Beside

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.correlator import Correlator
    from mcplens.capture.identity import ConnectionFacts
    from mcplens.capture.recorder import Recorder

MAX_CONNECTIONS: Final = 1000
"""Connections followed at once; the one that was silent longest gives way."""

IDLE_NS: Final = 1_800_000_000_000
"""After half an hour without a message or an open stream, a connection has ended."""

_SESSION_PARAMETERS: Final = ("session_id", "sessionId")
"""How servers of the transport before streamable HTTP name the session in their message URL."""


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


class HttpConnection:
    """One client of a server behind HTTP."""

    __slots__ = ("correlator", "exchange_count", "keys", "seen_by", "session_id", "used_ns")

    def __init__(self, correlator: Correlator, *, session_id: str | None, ns: int) -> None:
        self.correlator = correlator
        self.session_id = session_id
        """Keyed hash of the old era's session id."""
        self.used_ns = ns
        """When it was heard last."""
        self.exchange_count = 0
        """Exchanges of it that are open."""
        self.keys: list[tuple[Any, ...]] = []
        self.seen_by: object = None
        """What its observer keeps in mind of it."""

    def beside(self, known: Known, *, exchange: str, http_status: int | None = None) -> Beside:
        """Say what is known of a message of this connection."""
        return Beside(
            # Within a session ids are unique, and an answer may come in another exchange.
            scope=None if self.session_id else exchange,
            exchange=exchange,
            http_status=http_status,
            credential_id=known.credential_id,
            protocol_session_id=self.session_id,
        )


class HttpConnections:
    """The connections that one observer of HTTP follows; used by one thread."""

    def __init__(
        self,
        recorder: Recorder,
        facts: Callable[[str, int], ConnectionFacts],
        *,
        server_name: str | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        """Follow none so far.

        Args:
            recorder: The run to record into.
            facts: Gives what is known of a connection over `http` or `sse` that begins at a time.
            server_name: What to call the server, instead of what it calls itself.
            max_connections: How many are followed at once.
        """
        self._recorder = recorder
        self._facts = facts
        self._server_name = server_name
        self._max_connections = max_connections
        self._open: OrderedDict[tuple[Any, ...], HttpConnection] = OrderedDict()

    def known(self, caller: Caller) -> Known:
        """Put keyed hashes in the place of what must not be written."""
        privacy = self._recorder.privacy
        session = caller.session
        return Known(
            caller.peer,
            fingerprint(caller.authorization, privacy),
            None if session is None else hash_of_protocol_session(session, privacy),
        )

    def of_message(self, known: Known, message: Any, *, ns: int) -> HttpConnection:
        """Find the connection of a message that a client sends, or begin it."""
        client = _Client.of(message)
        if known.session_id is not None and not client.is_stateless:
            return self._at(("session", known.session_id), ns, session_id=known.session_id)
        return self._at((known.peer, known.credential_id, client.name), ns)

    def of_session(self, known: Known, ns: int) -> HttpConnection | None:
        """Find the connection of a stream that a client opens for a session; None without one."""
        if known.session_id is None:
            return None
        return self._at(("session", known.session_id), ns, session_id=known.session_id)

    def of_handshake(
        self, known: Known, session: str | None, *, exchange: str, ns: int
    ) -> HttpConnection:
        """Begin the connection that a handshake opens, in the session that its answer names.

        Without one, what the same host sends next with the same credential follows it.
        """
        if session is not None:
            session_id = hash_of_protocol_session(session, self._recorder.privacy)
            return self._at(("session", session_id), ns, session_id=session_id)
        connection = self._at(("handshake", exchange), ns)
        # The one before may have open calls; it ends when it was silent for long.
        self._name((known.peer, known.credential_id, None), connection)
        return connection

    def of_session_if_known(self, known: Known) -> HttpConnection | None:
        """Find the connection of a session; None when it is a new one."""
        return self._open.get(("session", known.session_id))

    def take_session(self, connection: HttpConnection, known: Known) -> None:
        """Let a connection whose handshake named no session be the one that is named now."""
        connection.session_id = known.session_id
        self._name(("session", known.session_id), connection)

    def of_endpoint(self, target: str, ns: int) -> HttpConnection | None:
        """Find the connection whose stream told the client to send its messages to a target."""
        key = ("endpoint", target)
        return self._at(key, ns) if key in self._open else None

    def of_stream(self, target: str, ns: int) -> HttpConnection:
        """Begin the connection of a stream that told where to send messages: HTTP+SSE."""
        session_id = hash_of_protocol_session(_session_in(target), self._recorder.privacy)
        return self._at(("endpoint", target), ns, session_id=session_id, transport="sse")

    def end(self, connection: HttpConnection, reason: str, ns: int) -> None:
        """End a connection."""
        for key in connection.keys:
            if self._open.get(key) is connection:
                del self._open[key]
        connection.correlator.ended(reason, ns)

    def tick(self, ns: int) -> None:
        """Write what is open for long, and end what is idle."""
        for connection in self._all():
            if not connection.exchange_count and ns - connection.used_ns > IDLE_NS:
                self.end(connection, "client_closed", connection.used_ns)
            else:
                connection.correlator.tick(ns)

    def end_all(self, reason: str, ns: int) -> None:
        """End all connections."""
        for connection in self._all():
            self.end(connection, reason, ns)

    def _all(self) -> list[HttpConnection]:
        return list({id(found): found for found in self._open.values()}.values())

    def _at(
        self,
        key: tuple[Any, ...],
        ns: int,
        *,
        session_id: str | None = None,
        transport: str = "http",
    ) -> HttpConnection:
        connection = self._open.get(key)
        if connection is None:
            self._make_room()
            correlator = self._recorder.correlator(
                self._facts(transport, ns), server_name=self._server_name
            )
            connection = HttpConnection(correlator, session_id=session_id, ns=ns)
            self._name(key, connection)
        connection.used_ns = max(connection.used_ns, ns)
        self._open.move_to_end(key)
        return connection

    def _name(self, key: tuple[Any, ...], connection: HttpConnection) -> None:
        self._open[key] = connection
        connection.keys.append(key)

    def _make_room(self) -> None:
        if len(self._open) < self._max_connections:
            return
        found = self._all()
        silent = next((one for one in found if not one.exchange_count), found[0])
        self.end(silent, "client_closed", silent.used_ns)


class _Client(NamedTuple):
    """What a message of the stateless era says of its client; nothing of another message."""

    name: tuple[str, str] | None = None
    is_stateless: bool = False

    @classmethod
    def of(cls, message: Any) -> _Client:
        params = message.get("params") if isinstance(message, Mapping) else None
        meta = params.get("_meta") if isinstance(params, Mapping) else None
        if not isinstance(meta, Mapping):
            return cls()
        info = meta.get(CLIENT_INFO_KEY)
        name = None
        if isinstance(info, Mapping):
            name = str(info.get("name"))[:200], str(info.get("version"))[:200]
        return cls(name, PROTOCOL_VERSION_KEY in meta)


def _session_in(target: str) -> str:
    try:
        parameters = parse_qs(urlsplit(target).query)
    except ValueError:
        return target
    for name in _SESSION_PARAMETERS:
        if name in parameters:
            return parameters[name][0]
    return target
