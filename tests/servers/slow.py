"""An MCP server whose every fifth search takes its time, on the official SDK."""

import itertools

import anyio
from mcp.server import MCPServer

server = MCPServer("slow")
searches = itertools.count(1)


@server.tool()
async def search(query: str) -> str:
    """Look for something."""
    await anyio.sleep(0.2 if next(searches) % 5 == 0 else 0.001)
    return f"nothing found for {query}"


if __name__ == "__main__":
    server.run()
