"""The matrix's tools on a Python SDK, with mcplens inside: the server is the observer.

    python tests/matrix/sdk_server.py mcp|fastmcp STORE
    python tests/matrix/sdk_server.py spans FILE

What an SDK would not let happen is done as near to it as the SDK allows.
"""

import os
import sys
from dataclasses import dataclass
from typing import Any

import anyio

import mcplens
from tests.matrix import wire_server


@dataclass
class Name:
    """What a person fills in."""

    name: str


def mcp_server() -> Any:
    """Build a low-level server whose answers are the hand-written server's."""
    from mcp import MCPError, types
    from mcp.server import Server

    peer = wire_server.Peer(None)

    async def list_tools(_context, _params):
        return types.ListToolsResult.model_validate(wire_server.handle("tools/list", {}, peer))

    async def call_tool(_context, params):
        if params.name in {"timeout", "cancel"}:
            await anyio.sleep_forever()
        asked = params.model_dump(by_alias=True, exclude_none=True)
        try:
            result = wire_server.call_tool(asked, peer)
        except wire_server.Refused as refused:
            raise MCPError(refused.code, str(refused)) from refused
        if result.get("resultType") == "input_required":
            return types.InputRequiredResult.model_validate(result)
        is_sound = isinstance(result["content"], list)
        return types.CallToolResult.model_validate(result) if is_sound else result

    return Server("every-way", on_list_tools=list_tools, on_call_tool=call_tool)


def fast_server() -> Any:
    """Build a fastmcp server: its tools raise what it turns into answers."""
    from fastmcp import Context, FastMCP
    from fastmcp.exceptions import ToolError
    from fastmcp.tools import ToolResult

    server = FastMCP("every-way")

    @server.tool
    def ok() -> str:
        return "done"

    @server.tool
    def is_error() -> str:
        raise ToolError("the disk is full")

    @server.tool
    def invalid_arguments(text: str) -> str:
        return text

    @server.tool(output_schema={"type": "object", "properties": {"sum": {"type": "number"}}})
    def schema_violation() -> ToolResult:
        return ToolResult(content="seven", structured_content={"sum": "seven"})

    @server.tool
    async def timeout() -> None:
        await anyio.sleep_forever()

    @server.tool
    async def cancel() -> None:
        await anyio.sleep_forever()

    @server.tool
    def crash() -> None:
        os._exit(3)

    @server.tool
    async def input_required(context: Context) -> str:
        answer = await context.elicit("Who?", response_type=Name)
        return str(answer.action)

    return server


def run_mcp(server):
    from mcp.server.stdio import stdio_server

    async def serve():
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    anyio.run(serve)


def main():
    kind, store = sys.argv[1:]
    if kind == "spans":
        from tests.matrix.spans import write_spans

        write_spans(store)
        run_mcp(mcp_server())
    elif kind == "mcp":
        run_mcp(mcplens.record(mcp_server(), store=store))
    else:
        mcplens.record(fast_server(), store=store).run(show_banner=False)


if __name__ == "__main__":
    main()
