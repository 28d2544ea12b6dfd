"""Whether a caller's time was up, for an observer that runs in the caller's own task.

A newer anyio says with its cancel that a deadline was the reason, so that nothing need be asked on
the path of the calls that end well. An older one, or trio, has to be asked for it beforehand.
"""

from __future__ import annotations

import inspect
import sys
from functools import cache
from typing import Any, Final

_INTERRUPTIONS: Final = frozenset({"CancelledError", "Cancelled"})
_NEVER: Final = float("inf")
_FROM_ANYIO: Final = "Cancelled via cancel scope "
_FOR_TIME: Final = "; reason: deadline exceeded"


def is_interruption(error: BaseException | None) -> bool:
    """Tell whether something was cancelled, by asyncio or by trio, instead of failing."""
    return type(error).__name__ in _INTERRUPTIONS


def deadline_of_task() -> float | None:
    """Say until when whoever waits for this task will, by anyio's word; None when it is not told.

    It has to be asked at the beginning: once the time is up, it is not told any more. Where the
    cancel is going to say it, it is not asked for.
    """
    anyio = sys.modules.get("anyio")  # Who has not imported it has set no deadline with it.
    if anyio is None or (_tells_reasons(anyio) and "trio" not in sys.modules):
        return None
    deadline: float = anyio.current_effective_deadline()
    return None if deadline == _NEVER else deadline


def is_late(deadline: float | None, error: BaseException | None) -> bool:
    """Tell whether it was the deadline that ended something."""
    if not is_interruption(error):
        return False
    if deadline is not None:
        return bool(sys.modules["anyio"].current_time() >= deadline)
    return _is_for_time(error)


def _is_for_time(error: BaseException | None) -> bool:
    # Who raises the cancel anew may drop its words.
    while error is not None and not error.args and is_interruption(error.__context__):
        error = error.__context__
    said = error.args[0] if error is not None and error.args else None
    return isinstance(said, str) and said.startswith(_FROM_ANYIO) and said.endswith(_FOR_TIME)


@cache
def _tells_reasons(anyio: Any) -> bool:
    try:
        return "reason" in inspect.signature(anyio.CancelScope.cancel).parameters
    except (AttributeError, TypeError, ValueError):
        return False
