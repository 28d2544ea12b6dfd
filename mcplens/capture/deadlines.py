"""Whether a caller's time was up, for an observer that runs in the caller's own task."""

from __future__ import annotations

import sys
from typing import Final

_INTERRUPTIONS: Final = frozenset({"CancelledError", "Cancelled"})
_NEVER: Final = float("inf")


def is_interruption(error: BaseException | None) -> bool:
    """Tell whether something was cancelled, by asyncio or by trio, instead of failing."""
    return type(error).__name__ in _INTERRUPTIONS


def deadline_of_task() -> float | None:
    """Say until when whoever waits for this task will, by anyio's word; None when it is not told.

    It has to be asked at the beginning: once the time is up, it is not told any more.
    """
    anyio = sys.modules.get("anyio")  # Who has not imported it has set no deadline with it.
    if anyio is None:
        return None
    deadline: float = anyio.current_effective_deadline()
    return None if deadline == _NEVER else deadline


def is_late(deadline: float | None, error: BaseException | None) -> bool:
    """Tell whether it was the deadline that ended something."""
    if deadline is None or not is_interruption(error):
        return False
    return bool(sys.modules["anyio"].current_time() >= deadline)
