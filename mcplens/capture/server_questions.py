"""What a server asks its client within a call, until 2025-11-25: a person's word or a model's.

Such questions pass no middleware. The SDK lets a middleware hand on a context of its own, so the
handler gets a session that notes when it asks and when it was answered, and is the SDK's in all
else. Without it the time that a person takes would look like the server's work.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.server_asked import Question
from mcplens.capture.server_wire import is_stateless

if TYPE_CHECKING:
    from mcplens.capture.server_asked import Asked
    from mcplens.capture.server_tap import ServerTap

_ASKING: Final = ("elicitation", "sampling")
"""What a client declares that can be asked."""

_NOT_NOTED: Final = 0


def with_watched_session(ctx: Any, asked: Asked, tap: ServerTap) -> Any:
    """Give the context for the handler: the same, unless it could ask the client."""
    if is_stateless(ctx.protocol_version):
        return ctx
    session = ctx.session
    capabilities = session.client_capabilities
    if all(getattr(capabilities, name, None) is None for name in _ASKING):
        return ctx
    session_class: Any = type(session)
    watched: Any = object.__new__(_watched_class(session_class))
    vars(watched).update(vars(session), _mcplens_notes=_Notes(asked, tap))
    return dataclasses.replace(ctx, session=watched)


class _Notes:
    """Notes the questions of one call."""

    __slots__ = ("_asked", "_numbers", "_tap")

    def __init__(self, asked: Asked, tap: ServerTap) -> None:
        self._asked = asked
        self._tap = tap
        self._numbers = count(1)

    def begin(self, request: Any) -> int:
        if not self._tap.has_room():  # A tool may ask without end.
            return _NOT_NOTED
        number = next(self._numbers)
        self._tap.note(Question(self._asked, self._tap.ns(), number, request))
        return number

    def end(self, number: int, result: Any = None, error: BaseException | None = None) -> None:
        if number != _NOT_NOTED:
            self._tap.note(Question(self._asked, self._tap.ns(), number, None, result, error))


@cache
def _watched_class(session_class: Any) -> Any:
    """Make the session's class again, with requests that are noted."""

    async def send_request(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        notes = self._mcplens_notes
        number = notes.begin(request)
        try:
            result = await session_class.send_request(self, request, *args, **kwargs)
        except BaseException as error:
            notes.end(number, error=error)
            raise
        notes.end(number, result)
        return result

    return type(session_class.__name__, (session_class,), {"send_request": send_request})
