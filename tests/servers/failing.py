"""An MCP server that loses every fourth order, on the official SDK."""

import itertools

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("failing")
orders = itertools.count(1)


@server.tool()
def order(item: str) -> str:
    """Order something."""
    if next(orders) % 4 == 0:
        raise ToolError("the upstream hung up")
    return f"ordered {item}"


if __name__ == "__main__":
    server.run()
