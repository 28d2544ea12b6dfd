"""The last step of a request: its times, its call's totals, and the row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mcplens.capture.endings import Ending, ending_by_close, unanswered
from mcplens.capture.noted import write_notes

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.identity import Identity
    from mcplens.capture.openings import Openings
    from mcplens.capture.requests import OpenRequest, Past
    from mcplens.capture.waits import Questions
    from mcplens.config import Settings
    from mcplens.events import Event, Row

ENDLESS: Final = frozenset({"subscriptions/listen"})
"""Requests that are open for as long as somebody listens; their time says nothing."""

_STOPPED_LISTENING: Final = Ending("cancelled", "client_closed", is_timed=False)


class Finishing:
    """Writes the rows of one connection's requests, as opened and as ended."""

    __slots__ = ("_emit", "_identity", "_openings", "_questions", "_settings", "lost_at_ns")

    def __init__(
        self,
        *,
        identity: Identity,
        openings: Openings,
        questions: Questions,
        settings: Settings,
        emit: Callable[[Row], None],
    ) -> None:
        self._identity = identity
        self._openings = openings
        self._questions = questions
        self._settings = settings
        self._emit = emit
        self.lost_at_ns: int | None = None
        """When messages were lost for the last time; any answer may have been among them."""

    def opened(self, request: OpenRequest) -> None:
        """Write a request as opened, once."""
        request.is_spooled = True
        self._identity.stamp(request.event)
        # A copy: the event itself is still to change, and is written later.
        # Between two rounds it holds an error that its call has not ended with.
        row = msgspec.structs.replace(
            request.event,
            error_class=None,
            error_rule=None,
            error_code=None,
            error_message=None,
            error_origin=None,
        )
        if request.past is not None:
            row.started_at = request.past.started_at
        self._emit(row)

    def last_round(self, request: OpenRequest, ending: Ending, ns: int) -> None:
        """Write a request that ended, with the totals of the rounds before it."""
        self._questions.end(request, ns)
        event, past, own = request.event, request.past, request.wait
        wait_ns = 0 if own is None else own.until(ns)
        began_ns = request.started_ns
        if past is not None:
            event.started_at, began_ns = past.started_at, past.started_ns
            _add_progress(event, past, request.first_progress_ns)
            is_known = wait_ns is not None and past.wait_ns is not None
            wait_ns = (wait_ns or 0) + (past.wait_ns or 0) if is_known else None
        _write_end(event, ending, began_ns=began_ns, wait_ns=wait_ns, ns=ns)
        self._identity.stamp(event)
        self._openings.keep_again(request)
        self._write_notes(request)
        self._emit(event)

    def earlier_round(self, request: OpenRequest, ending: Ending, ns: int) -> None:
        """Write a request that ended and was gone on with, with times of its own."""
        request.event.is_final = False
        wait_ns = 0 if request.wait is None else request.wait.until(ns)
        _write_end(request.event, ending, began_ns=request.started_ns, wait_ns=wait_ns, ns=ns)
        self._identity.stamp(request.event)
        self._openings.keep_again(request)
        self._emit(request.event)

    def closed(self, request: OpenRequest, reason: str, ns: int, *, since_ns: int) -> None:
        """Write a request as ended by its connection's end, open since the last that was seen."""
        ending = ending_by_close(reason)
        if self.is_uncertain(since_ns):
            ending = unanswered("messages_lost")
        elif reason == "client_closed" and request.event.method in ENDLESS:
            ending = _STOPPED_LISTENING
        elif reason == "server_exited":
            request.event.error_origin = "server"
        self.last_round(request, ending, ns)

    def is_uncertain(self, since_ns: int) -> bool:
        """Say whether an answer to what is open since then may have been lost."""
        return self.lost_at_ns is not None and since_ns <= self.lost_at_ns

    def _write_notes(self, request: OpenRequest) -> None:
        event, settings = request.event, self._settings
        has_note = request.note is not None or request.note_of_result is not None
        if event.call_id is None or not (has_note or settings.notes_by_tool):
            return
        write_notes(
            event,
            told=request.note,
            of_result=request.note_of_result,
            configured=settings.notes_for(event.server_name, event.target),
            privacy=self._openings.privacy_of(event),
        )


def _write_end(
    event: Event, ending: Ending, *, began_ns: int, wait_ns: int | None, ns: int
) -> None:
    event.outcome = ending.outcome
    event.outcome_basis = ending.basis
    if ending.is_timed and event.method not in ENDLESS:
        duration_ns = max(0, ns - began_ns)
        event.duration_ms = duration_ns / 1e6
        if wait_ns is not None and event.call_id is not None:
            event.wait_ms = min(wait_ns, duration_ns) / 1e6
        event.work_ms = (duration_ns - min(wait_ns or 0, duration_ns)) / 1e6


def _add_progress(event: Event, past: Past, first_ns: int | None) -> None:
    if past.progress_count is not None:
        event.progress_count = past.progress_count + (event.progress_count or 0)
    if past.first_progress_ns is not None:
        first_ns = past.first_progress_ns
    if first_ns is not None:
        event.first_progress_ms = max(0, first_ns - past.started_ns) / 1e6
