"""A fast MCP server that keeps its word, on the official SDK."""

from mcp.server import MCPServer

server = MCPServer("good")


@server.tool()
def echo(text: str) -> str:
    """Give the text back."""
    return text


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


if __name__ == "__main__":
    server.run()
