"""The one place where capture says something to a person: a line on stderr."""

from __future__ import annotations

import sys
from contextlib import suppress


def say(line: str) -> None:
    """Write a line on stderr, if anybody is there to read it."""
    # A host may have closed stderr, or have none at all (None, where no console is).
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"mcplens: {line}\n")
        sys.stderr.flush()
