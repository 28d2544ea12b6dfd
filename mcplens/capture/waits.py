"""How long a call waited for a person or a model, which is not the server's time.

Until 2025-11-25 a server asks its client in the middle of a call: for a form to be filled in, for
a model's words. While such a question is open, the call that caused it waits. Which call that was
is said by the question's task, or by the HTTP exchange it came in, or by there being only one;
otherwise the wait of every call it could be stays unknown. From 2026-07-28 such questions stand in
results; see rounds.py and tasks.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcplens.capture.requests import OpenRequest

ASKS_PERSON_OR_MODEL: Final = frozenset({"elicitation/create", "sampling/createMessage"})
"""What else a server may ask, such as the client's roots, a machine answers."""


class Wait:
    """The waits of one request; those that overlap count once."""

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

    def until(self, ns: int) -> int | None:
        """Add up the waits, also the one that goes on; None when not all are known."""
        if not self.is_known:
            return None
        going_on = max(0, ns - self._since_ns) if self._going_on else 0
        return self._total_ns + going_on


def wait_of(request: OpenRequest) -> Wait:
    """Give the wait of a request, which has one from now on."""
    if request.wait is None:
        request.wait = Wait()
    return request.wait


class Questions:
    """What a server asked its client, and the calls that wait for the answers."""

    __slots__ = ("_asked_within",)

    def __init__(self) -> None:
        self._asked_within: dict[int, Wait] = {}

    def begin(self, question: OpenRequest, calls: Sequence[OpenRequest]) -> None:
        """Let the call wait that a question was asked for, if it is one of those open."""
        exchange = question.exchange
        within = [call for call in calls if exchange is not None and call.exchange == exchange]
        candidates = within or calls
        if len(candidates) == 1:
            wait = wait_of(candidates[0])
            wait.begin(question.started_ns)
            self._asked_within[question.event.sequence] = wait
        else:
            for call in candidates:
                wait_of(call).is_known = False

    def end(self, question: OpenRequest, ns: int) -> None:
        """Note that a question was answered, or will not be."""
        if self._asked_within:
            wait = self._asked_within.pop(question.event.sequence, None)
            if wait is not None:
                wait.end(ns)


def asked_of_person_or_model(input_requests: Any) -> list[str]:
    """List the keys of the questions in a result that a person or a model has to answer."""
    if not isinstance(input_requests, Mapping):
        return []
    return [
        key
        for key, question in input_requests.items()
        if isinstance(question, Mapping) and _asks(question.get("method"))
    ]


def _asks(method: Any) -> bool:
    return isinstance(method, str) and method in ASKS_PERSON_OR_MODEL
