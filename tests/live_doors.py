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

import anyio
import httpx2
from mcp import ClientSession, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

import mcplens
from mcplens.capture.recorder import Recorder
from mcplens.store.location import Store
from tests.bridge import bridged, converse_over_http
from tests.planted import Planted, converse
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


DOORS = {
    "stdio proxy": stdio_proxy,
    "HTTP proxy": http_proxy,
    "client over stdio": client_over_stdio,
    "client over HTTP": client_over_http,
}
