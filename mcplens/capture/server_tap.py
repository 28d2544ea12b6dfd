"""From what a server's middleware noted to messages, on the recorder's thread."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.backlog import Backlog
from mcplens.capture.deadlines import is_interruption
from mcplens.capture.server_asked import Asked, Cancel, Noted, Over, Question
from mcplens.capture.server_connections import ServerConnections
from mcplens.capture.server_wire import (
    error_message,
    question_message,
    request_message,
    result_message,
    wire_size,
    without_progress_token,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcplens.capture.recorder import Recorder
    from mcplens.capture.server_connections import ServerConnection
    from mcplens.events import Direction

GRACE_NS: Final = 500_000_000
"""How long the word of a caller that cancels may come behind what it does to the handler."""

TICK_NS: Final = 1_000_000_000
"""How often connections on which nothing is open are looked after."""


class ServerTap:
    """What one server was asked in one process; a source of the recorder."""

    def __init__(
        self, recorder: Recorder, *, server_name: str | None, server_info: Mapping[str, Any]
    ) -> None:
        self.recorder = recorder
        self.ns = recorder.clock.ns
        self._backlog: Backlog[Asked | Noted | Question] = Backlog()
        self.note = self._backlog.note
        self.has_room = self._backlog.has_room
        self._connections = ServerConnections(
            recorder, server_name=server_name, server_info=server_info
        )
        self._scopes = count(1)
        self._interrupted: deque[Asked] = deque()
        self._cancelled: dict[str, Asked] = {}
        self._ticked_ns = 0

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
        for asked in list(self._cancelled.values()):
            self._end_cancelled(asked)
        self._connections.end(now)

    def _read(self, item: Asked | Noted | Question) -> None:
        # An SDK's object may refuse in any way it likes; the others are read all the same.
        with suppress(Exception):
            if isinstance(item, Asked):
                self._asked(item)
            elif isinstance(item, Question):
                self._question(item)
            elif item.asked.connection is not None:
                item.asked.connection.correlator.noted(
                    item.asked.ctx.request_id, item.understood, scope=item.asked.scope, ns=item.ns
                )

    def _rest(self, now: int) -> None:
        if lost := self._backlog.take_lost():
            self.recorder.count_lost(lost, is_told=False)
        while self._interrupted and self._interrupted[0].ended_ns + GRACE_NS <= now:
            self._end_interrupted(self._interrupted.popleft())
        is_time = now - self._ticked_ns >= TICK_NS
        for connection in self._connections:
            if is_time or connection.open_count:
                connection.correlator.tick(now)
        if is_time:
            self._connections.tick(now)
            self._ticked_ns = now

    def _asked(self, asked: Asked) -> None:
        if asked.is_read:
            self._close(asked)
        else:
            asked.is_read = True
            self._open(asked)

    def _open(self, asked: Asked) -> None:
        ctx = asked.ctx
        asked.scope = str(next(self._scopes))
        connection, asked.beside = self._connections.of(asked)
        asked.connection = connection
        message = request_message(ctx)
        if ctx.method == "notifications/cancelled":
            self._cancel(connection, Cancel(asked.ns, message))
            return
        if ctx.request_id is not None:
            connection.remember(ctx.request_id, asked)
            connection.open_count += 1
        connection.correlator.message(
            "to_server",
            without_progress_token(message),
            ns=asked.ns,
            size=wire_size(message),
            beside=asked.beside,
        )

    def _close(self, asked: Asked) -> None:
        connection, ctx = asked.connection, asked.ctx
        # Requests are remembered for a while; what they came to may be large.
        result, asked.result = asked.result, None
        error, asked.error = asked.error, None
        if connection is None:
            return
        asked.is_over = True
        asked.ctx = Over(ctx.request_id, ctx.protocol_version)
        connection.open_count -= 1
        if asked.cancel is not None:
            # Nothing is written any more, whatever the handler came to.
            self._end_cancelled(asked)
        elif error is None:
            self._answer(asked, result_message(ctx.request_id, result))
        elif is_interruption(error) and not asked.is_word_to_come():
            self._end_interrupted(asked)
        elif is_interruption(error):
            self._interrupted.append(asked)
        elif isinstance(error, Exception):
            self._answer(asked, error_message(ctx.request_id, error, ctx.protocol_version))
        else:  # What ends the whole process.
            connection.correlator.exchange_ended(asked.scope, "server_closed", asked.ended_ns)

    def _answer(self, asked: Asked, message: Mapping[str, Any]) -> None:
        if asked.connection is not None:
            asked.connection.correlator.message(
                "to_client",
                message,
                ns=asked.ended_ns,
                size=wire_size(message),
                beside=asked.beside,
            )

    def _cancel(self, connection: ServerConnection, cancel: Cancel) -> None:
        params = cancel.message.get("params", {})
        asked = connection.with_id(params.get("requestId"))
        if asked is None:
            connection.correlator.message("to_server", cancel.message, ns=cancel.ns)
            return
        asked.cancel = cancel
        if asked.is_over:
            self._end_cancelled(asked)
        else:
            self._cancelled[asked.scope] = asked

    def _end_cancelled(self, asked: Asked) -> None:
        self._cancelled.pop(asked.scope, None)
        cancel, asked.cancel = asked.cancel, None
        if cancel is not None and asked.connection is not None:
            asked.connection.correlator.message(
                "to_server", cancel.message, ns=cancel.ns, beside=asked.beside
            )

    def _end_interrupted(self, asked: Asked) -> None:
        connection = asked.connection
        if connection is None or connection.is_stdio:
            return  # Only the client's cancel does that, or its end, which ends all that is open.
        reason = "interrupted"
        if asked.is_late:
            reason = "deadline"
        elif not asked.is_word_to_come():
            reason = "client_closed"
        connection.correlator.exchange_ended(asked.scope, reason, asked.ended_ns)

    def _question(self, question: Question) -> None:
        asked = question.asked
        connection = asked.connection
        if connection is None:
            return
        direction: Direction = "to_server"
        if question.request is not None:
            direction, message = "to_client", question_message(question.number, question.request)
        elif question.error is None:
            message = result_message(question.number, question.result)
        else:
            message = error_message(question.number, question.error, None)
        beside = asked.beside._replace(
            scope=f"{asked.scope}?", exchange=asked.scope, is_id_known=False
        )
        connection.correlator.message(direction, message, ns=question.ns, beside=beside)
