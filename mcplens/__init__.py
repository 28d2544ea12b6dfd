"""Record every MCP call once, keep it as Parquet, and ask anything about it in SQL.

Importing this loads nothing heavy; each public name is fetched when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcplens import charts as charts
    from mcplens.capture.note import note as note
    from mcplens.capture.otel.processor import span_processor as span_processor
    from mcplens.capture.recording import record as record
    from mcplens.metrics.connect import connect as connect

__version__ = "0.1.0"

_HOMES = {
    "connect": "mcplens.metrics.connect",
    "note": "mcplens.capture.note",
    "record": "mcplens.capture.recording",
    "span_processor": "mcplens.capture.otel.processor",
    "McplensError": "mcplens.errors",
}

_ROOMS = {"charts"}

__all__ = ["McplensError", "__version__", "charts", "connect", "note", "record", "span_processor"]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"mcplens.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'mcplens' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_ROOMS})
