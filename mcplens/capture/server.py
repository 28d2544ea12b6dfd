"""The observer in the server: a middleware of the SDK, outside of all others.

On a call's path it reads a clock and notes what it was given; what that means is read on the
recorder's thread. It needs an SDK with middleware: mcp 2 or fastmcp 4.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from mcplens.capture.deadlines import deadline_of_task
from mcplens.capture.note import NOTES_OF_CALL
from mcplens.capture.server_asked import Asked
from mcplens.capture.server_connections import MAX_CONNECTIONS
from mcplens.capture.server_questions import with_watched_session
from mcplens.capture.server_tap import ServerTap
from mcplens.capture.server_wire import weight_of_params
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from mcplens.capture.recorder import Recorder


def record_server(
    server: Any, *, recorder: Callable[[], Recorder], server_name: str | None = None
) -> Any:
    """Record what a server is asked and how it answers; gives back the same server.

    Args:
        server: An MCPServer or low-level Server of mcp 2, or a FastMCP of fastmcp 4.
        recorder: Gives the run to record into, at each use.
        server_name: What to call the server, instead of what it calls itself.

    Raises:
        UsageError: the server's SDK has no middleware.
    """
    middleware = _middleware_of(server)
    if not any(isinstance(entry, ServerObserver) for entry in middleware):
        observer = ServerObserver(recorder, server_name=server_name, server_info=_info(server))
        # Outermost, where results are as they go to the wire.
        middleware.insert(0, observer)
    return server


class ServerObserver:
    """The middleware; one for each recorded server."""

    def __init__(
        self,
        recorder: Callable[[], Recorder],
        *,
        server_name: str | None,
        server_info: dict[str, Any],
    ) -> None:
        self._recorder = recorder
        self._server_name = server_name
        self._server_info = server_info
        self._stdin = _identity_of_stdin()
        self._tap: ServerTap | None = None
        # By identity, with the objects themselves, so that no other gets it.
        self._lifespans: dict[int, tuple[Any, bool]] = {}

    async def __call__(self, ctx: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        """Note what is asked, and what comes of it."""
        try:
            tap = self._tap_of_process()
            asked = self._asked(ctx, tap)
            if asked is not None:
                ctx = with_watched_session(ctx, asked, tap)
        except Exception:  # noqa: BLE001  watching never harms the watched
            asked = None
        if asked is None:
            return await call_next(ctx)
        token = NOTES_OF_CALL.set(asked.noted)
        try:
            result = await call_next(ctx)
        except BaseException as error:
            asked.failed(error)
            raise
        finally:
            try:  # noqa: SIM105  suppress() costs on the call's path
                NOTES_OF_CALL.reset(token)
            except ValueError:  # What is thrown away half done ends in another context.
                pass
        asked.answered(result)
        return result

    def _asked(self, ctx: Any, tap: ServerTap) -> Asked | None:
        """Note that something is asked; None when its end need not be noted."""
        weight = weight_of_params(ctx.params)
        if not tap.has_room(weight):
            return None
        is_remote = ctx.request is not None
        is_stdio = not is_remote and self._is_stdio(ctx.lifespan_context)
        asked = Asked(ctx, tap, is_stdio=is_stdio)
        if ctx.request_id is None:
            tap.note(asked)
            return None
        if not is_remote and not is_stdio:
            asked.deadline = deadline_of_task()
        tap.note(asked, weight)
        return asked

    def _is_stdio(self, lifespan: Any) -> bool:
        known = self._lifespans.get(id(lifespan))
        if known is None:
            # While it serves stdio, the SDK keeps what was stdin to itself, and puts the null
            # device in its place.
            now = _identity_of_stdin()
            is_stdio = now != self._stdin and now == _identity_of(os.devnull)
            if len(self._lifespans) >= MAX_CONNECTIONS:
                self._lifespans.clear()
            known = self._lifespans[id(lifespan)] = (lifespan, is_stdio)
        return known[1]

    def _tap_of_process(self) -> ServerTap:
        # Asked for each time: a fork has a recorder of its own.
        recorder = self._recorder()
        tap = self._tap
        if tap is None or tap.recorder is not recorder:
            tap = ServerTap(recorder, server_name=self._server_name, server_info=self._server_info)
            self._tap = tap
            recorder.attach(tap)
        return tap


def _middleware_of(server: Any) -> list[Any]:
    # FastMCP has middleware of its own, which sees results before they are made fit for the wire,
    # and an exception where the client is told of an error. The SDK's server is inside of it.
    inner = getattr(server, "_mcp_server", server)
    middleware = getattr(inner, "middleware", None)
    if not isinstance(middleware, list):
        raise UsageError(
            f"{type(server).__module__}.{type(server).__name__} has no middleware to record from "
            "(mcp 2 or fastmcp 4 have). Start the server behind mcplens instead: "
            "mcplens record -- COMMAND"
        )
    return middleware


def _info(server: Any) -> dict[str, Any]:
    return {"name": getattr(server, "name", None), "version": getattr(server, "version", None)}


def _identity_of_stdin() -> tuple[int, int] | None:
    return _identity_of(0)


def _identity_of(file: int | str) -> tuple[int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116  a descriptor has no path
    except OSError:
        return None
    return found.st_rdev or found.st_dev, found.st_ino
