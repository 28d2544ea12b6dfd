"""What a server's middleware notes on a call's path, each with the time it was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mcplens.capture.deadlines import is_late
from mcplens.capture.server_wire import is_stateless, weight_of_result
from mcplens.capture.sighting import NOTHING_BESIDE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcplens.capture.note import Understood
    from mcplens.capture.server_connections import ServerConnection
    from mcplens.capture.server_tap import ServerTap


class Asked:
    """A request or a notification; noted when it is asked, and a request once more when it ends.

    What is known later has its beginning here, where it costs the call nothing.
    """

    deadline: float | None = None
    """By the event loop's clock, when the caller's time is up; None when it is not told."""
    ended_ns = 0
    result: Any = None
    error: BaseException | None = None
    is_late = False
    """Whether the caller's time was up."""

    is_read = False
    """Whether it was read that it was asked; from here on, all is the reader's."""
    connection: ServerConnection | None = None
    scope = ""
    beside = NOTHING_BESIDE
    cancel: Cancel | None = None
    """The caller's word that it no longer waits; it counts once the handler has let go."""
    is_over = False

    def __init__(self, ctx: Any, tap: ServerTap, *, is_stdio: bool) -> None:
        self.ctx = ctx
        self.ns = tap.ns()
        self.is_stdio = is_stdio
        self._tap = tap

    def answered(self, result: Any) -> None:
        """Note what it is answered with."""
        self.ended_ns = self._tap.ns()
        self.result = result
        self._tap.note(self, weight_of_result(result))

    def failed(self, error: BaseException) -> None:
        """Note how it failed, or that it was given up."""
        self.ended_ns = self._tap.ns()
        self.error = error
        self.is_late = is_late(self.deadline, error)
        self._tap.note(self)

    def is_word_to_come(self) -> bool:
        """Say whether a caller that cancels may yet say so: over HTTP it just leaves."""
        return not (
            self.connection is not None
            and self.connection.is_http
            and is_stateless(self.ctx.protocol_version)
        )

    def noted(self, understood: Understood) -> None:
        """Take in what the tool notes of its call, on the tool's own thread."""
        if self._tap.has_room():  # A tool may note without end.
            self._tap.note(Noted(self, self._tap.ns(), understood))


class Over(NamedTuple):
    """What is kept of the context of a request that is over, which may be large."""

    request_id: Any
    protocol_version: str | None


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
