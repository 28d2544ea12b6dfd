"""What a transport object tells of the server behind it, for as far as it can be seen.

SDKs have no common way to ask. What is read here are names and plain attributes, of mcp's
functions (`stdio_client(params)`, `streamable_http_client(url)`, `sse_client(url)`) and fastmcp's
classes; where they are not there, nothing is known.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

_KINDS: Final = {
    "stdio_client": "stdio",
    "streamable_http_client": "http",
    "streamablehttp_client": "http",
    "sse_client": "sse",
    "InMemoryTransport": "memory",
    "StdioTransport": "stdio",
    "StreamableHttpTransport": "http",
    "SSETransport": "sse",
    "FastMCPTransport": "memory",
}


class TransportFacts(NamedTuple):
    """What is known of a transport before it is opened."""

    kind: str | None = None
    command: tuple[str, ...] = ()
    address: str | None = None


def facts_of_transport(transport: Any) -> TransportFacts:
    """Read what a transport tells of itself; never raises."""
    try:
        return _read(transport)
    except Exception:  # noqa: BLE001  somebody else's object may refuse in any way it likes
        return TransportFacts()


def _read(transport: Any) -> TransportFacts:
    # What @asynccontextmanager gives still knows its function and arguments until it is entered.
    maker = getattr(transport, "func", None)
    names = [getattr(maker, "__name__", "")] + [c.__name__ for c in type(transport).__mro__]
    kind = next((_KINDS[name] for name in names if name in _KINDS), None)
    if maker is not None:
        given = [*getattr(transport, "args", ()), *getattr(transport, "kwds", {}).values()]
        subject = given[0] if given else None
    else:
        subject = transport
    if kind == "stdio":
        command, words = getattr(subject, "command", None), getattr(subject, "args", None)
        if isinstance(command, str):
            return TransportFacts(kind=kind, command=(command, *map(str, words or ())))
    elif kind in {"http", "sse"}:
        url = subject if isinstance(subject, str) else getattr(subject, "url", None)
        return TransportFacts(kind=kind, address=None if url is None else str(url))
    return TransportFacts(kind=kind)
