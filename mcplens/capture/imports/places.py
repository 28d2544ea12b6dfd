"""Where on this machine logs of MCP calls may lie already."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Place(NamedTuple):
    """A folder, and which files in it are meant."""

    format_name: str
    title: str
    folder: Path
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What lies in one place."""

    place: Place
    files: tuple[Path, ...]
    size_bytes: int
    newest_at: datetime
    """When a file in it was last written to, UTC."""


def places(
    *,
    home: Path,
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
) -> list[Place]:
    """List where programs keep what can be imported; the folders need not exist.

    Args:
        home: The user's home directory.
        environment: Where the system and the programs say that they keep their files.
        platform: The system, as Python names it.
    """
    desktop = _desktop_logs(home, environment, platform)
    return [
        Place("claude-desktop", "Claude Desktop's MCP logs", desktop, "mcp*.log"),
        Place(
            "claude-code",
            "Claude Code's transcripts",
            _folder(environment, "CLAUDE_CONFIG_DIR", home / ".claude") / "projects",
            "**/*.jsonl",
        ),
        Place("mcpsnoop", "mcpsnoop's sessions", _snoop(home, environment) / "sessions", "*.jsonl"),
    ]


def find(known: list[Place]) -> Iterator[Found]:
    """Look into places, and give those where there is something."""
    for place in known:
        files: list[Path] = []
        sizes: list[int] = []
        written: list[float] = []
        try:
            for path in sorted(place.folder.glob(place.pattern)):
                status = path.stat()
                if path.is_file() and status.st_size:
                    files.append(path)
                    sizes.append(status.st_size)
                    written.append(status.st_mtime)
        except OSError:
            continue  # Not ours to read.
        if files:
            yield Found(
                place=place,
                files=tuple(files),
                size_bytes=sum(sizes),
                newest_at=datetime.fromtimestamp(max(written), UTC),
            )


def _desktop_logs(home: Path, environment: Mapping[str, str], platform: str) -> Path:
    if platform == "darwin":
        return home / "Library" / "Logs" / "Claude"
    if platform == "win32":
        return _folder(environment, "APPDATA", home / "AppData" / "Roaming") / "Claude" / "logs"
    return _folder(environment, "XDG_CONFIG_HOME", home / ".config") / "Claude" / "logs"


def _snoop(home: Path, environment: Mapping[str, str]) -> Path:
    named = environment.get("MCPSNOOP_HOME")
    if named:
        return Path(named)
    return _folder(environment, "XDG_STATE_HOME", home / ".local" / "state") / "mcpsnoop"


def _folder(environment: Mapping[str, str], name: str, otherwise: Path) -> Path:
    named = environment.get(name)
    return Path(named) if named else otherwise
