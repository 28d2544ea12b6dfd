"""The one public door: what is given to `mcplens.record` is recorded from where it stands.

A transport is recorded as a client sees it, a server and a function as they are asked. Each kind
has its own module, which is loaded when it is needed; no SDK is imported to tell them apart.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from mcplens.capture.recorders import OF_THIS_PROCESS, SharedRecorder, Wanted
from mcplens.config.settings import KEEP
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mcplens.capture.privacy import Keep
    from mcplens.capture.recorder import Recorder
    from mcplens.events import Observer

T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., Any]")

_SERVERS: Final = {
    ("mcp", "MCPServer"),
    ("mcp", "FastMCP"),
    ("mcp", "Server"),
    ("fastmcp", "FastMCP"),
}
_CLIENTS: Final = {("mcp", "Client"), ("mcp", "ClientSession"), ("fastmcp", "Client")}
_TAKES: Final = (
    "mcplens.record takes a transport such as stdio_client(params), a server such as "
    "MCPServer(…), or a function"
)


@overload
def record(
    subject: None = None,
    *,
    store: str | Path | None = None,
    label: str | None = None,
    keep: Keep | None = None,
    server_name: str | None = None,
    recorder: Recorder | None = None,
) -> Callable[[F], F]: ...


@overload
def record(
    subject: T,
    *,
    store: str | Path | None = None,
    label: str | None = None,
    keep: Keep | None = None,
    server_name: str | None = None,
    recorder: Recorder | None = None,
) -> T: ...


def record(
    subject: Any = None,
    *,
    store: str | Path | None = None,
    label: str | None = None,
    keep: Keep | None = None,
    server_name: str | None = None,
    recorder: Recorder | None = None,
) -> Any:
    """Record what passes a transport, what a server is asked, or the calls of a function.

    Use what comes back wherever the subject itself would stand. All that one process records of
    one side into one store is one run; it is written while it grows, and to its end when the
    interpreter exits.

    Args:
        subject: A client's transport, a server, or a function; nothing for a decorator with
            options. Also the class ClientSession, for who builds sessions of mcp 1.x: only there
            can be seen that a caller's time was over.
        store: Where to record; default as everywhere: $MCPLENS_STORE, else the nearest .mcplens
            upward, else one per user.
        label: The run's name for people; default branch@commit.
        keep: What of contents is kept: none, shape or full; default what mcplens.toml says, else
            shape.
        server_name: What to call the server, instead of what it calls itself.
        recorder: A run of your own instead of the process's.

    Raises:
        UsageError: the subject is none of these, or there is no such `keep`.
    """
    _check(keep)

    def shared(observer: Observer) -> Callable[[], Recorder]:
        if recorder is not None:
            return lambda: recorder
        wanted = Wanted(observer=observer, store=store, label=label, keep=keep)
        return SharedRecorder(wanted, recorders=OF_THIS_PROCESS)

    if subject is None:
        return functools.partial(
            record, store=store, label=label, keep=keep, server_name=server_name, recorder=recorder
        )
    if isinstance(subject, type) and ("mcp", "ClientSession") in _names(subject):
        from mcplens.capture.client_session import record_session_class

        return record_session_class(subject, recorder=shared("client"), server_name=server_name)
    lineage = _names(type(subject))
    if not lineage.isdisjoint(_SERVERS):
        from mcplens.capture.server import record_server

        return record_server(subject, recorder=shared("server"), server_name=server_name)
    if ("fastmcp", "ClientTransport") in lineage:
        from mcplens.capture.fastmcp_client import record_fastmcp_transport

        return record_fastmcp_transport(subject, recorder=shared("client"), server_name=server_name)
    if not lineage.isdisjoint(_CLIENTS):
        raise UsageError(
            f"{_TAKES}, and this is a client. Record its transport: "
            f"{type(subject).__name__}(mcplens.record(transport))"
        )
    if hasattr(subject, "__aenter__") and not isinstance(subject, type):
        return _record_transport(subject, shared("client"), server_name=server_name)
    if _is_function(subject):
        from mcplens.capture.function import record_function

        return record_function(subject, recorder=shared("server"), server_name=server_name)
    raise UsageError(f"{_TAKES}, and not {_kind_of(subject)}")


def _check(keep: str | None) -> None:
    # A slip here would keep more, or less, than was meant, and nobody would notice.
    if keep not in (None, *KEEP):
        raise UsageError(f'there is no keep "{keep}". There is: {", ".join(KEEP)}')


def _record_transport(
    transport: Any, recorder: Callable[[], Recorder], *, server_name: str | None
) -> Any:
    from mcplens.capture.client import is_recorded, record_transport

    if is_recorded(transport):
        return transport
    return record_transport(transport, recorder=recorder, server_name=server_name)


def _names(kind: type) -> set[tuple[str, str]]:
    """Name a class and those it is made of, each with the package it comes from."""
    return {(c.__module__.partition(".")[0], c.__name__) for c in kind.__mro__}


def _is_function(subject: object) -> bool:
    if not (inspect.isroutine(subject) or isinstance(subject, functools.partial)):
        return False
    # A function under @asynccontextmanager makes a transport; taken for a tool it records nothing.
    inner = inspect.unwrap(subject) if callable(subject) else subject
    if inspect.isasyncgenfunction(inner) and not inspect.isasyncgenfunction(subject):
        name = getattr(subject, "__name__", "it")
        raise UsageError(f"{_TAKES}. Call {name} first: mcplens.record({name}(…))")
    return True


def _kind_of(subject: object) -> str:
    if isinstance(subject, str):
        return "a text. For an address: mcplens.record(streamable_http_client(url))"
    if ("mcp", "StdioServerParameters") in _names(type(subject)):
        return "a server's parameters: mcplens.record(stdio_client(params))"
    if isinstance(subject, type):
        return f"the class {subject.__name__}; make one first"
    return f"something of the kind {type(subject).__name__}"
