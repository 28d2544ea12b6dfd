"""From messages to events: pairs each request with its answer, or with what ended it instead.

One correlator watches one connection, in both directions, and serves every observer. Messages come
in the order in which they were seen, from one thread at a time. It never raises and never changes
a message; what it cannot understand becomes a notice.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mcplens.capture.answers import asks_for_input, content_kinds, is_malformed
from mcplens.capture.definitions import LISTS, MAX_DEFINITIONS, Definitions
from mcplens.capture.failures import Failure, failure_of_error, failure_of_result
from mcplens.capture.identity import ConnectionFacts, Identity
from mcplens.capture.names import clean_address, clean_name
from mcplens.capture.requests import (
    MAX_OPEN,
    OpenRequest,
    OpenRequests,
    RequestKey,
    id_text,
    request_key,
)
from mcplens.capture.rows import ConnectionRows
from mcplens.capture.wire import Line, NotJsonError, parse_json
from mcplens.events import CALL_METHODS, SCHEMA_VERSION, Direction, Event, NoticeKind, Outcome, Row

if TYPE_CHECKING:
    from mcplens.capture.clock import Clock
    from mcplens.capture.privacy import Privacy

OPEN_ROW_AFTER_NS: Final = 1_000_000_000
"""A request that is open for longer is written as opened."""

_NEVER_TIMED: Final = frozenset({"subscriptions/listen"})
_ASKS_PERSON_OR_MODEL: Final = frozenset({"elicitation/create", "sampling/createMessage"})
_SAYS_TIMEOUT: Final = re.compile(r"timed?[ _-]?out|deadline|-32001", re.IGNORECASE)
_LOG_LEVELS: Final = frozenset(
    {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}
)
_NO_PARAMS: Final[Mapping[str, Any]] = {}


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
    ) -> None:
        """Begin with a connection, and write its first row."""
        self._run_id = run_id
        self._facts = connection
        self._privacy = privacy
        self._clock = clock
        self._next_sequence = next_sequence
        self._emit = emit
        self._identity = Identity(facts=connection, server_name_option=server_name_option)
        self._definitions = Definitions()
        self._rows = ConnectionRows(
            run_id=run_id,
            facts=connection,
            identity=self._identity,
            privacy=privacy,
            clock=clock,
            emit=emit,
        )
        self._open: dict[Direction, OpenRequests] = {
            "to_server": OpenRequests("to_server"),
            "to_client": OpenRequests("to_client"),
        }
        self._calls: dict[int, OpenRequest] = {}
        self._lost_before: int | None = None
        self._lost_at_ns: int | None = None
        self._has_said_full = False
        self._is_ended = False
        with contextlib.suppress(Exception):
            self._rows.connection()

    def line(self, direction: Direction, line: Line) -> None:
        """Take in one line of a stdio wire; `direction` says who receives it."""
        try:
            self._line(direction, line)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, line.ns)

    def message(
        self, direction: Direction, message: Any, *, ns: int, size: int | None = None
    ) -> None:
        """Take in one JSON-RPC message; `direction` says who receives it."""
        try:
            self._message(direction, message, ns, size)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def lost(self, count: int, ns: int) -> None:
        """Take in that the observer had to drop messages; the next event says how many."""
        try:
            self._lost_before = (self._lost_before or 0) + count
            self._lost_at_ns = ns
            self._rows.notice("lost", ns=ns, lost_count=count)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def tick(self, ns: int) -> None:
        """Write as opened, once each, what has been open for more than a second."""
        try:
            for requests in self._open.values():
                for request in requests.all():
                    if ns - request.started_ns <= OPEN_ROW_AFTER_NS:
                        break
                    if not request.is_spooled:
                        request.is_spooled = True
                        self._identity.stamp(request.event)
                        # The event itself is still to change; the recorder writes later.
                        self._emit(msgspec.structs.replace(request.event))
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def ended(self, reason: str, ns: int, exit_code: int | None = None) -> None:
        """End the connection and all that is open on it.

        `reason` is client_closed, server_exited or signal. After a client that closed, what is
        open was not answered; otherwise it was cut off.
        """
        if self._is_ended:
            return
        self._is_ended = True
        try:
            for requests in self._open.values():
                for request in requests.all():
                    requests.take(request.key, fate="given_up")
                    self._cut_off(request, reason, ns)
            self._rows.connection(ended_ns=ns, end_reason=reason, exit_code=exit_code)
        except Exception as error:  # noqa: BLE001  watching never harms the watched
            self._trouble(error, ns)

    def _cut_off(self, request: OpenRequest, reason: str, ns: int) -> None:
        if self._lost_at_ns is not None and request.started_ns <= self._lost_at_ns:
            # Its answer may have been among what was lost.
            self._finish(request, ns, "unanswered", "messages_lost", is_timed=False)
        elif reason == "client_closed":
            self._finish(request, ns, "unanswered", reason, is_timed=False)
        else:
            if reason == "server_exited":
                request.event.error_origin = "server"
            self._finish(request, ns, "disconnected", reason)

    def _trouble(self, error: Exception, ns: int) -> None:
        # The error's words could quote the message; its class cannot.
        with contextlib.suppress(Exception):
            self._rows.notice("recorder_trouble", ns=ns, detail=type(error).__name__)

    def _line(self, direction: Direction, line: Line) -> None:
        if line.state != "whole":
            kind: NoticeKind = "oversized_line" if line.state == "oversized" else "incomplete_line"
            self._rows.notice(kind, ns=line.ns, direction=direction, size=line.size)
            return
        try:
            message = parse_json(line.data)
        except NotJsonError:
            self._rows.notice("not_json", ns=line.ns, direction=direction, size=line.size)
            return
        if isinstance(message, list):
            self._rows.notice(
                "batch",
                ns=line.ns,
                direction=direction,
                detail=f"{len(message)} messages",
                size=line.size,
            )
            for member in message:
                self.message(direction, member, ns=line.ns)
        else:
            self._message(direction, message, line.ns, line.size)

    def _message(self, direction: Direction, message: Any, ns: int, size: int | None) -> None:
        if self._is_ended:
            self._rows.notice(
                "recorder_trouble", ns=ns, direction=direction, detail="seen after the end"
            )
            return
        if not isinstance(message, Mapping) or message.get("jsonrpc") != "2.0":
            self._not_jsonrpc(direction, ns, size, "no JSON-RPC 2.0")
        elif "method" in message:
            method = clean_name(message["method"])
            if method is None:
                self._not_jsonrpc(direction, ns, size, "a method that is no text")
            elif "id" not in message:
                self._notification(direction, method, message, ns, size)
            elif (key := request_key(message["id"])) is None:
                self._not_jsonrpc(direction, ns, size, "an id that is neither text nor number")
            else:
                self._request(direction, method, key, message, ns, size)
        elif "result" in message or "error" in message:
            self._answer(direction, message, ns, size)
        else:
            self._not_jsonrpc(direction, ns, size, "neither method, result nor error")

    def _not_jsonrpc(self, direction: Direction, ns: int, size: int | None, detail: str) -> None:
        self._rows.notice("not_jsonrpc", ns=ns, direction=direction, detail=detail, size=size)

    def _request(  # noqa: PLR0917  split up next
        self,
        direction: Direction,
        method: str,
        key: RequestKey,
        message: Mapping[str, Any],
        ns: int,
        size: int | None,
    ) -> None:
        params = message.get("params")
        if not isinstance(params, Mapping):
            params = _NO_PARAMS
        event = self._event(direction, method, params, ns, size)
        event.request_id = id_text(message["id"])
        request = OpenRequest(event=event, key=key, started_ns=ns)
        request.is_first_page = params.get("cursor") is None
        meta = params.get("_meta")
        if isinstance(meta, Mapping):
            self._identity.learn_from_meta(meta, event)
            request.progress_token = request_key(meta.get("progressToken"))
        if direction == "to_server":
            self._identity.learn_from_request(method, params)
        requests = self._open[direction]
        self._make_room(requests, key, ns)
        requests.add(request)
        if method in CALL_METHODS:
            self._calls[event.sequence] = request
        elif direction == "to_client" and method in _ASKS_PERSON_OR_MODEL:
            self._begin_wait(request, ns)

    def _event(
        self,
        direction: Direction,
        method: str,
        params: Mapping[str, Any],
        ns: int,
        size: int | None,
    ) -> Event:
        sequence = self._next_sequence()
        event = Event(
            run_id=self._run_id,
            schema_version=SCHEMA_VERSION,
            event_id=f"{self._run_id}-{sequence}",
            connection_id=self._facts.connection_id,
            observer=self._facts.observer,
            sequence=sequence,
            direction=direction,
            session_id=self._facts.connection_id,
            session_basis="connection",
            transport=self._facts.transport,
            method=method,
            started_at=self._clock.utc(ns),
            request_bytes=size,
            lost_before=self._lost_before,
        )
        self._lost_before = None
        if method in CALL_METHODS:
            event.call_id = event.event_id
            event.round = 1
            event.is_final = True
            self._describe_call(event, method, params)
        else:
            contents = {name: value for name, value in params.items() if name != "_meta"}
            kept = self._privacy.arguments(contents, declared=None)
            event.arguments, event.arguments_hash, event.arguments_shape = kept
        return event

    def _describe_call(self, event: Event, method: str, params: Mapping[str, Any]) -> None:
        if method == "resources/read":
            uri = params.get("uri")
            event.target = clean_address(uri)
            definition = self._definitions.of_call(method, uri)
            kept = self._privacy.arguments({"uri": uri}, declared=())
        else:
            name = params.get("name")
            event.target = clean_name(name)
            definition = self._definitions.of_call(method, name)
            arguments = params.get("arguments")
            kept = self._privacy.arguments(
                {} if arguments is None else arguments,
                declared=() if definition is None else definition.declared,
            )
        event.arguments, event.arguments_hash, event.arguments_shape = kept
        if definition is not None:
            event.definition_hash = definition.definition_hash
            event.is_read_only = definition.is_read_only
            event.is_idempotent = definition.is_idempotent
            event.is_destructive = definition.is_destructive

    def _make_room(self, requests: OpenRequests, key: RequestKey, ns: int) -> None:
        earlier = requests.take(key, fate="given_up")
        if earlier is not None:
            self._rows.notice(
                "reused_id",
                ns=ns,
                direction=requests.direction,
                method=earlier.event.method,
                request_id=earlier.event.request_id,
            )
            self._finish(earlier, ns, "unanswered", "reused_id", is_timed=False)
        oldest = requests.oldest() if len(requests) >= MAX_OPEN else None
        if oldest is not None:
            self._say_full(f"more than {MAX_OPEN} open requests", ns)
            requests.take(oldest.key, fate="given_up")
            self._finish(oldest, ns, "unanswered", "too_many_open", is_timed=False)

    def _say_full(self, detail: str, ns: int) -> None:
        if not self._has_said_full:
            self._has_said_full = True
            self._rows.notice("recorder_trouble", ns=ns, detail=detail)

    def _begin_wait(self, request: OpenRequest, ns: int) -> None:
        if len(self._calls) == 1:
            [call] = self._calls.values()
            call.begin_wait(ns)
            request.asked_within = call
        else:
            for call in self._calls.values():
                call.has_unclear_wait = True

    def _answer(
        self, direction: Direction, message: Mapping[str, Any], ns: int, size: int | None
    ) -> None:
        # What the client receives answers what the server was asked.
        requests = self._open["to_client" if direction == "to_server" else "to_server"]
        key = request_key(message.get("id"))
        request = None if key is None else requests.take(key, fate="answered")
        if request is None:
            self._stray_answer(requests, direction, key, message, ns, size)
            return
        event = request.event
        event.response_bytes = size
        is_first = direction == "to_client" and not self._rows.is_answered
        if is_first:
            self._rows.first_answer(ns)
        has_news = False
        if message.get("error") is not None or "result" not in message:
            self._take_error(request, message.get("error"), ns)
        else:
            has_news = self._take_result(request, message["result"], ns)
        if is_first or has_news:
            self._rows.connection()

    def _stray_answer(  # noqa: PLR0917  split up next
        self,
        requests: OpenRequests,
        direction: Direction,
        key: RequestKey | None,
        message: Mapping[str, Any],
        ns: int,
        size: int | None,
    ) -> None:
        fate = None if key is None else requests.fate_of(key)
        kind: NoticeKind
        if fate is None or key is None:
            kind = "unknown_id"
        elif fate == "answered":
            kind = "duplicate_answer"
        else:
            kind = "late_answer"
            requests.remember(key, "answered")
        self._rows.notice(
            kind, ns=ns, direction=direction, request_id=id_text(message.get("id")), size=size
        )

    def _take_error(self, request: OpenRequest, error: Any, ns: int) -> None:
        event = request.event
        failure = failure_of_error(event.method or "", error)
        if event.method == "server/discover":
            # A server of the old era does not know it; the client asks on with a handshake.
            self._note_failure(event, failure._replace(error_class=None, rule=None))
            self._finish(request, ns, "protocol_error", "era_probe")
        else:
            self._note_failure(event, failure)
            self._finish(request, ns, "protocol_error", "answer")

    def _take_result(self, request: OpenRequest, result: Any, ns: int) -> bool:
        """Take in a result; True when it told something new of the connection."""
        event = request.event
        method = event.method or ""
        kept = self._privacy.result(result)
        event.result, event.result_hash = kept.text, kept.digest
        outcome: Outcome = "ok"
        has_news = False
        if is_malformed(method, result):
            self._note_failure(event, Failure("malformed_result", "result_shape"))
        if isinstance(result, Mapping):
            event.content_kinds = content_kinds(method, result)
            if method == "tools/call":
                event.is_structured = "structuredContent" in result
            if method == "tools/call" and result.get("isError") is True:
                outcome = "tool_error"
                self._note_failure(event, failure_of_result(result))
            elif asks_for_input(result):
                outcome = "input_required"
                if method in CALL_METHODS:
                    event.is_final = False
            if event.direction == "to_server":
                has_news = self._identity.learn_from_result(result, event)
                if method in LISTS:
                    self._learn_definitions(request, result, ns)
        self._finish(request, ns, outcome, "answer")
        return has_news

    def _note_failure(self, event: Event, failure: Failure) -> None:
        event.error_class = failure.error_class
        event.error_rule = failure.rule
        event.error_code = failure.code
        event.error_message = self._privacy.error_text(failure.text)
        event.error_origin = "server" if event.direction == "to_server" else "client"

    def _learn_definitions(self, request: OpenRequest, result: Mapping[str, Any], ns: int) -> None:
        found = self._definitions.learn(
            request.event.method or "", result, is_first_page=request.is_first_page
        )
        for definition in found:
            self._rows.definition(definition, ns=ns)
        if self._definitions.is_full:
            self._say_full(f"more than {MAX_DEFINITIONS} definitions", ns)

    def _notification(
        self,
        direction: Direction,
        method: str,
        message: Mapping[str, Any],
        ns: int,
        size: int | None,
    ) -> None:
        params = message.get("params")
        if not isinstance(params, Mapping):
            params = _NO_PARAMS
        if method == "notifications/progress":
            self._progress(direction, params, ns)
        elif method == "notifications/cancelled":
            self._cancelled(direction, params, ns, size)
        else:
            detail = None
            kind: NoticeKind = "notification"
            if method == "notifications/message":
                kind = "log_message"
                level = params.get("level")
                detail = level if isinstance(level, str) and level in _LOG_LEVELS else None
            elif method.endswith("/list_changed"):
                kind = "list_changed"
            self._rows.notice(
                kind, ns=ns, direction=direction, method=method, detail=detail, size=size
            )

    def _progress(self, direction: Direction, params: Mapping[str, Any], ns: int) -> None:
        token = request_key(params.get("progressToken"))
        requests = self._open["to_client" if direction == "to_server" else "to_server"]
        request = None if token is None else requests.with_token(token)
        if request is None:
            return
        event = request.event
        event.progress_count = (event.progress_count or 0) + 1
        if event.first_progress_ms is None:
            event.first_progress_ms = max(0, ns - request.started_ns) / 1e6

    def _cancelled(
        self, direction: Direction, params: Mapping[str, Any], ns: int, size: int | None
    ) -> None:
        requests = self._open[direction]
        key = request_key(params.get("requestId"))
        request = None if key is None else requests.take(key, fate="given_up")
        if request is None:
            # A cancel often crosses with the answer; only what never was is odd.
            if key is None or requests.fate_of(key) is None:
                self._rows.notice(
                    "unknown_id",
                    ns=ns,
                    direction=direction,
                    method="notifications/cancelled",
                    request_id=id_text(key),
                    size=size,
                )
            return
        reason = params.get("reason")
        if isinstance(reason, str) and _SAYS_TIMEOUT.search(reason[:1000]):
            self._finish(request, ns, "timeout", "cancel_reason")
        else:
            self._finish(request, ns, "cancelled", "cancel")

    def _finish(
        self,
        request: OpenRequest,
        ns: int,
        outcome: Outcome,
        basis: str,
        *,
        is_timed: bool = True,
    ) -> None:
        event = request.event
        event.outcome = outcome
        event.outcome_basis = basis
        if self._calls.pop(event.sequence, None) is None and request.asked_within is not None:
            request.asked_within.end_wait(ns)
        if is_timed and event.method not in _NEVER_TIMED:
            duration_ns = max(0, ns - request.started_ns)
            event.duration_ms = duration_ns / 1e6
            wait_ns = 0
            if event.call_id is not None and not request.has_unclear_wait:
                wait_ns = min(duration_ns, request.total_wait_ns(ns))
                event.wait_ms = wait_ns / 1e6
            event.work_ms = (duration_ns - wait_ns) / 1e6
        self._identity.stamp(event)
        self._emit(event)
