"""From what a server's middleware noted to messages, on the recorder's thread."""

from __future__ import annotations

from collections import OrderedDict, deque
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcplens.capture.backlog import Backlog
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.requests import MAX_REMEMBERED, PlainKey, request_key
from mcplens.capture.server_wire import (
    error_message,
    is_interruption,
    request_message,
    result_message,
    wire_size,
    without_progress_token,
)
from mcplens.capture.sighting import Beside

if TYPE_CHECKING:
    from mcplens.capture.correlator import Correlator
    from mcplens.capture.note import Understood
    from mcplens.capture.recorder import Recorder

GRACE_NS: Final = 500_000_000
"""How long the word of a caller that cancels may come behind what it does to the handler."""


class Asked:
    """A request or a notification, from when it was noted."""

    __slots__ = ("_tap", "cancel", "connection", "ctx", "is_over", "ns", "scope")

    def __init__(self, ctx: Any, tap: ServerTap) -> None:
        self.ctx = ctx
        self.ns = tap.ns()
        self._tap = tap
        self.connection: _Connection | None = None
        self.scope = ""
        self.cancel: _Cancel | None = None
        """The caller's word that it no longer waits; it counts once the handler has let go."""
        self.is_over = False

    def noted(self, understood: Understood) -> None:
        """Take in what the tool notes of its call, on the tool's own thread."""
        self._tap.note(Noted(self, self._tap.ns(), understood))


class Answered(NamedTuple):
    """What came of a request."""

    asked: Asked
    ns: int
    result: Any
    error: BaseException | None


class Noted(NamedTuple):
    """What a tool noted of its call."""

    asked: Asked
    ns: int
    understood: Understood


class _Cancel(NamedTuple):
    ns: int
    params: dict[str, Any]


class _Connection:
    """One client of the server, and the requests it made by their ids."""

    __slots__ = ("asked", "correlator", "is_stdio", "token")

    def __init__(self, correlator: Correlator, *, token: Any, is_stdio: bool) -> None:
        self.correlator = correlator
        self.asked: OrderedDict[PlainKey, Asked] = OrderedDict()
        self.token = token
        """Held, so that nothing else gets its identity."""
        self.is_stdio = is_stdio

    def remember(self, asked: Asked) -> None:
        """Keep a request in mind by its id, also for a while after it has ended."""
        key = request_key(asked.ctx.request_id)
        if key is not None:
            self.asked[key] = asked
            if len(self.asked) > MAX_REMEMBERED:
                self.asked.popitem(last=False)


