"""The formats there are, and which one a file has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcplens.capture.imports.claude_code import CLAUDE_CODE
from mcplens.capture.imports.claude_desktop import CLAUDE_DESKTOP
from mcplens.capture.imports.json_logs import JSON_LOGS
from mcplens.capture.imports.mcpsnoop import MCPSNOOP
from mcplens.capture.imports.otlp import OTLP_JSON, OTLP_PROTO
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from mcplens.capture.imports.format import Format
    from mcplens.capture.imports.source import Head

FORMATS: Final[dict[str, Format]] = {
    known.name: known
    for known in (OTLP_JSON, OTLP_PROTO, JSON_LOGS, CLAUDE_DESKTOP, CLAUDE_CODE, MCPSNOOP)
}
"""All formats by name, in the order people meet them."""


def detect(head: Head) -> Format | None:
    """Say which format a file has by its beginning; None when no format knows it."""
    sure = max(FORMATS.values(), key=lambda known: known.confidence(head))
    return sure if sure.confidence(head) > 0 else None


def looks_like(head: Head) -> str:
    """Say in a few words what a file that nobody understands looks like."""
    if not head.data:
        return "an empty file"
    if any(isinstance(value, dict) for value in head.values):
        return "JSON that tells of no call of an MCP server"
    if head.values:
        return "JSON, but no objects"
    if b"\x00" in head.data:
        return "binary data"
    return "text that is no JSON"


def not_understood(path: object, head: Head) -> UsageError:
    """Build the one line about a file that no format knows."""
    known = ", ".join(f"{one.title} ({one.name})" for one in FORMATS.values())
    return UsageError(
        f"{path} looks like {looks_like(head)}. Known are: {known}. Name one with --format"
    )
