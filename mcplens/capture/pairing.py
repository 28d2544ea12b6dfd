"""Each request of a connection, from the moment it is seen to what ended it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mcplens.capture.definitions import LISTS, MAX_DEFINITIONS, Definitions
from mcplens.capture.endings import (
    Ending,
    ending_by_cancel,
    ending_by_close,
    ending_by_disconnect,
    ending_by_error,
    ending_by_result,
    unanswered,
)
from mcplens.capture.error_rules import ErrorRules
from mcplens.capture.note import note_of_result
from mcplens.capture.noted import write_notes
from mcplens.capture.openings import Openings
from mcplens.capture.requests import (
    MAX_OPEN,
    OpenRequest,
    OpenRequests,
    RequestKey,
    id_text,
    scoped_key,
)
from mcplens.capture.waits import ASKS_PERSON_OR_MODEL, Waits
from mcplens.config import NO_SETTINGS, Settings
from mcplens.events import CALL_METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.clock import Clock
    from mcplens.capture.identity import ConnectionFacts, Identity
    from mcplens.capture.note import Understood
    from mcplens.capture.privacy import Privacy
    from mcplens.capture.rows import ConnectionRows
    from mcplens.capture.sighting import Sighting
    from mcplens.events import Direction, NoticeKind, Outcome, Row

OPEN_ROW_AFTER_NS: Final = 1_000_000_000
"""A request that is open for longer is written as opened."""

_NEVER_TIMED: Final = frozenset({"subscriptions/listen"})


class Pairing:
    """Follows the requests of one connection, in both directions."""

    def __init__(
        self,
        *,
        run_id: str,
        facts: ConnectionFacts,
        identity: Identity,
        rows: ConnectionRows,
        privacy: Privacy,
        clock: Clock,
        next_sequence: Callable[[], int],
        emit: Callable[[Row], None],
        settings: Settings = NO_SETTINGS,
    ) -> None:
        self._identity = identity
        self._rows = rows
        self._privacy = privacy
        self._emit = emit
        self._definitions = Definitions(
            keeps_contents=privacy.of(None, None, is_sure=False).keep == "full"
        )
        self._openings = Openings(
            run_id=run_id,
            facts=facts,
            identity=identity,
            definitions=self._definitions,
            privacy=privacy,
            clock=clock,
            next_sequence=next_sequence,
            settings=settings,
        )
        self._settings = settings
        self._rules = ErrorRules(settings.error_rules)
        self._of_client = OpenRequests()
        self._of_server = OpenRequests()
        self._waits = Waits()
        self._lost_at_ns: int | None = None
        self._said: set[str] = set()

    def request(
        self, seen: Sighting, method: str, key: RequestKey, message: Mapping[str, Any]
    ) -> None:
        """Open a request."""
        requests = self._asked_by_sender(seen.direction)
        self._make_room(requests, key, seen)
        request = self._openings.open(message, method=method, key=key, seen=seen)
        requests.add(request)
        self._rows.request(request.event)
        if method in CALL_METHODS:
            self._waits.call_begins(request)
        elif seen.direction == "to_client" and method in ASKS_PERSON_OR_MODEL:
            self._waits.question_begins(request)

    def _make_room(self, requests: OpenRequests, key: RequestKey, seen: Sighting) -> None:
        earlier = requests.take(key, fate="given_up")
        if earlier is not None:
            event = earlier.event
            self._notice("reused_id", seen, method=event.method, request_id=event.request_id)
            self._finish(earlier, unanswered("reused_id"), seen.ns)
        oldest = requests.oldest() if len(requests) >= MAX_OPEN else None
        if oldest is not None:
            self._say_once(f"more than {MAX_OPEN} open requests", seen.ns)
            requests.take(oldest.key, fate="given_up")
            self._finish(oldest, unanswered("too_many_open"), seen.ns)

    def answer(self, seen: Sighting, message: Mapping[str, Any]) -> None:
        """End the request that an answer names."""
        requests = self._asked_by_receiver(seen.direction)
        key = scoped_key(message.get("id"), seen.beside.scope)
        request = None if key is None else requests.take(key, fate="answered")
        if request is None:
            self._stray_answer(requests, message.get("id"), seen)
            return
        event = request.event
        event.response_bytes = seen.size
        event.http_status = seen.beside.http_status
        self._identity.stamp(event)
        is_news = seen.direction == "to_client" and self._rows.is_first_answer(seen.ns)
        error = message.get("error")
        if error is not None or "result" not in message:
            privacy = self._openings.privacy_of(event)
            ending = ending_by_error(event, error, privacy=privacy, rules=self._rules)
        else:
            result = message["result"]
            if seen.direction == "to_client" and isinstance(result, dict):
                # First who answers: what is kept may depend on the server's name.
                is_news |= self._identity.learn_from_result(result, event)
                self._note_of_result(request, result, seen)
                if event.method in LISTS:
                    self._learn_definitions(request, result, seen)
            privacy = self._openings.privacy_of(event)
            output_schema = request.output_schema
            ending = ending_by_result(
                event, result, privacy=privacy, rules=self._rules, output_schema=output_schema
            )
            if output_schema is not None and output_schema.is_broken:
                self._say_once(f"outputSchema of {event.target} cannot be used", seen.ns)
        if is_news:
            self._rows.connection()
        self._finish(request, ending, seen.ns)

    def _stray_answer(self, requests: OpenRequests, value: Any, seen: Sighting) -> None:
        key = scoped_key(value, seen.beside.scope)
        fate = None if key is None else requests.fate_of(key)
        kind: NoticeKind = "unknown_id"
        if key is not None and fate is not None:
            kind = "duplicate_answer" if fate == "answered" else "late_answer"
            requests.remember(key, "answered")
        self._notice(kind, seen, request_id=id_text(value))

    def _learn_definitions(
        self, request: OpenRequest, result: Mapping[str, Any], seen: Sighting
    ) -> None:
        method = request.event.method or ""
        for found in self._definitions.learn(method, result, is_first_page=request.is_first_page):
            self._rows.definition(found, ns=seen.ns)
        if self._definitions.is_full:
            self._say_once(f"more than {MAX_DEFINITIONS} definitions", seen.ns)

    def progress(self, seen: Sighting, params: Mapping[str, Any]) -> None:
        """Count progress for the request that asked for it under a token."""
        requests = self._asked_by_receiver(seen.direction)
        token = scoped_key(params.get("progressToken"), seen.beside.scope)
        request = None if token is None else requests.with_token(token)
        if request is not None:
            event = request.event
            event.progress_count = (event.progress_count or 0) + 1
            if event.first_progress_ms is None:
                event.first_progress_ms = max(0, seen.ns - request.started_ns) / 1e6

    def cancelled(self, seen: Sighting, params: Mapping[str, Any]) -> None:
        """End the request that its own sender no longer waits for."""
        requests = self._asked_by_sender(seen.direction)
        key = scoped_key(params.get("requestId"), seen.beside.scope)
        request = None if key is None else requests.take(key, fate="given_up")
        if request is not None:
            self._finish(request, ending_by_cancel(params.get("reason")), seen.ns)
        elif key is None or requests.fate_of(key) is None:
            # A cancel often crosses with the answer; only an id that never was is odd.
            asked = id_text(params.get("requestId"))
            self._notice("unknown_id", seen, method="notifications/cancelled", request_id=asked)

    def noted(self, key: RequestKey | None, understood: Understood, ns: int) -> None:
        """Add a note to the client's request that is open under an id."""
        self._complain(understood, ns)
        request = None if key is None else self._of_client.get(key)
        if request is not None:
            earlier = request.note
            request.note = understood.note if earlier is None else earlier.then(understood.note)

    def _note_of_result(
        self, request: OpenRequest, result: Mapping[str, Any], seen: Sighting
    ) -> None:
        understood = note_of_result(result)
        if understood is not None:
            self._complain(understood, seen.ns)
            request.note_of_result = understood.note

    def _complain(self, understood: Understood, ns: int) -> None:
        for complaint in understood.complaints:
            self._rows.notice("recorder_trouble", ns=ns, detail=complaint)

    def given_up(self, key: RequestKey, outcome: Outcome, ns: int) -> None:
        """End the client's request that its caller was seen to give up."""
        request = self._of_client.take(key, fate="given_up")
        if request is not None:
            self._finish(request, Ending(outcome, "caller"), ns)

    def lost(self, count: int, ns: int) -> None:
        """Note that messages were lost: any answer may have been among them."""
        self._openings.lost_count = (self._openings.lost_count or 0) + count
        self._lost_at_ns = ns

    def tick(self, ns: int) -> None:
        """Write as opened, once each, what has been open for more than a second."""
        for requests in (self._of_client, self._of_server):
            for request in requests.opened_before(ns - OPEN_ROW_AFTER_NS):
                request.is_spooled = True
                self._identity.stamp(request.event)
                # A copy: the event itself is still to change, and is written later.
                self._emit(msgspec.structs.replace(request.event))

    def exchange_ended(self, scope: str, reason: str, ns: int) -> None:
        """End what is open within a scope, because nothing more comes in it."""
        for requests in (self._of_client, self._of_server):
            for request in requests.in_scope(scope):
                requests.take(request.key, fate="given_up")
                self._finish(request, ending_by_disconnect(reason), ns)

    def close_all(self, reason: str, ns: int) -> None:
        """End all that is open, because the connection ended."""
        for requests in (self._of_client, self._of_server):
            for request in requests.take_all():
                self._close(request, reason, ns)

    def _asked_by_sender(self, direction: Direction) -> OpenRequests:
        return self._of_client if direction == "to_server" else self._of_server

    def _asked_by_receiver(self, direction: Direction) -> OpenRequests:
        return self._of_client if direction == "to_client" else self._of_server

    def _close(self, request: OpenRequest, reason: str, ns: int) -> None:
        if self._lost_at_ns is not None and request.started_ns <= self._lost_at_ns:
            # Its answer may have been among what was lost.
            self._finish(request, unanswered("messages_lost"), ns)
            return
        if reason == "server_exited":
            request.event.error_origin = "server"
        self._finish(request, ending_by_close(reason), ns)

    def _finish(self, request: OpenRequest, ending: Ending, ns: int) -> None:
        event = request.event
        event.outcome = ending.outcome
        event.outcome_basis = ending.basis
        wait_ns = self._waits.ends(request, ns)
        if ending.is_timed and event.method not in _NEVER_TIMED:
            duration_ns = max(0, ns - request.started_ns)
            event.duration_ms = duration_ns / 1e6
            if wait_ns is not None:
                event.wait_ms = min(wait_ns, duration_ns) / 1e6
            event.work_ms = (duration_ns - min(wait_ns or 0, duration_ns)) / 1e6
        self._identity.stamp(event)
        self._openings.keep_again(request)
        self._write_notes(request)
        self._emit(event)

    def _write_notes(self, request: OpenRequest) -> None:
        event = request.event
        is_call = event.method in CALL_METHODS
        configured = self._settings.notes_for(event.server_name, event.target) if is_call else None
        write_notes(
            event,
            told=request.note,
            of_result=request.note_of_result,
            configured=configured,
            privacy=self._openings.privacy_of(event),
        )

    def _notice(
        self,
        kind: NoticeKind,
        seen: Sighting,
        *,
        method: str | None = None,
        request_id: str | None = None,
    ) -> None:
        self._rows.notice(
            kind,
            ns=seen.ns,
            direction=seen.direction,
            method=method,
            request_id=request_id,
            size=seen.size,
        )

    def _say_once(self, detail: str, ns: int) -> None:
        if detail not in self._said:
            self._said.add(detail)
            self._rows.notice("recorder_trouble", ns=ns, detail=detail)
