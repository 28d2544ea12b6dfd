"""The servers, tools and habits that `make_sample.py` draws from. All of it is invented."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

START: Final = datetime(2026, 11, 16, tzinfo=UTC)
DAYS: Final = 3
WORKING_HOURS: Final = (7.5, 18.5)
SESSIONS_A_DAY: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool, and how it behaves."""

    name: str
    median_ms: float
    spread: float = 0.4
    """Sigma of the lognormal its durations are drawn from."""
    arguments: dict[str, str]
    """Their JSON types by name."""
    is_read_only: bool = True
    reply_bytes: int = 900
    troubles: dict[str, float] = field(default_factory=dict)
    """How likely each kind of trouble is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server, as its client starts it."""

    name: str
    version: str
    command: tuple[str, ...]
    tools: tuple[Tool, ...]


SERVERS: Final = (
    Server(
        name="files",
        version="1.4.0",
        command=("npx", "-y", "files-server", "/home/ada/project"),
        tools=(
            Tool(name="read_file", median_ms=8, arguments={"path": "string"}, reply_bytes=5200),
            Tool(name="list_directory", median_ms=5, arguments={"path": "string"}),
            Tool(
                name="search_files",
                median_ms=64,
                spread=0.8,
                arguments={"path": "string", "pattern": "string"},
            ),
            Tool(
                name="write_file",
                median_ms=15,
                arguments={"path": "string", "content": "string"},
                is_read_only=False,
                reply_bytes=160,
                troubles={"invalid_arguments": 0.03, "tool_failure": 0.02},
            ),
        ),
    ),
    Server(
        name="github",
        version="0.22.1",
        command=("github-mcp-server", "stdio", "--toolsets", "repos,issues"),
        tools=(
            Tool(
                name="search_code",
                median_ms=232,
                spread=0.7,
                arguments={"query": "string", "per_page": "integer"},
                reply_bytes=7400,
                troubles={"rate_limited": 0.06},
            ),
            Tool(
                name="get_file_contents",
                median_ms=141,
                arguments={"repo": "string", "path": "string"},
                reply_bytes=6100,
                troubles={"auth": 0.01},
            ),
            Tool(
                name="create_issue",
                median_ms=610,
                arguments={"repo": "string", "title": "string"},
                is_read_only=False,
                troubles={"auth": 0.06},
            ),
            Tool(
                name="create_pull_request",
                median_ms=1160,
                arguments={"repo": "string", "title": "string", "head": "string"},
                is_read_only=False,
                troubles={"invalid_arguments": 0.05, "tool_failure": 0.04},
            ),
        ),
    ),
    Server(
        name="search",
        version="2.1.3",
        command=("uvx", "search-mcp", "--api-key", "sk-never-written"),
        tools=(
            Tool(
                name="web_search",
                median_ms=820,
                spread=0.5,
                arguments={"query": "string", "limit": "integer"},
                reply_bytes=9800,
                troubles={"rate_limited": 0.04},
            ),
            Tool(
                name="fetch_url",
                median_ms=715,
                spread=0.9,
                arguments={"url": "string"},
                reply_bytes=24_000,
                troubles={"upstream": 0.03, "invalid_arguments": 0.01},
            ),
        ),
    ),
    Server(
        name="postgres",
        version="0.6.2",
        command=("python", "-m", "pg_mcp", "--dsn", "postgres://ada:secret@db/app"),
        tools=(
            Tool(name="describe_table", median_ms=27, arguments={"table": "string"}),
            Tool(
                name="query",
                median_ms=46,
                spread=1.0,
                arguments={"sql": "string"},
                reply_bytes=3100,
                troubles={"tool_failure": 0.07},
            ),
        ),
    ),
    Server(
        name="browser",
        version="0.0.41",
        command=("npx", "-y", "browser-server", "--headless"),
        tools=(
            Tool(
                name="navigate",
                median_ms=1920,
                spread=0.55,
                arguments={"url": "string"},
                is_read_only=False,
                troubles={"tool_failure": 0.03},
            ),
            Tool(
                name="click",
                median_ms=118,
                arguments={"selector": "string"},
                is_read_only=False,
                troubles={"tool_failure": 0.05},
            ),
            Tool(
                name="take_screenshot", median_ms=990, spread=0.3, arguments={}, reply_bytes=310_000
            ),
        ),
    ),
)

JOBS: Final = {
    "repair": (
        ("github:search_code", 2),
        ("github:get_file_contents", 3),
        ("files:list_directory", 1),
        ("files:search_files", 1),
        ("files:read_file", 6),
        ("files:write_file", 3),
        ("files:read_file", 2),
        ("github:create_pull_request", 1),
    ),
    "research": (
        ("search:web_search", 3),
        ("search:fetch_url", 6),
        ("search:web_search", 1),
        ("search:fetch_url", 3),
        ("files:write_file", 2),
        ("github:create_issue", 1),
    ),
    "figures": (
        ("files:read_file", 2),
        ("postgres:describe_table", 4),
        ("postgres:query", 9),
        ("files:write_file", 1),
    ),
    "walk through": (
        ("browser:navigate", 3),
        ("browser:click", 5),
        ("browser:take_screenshot", 3),
        ("files:write_file", 1),
        ("github:create_issue", 1),
    ),
}
"""What an agent does in a session: tools in order, and how often about."""

INCIDENT_SERVER: Final = "search"
INCIDENT: Final = (
    datetime(2026, 11, 17, 10, 30, tzinfo=UTC),
    datetime(2026, 11, 17, 15, 30, tzinfo=UTC),
)
"""For a few hours everything that this server asks its upstream is slow or refused."""

PATIENCE_MS: Final = 10_000
"""After this the client gives up on a call and says that it timed out."""

MISHAPS: Final = {
    (0, 3): "crash",
    (1, 6): "kill",
    (2, 1): "confusion",
    (2, 5): "loss",
}
"""What happens once in a while, by day and session of the day."""
