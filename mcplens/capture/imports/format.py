"""What a format is: how it is recognised, and who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.imports.intake import Intake
    from mcplens.capture.imports.source import Head, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One kind of file that can be imported."""

    name: str
    """What `--format` calls it."""
    title: str
    """What people call it."""
    gives: str
    """What an import of it knows, for the README."""
    checked: str
    """What it was tried on: files of real programs, or shapes that were only read about."""
    confidence: Callable[[Head], float]
    """How sure it is, from 0 to 1, that a file beginning like this is its own."""
    read: Callable[[Source, Intake], None]
    """Give all that a file holds to the intake."""
