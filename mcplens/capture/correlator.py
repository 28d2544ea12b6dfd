"""From messages to events: pairs each request with its answer, or with what ended it instead.

One correlator watches one connection, in both directions, and serves every observer. Messages come
in the order in which they were seen, from one thread at a time. It never raises and never changes
a message; what it cannot understand becomes a notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.endings import Ending
from mcplens.capture.identity import ConnectionFacts, Identity
from mcplens.capture.names import clean_name
from mcplens.capture.openings import params_of
from mcplens.capture.pairing import Pairing
from mcplens.capture.requests import scoped_key
from mcplens.capture.rows import ConnectionRows
from mcplens.capture.sighting import NOTHING_BESIDE, Sighting
from mcplens.capture.tasks import STATUS_NOTIFICATIONS
from mcplens.capture.wire import Line, NotJsonError, parse_json
from mcplens.config import NO_SETTINGS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.clock import Clock
    from mcplens.capture.note import Understood
    from mcplens.capture.privacy import Privacy
    from mcplens.capture.sighting import Beside
    from mcplens.events import Direction, NoticeKind, Outcome, Row

_LOG_LEVELS: Final = frozenset(
    {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}
)


class Correlator:
    """Turns the messages of one connection into rows."""

    def __init__(
        self,
        *,
        run_id: str,
        connection: ConnectionFacts,
        privacy: Privacy,
        clock: Clock,
        next_sequence: Callable[[], int],
        emit: Callable[[Row], None],
        server_name_option: str | None = None,
        settings: Settings = NO_SETTINGS,
    ) -> None:
        """Begin with a connection, and write its first row.

        Args:
            run_id: The recording.
            connection: What is known of the connection before its first message.
            privacy: What of contents may be kept.
            clock: What the times of messages are told by.
            next_sequence: Counts the requests of the run, over all its connections.
            emit: Takes each row; it must not block.
            server_name_option: The server's name by the user's own word.
            settings: What mcplens.toml says.
        """
        identity = Identity(facts=connection, server_name_option=server_name_option)
        self._rows = ConnectionRows(
            run_id=run_id,
            facts=connection,
            identity=identity,
            privacy=privacy,
            clock=clock,
            emit=emit,
        )
        self._pairing = Pairing(
            run_id=run_id,
            facts=connection,
            identity=identity,
            rows=self._rows,
            privacy=privacy,
            clock=clock,
            next_sequence=next_sequence,
            emit=emit,
            settings=settings,
        )
        self._is_ended = False
        with suppress(Exception):
            self._rows.connection()

    def line(self, direction: Direction, line: Line) -> None:
        """Take in one line of a stdio wire; `direction` says who receives it."""
        try:
            self._line(Sighting(direction, line.ns, line.size), line)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, line.ns)

    def message(
        self,
        direction: Direction,
        message: Any,
        *,
        ns: int,
        size: int | None = None,
        beside: Beside = NOTHING_BESIDE,
    ) -> None:
        """Take in one JSON-RPC message; `direction` says who receives it."""
        try:
            self._message(Sighting(direction, ns, size, beside), message)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def lost(self, count: int, ns: int) -> None:
        """Take in that the observer had to drop messages; the next event says how many."""
        try:
            self._pairing.lost(count, ns)
            self._rows.notice("lost", ns=ns, lost_count=count)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def tick(self, ns: int) -> None:
        """Write as opened, once each, what has been open for more than a second."""
        try:
            self._pairing.tick(ns)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def advertised(self, method: str, items: Sequence[Mapping[str, Any]], ns: int) -> None:
        """Take in what the observer knows of the server's tools without having seen a list."""
        try:
            self._pairing.advertised(method, items, ns)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def noted(self, request_id: Any, understood: Understood, *, scope: str | None, ns: int) -> None:
        """Take in what a tool noted of the call that it is in."""
        try:
            self._pairing.noted(scoped_key(request_id, scope), understood, ns)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def given_up(
        self, request_id: Any, outcome: Outcome, ns: int, *, basis: str = "caller"
    ) -> None:
        """End a request of the client, since the observer sits in its caller and saw it give up.

        Nothing happens where its cancel or its answer was seen before.
        """
        try:
            key = scoped_key(request_id, None)
            if key is not None:
                self._pairing.given_up(key, Ending(outcome, basis), ns)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def exchange_ended(self, exchange: str, reason: str, ns: int) -> None:
        """End what is open in an HTTP exchange that is over.

        `reason` is client_closed, which is how a caller cancels over HTTP, server_closed, or
        unreachable where it was never heard; with messages_lost and contents_unread the observer
        says that it does not know.
        """
        try:
            self._pairing.exchange_ended(exchange, reason, ns)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def exchange_refused(self, exchange: str, *, status: int, ns: int) -> None:
        """End what is open in an HTTP exchange that only its status answered."""
        try:
            self._pairing.exchange_refused(exchange, status=status, ns=ns)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def trouble(self, detail: str, ns: int) -> None:
        """Take in that the observer could not read something; `detail` must hold no contents."""
        with suppress(Exception):
            self._rows.notice("recorder_trouble", ns=ns, detail=detail)

    def ended(self, reason: str, ns: int, exit_code: int | None = None) -> None:
        """End the connection and all that is open on it.

        `reason` is client_closed, server_exited or signal. What is open when the client closed was
        not answered; otherwise it was cut off.
        """
        if self._is_ended:
            return
        self._is_ended = True
        try:
            self._pairing.close_all(reason, ns)
            self._rows.connection(ended_ns=ns, end_reason=reason, exit_code=exit_code)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def _line(self, seen: Sighting, line: Line) -> None:
        if line.state == "oversized":
            self._notice("oversized_line", seen)
        elif line.state == "incomplete":
            self._notice("incomplete_line", seen)
        else:
            try:
                message = parse_json(line.data)
            except NotJsonError:
                self._notice("not_json", seen)
                return
            if isinstance(message, list):
                self._notice("batch", seen, detail=f"{len(message)} messages")
                for member in message:
                    self.message(seen.direction, member, ns=seen.ns)
            else:
                self._message(seen, message)

    def _message(self, seen: Sighting, message: Any) -> None:
        if self._is_ended:
            self._notice("recorder_trouble", seen, detail="seen after the end")
        elif not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            # Servers print structured logs; only what says that it is JSON-RPC is taken for it.
            self._notice("not_jsonrpc", seen, detail="no JSON-RPC 2.0")
        elif "method" in message:
            method = clean_name(message["method"])
            if method is None:
                self._notice("not_jsonrpc", seen, detail="a method that is no text")
            elif "id" not in message:
                self._notification(seen, method, params_of(message))
            elif (key := scoped_key(message["id"], seen.beside.scope)) is None:
                self._notice("not_jsonrpc", seen, detail="an id that is neither text nor number")
            else:
                self._pairing.request(seen, method, key, message)
        elif "result" in message or "error" in message:
            self._pairing.answer(seen, message)
        else:
            self._notice("not_jsonrpc", seen, detail="neither method, result nor error")

    def _notification(self, seen: Sighting, method: str, params: Mapping[str, Any]) -> None:
        if method == "notifications/progress":
            self._pairing.progress(seen, params)
        elif method == "notifications/cancelled":
            self._pairing.cancelled(seen, params)
        elif method == "notifications/message":
            level = params.get("level")
            is_level = isinstance(level, str) and level in _LOG_LEVELS
            self._notice("log_message", seen, method=method, detail=level if is_level else None)
        elif method in STATUS_NOTIFICATIONS:
            self._pairing.task_status(seen, params)
            self._notice("notification", seen, method=method)
        elif method.endswith("/list_changed"):
            self._notice("list_changed", seen, method=method)
        else:
            self._notice("notification", seen, method=method)

    def _notice(
        self,
        kind: NoticeKind,
        seen: Sighting,
        *,
        method: str | None = None,
        detail: str | None = None,
    ) -> None:
        self._rows.notice(
            kind,
            ns=seen.ns,
            direction=seen.direction,
            method=method,
            detail=detail,
            size=seen.size,
        )

    def _trouble(self, error: Exception, ns: int) -> None:
        # The error's words could quote the message; its class cannot.
        with suppress(Exception):
            self._rows.notice("recorder_trouble", ns=ns, detail=type(error).__name__)
