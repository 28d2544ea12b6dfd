"""Regular expressions that people write, run by RE2.

Python's own backtrack: one unlucky expression on one unlucky text runs for hours, and holds the
interpreter meanwhile, so that a proxy would forward nothing. RE2 takes time that grows with the
text and no faster, and lets other threads run; so it has no back references and no look-around.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_MEMORY: Final = 8_000_000


class BadExpressionError(ValueError):
    """An expression that RE2 does not accept."""


class Expression(Protocol):
    """What is used of a compiled expression."""

    def search(self, text: str | bytes) -> Any:
        """Find the first match."""

    def sub(self, replacement: Callable[[Any], str], text: str) -> str:
        """Replace all matches."""


@lru_cache(maxsize=256)
def compile_expression(text: str) -> Expression:
    """Compile an expression.

    Raises:
        BadExpressionError: RE2 does not accept it.
    """
    import re2  # Only where somebody has written an expression.

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        compiled: Expression = re2.compile(text, options=options)
    except (re2.error, UnicodeError) as error:
        raise BadExpressionError(_words_of(error)) from error
    return compiled


def _words_of(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
