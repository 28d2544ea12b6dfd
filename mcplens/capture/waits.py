"""How long a call waited for a person or a model, which is not the server's time.

Until 2025-11-25 a server asks its client in the middle of a call: for a form to be filled in, for
a model's words. While such a question is open, the call that caused it waits. Which call that was
is known only when one alone is open; otherwise its wait stays unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mcplens.capture.requests import OpenRequest

ASKS_PERSON_OR_MODEL: Final = frozenset({"elicitation/create", "sampling/createMessage"})


class Wait:
    """The waits of one call; those that overlap count once."""

    __slots__ = ("_going_on", "_since_ns", "_total_ns", "is_known")

    def __init__(self) -> None:
        self.is_known = True
        self._going_on = 0
        self._since_ns = 0
        self._total_ns = 0

    def begin(self, ns: int) -> None:
        """Note that something is waited for from now on."""
        if self._going_on == 0:
            self._since_ns = ns
        self._going_on += 1

    def end(self, ns: int) -> None:
        """Note that one of the things waited for has come."""
        self._going_on -= 1
        if self._going_on == 0:
            self._total_ns += max(0, ns - self._since_ns)

    def until(self, ns: int) -> int:
        """Add up the waits, also the one that goes on."""
        going_on = max(0, ns - self._since_ns) if self._going_on else 0
        return self._total_ns + going_on


class Waits:
    """The calls open on a connection, and the questions asked while they are."""

    __slots__ = ("_asked_within", "_calls")

    def __init__(self) -> None:
        self._calls: dict[int, Wait] = {}
        self._asked_within: dict[int, Wait] = {}

    def call_begins(self, request: OpenRequest) -> None:
        """Note that a call is open."""
        self._calls[request.event.sequence] = Wait()

    def question_begins(self, request: OpenRequest) -> None:
        """Note that the server asks the client, on behalf of the call that is open."""
        if len(self._calls) == 1:
            [wait] = self._calls.values()
            wait.begin(request.started_ns)
            self._asked_within[request.event.sequence] = wait
        else:
            for wait in self._calls.values():
                wait.is_known = False

    def ends(self, request: OpenRequest, ns: int) -> int | None:
        """Note that a call or a question ended; of a call, give its wait, if it is known."""
        sequence = request.event.sequence
        wait = self._calls.pop(sequence, None)
        if wait is not None:
            return wait.until(ns) if wait.is_known else None
        within = self._asked_within.pop(sequence, None)
        if within is not None:
            within.end(ns)
        return None
