"""One server for every mcp SDK from 1.24 on: `python server.py stdio`, `http LOG` or `sse LOG`.

Over HTTP it prints its port, and writes the bodies that it was sent into LOG, one per line.
"""

import asyncio
import socket
import sys

from pydantic import BaseModel

try:
    from mcp.server.mcpserver import Context, MCPServer
except ImportError:  # mcp 1.x
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as MCPServer

server = MCPServer("every")


class Name(BaseModel):
    name: str


class Total(BaseModel):
    total: int


@server.tool()
def add(a: int, b: int) -> Total:
    """Add, with a structured answer, which makes clients ask for the schema."""
    return Total(total=a + b)


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("no")


@server.tool()
async def hang() -> str:
    """Take longer than anybody waits."""
    await asyncio.sleep(20)
    return "never"


@server.tool()
async def ask(context: Context) -> str:
    """Ask a person."""
    answer = await context.elicit("your name?", schema=Name)
    return f"hello {answer.data.name}"


def logged(app, path):
    """Write what an ASGI application is sent into a file."""

    async def answer(scope, receive, send):
        body = b""

        async def tee():
            nonlocal body
            message = await receive()
            if message["type"] == "http.request":
                body += message.get("body", b"")
                if body and not message.get("more_body"):
                    with open(path, "ab") as log:  # noqa: PTH123, ASYNC230  a test's own
                        log.write(body + b"\n")
                    body = b""
            return message

        await app(scope, tee, send)

    return answer


def serve(app):
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    kind, *log = sys.argv[1:]
    if kind == "stdio":
        server.run("stdio")
    elif kind == "http":
        serve(logged(server.streamable_http_app(), *log))
    else:
        serve(logged(server.sse_app(), *log))
