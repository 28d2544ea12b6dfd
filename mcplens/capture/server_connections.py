"""Which connection a request belongs to, by what a server's middleware is given of it.

Over HTTP it is as for every observer of HTTP, but that the request which opens a session of the old
era does not name it yet: the first that names a new one is taken to follow it. Over stdio a process
serves one client. In memory, each client opens the server's lifespan anew.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.client_processes import parent_process_id
from mcplens.capture.http.connections import Caller, HttpConnection, HttpConnections, Known
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.requests import MAX_REMEMBERED, PlainKey, request_key
from mcplens.capture.shadows import shadowing_connection
from mcplens.capture.sighting import Beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcplens.capture.correlator import Correlator
    from mcplens.capture.recorder import Recorder
    from mcplens.capture.server_asked import Asked

MAX_CONNECTIONS: Final = 1_000
"""Clients in memory that are followed; the one that was idle longest is forgotten."""

_SESSION_HEADER: Final = "mcp-session-id"


class ServerConnection:
    """One client of the server, and the requests that it made by their ids."""

    __slots__ = ("_by_id", "correlator", "is_http", "is_stdio", "open_count", "token")

    def __init__(
        self,
        correlator: Correlator,
        *,
        is_stdio: bool = False,
        is_http: bool = False,
        token: Any = None,
    ) -> None:
        self.correlator = correlator
        self.is_stdio = is_stdio
        self.is_http = is_http
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


class ServerConnections:
    """The connections of one server in one process."""

    def __init__(
        self, recorder: Recorder, *, server_name: str | None, server_info: Mapping[str, Any]
    ) -> None:
        self._recorder = recorder
        self._server_name = server_name
        self._server_info = server_info
        self._stdio: ServerConnection | None = None
        self._in_memory: OrderedDict[int, ServerConnection] = OrderedDict()
        self._http = HttpConnections(recorder, self._http_facts, server_name=server_name)
        self._address: str | None = None
        self._transport = "http"
        self._opening: list[tuple[Known, HttpConnection]] = []
        self._handshakes = count(1)

    def __iter__(self) -> Iterator[ServerConnection]:
        """Give those that are not over HTTP."""
        return iter([*([self._stdio] if self._stdio else []), *self._in_memory.values()])

    def of(self, asked: Asked) -> tuple[ServerConnection, Beside]:
        """Find the connection that a request belongs to, or begin it; and what is known besides."""
        ctx = asked.ctx
        if ctx.request is not None:
            return self._of_http(asked)
        if asked.is_stdio:
            if self._stdio is None:
                self._stdio = self._begin_stdio(asked)
            return self._stdio, Beside(scope=asked.scope)
        token = ctx.lifespan_context
        connection = self._in_memory.get(id(token))
        if connection is None:
            connection = self._begin_in_memory(asked, token)
        self._in_memory.move_to_end(id(token))
        return connection, Beside(scope=asked.scope)

    def tick(self, ns: int) -> None:
        """Look after what is over HTTP."""
        self._http.tick(ns)

    def end(self, ns: int) -> None:
        """End all: a client ends its server over stdio, and over HTTP the server leaves."""
        for connection in self:
            connection.correlator.ended("client_closed", ns)
        self._http.end_all("server_exited", ns)

    def _of_http(self, asked: Asked) -> tuple[ServerConnection, Beside]:
        ctx = asked.ctx
        caller = self._caller(ctx.request)
        known = self._http.known(caller)
        message = {"method": ctx.method, "params": ctx.params}
        if known.session_id is not None:
            self._name_opening(known)
        if ctx.method == "initialize" and known.session_id is None:
            exchange = str(next(self._handshakes))
            found = self._http.of_handshake(known, None, exchange=exchange, ns=asked.ns)
            self._opening.append((known, found))
            del self._opening[:-MAX_CONNECTIONS]
        else:
            found = self._http.of_message(known, message, ns=asked.ns)
        if not isinstance(found.seen_by, ServerConnection):
            found.seen_by = ServerConnection(found.correlator, is_http=True)
        beside = Beside(
            scope=asked.scope,
            credential_id=known.credential_id,
            protocol_session_id=found.session_id,
        )
        return found.seen_by, beside

    def _caller(self, request: Any) -> Caller:
        headers = request.headers
        session = headers.get(_SESSION_HEADER)
        self._transport = "http"
        if session is None and "session_id" in request.query_params:
            # The transport before streamable HTTP names the session in the address.
            self._transport = "sse"
            session = request.query_params["session_id"]
        self._address = str(request.url)
        return Caller(
            peer=getattr(request.client, "host", None),
            authorization=headers.get("authorization"),
            session=session,
        )

    def _name_opening(self, known: Known) -> None:
        """Take the session that was opened without a name for the one that is named now."""
        if self._http.of_session_if_known(known) is not None:
            return
        for opening in self._opening:
            if opening[0]._replace(session_id=known.session_id) == known:
                self._opening.remove(opening)
                self._http.take_session(opening[1], known)
                return

    def _http_facts(self, _transport: str, ns: int) -> ConnectionFacts:
        return self._facts(transport=self._transport, address=self._address, spawned_ns=ns)

    def _begin_stdio(self, asked: Asked) -> ServerConnection:
        facts = self._facts(
            transport="stdio",
            spawned_ns=asked.ns - _age_ns_of_process(),
            client_process_id=parent_process_id(self._recorder.privacy),
            shadowed_by=shadowing_connection(),
        )
        return ServerConnection(self._correlator(facts), is_stdio=True)

    def _begin_in_memory(self, asked: Asked, token: Any) -> ServerConnection:
        correlator = self._correlator(self._facts(spawned_ns=asked.ns))
        connection = self._in_memory[id(token)] = ServerConnection(correlator, token=token)
        if len(self._in_memory) > MAX_CONNECTIONS:
            idle = [key for key, found in self._in_memory.items() if not found.open_count]
            if idle:
                del self._in_memory[idle[0]]
        return connection

    def _facts(self, **known: Any) -> ConnectionFacts:
        return ConnectionFacts(
            connection_id=self._recorder.next_connection_id(),
            observer=self._recorder.observer,
            server_info=self._server_info,
            **known,
        )

    def _correlator(self, facts: ConnectionFacts) -> Correlator:
        return self._recorder.correlator(facts, server_name=self._server_name)


def _age_ns_of_process() -> int:
    with suppress(Exception):
        import psutil  # On the recorder's thread, once, and only for a server over stdio.

        return max(0, int((time.time() - psutil.Process().create_time()) * 1e9))
    return 0
