import asyncio

import pytest
from mcp import Client, MCPError
from mcp.server import MCPServer

import mcplens
from mcplens.capture.recorder import Recorder
from mcplens.errors import UsageError
from mcplens.store.location import create
from tests.spooled import calls, rows


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")


@pytest.fixture
def server():
    server = MCPServer("greeter", version="2.1")

    @server.tool()
    def greet(name: str) -> str:
        return f"Hello {name}"

    @server.tool()
    def refuse() -> str:
        raise ValueError("not today")

    @server.tool()
    async def hang() -> str:
        await asyncio.sleep(60)
        return "late"

    return server


def record_calls(store, server, use, *, mode="auto", **options):
    """Let `use` call a server in memory, and write what its middleware saw."""

    async def run():
        with Recorder(store, observer="server") as recorder:
            recorded = mcplens.record(server, recorder=recorder, **options)
            async with Client(recorded, mode=mode) as client:
                await use(client)

    asyncio.run(run())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_call_is_recorded_as_the_server_saw_it(store, server, mode):
    async def use(client):
        await client.call_tool("greet", {"name": "Ada"})

    record_calls(store, server, use, mode=mode)

    [call] = calls(store.path)
    assert (call.target, call.outcome, call.observer) == ("greet", "ok", "server")
    assert (call.server_name, call.server_version) == ("greeter", "2.1")
    assert call.client_name == "mcp"
    assert call.progress_count is None


def test_a_tool_that_fails_is_a_tool_error(store, server):
    async def use(client):
        await client.call_tool("refuse", {})

    record_calls(store, server, use)

    [call] = calls(store.path)
    assert (call.outcome, call.error_class) == ("tool_error", "tool_failure")


def test_a_callers_timeout_is_told_by_its_cancel(store, server):
    async def use(client):
        with pytest.raises(MCPError):
            await client.call_tool("hang", {}, read_timeout_seconds=0.1)

    record_calls(store, server, use, mode="legacy")

    [call] = calls(store.path)
    assert (call.outcome, call.outcome_basis) == ("timeout", "cancel_reason")


def test_a_server_is_recorded_once_however_often_it_is_asked_for(store, server):
    async def use(client):
        await client.call_tool("greet", {"name": "Ada"})

    mcplens.record(server, recorder=Recorder(None, observer="server"))
    record_calls(store, server, use)

    assert len([entry for entry in server.middleware if "mcplens" in repr(entry)]) == 1
    assert rows(store.path, "events") == []


def test_a_server_of_an_sdk_without_middleware_is_refused_with_the_way_out():
    old = type("FastMCP", (), {"__module__": "mcp.server.fastmcp.server"})()

    with pytest.raises(UsageError, match="mcplens record -- COMMAND"):
        mcplens.record(old)
