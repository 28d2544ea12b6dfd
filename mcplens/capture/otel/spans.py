"""A span, as far as calls of MCP servers are concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mcplens.capture.names import clean_address, clean_name

METHOD: Final = "mcp.method.name"
"""The attribute that makes a span one of MCP."""

Kind = Literal["client", "server", "other"]
Status = Literal["unset", "ok", "error"]

_UPSTREAM: Final = (
    "peer.service", "server.address", "net.peer.name", "db.system.name", "db.system",
    "messaging.system", "gen_ai.provider.name", "gen_ai.system", "rpc.service",
)  # fmt: skip
_URLS: Final = ("url.full", "http.url")
_HOSTS: Final = ("host.id", "host.name", "service.instance.id")


@dataclass(slots=True, kw_only=True)
class Span:
    """One span that has ended."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: Kind
    started_ns: int
    ended_ns: int
    status: Status = "unset"
    status_text: str | None = None
    scope: str = ""
    """Who made it, such as mcp-python-sdk."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)
    exception: str | None = None
    """The class of the exception it recorded."""
    exception_text: str | None = None
    clock_name: str | None = None
    """Whose clock its times are told by, where the reader knows it."""
    origin: Any = None
    """Whatever the reader wants to be given back with it."""

    @property
    def method(self) -> str | None:
        """The JSON-RPC method; None where the span is of something else, or of a notification."""
        method = self.attributes.get(METHOD)
        if not isinstance(method, str) or method.startswith("notifications/"):
            return None
        return clean_name(method)

    def text(self, *names: str) -> str | None:
        """Give the first of several attributes that is a text or a number, as text."""
        return text_of(self.attributes, *names)

    @property
    def service(self) -> str | None:
        """What the process calls itself, unless nobody named it."""
        name = clean_name(text_of(self.resource, "service.name"))
        return None if name is None or name.startswith("unknown_service") else name

    @property
    def clock(self) -> str | None:
        """Whose clock its times are told by; None where nothing says so."""
        return self.clock_name or text_of(self.resource, *_HOSTS)

    @property
    def upstream(self) -> str | None:
        """The system that a span which is not of MCP asked for something."""
        if self.kind != "client":
            return None
        name = clean_name(self.text(*_UPSTREAM))
        if name is None:
            host = (clean_address(self.text(*_URLS)) or "").partition("://")[2]
            name = clean_name(host.partition("/")[0])
        return name


def text_of(attributes: Mapping[str, Any], *names: str) -> str | None:
    """Give the first of several attributes that is a text or a number, as text."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None
