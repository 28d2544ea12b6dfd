"""The observer in fastmcp's client; to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcplens.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.recorder import Recorder


def record_fastmcp_transport(
    transport: Any, *, recorder: Callable[[], Recorder], server_name: str | None = None
) -> Any:
    """Record what passes a transport of fastmcp's client."""
    del transport, recorder, server_name
    raise UsageError("mcplens.record cannot record fastmcp's client yet")
