"""A scripted agent: connections to several servers, and calls that end in every way they can.

In come the commands of servers; the calls go over real pipes with the official client. The agent
keeps no times: what a call took is read from the recording.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from mcp import Client

PROTOCOL_ERRORS_TO_EXPECT = (-32602, -32601, -32001)
"""Invalid or unknown, and out of patience: what a script provokes on purpose."""


@dataclass(slots=True, kw_only=True)
class Agent:
    """Calls tools of several servers, one call after the other."""

    clients: Mapping[str, Client]
    on_call: Callable[[], None]
    call_count: int = field(default=0, init=False)
    failure_count: int = field(default=0, init=False)

    async def call(
        self,
        server: str,
        tool: str,
        /,
        *,
        patience_s: float | None = None,
        cancel_after_s: float | None = None,
        **arguments: Any,
    ) -> bool:
        """Call a tool and say whether it succeeded.

        With `patience_s` the client itself times out, which is a failure; with `cancel_after_s`
        the agent changes its mind and takes the call back, which is none.
        """
        import anyio
        from mcp import MCPError

        self.call_count += 1
        succeeded = False
        try:
            with anyio.move_on_after(cancel_after_s) as scope:
                result = await self.clients[server].call_tool(
                    tool, arguments, read_timeout_seconds=patience_s
                )
                succeeded = not result.is_error
        except MCPError as error:
            if error.code not in PROTOCOL_ERRORS_TO_EXPECT:
                raise
        self.failure_count += not succeeded and not scope.cancelled_caught
        self.on_call()
        return succeeded


@asynccontextmanager
async def open_agent(
    commands: Mapping[str, Sequence[str]],
    *,
    name: str,
    version: str,
    environment: Mapping[str, str],
    stderr: TextIO,
    on_call: Callable[[], None] = lambda: None,
) -> AsyncIterator[Agent]:
    """Start the servers, connect to each, and close them when the agent is done."""
    from mcp import Client, StdioServerParameters, stdio_client
    from mcp.types import Implementation

    async with AsyncExitStack() as stack:
        clients = {}
        for server, [command, *args] in commands.items():
            parameters = StdioServerParameters(command=command, args=args, env={**environment})
            clients[server] = await stack.enter_async_context(
                Client(
                    stdio_client(parameters, errlog=stderr),
                    client_info=Implementation(name=name, version=version),
                )
            )
        yield Agent(clients=clients, on_call=on_call)
