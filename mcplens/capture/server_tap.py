"""From what a server's middleware noted to messages, on the recorder's thread."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcplens.capture.backlog import Backlog
from mcplens.capture.deadlines import is_interruption
from mcplens.capture.server_connections import ServerConnections
from mcplens.capture.server_wire import (
    error_message,
    is_stateless,
    question_message,
    request_message,
    result_message,
    wire_size,
    without_progress_token,
)
from mcplens.capture.sighting import NOTHING_BESIDE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcplens.capture.note import Understood
    from mcplens.capture.recorder import Recorder
    from mcplens.capture.server_connections import ServerConnection
    from mcplens.events import Direction

GRACE_NS: Final = 500_000_000
"""How long the word of a caller that cancels may come behind what it does to the handler."""

TICK_NS: Final = 1_000_000_000
"""How often connections on which nothing is open are looked after."""


class Asked:
    """A request or a notification, from when it was noted."""

    __slots__ = (
        "_tap",
        "beside",
        "cancel",
        "connection",
        "ctx",
        "deadline",
        "is_over",
        "is_stdio",
        "ns",
        "scope",
    )

    def __init__(self, ctx: Any, tap: ServerTap, *, is_stdio: bool) -> None:
        self.ctx = ctx
        self.ns = tap.ns()
        self.is_stdio = is_stdio
        self.deadline: float | None = None
        """By the event loop's clock, when the caller's time is up; None when it has no end."""
        self._tap = tap
        self.connection: ServerConnection | None = None
        self.scope = ""
        self.beside = NOTHING_BESIDE
        self.cancel: Cancel | None = None
        """The caller's word that it no longer waits; it counts once the handler has let go."""
        self.is_over = False

    def is_word_to_come(self) -> bool:
        """Say whether a caller that cancels may yet say so: over HTTP it just leaves."""
        return not (
            self.connection is not None
            and self.connection.is_http
            and is_stateless(self.ctx.protocol_version)
        )

    def noted(self, understood: Understood) -> None:
        """Take in what the tool notes of its call, on the tool's own thread."""
        self._tap.note(Noted(self, self._tap.ns(), understood))


class Over(NamedTuple):
    """What is kept of the context of a request that is over, which may be large."""

    request_id: Any
    protocol_version: str | None


class Answered(NamedTuple):
    """What came of a request."""

    asked: Asked
    ns: int
    result: Any
    error: BaseException | None
    is_late: bool = False
    """Whether the caller's time was up."""


class Noted(NamedTuple):
    """What a tool noted of its call."""

    asked: Asked
    ns: int
    understood: Understood


class Question(NamedTuple):
    """What the server asked its client within a call, or what came of it."""

    asked: Asked
    ns: int
    number: int
    request: Any = None
    """None once it was answered."""
    result: Any = None
    error: BaseException | None = None


class Cancel(NamedTuple):
    """A caller's word that it no longer waits."""

    ns: int
    message: Mapping[str, Any]


class ServerTap:
    """What one server was asked in one process; a source of the recorder."""

    def __init__(
        self, recorder: Recorder, *, server_name: str | None, server_info: Mapping[str, Any]
    ) -> None:
        self.recorder = recorder
        self.ns = recorder.clock.ns
        self._backlog: Backlog[Asked | Answered | Noted | Question] = Backlog()
        self.note = self._backlog.note
        self.has_room = self._backlog.has_room
        self._connections = ServerConnections(
            recorder, server_name=server_name, server_info=server_info
        )
        self._scopes = count(1)
        self._interrupted: deque[Answered] = deque()
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

    def _read(self, item: Asked | Answered | Noted | Question) -> None:
        # An SDK's object may refuse in any way it likes; the others are read all the same.
        with suppress(Exception):
            if isinstance(item, Asked):
                self._open(item)
            elif isinstance(item, Answered):
                self._close(item)
            elif isinstance(item, Question):
                self._question(item)
            elif item.asked.connection is not None:
                item.asked.connection.correlator.noted(
                    item.asked.ctx.request_id, item.understood, scope=item.asked.scope, ns=item.ns
                )

    def _rest(self, now: int) -> None:
        if lost := self._backlog.take_lost():
            self.recorder.count_lost(lost, is_told=False)
        while self._interrupted and self._interrupted[0].ns + GRACE_NS <= now:
            self._end_interrupted(self._interrupted.popleft())
        is_time = now - self._ticked_ns >= TICK_NS
        for connection in self._connections:
            if is_time or connection.open_count:
                connection.correlator.tick(now)
        if is_time:
            self._connections.tick(now)
            self._ticked_ns = now

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

    def _close(self, answered: Answered) -> None:
        asked, error = answered.asked, answered.error
        connection, ctx = asked.connection, asked.ctx
        if connection is None:
            return
        asked.is_over = True
        asked.ctx = Over(ctx.request_id, ctx.protocol_version)
        connection.open_count -= 1
        if asked.cancel is not None:
            # Nothing is written any more, whatever the handler came to.
            self._end_cancelled(asked)
        elif error is None:
            self._answer(answered, result_message(ctx.request_id, answered.result))
        elif is_interruption(error) and not asked.is_word_to_come():
            self._end_interrupted(answered)
        elif is_interruption(error):
            self._interrupted.append(answered)
        elif isinstance(error, Exception):
            self._answer(answered, error_message(ctx.request_id, error, ctx.protocol_version))
        else:  # What ends the whole process.
            connection.correlator.exchange_ended(asked.scope, "server_closed", answered.ns)

    def _answer(self, answered: Answered, message: Mapping[str, Any]) -> None:
        asked = answered.asked
        if asked.connection is not None:
            asked.connection.correlator.message(
                "to_client",
                message,
                ns=answered.ns,
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

    def _end_interrupted(self, answered: Answered) -> None:
        asked, connection = answered.asked, answered.asked.connection
        if connection is None or connection.is_stdio:
            return  # Only the client's cancel does that, or its end, which ends all that is open.
        reason = "interrupted"
        if answered.is_late:
            reason = "deadline"
        elif not asked.is_word_to_come():
            reason = "client_closed"
        connection.correlator.exchange_ended(asked.scope, reason, answered.ns)

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
