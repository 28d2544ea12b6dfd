"""The doors that real traffic comes through, each used once with secrets planted everywhere.

Each takes what is to be kept, a store and a folder of its own, and gives what was planted and what
mcplens itself said on stderr.
"""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from importlib.util import find_spec

import anyio
import httpx2
import uvicorn
from mcp import Client, ClientSession, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent

import mcplens
from mcplens.capture.recorder import Recorder
from mcplens.store.location import Store
from tests.bridge import bridged, converse_over_http
from tests.planted import Planted, Plot, converse
from tests.processes import SERVERS, Recorded

TELLING = (sys.executable, SERVERS / "telling.py")


def stdio_proxy(keep, store, folder, *, config=None):
    planted = Planted()
    where = folder / planted.working_directory
    where.mkdir()
    options = () if keep is None else ("--keep", keep)
    if config is not None:
        options += ("--config", str(config))
    recorded = Recorded(store)
    process = recorded.start(
        *TELLING,
        *planted.argv,
        options=options,
        env={**os.environ, **planted.environ},
        cwd=where,
        stderr=subprocess.PIPE,
    )
    with process.stderr, ThreadOf(process.stderr.read) as heard:
        converse(process, planted)
    said = heard.result.decode()
    assert planted.stderr in said  # It is the server's own.
    return planted, said_by_mcplens(said)


def said_by_mcplens(said):
    return "\n".join(line for line in said.splitlines() if line.startswith("mcplens"))


class ThreadOf(threading.Thread):
    """Runs a function beside, until the block ends."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self.function, self.result = function, None

    def run(self):
        self.result = self.function()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.join(30)


def http_proxy(keep, store, _folder):
    planted = Planted()
    with bridge_of(planted) as port:
        path = f"me:{planted.url_user}@host/{planted.url_path}/mcp"
        upstream = f"http://127.0.0.1:{port}/{path}?key={planted.url_query}"
        words = ("--store", store, "--keep", keep, "--listen", "127.0.0.1:0", upstream)
        proxy = subprocess.Popen(
            [sys.executable, "-m", "mcplens", "record", *map(str, words)],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            lines = iter(proxy.stderr)
            before = []
            while "listening on" not in (listening := next(lines)):
                before.append(listening)
            address = listening.split("listening on ")[1].split()[0]
            url = f"{address}?token={planted.url_query}"
            refused = [
                {"jsonrpc": "2.0", "id": 70 + number, "method": method}
                for number, method in enumerate(REFUSED)
            ]
            statuses = converse_over_http(url, planted, headers=asked_with(planted), also=refused)
        finally:
            proxy.terminate()
            _, rest = proxy.communicate(timeout=30)
    assert statuses == [200] * 10 + [202, 400, 503]
    # The address to give to the client is the one line that has to name the path.
    return planted, "".join([*before, listening.replace(address, ""), rest])


REFUSED = ("logging/setLevel", "ping")


@contextmanager
def bridge_of(planted):
    """The telling server behind HTTP, with secrets wherever HTTP has room for them."""
    answered = {
        "Set-Cookie": planted.response_header,
        "X-Told": planted.response_header,
        "Mcp-Session-Id": planted.protocol_session,
    }
    before = f": {planted.event_comment}\nevent: message\nid: {planted.event_id}\nretry: 5\n"
    error = {"code": -32603, "message": planted.error_message, "data": planted.error_body_data}
    refusals = {
        "logging/setLevel": (400, json.dumps({"jsonrpc": "2.0", "id": None, "error": error})),
        "ping": (503, f"no, {planted.error_body}"),
    }
    command, environ = (*TELLING, *planted.argv), {**os.environ, **planted.environ}
    with bridged(
        command, headers=answered, environ=environ, before=before, refusals=refusals
    ) as port:
        yield port


def asked_with(planted):
    """Headers of a client that has a lot to hide."""
    return {
        "Authorization": f"Bearer {planted.bearer}",
        "Cookie": f"session={planted.cookie}",
        "X-Api-Key": planted.request_header,
        "Mcp-Session-Id": planted.protocol_session,
        "Last-Event-ID": planted.event_id,
        "baggage": f"user={planted.baggage}",
        "tracestate": f"v={planted.tracestate}",
    }


def client_over_stdio(keep, store, _folder):
    planted = Planted()
    command, *words = map(str, (*TELLING, *planted.argv))
    server = StdioServerParameters(
        command=command, args=words, env={**os.environ, **planted.environ}
    )
    with Recorder(Store(store), observer="client", keep=keep, seal=False) as recorder:
        tapped = mcplens.record(stdio_client(server), recorder=recorder)
        anyio.run(converse_in_client, planted, tapped)
    return only_sent_by_client(planted), ""


def client_over_http(keep, store, _folder):
    planted = Planted()

    async def run(port):
        url = f"http://127.0.0.1:{port}/{planted.url_path}/mcp?key={planted.url_query}"
        async with httpx2.AsyncClient(headers=asked_with(planted)) as http:
            transport = streamable_http_client(url, http_client=http)
            await converse_in_client(planted, mcplens.record(transport, recorder=recorder))

    with (
        bridge_of(planted) as port,
        Recorder(Store(store), observer="client", keep=keep, seal=False) as recorder,
    ):
        anyio.run(run, port)
    return only_sent_by_client(planted), ""


async def converse_in_client(planted, transport):
    by_method = {message["method"]: message["params"] for message in planted.requests()}
    told = [m["params"] for m in planted.requests() if m["method"] == "tools/call"]
    async with transport as (read, write, *_), ClientSession(read, write) as session:
        await session.initialize()
        await session.list_tools()
        for params in told[:3]:  # The fourth asks back.
            with suppress(MCPError):
                await session.call_tool(
                    params["name"],
                    params["arguments"],
                    progress_callback=_hear,
                    meta={"note": planted.request_meta, "baggage": planted.baggage},
                )
        await session.list_resources()
        await session.read_resource(by_method["resources/read"]["uri"])
        await session.get_prompt("p", {"about": planted.prompt_argument})


async def _hear(*_):
    pass


def only_sent_by_client(planted):
    """Say what an SDK's client of our own has no way to say, or was not asked."""
    planted.contents -= {"client_title", "client_capability", "question", "answer", "sampled"}
    planted.contents -= {"completion", "completion_argument"}
    return planted


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
    "stdio proxy": stdio_proxy,
    "HTTP proxy": http_proxy,
    "client over stdio": client_over_stdio,
    "client over HTTP": client_over_http,
    "MCPServer": server("mcpserver", "2026-07-28"),
    "MCPServer, old era": server("mcpserver", "legacy"),
    **({"FastMCP": server("fastmcp", "2026-07-28")} if find_spec("fastmcp") else {}),
    "function": function,
}
