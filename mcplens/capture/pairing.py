"""Each request of a connection, from the moment it is seen to what ended it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.askers import Asker
from mcplens.capture.definitions import LISTS, MAX_DEFINITIONS, Definitions
from mcplens.capture.endings import (
    Ending,
    ending_by_cancel,
    ending_by_disconnect,
    ending_by_status,
    unanswered,
)
from mcplens.capture.finishing import Finishing
from mcplens.capture.judging import Judging
from mcplens.capture.openings import Openings, params_of
from mcplens.capture.requests import (
    MAX_OPEN,
    OpenRequest,
    OpenRequests,
    RequestKey,
    id_text,
    scoped_key,
)
from mcplens.capture.rounds import Rounds
from mcplens.capture.waits import ASKS_PERSON_OR_MODEL, Questions
from mcplens.config import NO_SETTINGS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.clock import Clock
    from mcplens.capture.identity import ConnectionFacts, Identity
    from mcplens.capture.note import Understood
    from mcplens.capture.privacy import Privacy
    from mcplens.capture.rows import ConnectionRows
    from mcplens.capture.sighting import Sighting
    from mcplens.events import Direction, NoticeKind, Row

OPEN_ROW_AFTER_NS: Final = 1_000_000_000
"""A request that is open for longer is written as opened."""


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
        self._questions = Questions()
        self._judging = Judging(openings=self._openings, rows=rows, settings=settings)
        self._finishing = Finishing(
            identity=identity,
            openings=self._openings,
            questions=self._questions,
            settings=settings,
            emit=emit,
        )
        self._client = Asker(finishing=self._finishing, judging=self._judging)
        self._server = Asker(finishing=self._finishing, judging=self._judging)
        self._rounds = Rounds(finishing=self._finishing, privacy=privacy)

    def request(
        self, seen: Sighting, method: str, key: RequestKey, message: Mapping[str, Any]
    ) -> None:
        """Open a request."""
        asker = self._sender(seen.direction)
        self._make_room(asker.requests, key, seen)
        request = self._openings.open(message, method=method, key=key, seen=seen)
        asker.requests.add(request)
        self._rows.request(request.event)
        if self._rounds and request.event.call_id is not None:
            self._rounds.join(request)
        elif request.task_key is not None:
            asker.tasks.asked_about(request, params_of(message))
        elif seen.direction == "to_client" and method in ASKS_PERSON_OR_MODEL:
            self._question(request, params_of(message).get("_meta"))

    def _question(self, request: OpenRequest, meta: Any) -> None:
        """Let the call wait within which the server asks the client."""
        task = self._client.tasks.related(meta)
        if task is None:
            self._questions.begin(request, self._client.calls())
        else:
            self._questions.begin(request, [task.request])
            task.goes_on(request.started_ns)  # From here on the question says it better.

    def _make_room(self, requests: OpenRequests, key: RequestKey, seen: Sighting) -> None:
        earlier = requests.take(key, fate="given_up")
        if earlier is not None:
            event = earlier.event
            self._notice("reused_id", seen, method=event.method, request_id=event.request_id)
            self._finishing.last_round(earlier, unanswered("reused_id"), seen.ns)
        oldest = requests.oldest() if len(requests) >= MAX_OPEN else None
        if oldest is not None:
            self._rows.trouble_once(f"more than {MAX_OPEN} open requests", seen.ns)
            requests.take(oldest.key, fate="given_up")
            self._finishing.last_round(oldest, unanswered("too_many_open"), seen.ns)

    def answer(self, seen: Sighting, message: Mapping[str, Any]) -> None:
        """End the request that an answer names."""
        asker = self._receiver(seen.direction)
        key = scoped_key(message.get("id"), seen.beside.scope)
        request = None if key is None else asker.requests.take(key, fate="answered")
        if request is None:
            self._stray_answer(asker.requests, message.get("id"), seen)
            return
        event = request.event
        event.response_bytes = seen.size
        event.http_status = seen.beside.http_status
        is_news = seen.direction == "to_client" and self._rows.is_first_answer(seen.ns)
        error, result = message.get("error"), message.get("result")
        is_error = error is not None or "result" not in message
        if not is_error and seen.direction == "to_client" and isinstance(result, dict):
            # First who answers: what is kept may depend on the server's name.
            is_news |= self._identity.learn_from_result(result, event)
            if event.method in LISTS:
                self._learn_definitions(request, result, seen)
        self._identity.stamp(event)  # Rules ask for the server's name.
        if is_news:
            self._rows.connection()
        if request.task_key is not None:
            asker.tasks.answered_about(request, message, seen)
        if is_error:
            ending = self._judging.by_error(request, error)
        elif asker.tasks.hold(request, result, seen.ns):
            return
        else:
            ending = self._judging.by_result(request, result, seen.ns)
        if not self._rounds.hold(request, ending, message, seen.ns):
            self._finishing.last_round(request, ending, seen.ns)

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
            self._rows.trouble_once(f"more than {MAX_DEFINITIONS} definitions", seen.ns)

    def advertised(self, method: str, items: Sequence[Mapping[str, Any]], ns: int) -> None:
        """Learn definitions from a list that was not seen on the wire."""
        listed = {LISTS[method].items: list(items)}
        for found in self._definitions.learn(method, listed, is_first_page=True):
            self._rows.definition(found, ns=ns)

    def progress(self, seen: Sighting, params: Mapping[str, Any]) -> None:
        """Count progress for the request that asked for it under a token."""
        requests = self._receiver(seen.direction).requests
        token = scoped_key(params.get("progressToken"), seen.beside.scope)
        request = None if token is None else requests.with_token(token)
        if request is not None:
            event = request.event
            event.progress_count = (event.progress_count or 0) + 1
            if request.first_progress_ns is None:
                request.first_progress_ns = seen.ns
                event.first_progress_ms = max(0, seen.ns - request.started_ns) / 1e6

    def cancelled(self, seen: Sighting, params: Mapping[str, Any]) -> None:
        """End the request that its own sender no longer waits for."""
        requests = self._sender(seen.direction).requests
        key = scoped_key(params.get("requestId"), seen.beside.scope)
        request = None if key is None else requests.take(key, fate="given_up")
        if request is not None:
            self._finishing.last_round(request, ending_by_cancel(params.get("reason")), seen.ns)
        elif key is None or requests.fate_of(key) is None:
            # A cancel often crosses with the answer; only an id that never was is odd.
            asked = id_text(params.get("requestId"))
            self._notice("unknown_id", seen, method="notifications/cancelled", request_id=asked)

    def noted(self, key: RequestKey | None, understood: Understood, ns: int) -> None:
        """Add a note to the client's request that is open under an id."""
        self._judging.complain(understood.complaints, ns)
        request = None if key is None else self._client.requests.get(key)
        if request is not None:
            earlier = request.note
            request.note = understood.note if earlier is None else earlier.then(understood.note)

    def given_up(self, key: RequestKey, ending: Ending, ns: int) -> None:
        """End the client's request that its caller was seen to give up."""
        request = self._client.requests.take(key, fate="given_up")
        if request is not None:
            self._finishing.last_round(request, ending, ns)

    def task_status(self, seen: Sighting, params: Mapping[str, Any]) -> None:
        """Take in how far a task is."""
        self._receiver(seen.direction).tasks.seen(params, seen)

    def lost(self, count: int, ns: int) -> None:
        """Note that messages were lost: any answer may have been among them."""
        self._openings.lost_count = (self._openings.lost_count or 0) + count
        self._finishing.lost_at_ns = ns

    def tick(self, ns: int) -> None:
        """Write as opened, once each, what has been open for more than a second."""
        before_ns = ns - OPEN_ROW_AFTER_NS
        for asker in (self._client, self._server):
            asker.tick(ns, opened_before_ns=before_ns)
        if self._rounds:
            self._rounds.tick(ns, opened_before_ns=before_ns)

    def exchange_ended(self, exchange: str, reason: str, ns: int) -> None:
        """End what is open of an HTTP exchange, because nothing more comes in it."""
        for request in self._take_exchange(exchange):
            if reason == "unreachable":
                request.event.error_origin = "transport"
            self._finishing.last_round(request, ending_by_disconnect(reason), ns)

    def exchange_refused(self, exchange: str, *, status: int, ns: int) -> None:
        """End what is open of an HTTP exchange that was answered by its status."""
        for request in self._take_exchange(exchange):
            ending = ending_by_status(request.event, status)
            self._finishing.last_round(request, ending, ns)

    def _take_exchange(self, exchange: str) -> list[OpenRequest]:
        return [*self._client.take_exchange(exchange), *self._server.take_exchange(exchange)]

    def close_all(self, reason: str, ns: int) -> None:
        """End all that has no end yet, because the connection ended."""
        for asker in (self._client, self._server):
            asker.close(reason, ns)
        self._rounds.close(reason, ns)

    def _sender(self, direction: Direction) -> Asker:
        return self._client if direction == "to_server" else self._server

    def _receiver(self, direction: Direction) -> Asker:
        return self._client if direction == "to_client" else self._server

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
