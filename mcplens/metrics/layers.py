"""The views' files, in the order in which they can be made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LAYERS = ("raw", "staging", "intermediate", "marts")
"""Each reads only what stands before it; marts never read each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewFile:
    """One view as it stands in the wheel."""

    layer: str
    name: str
    sql: str


@cache
def view_files() -> tuple[ViewFile, ...]:
    """Read every view's file, layer by layer."""
    root = files("mcplens.metrics") / "sql"
    return tuple(
        ViewFile(
            layer=layer, name=entry.name.removesuffix(".sql"), sql=entry.read_text(encoding="utf-8")
        )
        for layer in LAYERS
        # Inside a layer no view reads another, so any order is right; this one is always the same.
        for entry in sorted((root / layer).iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".sql")
    )
