"""The observer in a client's session, for who builds sessions: mcp 1.x, and fastmcp by a class.

A session that is made of streams taps them itself. It also sees what no transport can: that the
caller gave up. mcp 1.x tells nobody when a caller's time is over or its task is cancelled.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.client import TappedReader, TappedWriter, connection_facts, is_cancel
from mcplens.capture.client_tap import ClientTap
from mcplens.capture.transports import TransportFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.recorder import Recorder
    from mcplens.events import Outcome

_MCP_1_TIMEOUT: Final = 408
"""The code with which mcp 1.x tells a caller that the time is over."""

_ASKED: Final[ContextVar[list[Any] | None]] = ContextVar("mcplens_asked", default=None)
"""Takes the message that the current request sends, which alone knows the request's id."""


def record_session_class(
    session_class: type, *, recorder: Callable[[], Recorder], server_name: str | None = None
) -> type:
    """Make a class of sessions that record themselves; use it wherever the class would stand.

    Args:
        session_class: A ClientSession of any mcp, which takes a stream to read and one to write.
        recorder: Gives the run to record into, at each session.
        server_name: What to call the server, instead of what it calls itself.
    """
    return session_class_with(
        partial(open_tap, recorder, TransportFacts(), server_name=server_name), session_class
    )


def tap_of(session: Any) -> ClientTap | None:
    """Give the tap of a session that records itself."""
    return getattr(session, "_mcplens_tap", None)


def open_tap(
    recorder: Callable[[], Recorder], told: TransportFacts, *, server_name: str | None
) -> ClientTap:
    """Begin the recording of one session."""
    found = recorder()
    tap = ClientTap(found, connection_facts(found, told), server_name=server_name)
    found.attach(tap)
    return tap


def session_class_with(open_tap: Callable[[], ClientTap], session_class: type) -> type:
    """Make a class of sessions, each of which records itself through a tap of its own."""

    class RecordedSession(session_class):  # type: ignore[misc]  # it is only known when it runs
        def __init__(
            self, read_stream: Any = None, write_stream: Any = None, *args: Any, **options: Any
        ) -> None:
            self._mcplens_tap: ClientTap | None = None
            if isinstance(write_stream, TappedWriter):
                # The transport is recorded already: what only a session sees is added to it.
                self._mcplens_tap = write_stream.tap
                write_stream = _AskingWriter(write_stream.stream, write_stream.tap)
            elif read_stream is not None and write_stream is not None:
                tap = self._mcplens_tap = open_tap()
                read_stream = TappedReader(read_stream, tap)
                write_stream = _AskingWriter(write_stream, tap)
            super().__init__(read_stream, write_stream, *args, **options)

        async def send_request(self, *args: Any, **options: Any) -> Any:
            tap = self._mcplens_tap
            if tap is None:
                return await super().send_request(*args, **options)
            asked: list[Any] = []
            token = _ASKED.set(asked)
            try:
                return await super().send_request(*args, **options)
            except BaseException as error:
                if asked and (outcome := _outcome_for_caller(error)):
                    tap.give_up_on(asked[0], outcome)
                raise
            finally:
                with suppress(ValueError):  # What is thrown away half done ends in another context.
                    _ASKED.reset(token)

        async def __aexit__(self, *details: object) -> Any:
            if self._mcplens_tap is not None:
                self._mcplens_tap.end("client_closed", is_cancelled=is_cancel(details[1]))
            return await super().__aexit__(*details)

    RecordedSession.__name__ = session_class.__name__
    RecordedSession.__qualname__ = session_class.__qualname__
    return RecordedSession


class _AskingWriter(TappedWriter):
    async def send(self, item: Any) -> None:
        asked = _ASKED.get()
        if asked is not None and not asked:
            asked.append(item)
        await super().send(item)


def _outcome_for_caller(error: BaseException) -> Outcome | None:
    """Tell a time that is over from a call that is no longer wanted; None for anything else."""
    if is_cancel(error):
        return "cancelled"
    code = getattr(getattr(error, "error", None), "code", None)
    return "timeout" if code == _MCP_1_TIMEOUT else None
