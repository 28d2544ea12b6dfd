"""The observer in the server; to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcplens.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.recorder import Recorder


def record_server(
    server: Any, *, recorder: Callable[[], Recorder], server_name: str | None = None
) -> Any:
    """Record what a server is asked; `recorder` gives the run to record into, at each use."""
    del server, recorder, server_name
    raise UsageError("mcplens.record cannot record a server yet; record its client's transport")