class ServerTap:
    """What one server was asked in one process; a source of the recorder."""

    def __init__(
        self, recorder: Recorder, *, server_name: str | None, server_info: dict[str, Any]
    ) -> None:
        self.recorder = recorder
        self.ns = recorder.clock.ns
        self._server_name = server_name
        self._server_info = server_info
        self._backlog: Backlog[Asked | Answered | Noted] = Backlog()
        self.note = self._backlog.note
        self._scopes = count(1)
        self._connections: dict[int, _Connection] = {}
        self._interrupted: deque[Answered] = deque()

    def asked(self, ctx: Any) -> Asked | None:
        """Note that something is asked; None when its end need not be noted."""
        if not self._backlog.has_room():
            return None
        asked = Asked(ctx, self)
        self._backlog.note(asked)
        return None if ctx.request_id is None else asked

    def work(self) -> bool:
        """Read a little of what was noted, and say whether more is waiting."""
        if self._backlog.read_some(self._read):
            return True
        self._rest(self.ns())
        return False

    def give_up(self) -> None:
        """Count what there was no time for, and end what is open."""
        self._backlog.drop()
        now = self.ns()
        self._rest(now + GRACE_NS)
        for connection in self._connections.values():
            for asked in list(connection.asked.values()):
                self._end_cancelled(connection, asked)
            connection.correlator.ended("client_closed", now)

    def _read(self, item: Asked | Answered | Noted) -> None:
        # An SDK's object may refuse in any way it likes; the others are read all the same.
        with suppress(Exception):
            if isinstance(item, Asked):
                self._open(item)
            elif isinstance(item, Answered):
                self._close(item)
            elif item.asked.connection is not None:
                item.asked.connection.correlator.noted(
                    item.asked.ctx.request_id, item.understood, scope=item.asked.scope, ns=item.ns
                )

    def _rest(self, now: int) -> None:
        if lost := self._backlog.take_lost():
            self.recorder.count_lost(lost, is_told=False)
        while self._interrupted and self._interrupted[0].ns + GRACE_NS <= now:
            self._end_interrupted(self._interrupted.popleft())
        for connection in self._connections.values():
            connection.correlator.tick(now)

    def _open(self, asked: Asked) -> None:
        ctx = asked.ctx
        asked.connection = connection = self._connection_of(asked)
        message = request_message(ctx)
        if ctx.method == "notifications/cancelled":
            self._cancelled(connection, asked)
            return
        asked.scope = str(next(self._scopes))
        if ctx.request_id is not None:
            connection.remember(asked)
        connection.correlator.message(
            "to_server",
            without_progress_token(message),
            ns=asked.ns,
            size=wire_size(message),
            beside=Beside(scope=asked.scope),
        )

    def _close(self, answered: Answered) -> None:
        asked, ns, result, error = answered
        connection, ctx = asked.connection, asked.ctx
        if connection is None:
            return
        asked.is_over = True
        if asked.cancel is not None:
            # Nothing is written any more, whatever the handler came to.
            self._end_cancelled(connection, asked)
            return
        if error is None:
            message = result_message(ctx.request_id, result)
        elif is_interruption(error):
            self._interrupted.append(answered)
            return
        elif isinstance(error, Exception):
            message = error_message(ctx.request_id, error, ctx.protocol_version)
        else:
            connection.correlator.exchange_ended(asked.scope, "server_closed", ns)
            return
        connection.correlator.message(
            "to_client", message, ns=ns, size=wire_size(message), beside=Beside(scope=asked.scope)
        )

    def _cancelled(self, connection: _Connection, notification: Asked) -> None:
        params = notification.ctx.params or {}
        key = request_key(params.get("requestId"))
        asked = None if key is None else connection.asked.get(key)
        cancel = _Cancel(notification.ns, dict(params))
        if asked is None:
            connection.correlator.message(
                "to_server", _cancel_message(cancel), ns=cancel.ns, beside=Beside(scope="")
            )
            return
        asked.cancel = cancel
        if asked.is_over:
            self._end_cancelled(connection, asked)

    def _end_cancelled(self, connection: _Connection, asked: Asked) -> None:
        cancel, asked.cancel = asked.cancel, None
        if cancel is not None:
            connection.correlator.message(
                "to_server",
                _cancel_message(cancel),
                ns=cancel.ns,
                beside=Beside(scope=asked.scope),
            )

    def _end_interrupted(self, answered: Answered) -> None:
        connection = answered.asked.connection
        # Over stdio nobody but the client's cancel, or its end, interrupts a handler.
        if connection is not None and not connection.is_stdio:
            connection.correlator.exchange_ended(answered.asked.scope, "interrupted", answered.ns)

    def _connection_of(self, asked: Asked) -> _Connection:
        token = asked.ctx.lifespan_context
        connection = self._connections.get(id(token))
        if connection is None:
            facts = ConnectionFacts(
                connection_id=self.recorder.next_connection_id(),
                observer=self.recorder.observer,
                spawned_ns=asked.ns,
                server_info=self._server_info,
            )
            correlator = self.recorder.correlator(facts, server_name=self._server_name)
            connection = _Connection(correlator, token=token, is_stdio=False)
            self._connections[id(token)] = connection
        return connection


def _cancel_message(cancel: _Cancel) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel.params}
