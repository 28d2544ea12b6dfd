"""Which connection a request belongs to, by what a server's middleware is given of it.

Over HTTP of the old era a connection is a session; the request that opens it does not name it yet,
so the first that names a new one is taken to follow it. From 2026-07-28 nobody says, and one client
under one credential from one host counts as a connection, however many ids it uses. Over stdio a
process serves one client. In memory, each client opens the server's lifespan anew.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcplens.capture.client_processes import parent_process_id
from mcplens.capture.identity import CLIENT_INFO_KEY, ConnectionFacts
from mcplens.capture.requests import MAX_REMEMBERED, PlainKey, request_key
from mcplens.capture.server_wire import is_stateless
from mcplens.capture.shadows import shadowing_connection
from mcplens.capture.sighting import NOTHING_BESIDE, Beside

if TYPE_CHECKING:
    from mcplens.capture.correlator import Correlator
    from mcplens.capture.privacy import Privacy
    from mcplens.capture.recorder import Recorder
    from mcplens.capture.server_tap import Asked

MAX_CONNECTIONS: Final = 1_000
"""Connections that are followed; the one that was idle longest is forgotten."""

_SESSION_HEADER: Final = "mcp-session-id"


class ServerConnection:
    """One client of the server, and the requests that it made by their ids."""

    __slots__ = ("_by_id", "beside", "correlator", "is_http", "is_stdio", "open_count", "token")

    def __init__(
        self,
        correlator: Correlator,
        *,
        beside: Beside = NOTHING_BESIDE,
        transport: str | None = None,
        token: Any = None,
    ) -> None:
        self.correlator = correlator
        self.beside = beside
        """What is known besides of all its requests."""
        self.is_stdio = transport == "stdio"
        self.is_http = transport in {"http", "sse"}
        self.token = token
        """Held, so that nothing else gets its identity."""
        self.open_count = 0
        self._by_id: OrderedDict[PlainKey, Asked] = OrderedDict()

    def remember(self, request_id: Any, asked: Asked) -> None:
        """Keep a request in mind by its id, also for a while after it has ended."""
        key = request_key(request_id)
        if key is not None:
            self._by_id[key] = asked
            if len(self._by_id) > MAX_REMEMBERED:
                self._by_id.popitem(last=False)

    def with_id(self, request_id: Any) -> Asked | None:
        """Find the last request with an id."""
        key = request_key(request_id)
        return None if key is None else self._by_id.get(key)

    def all_asked(self) -> list[Asked]:
        """List the requests that are kept in mind."""
        return list(self._by_id.values())


class _Session(NamedTuple):
    """What the headers of a request say."""

    transport: str
    address: str | None
    host: str | None
    session_id: str | None
    bearer: str | None
    """The whole header; only a keyed hash of it is kept."""


class ServerConnections:
    """The connections of one server in one process."""

    def __init__(
        self, recorder: Recorder, *, server_name: str | None, server_info: Mapping[str, Any]
    ) -> None:
        self._recorder = recorder
        self._server_name = server_name
        self._server_info = server_info
        self._found: OrderedDict[object, ServerConnection] = OrderedDict()
        self._unnamed: list[tuple[object, ServerConnection]] = []

    def __iter__(self) -> Any:
        return iter(list(self._found.values()))

    def of(self, asked: Asked) -> ServerConnection:
        """Find the connection that a request belongs to, or begin it."""
        if asked.ctx.request is not None:
            return self._of_http(asked, _session_of(asked.ctx.request))
        if asked.is_stdio:
            return self._get("stdio") or self._begin_stdio(asked)
        token = asked.ctx.lifespan_context
        return self._get(id(token)) or self._begin(id(token), asked, token=token)

    def _of_http(self, asked: Asked, session: _Session) -> ServerConnection:
        privacy = self._recorder.privacy
        credential = _fingerprint(session.bearer, privacy)
        ctx = asked.ctx
        if session.session_id is not None:
            key: object = ("session", session.session_id)
            return self._get(key) or self._named(key, asked, session, credential)
        if ctx.method == "initialize" and not is_stateless(ctx.protocol_version):
            who = (credential, session.host)
            connection = self._begin(("opening", id(asked)), asked, session, credential)
            self._unnamed.append((who, connection))
            del self._unnamed[:-MAX_CONNECTIONS]
            return connection
        key = ("client", _client_of(ctx), credential, session.host)
        return self._get(key) or self._begin(key, asked, session, credential)

    def _named(
        self, key: object, asked: Asked, session: _Session, credential: str | None
    ) -> ServerConnection:
        """Take the session that was opened without a name for the one that is named now."""
        who = (credential, session.host)
        for opening in self._unnamed:
            if opening[0] == who:
                self._unnamed.remove(opening)
                connection = opening[1]
                connection.beside = self._beside(session, credential)
                self._found[key] = connection
                return connection
        return self._begin(key, asked, session, credential)

    def _begin(
        self,
        key: object,
        asked: Asked,
        session: _Session | None = None,
        credential: str | None = None,
        *,
        token: Any = None,
    ) -> ServerConnection:
        transport = None if session is None else session.transport
        facts = ConnectionFacts(
            connection_id=self._recorder.next_connection_id(),
            observer=self._recorder.observer,
            transport=transport,
            address=None if session is None else session.address,
            spawned_ns=asked.ns,
            server_info=self._server_info,
        )
        beside = NOTHING_BESIDE if session is None else self._beside(session, credential)
        return self._keep(key, facts, beside=beside, token=token)

    def _begin_stdio(self, asked: Asked) -> ServerConnection:
        facts = ConnectionFacts(
            connection_id=self._recorder.next_connection_id(),
            observer=self._recorder.observer,
            transport="stdio",
            spawned_ns=asked.ns - _age_ns_of_process(),
            client_process_id=parent_process_id(self._recorder.privacy),
            shadowed_by=shadowing_connection(),
            server_info=self._server_info,
        )
        return self._keep("stdio", facts)

    def _keep(
        self,
        key: object,
        facts: ConnectionFacts,
        *,
        beside: Beside = NOTHING_BESIDE,
        token: Any = None,
    ) -> ServerConnection:
        correlator = self._recorder.correlator(facts, server_name=self._server_name)
        connection = ServerConnection(
            correlator, beside=beside, transport=facts.transport, token=token
        )
        self._found[key] = connection
        if len(self._found) > MAX_CONNECTIONS:
            idle = [key for key, found in self._found.items() if not found.open_count]
            if idle:
                del self._found[idle[0]]
        return connection

    def _get(self, key: object) -> ServerConnection | None:
        connection = self._found.get(key)
        if connection is not None:
            self._found.move_to_end(key)
        return connection

    def _beside(self, session: _Session, credential: str | None) -> Beside:
        named = session.session_id
        hashed = None if named is None else self._recorder.privacy.hash(named.encode())
        return Beside(credential_id=credential, protocol_session_id=hashed)


def _session_of(request: Any) -> _Session:
    headers = request.headers
    # The transport before streamable HTTP names the session in the address.
    of_sse = request.query_params.get("session_id")
    session_id = headers.get(_SESSION_HEADER)
    return _Session(
        transport="sse" if session_id is None and of_sse else "http",
        address=str(request.url),
        host=getattr(request.client, "host", None),
        session_id=session_id or of_sse,
        bearer=headers.get("authorization"),
    )


def _client_of(ctx: Any) -> tuple[Any, ...]:
    meta = (ctx.params or {}).get("_meta")
    info = meta.get(CLIENT_INFO_KEY) if isinstance(meta, Mapping) else None
    if not isinstance(info, Mapping):
        return ()
    return tuple(str(info.get(name)) for name in ("name", "version"))


def _fingerprint(header: str | None, privacy: Privacy) -> str | None:
    if not header:
        return None
    scheme, _, secret = header.partition(" ")
    return privacy.hash((secret.strip() or scheme).encode())


def _age_ns_of_process() -> int:
    with suppress(Exception):
        import psutil  # On the recorder's thread, once, and only for a server over stdio.

        return max(0, int((time.time() - psutil.Process().create_time()) * 1e9))
    return 0
