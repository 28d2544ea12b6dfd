"""A server on fastmcp; with a store as its argument it records itself.

python tests/servers/fast.py [STORE]
"""

import sys

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError

import mcplens

server = FastMCP("fast")


@server.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool
def fail() -> str:
    """Fail."""
    raise ToolError("the disk is full")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        mcplens.record(server, store=sys.argv[1])
    server.run(show_banner=False)
