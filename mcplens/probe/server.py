"""A server that a test calls: started, called and ended from plain synchronous code.

The official client lives in one task, on an event loop of its own, so the caller may be anything:
a plain function, or a test inside a running event loop.
"""

from __future__ import annotations

import math
import os
import tempfile
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from mcplens.errors import CallError, TargetError
from mcplens.probe.answers import (
    CallResult,
    Tool,
    first_line,
    is_closed,
    refusal,
    result_from_mcp,
    root_cause,
    tool_from_mcp,
    why_no_answer,
)
from mcplens.units import format_ms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from concurrent.futures import Future
    from contextlib import AbstractAsyncContextManager

    from anyio.from_thread import BlockingPortal
    from mcp import Client

    from mcplens.probe.target import Target

    Transport = AbstractAsyncContextManager[Any]
    """What the SDK calls a transport: it gives a pair of streams."""

CALL_TIMEOUT_MS: Final = 30_000.0
"""How long a call may take, unless told otherwise."""

START_TIMEOUT_MS: Final = 60_000.0
"""How long a server may take until it has listed its tools, unless told otherwise."""

_STDERR_KEPT: Final = 64_000
_STDERR_LINES_SHOWN: Final = 5
_METHOD_NOT_FOUND: Final = -32601


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running MCP server, to be called one tool after the other."""

    target: Target
    """What was started."""
    tools: dict[str, Tool] = field(repr=False)
    """The tools that the server listed when it started, by name."""
    _client: Client = field(repr=False)
    _portal: BlockingPortal = field(repr=False)
    _errlog: BinaryIO = field(repr=False)
    _call_timeout_ms: float = field(repr=False)

    def call(self, tool: str, /, **arguments: Any) -> CallResult:
        """Call a tool and give the server's answer, also when that answer is an error.

        Raises:
            CallError: No usable answer came: the server took too long, ended, or answered with
                what is no MCP result.
        """
        __tracebackhide__ = True
        future: Future[CallResult] = self._portal.start_task_soon(self._call, tool, arguments)
        try:
            return future.result()
        except CallError as error:
            raise CallError(_with_stderr(str(error), self.stderr)) from None
        except BaseException:
            future.cancel()  # Nobody waits any more, and the server is to know.
            raise

    @property
    def stderr(self) -> str:
        """What the server has written to stderr so far; of very much, the end."""
        return _read_end(self._errlog)

    async def _call(self, tool: str, arguments: dict[str, Any]) -> CallResult:
        try:
            result = await self._client.call_tool(
                tool, arguments, read_timeout_seconds=self._call_timeout_ms / 1000
            )
        except Exception as error:
            answer = refusal(error)
            if answer is None:
                reason = why_no_answer(error, format_ms(self._call_timeout_ms))
                raise CallError(f"{tool}: {reason}") from error
            return answer
        return result_from_mcp(result)


@contextmanager
def running(
    target: Target,
    *,
    tap: Callable[[Transport], Transport] | None = None,
    call_timeout_ms: float = CALL_TIMEOUT_MS,
    start_timeout_ms: float = START_TIMEOUT_MS,
) -> Iterator[Server]:
    """Start the target, and end it when the block is left.

    Args:
        target: The server's command; it inherits the environment, as from a shell.
        tap: Puts an observer between the client and the server.
        call_timeout_ms: How long a call may take.
        start_timeout_ms: How long the server may take until it has listed its tools.

    Raises:
        TargetError: The server did not start, or does not speak MCP.
    """
    from anyio.from_thread import start_blocking_portal

    with ExitStack() as stack:
        errlog = stack.enter_context(tempfile.TemporaryFile())
        portal = stack.enter_context(start_blocking_portal())
        session = _session(target, tap=tap, errlog=errlog, start_timeout_ms=start_timeout_ms)
        try:
            client, tools = stack.enter_context(portal.wrap_async_context_manager(session))
        except TargetError as error:
            raise TargetError(_with_stderr(str(error), _read_end(errlog))) from None
        yield Server(
            target=target,
            tools=tools,
            _client=client,
            _portal=portal,
            _errlog=errlog,
            _call_timeout_ms=call_timeout_ms,
        )


@asynccontextmanager
async def _session(
    target: Target,
    *,
    tap: Callable[[Transport], Transport] | None,
    errlog: Any,
    start_timeout_ms: float,
) -> AsyncIterator[tuple[Client, dict[str, Tool]]]:
    import anyio
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    parameters = StdioServerParameters(
        command=target.executable, args=list(target.command[1:]), env=dict(os.environ)
    )
    transport: Transport = stdio_client(parameters, errlog=errlog)
    client = Client(tap(transport) if tap else transport, mode="auto")
    is_up = False
    # The deadline is for the start alone, but a scope must outlive what is entered inside it.
    with anyio.CancelScope(deadline=anyio.current_time() + start_timeout_ms / 1000) as scope:
        try:
            async with client:
                tools = await _list_tools(client)
                is_up = True
                scope.deadline = math.inf
                yield client, tools
        except Exception as error:
            reason = None if is_up else _why_not_started(root_cause(error))
            if reason is None:
                raise
            raise TargetError(f"{target}: {reason}") from error
    if scope.cancelled_caught:
        raise TargetError(
            f"{target}: no MCP server answered within {format_ms(start_timeout_ms)}; "
            "a target must speak MCP on stdin and stdout"
        )


async def _list_tools(client: Client) -> dict[str, Tool]:
    # Listing first also spares the first call a hidden tools/list and the import of jsonschema.
    from mcp import MCPError

    tools: dict[str, Tool] = {}
    cursor = None
    try:
        while True:
            page = await client.list_tools(cursor=cursor)
            tools.update({tool.name: tool_from_mcp(tool) for tool in page.tools})
            cursor = page.next_cursor
            if cursor is None:
                return tools
    except MCPError as error:
        if error.code == _METHOD_NOT_FOUND:
            return tools
        raise


def _why_not_started(cause: BaseException) -> str | None:
    """Say what is wrong with the server; None if the fault is not the server's."""
    from mcp import MCPError

    if is_closed(cause):
        return "ended before it answered as an MCP server"
    if isinstance(cause, OSError):
        return f"could not be started: {cause.strerror or cause}"
    # A ValueError is what the SDK's models say about an answer, a RuntimeError about its version.
    if isinstance(cause, MCPError | ValueError | RuntimeError):
        return f"does not speak MCP: {first_line(cause)}"
    return None


def _with_stderr(sentence: str, stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()][-_STDERR_LINES_SHOWN:]
    return "\n    ".join([f"{sentence}; its stderr ends:", *lines]) if lines else sentence


def _read_end(file: BinaryIO) -> str:
    # The server writes at the offset it shares with this file, so reading must not move it.
    size = os.fstat(file.fileno()).st_size
    start = max(0, size - _STDERR_KEPT)
    return os.pread(file.fileno(), size - start, start).decode(errors="replace")
