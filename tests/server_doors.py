"""The doors within a server, with secrets planted everywhere: its middleware, and a function.

Each takes what is to be kept, a store and a folder of its own, and gives what was planted and what
mcplens itself said.
"""

import threading
from contextlib import contextmanager, suppress
from importlib.util import find_spec

import anyio
import httpx2
import uvicorn
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent

import mcplens
from mcplens.capture.recorder import Recorder
from mcplens.store.location import Store
from tests.planted import Plot


def server(kind, mode):
    """Give the door of one kind of server over HTTP, and one era."""

    def door(keep, store, _folder):
        plot = Plot()
        with Recorder(Store(store), observer="server", keep=keep, seal=False) as recorder:
            watched = mcplens.record(server_of(kind, plot), recorder=recorder)
            app = watched.http_app() if kind == "fastmcp" else watched.streamable_http_app()
            with served(app) as port:
                anyio.run(use_server, plot, port, mode)
        return plot, ""

    return door


def server_of(kind, plot):
    if kind == "fastmcp":
        from fastmcp import FastMCP as Server
    else:
        Server = MCPServer  # noqa: N806  a class
    made = Server("watched")

    @made.tool()
    async def tell(text: str, password: str, nested: dict) -> str:
        mcplens.note(
            created=f"https://me:{plot.never('note_user')}@host/x?key={plot.never('note_query')}",
            updated={"target": "row", "detail": f"with {plot.marked('note_marked')}"},
            checkpoint=f"see https://host/?q={plot.never('checkpoint_query')}",
            upstream=f"postgres://me:{plot.never('upstream_user')}@db/main",
            credential_id=plot.never("credential"),
        )
        return f"{plot.kept('result_text')}, password={plot.never('result_password')}"

    @made.tool()
    async def noted(text: str) -> CallToolResult:
        said = {"sent": f"https://host/?q={plot.never('meta_note_query')}", "x": text}
        meta = {"mcplens/note": {**said, "credential_id": plot.never("meta_credential")}}
        content = [TextContent(type="text", text="ok")]
        return CallToolResult(content=content, _meta={**meta, "m": plot.never("result_meta")})

    @made.tool()
    async def fail(text: str) -> str:
        # The SDK's own server tells its client nothing of it.
        raised = plot.never("raised") if kind == "mcpserver" else plot.kept("raised")
        cause = KeyError(plot.never("chained_cause"))
        raise ValueError(f"{raised} {plot.marked('raised_marked')}") from cause

    @made.tool()
    async def refuse(text: str) -> str:
        raise MCPError(-32050, plot.kept("refused"), {"why": plot.never("refused_data")})

    @made.resource("mail://inbox/{name}")
    async def mail(name: str) -> str:
        return plot.kept("resource_text")

    return made


@contextmanager
def served(app):
    """Serve an application in this process; gives its port."""
    config = uvicorn.Config(app, port=0, log_level="critical")
    serving = uvicorn.Server(config)
    thread = threading.Thread(target=serving.run, daemon=True)
    thread.start()
    while not serving.started:
        thread.join(0.01)
    try:
        yield serving.servers[0].sockets[0].getsockname()[1]
    finally:
        serving.should_exit = True
        thread.join(30)


async def use_server(plot, port, mode):
    url = f"http://127.0.0.1:{port}/mcp?key={plot.never('url_query')}"
    headers = {
        "Authorization": f"Bearer {plot.never('bearer')}",
        "Cookie": f"session={plot.never('cookie')}",
        "X-Api-Key": plot.never("request_header"),
        "tracestate": f"v={plot.never('tracestate')}",
        "baggage": f"user={plot.never('baggage')}",
    }
    sent = {"text": plot.kept("argument"), "password": plot.never("argument_password")}
    sent["nested"] = {"list": [{plot.kept("nested_key"): plot.kept("nested_value")}]}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        await client.call_tool("tell", sent, meta={"note": plot.never("request_meta")})
        for name in ("noted", "fail", "refuse"):
            with suppress(MCPError):
                await client.call_tool(name, {"text": plot.kept(f"argument_of_{name}")})
        await client.read_resource("mail://inbox/x")


def function(keep, store, _folder):
    plot = Plot()
    with Recorder(Store(store), observer="server", keep=keep, seal=False) as recorder:

        @mcplens.record(recorder=recorder)
        def tell(text, password="", nested=None):
            mcplens.note(
                sent=f"https://host/x?key={plot.never('note_query')}",
                upstream=f"https://me:{plot.never('upstream_user')}@host/x",
            )
            return {"value": plot.kept("result"), "token": plot.never("result_token")}

        default = plot.never("default_value")

        @mcplens.record(recorder=recorder)
        def fail(text, other=default):
            raise ValueError(f"{plot.kept('raised')} {plot.marked('raised_marked')}")

        tell(plot.kept("argument"), password=plot.never("argument_password"), nested=[{"a": 1}])
        with suppress(ValueError):
            fail(plot.kept("argument_of_fail"))
    return plot, ""


DOORS = {
    "MCPServer": server("mcpserver", "2026-07-28"),
    "MCPServer, old era": server("mcpserver", "legacy"),
    **({"FastMCP": server("fastmcp", "2026-07-28")} if find_spec("fastmcp") else {}),
    "function": function,
}
