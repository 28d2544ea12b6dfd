"""The observer around a function; to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcplens.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.recorder import Recorder


def record_function(
    function: Any, *, recorder: Callable[[], Recorder], server_name: str | None = None
) -> Any:
    """Record the calls of a function; `recorder` gives the run to record into, at each use."""
    del function, recorder, server_name
    raise UsageError("mcplens.record cannot record a function yet")
