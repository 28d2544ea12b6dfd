"""Where MCP clients keep their servers."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A program that starts MCP servers."""

    name: str
    """The word people type."""
    title: str


CLIENTS: Final = {
    client.name: client
    for client in (
        Client(name="claude", title="Claude Desktop"),
        Client(name="claude-code", title="Claude Code"),
        Client(name="cursor", title="Cursor"),
        Client(name="vscode", title="VS Code"),
    )
}
"""The clients that are known by name."""


def config_files(
    client: Client,
    *,
    folder: Path,
    home: Path,
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
) -> list[Path]:
    """List the files in which a client looks for servers; they need not exist.

    Args:
        client: Whose files.
        folder: The project, for clients that have servers per project.
        home: The user's home directory.
        environment: Where the system says that applications keep their settings.
        platform: The system, as Python names it.
    """
    programs = _application_settings(home, environment, platform)
    match client.name:
        case "claude":
            return [programs / "Claude" / "claude_desktop_config.json"]
        case "claude-code":
            return [home / ".claude.json", folder / ".mcp.json"]
        case "cursor":
            return [home / ".cursor" / "mcp.json", folder / ".cursor" / "mcp.json"]
        case _:
            user = programs / "Code" / "User"
            return [
                user / "mcp.json",
                user / "settings.json",
                folder / ".vscode" / "mcp.json",
                folder / ".vscode" / "settings.json",
            ]


def _application_settings(home: Path, environment: Mapping[str, str], platform: str) -> Path:
    if platform == "darwin":
        return home / "Library" / "Application Support"
    if platform == "win32":
        return Path(environment.get("APPDATA") or home / "AppData" / "Roaming")
    return Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
