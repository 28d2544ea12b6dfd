"""The observer in fastmcp's client, by the class of sessions that its transports take.

What comes back is a transport of the same kind, since fastmcp looks at kinds: its own options, such
as `auth=` and `verify=`, go on working.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from mcplens.capture.client_session import open_tap, session_class_with, tap_of
from mcplens.capture.transports import facts_of_transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mcplens.capture.client_tap import ClientTap
    from mcplens.capture.recorder import Recorder


def record_fastmcp_transport(
    transport: Any, *, recorder: Callable[[], Recorder], server_name: str | None = None
) -> Any:
    """Record what passes a transport of fastmcp's client; use what comes back in its place.

    Args:
        transport: A transport that is not connected yet.
        recorder: Gives the run to record into, at each connection.
        server_name: What to call the server, instead of what it calls itself.
    """
    if isinstance(transport, _Recording):
        return transport
    facts = facts_of_transport(transport)
    kind = type(transport)
    recording = type(kind.__name__, (_Recording, kind), {"__module__": kind.__module__})
    recorded: Any = object.__new__(recording)
    recorded.__dict__.update(
        transport.__dict__,
        # The original goes when this goes: a process that it started ends with it.
        _mcplens_original=transport,
        _mcplens_classes=_Classes(partial(open_tap, recorder, facts, server_name=server_name)),
    )
    return recorded


class _Classes:
    """The recorded form of each class of sessions; fastmcp reconnects when it gets another."""

    def __init__(self, open_tap: Callable[[], ClientTap]) -> None:
        self._open_tap = open_tap
        self._made: dict[type, type] = {}

    def recorded(self, session_class: type) -> type:
        if session_class not in self._made:
            made = session_class_with(self._open_tap, session_class)
            self._made[session_class] = made
        return self._made[session_class]


class _Recording:
    """What a recorded transport does before its kind does the rest."""

    _mcplens_classes: _Classes

    @asynccontextmanager
    async def connect_session(
        self, *, transport_options: Any = None, **session_options: Any
    ) -> AsyncIterator[Any]:
        from dataclasses import replace

        from fastmcp.client.transports.base import TransportOptions

        options = transport_options or TransportOptions()
        recorded = self._mcplens_classes.recorded(options.session_class)
        tap = None
        try:
            async with super().connect_session(  # type: ignore[misc]  # its kind has it
                transport_options=replace(options, session_class=recorded), **session_options
            ) as session:
                tap = tap_of(session)
                if tap is not None:
                    tap.protocol_session = self.get_session_id  # type: ignore[attr-defined]
                yield session
        except Exception:
            if tap is not None:
                tap.broke()
            raise
