"""The tap in mcp's client over HTTP and in memory, in the era without sessions."""

import asyncio
import contextlib
import subprocess
import sys

import pytest
from mcp import Client, ClientSession, MCPError
from mcp.client._memory import InMemoryTransport
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import ElicitResult
from pydantic import BaseModel

import mcplens
from mcplens.capture.recorder import Recorder
from mcplens.store.location import create
from tests.sdks import ROOT
from tests.spooled import calls, rows


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")


@pytest.fixture
def served(tmp_path):
    """A real HTTP server, and its address."""
    command = [sys.executable, ROOT / "tests" / "sdks" / "server.py", "http", tmp_path / "log"]
    process = subprocess.Popen(command, stdout=-1, stderr=subprocess.DEVNULL)
    port = int(process.stdout.readline())
    yield process, f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()
    process.stdout.close()


async def kill_while_waiting(process, call):
    task = asyncio.create_task(call)
    await asyncio.sleep(0.3)
    process.kill()
    await asyncio.gather(task, return_exceptions=True)


def ended(store):
    return [(call.target, call.outcome, call.outcome_basis) for call in calls(store.path)]


def test_calls_over_http_end_as_the_caller_saw_them(store, served):
    _, address = served

    async def run():
        with Recorder(store, observer="client", seal=False) as recorder:
            transport = mcplens.record(streamable_http_client(address), recorder=recorder)
            async with Client(transport) as client:
                await client.call_tool("add", {"a": 1, "b": 2})
                with pytest.raises(MCPError):
                    await client.call_tool("hang", {}, read_timeout_seconds=0.2)
                task = asyncio.create_task(client.call_tool("hang", {}))
                await asyncio.sleep(0.2)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    asyncio.run(run())

    assert ended(store) == [
        ("add", "ok", "answer"),
        ("hang", "timeout", "cancel_reason"),
        ("hang", "cancelled", "cancel"),
    ]
    assert {call.protocol_version for call in calls(store.path)} == {"2026-07-28"}
    [*_, connection] = rows(store.path, "connections")
    assert (connection.transport, connection.address) == ("http", address)
    assert connection.end_reason == "client_closed"


def test_a_server_that_dies_over_http_is_no_cancel_of_the_client(store, served):
    process, address = served

    async def run():
        with Recorder(store, observer="client", seal=False) as recorder:
            transport = mcplens.record(streamable_http_client(address), recorder=recorder)
            async with Client(transport) as client:
                await kill_while_waiting(process, client.call_tool("hang", {}))

    with contextlib.suppress(ExceptionGroup):
        asyncio.run(run())

    assert ended(store) == [("hang", "disconnected", "server_exited")]
    assert rows(store.path, "connections")[-1].end_reason == "server_exited"


def test_what_the_sdk_says_when_an_answer_breaks_off_is_no_word_of_the_server(store, served):
    process, address = served

    async def run():
        with Recorder(store, observer="client", seal=False) as recorder:
            transport = mcplens.record(streamable_http_client(address), recorder=recorder)
            async with transport as (read, write), ClientSession(read, write) as session:
                await session.initialize()
                await kill_while_waiting(process, session.call_tool("hang", {}))

    with contextlib.suppress(ExceptionGroup):
        asyncio.run(run())

    assert ended(store) == [("hang", "disconnected", "transport")]


class Name(BaseModel):
    name: str


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_transport_in_memory_shows_every_message(store, mode):
    server = MCPServer("mine")

    @server.tool()
    def echo(text: str) -> str:
        return text

    async def answer(context, params):
        return ElicitResult(action="accept", content={"name": "bob"})

    @server.tool()
    async def ask(context: Context) -> str:
        answer = await context.elicit("your name?", schema=Name)
        return answer.data.name

    async def run():
        with Recorder(store, observer="client", seal=False) as recorder:
            transport = mcplens.record(InMemoryTransport(server), recorder=recorder)
            async with Client(transport, mode=mode, elicitation_callback=answer) as client:
                await client.call_tool("echo", {"text": "hello"})
                with contextlib.suppress(MCPError):
                    await client.call_tool("ask", {})

    asyncio.run(run())

    # On a connection of the new era a server may not ask back in this way.
    last = "ok" if mode == "legacy" else "protocol_error"
    assert [(target, outcome) for target, outcome, _ in ended(store)] == [
        ("echo", "ok"),
        ("ask", last),
    ]
    [*_, connection] = rows(store.path, "connections")
    assert (connection.transport, connection.server_name) == ("memory", "mine")
