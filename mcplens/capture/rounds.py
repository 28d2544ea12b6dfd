"""Calls that take several requests: from 2026-07-28 a server asks in its result, not in between.

A result that asks for input is no end of its call: the client asks the person or the model, and
then makes the same call again under a new id, with the answers. Until 2025-11-25 an error can ask
so too, for a visit to a web page. And a server that finds HTTP headers which do not fit the call
refuses it, upon which the client makes it again with the right ones. Such an answer is held here
until the next round comes, or until none can.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.endings import ABANDONED, Ending, unanswered
from mcplens.capture.failures import HEADER_MISMATCH
from mcplens.capture.requests import Past
from mcplens.capture.waits import asked_of_person_or_model, wait_of

if TYPE_CHECKING:
    from mcplens.capture.finishing import Finishing
    from mcplens.capture.privacy import Privacy
    from mcplens.capture.requests import OpenRequest

MAX_HELD: Final = 1_000
"""Calls of one connection that may be between two rounds; the oldest gives way."""

PATIENCE_NS: Final = 24 * 3600 * 1_000_000_000
"""How long an answer to what was asked may take; people sleep."""

HASTE_NS: Final = 60 * 1_000_000_000
"""How long a client may take where no person is asked."""

RoundKey = tuple[str | None, ...]


class Held:
    """A round that was answered, and by what its call is gone on with."""

    __slots__ = ("ending", "key", "ns", "request", "until_ns")

    def __init__(
        self, request: OpenRequest, ending: Ending, *, key: RoundKey, ns: int, until_ns: int
    ) -> None:
        self.request = request
        self.ending = ending
        self.key = key
        self.ns = ns
        self.until_ns = until_ns


class Rounds:
    """The calls of one connection that are between two rounds."""

    __slots__ = ("_by_key", "_finishing", "_held", "_privacy")

    def __init__(self, *, finishing: Finishing, privacy: Privacy) -> None:
        self._finishing = finishing
        self._privacy = privacy
        self._held: dict[int, Held] = {}
        self._by_key: dict[RoundKey, deque[Held]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def hold(
        self, request: OpenRequest, ending: Ending, answer: Mapping[str, Any], ns: int
    ) -> bool:
        """Hold an answer after which its call goes on; False when it ends the call."""
        event = request.event
        if event.call_id is None:
            return False
        if ending.outcome == "input_required":
            key, is_patient = self._what_is_asked(request, answer.get("result"), ns)
        elif event.error_code == HEADER_MISMATCH and ending.outcome == "protocol_error":
            key, is_patient = _key_of_the_same(request), False
        else:
            return False
        if len(self._held) >= MAX_HELD:
            self._give_up(next(iter(self._held.values())), unanswered("too_many_open"))
        until_ns = ns + (PATIENCE_NS if is_patient else HASTE_NS)
        held = Held(request, ending, key=key, ns=ns, until_ns=until_ns)
        self._held[event.sequence] = held
        self._by_key.setdefault(key, deque()).append(held)
        return True

    def join(self, request: OpenRequest) -> None:
        """Make a request the next round of the call that it goes on with, if it does."""
        held = self._continued_by(request)
        if held is None:
            return
        self._forget(held)
        past = _past(held.request, ns=request.started_ns)
        request.past = past
        request.event.call_id = past.call_id
        request.event.round = past.rounds + 1
        # What was noted counts once, with the call's totals.
        request.note, held.request.note = held.request.note, None
        request.note_of_result = held.request.note_of_result
        self._finishing.earlier_round(held.request, held.ending, held.ns)
        if held.request.is_spooled:
            # What was written as open was that round; a call seen once must not be lost again.
            self._finishing.opened(request)

    def tick(self, ns: int, *, opened_before_ns: int) -> None:
        """Write as opened what has been open for long, and end what nobody goes on with."""
        for held in list(self._held.values()):
            if held.until_ns <= ns:
                self._give_up(held, _end_of_abandoned(held))
            elif not held.request.is_spooled and held.request.started_ns < opened_before_ns:
                self._finishing.opened(held.request)

    def close(self, reason: str, ns: int) -> None:
        """End all that is held, because the connection ended."""
        for held in list(self._held.values()):
            if self._finishing.is_uncertain(held.ns):
                self._give_up(held, unanswered("messages_lost"))
            elif reason == "client_closed" or held.ending.outcome != "input_required":
                self._give_up(held, _end_of_abandoned(held))
            else:
                self._forget(held)
                self._finishing.closed(held.request, reason, ns, since_ns=held.ns)

    def _what_is_asked(self, request: OpenRequest, result: Any, ns: int) -> tuple[RoundKey, bool]:
        """Say what the next round is known by, and whether a person or a model is asked first."""
        if not isinstance(result, Mapping):  # An error that asks for a visit to a web page.
            wait_of(request).begin(ns)
            return _key_of_the_same(request), True
        asked = result.get("inputRequests")
        is_wait = bool(asked_of_person_or_model(asked))
        if is_wait:
            wait_of(request).begin(ns)
        if "requestState" in result:
            return _key("state", request, self._privacy.digest(result["requestState"])), is_wait
        return _key("input" if asked else "same", request, None), is_wait

    def _continued_by(self, request: OpenRequest) -> Held | None:
        if request.state is not None:
            waiting = self._by_key.get(_key("state", request, request.state))
            if waiting:
                return next((held for held in waiting if _is_alike(held, request)), waiting[0])
        elif request.has_input:
            waiting = self._by_key.get(_key("input", request, None))
            if waiting:
                return next((held for held in waiting if _is_alike(held, request)), None)
        waiting = self._by_key.get(_key_of_the_same(request))
        return next((held for held in waiting or () if _is_alike(held, request)), None)

    def _give_up(self, held: Held, ending: Ending) -> None:
        self._forget(held)
        self._finishing.last_round(held.request, ending, held.ns)

    def _forget(self, held: Held) -> None:
        del self._held[held.request.event.sequence]
        waiting = self._by_key[held.key]
        waiting.remove(held)
        if not waiting:
            del self._by_key[held.key]


def _key(kind: str, request: OpenRequest, state: str | None) -> RoundKey:
    event = request.event
    return (kind, event.direction, event.method, event.target, state)


def _key_of_the_same(request: OpenRequest) -> RoundKey:
    return _key("same", request, request.state)


def _is_alike(held: Held, request: OpenRequest) -> bool:
    return request.likeness is not None and held.request.likeness == request.likeness


def _past(before: OpenRequest, *, ns: int) -> Past:
    """Add up a call's rounds until the next one begins, with which a wait is over."""
    event, past = before.event, before.past
    wait_ns = 0 if before.wait is None else before.wait.until(ns)
    if past is None:
        return Past(
            call_id=event.call_id,
            rounds=1,
            started_at=event.started_at,
            started_ns=before.started_ns,
            wait_ns=wait_ns,
            progress_count=event.progress_count,
            first_progress_ns=before.first_progress_ns,
        )
    counts = [n for n in (past.progress_count, event.progress_count) if n is not None]
    firsts = [n for n in (past.first_progress_ns, before.first_progress_ns) if n is not None]
    is_wait_known = wait_ns is not None and past.wait_ns is not None
    return past._replace(
        rounds=past.rounds + 1,
        wait_ns=(wait_ns or 0) + (past.wait_ns or 0) if is_wait_known else None,
        progress_count=sum(counts) if counts else None,
        first_progress_ns=firsts[0] if firsts else None,
    )


def _end_of_abandoned(held: Held) -> Ending:
    return ABANDONED if held.ending.outcome == "input_required" else held.ending
