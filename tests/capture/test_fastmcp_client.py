"""fastmcp's own client with a recorded transport, over memory, stdio and HTTP, in both eras."""

import asyncio
import contextlib
import subprocess
import sys

import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.client.transports import (
    FastMCPTransport,
    MCPConfigTransport,
    StdioTransport,
    StreamableHttpTransport,
)
from fastmcp.exceptions import ToolError
from mcp import MCPError

import mcplens
from mcplens.capture.recorder import Recorder
from mcplens.store.location import create
from tests.processes import SERVERS
from tests.spooled import calls, ended, rows

SDKS = SERVERS.parent / "sdks"
PLAIN = [str(SERVERS / "plain.py")]


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")


@pytest.fixture
def server():
    server = FastMCP("mine")

    @server.tool
    def echo(text: str) -> str:
        return text

    @server.tool
    def fail() -> str:
        raise ToolError("no")

    @server.tool
    async def hang() -> str:
        await asyncio.Event().wait()
        return "never"

    @server.tool
    async def ask(context: Context) -> str:
        answer = await context.elicit("your name?", response_type=str)
        return f"hello {answer.data}"

    return server


def record_calls(store, transport, use, **options):
    async def run():
        with Recorder(store, observer="client", seal=False) as recorder:
            recorded = mcplens.record(transport, recorder=recorder)
            async with Client(recorded, **options) as client:
                await use(client)
            await recorded.close()

    asyncio.run(run())
    return [(c.target, c.outcome, c.outcome_basis, c.error_class) for c in calls(store.path)]


async def give_up(client):
    task = asyncio.create_task(client.call_tool("hang"))
    await asyncio.sleep(0.2)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_calls_end_as_fastmcps_client_saw_them(store, server, mode):
    async def use(client):
        assert (await client.call_tool("echo", {"text": "hello"})).data == "hello"
        with pytest.raises(ToolError):
            await client.call_tool("fail")
        with pytest.raises(MCPError, match="timed out"):
            await client.call_tool("hang", timeout=0.2)
        await give_up(client)

    recorded = record_calls(store, FastMCPTransport(server), use, mode=mode)

    assert recorded == [
        ("echo", "ok", "answer", None),
        ("fail", "tool_error", "answer", "tool_failure"),
        ("hang", "timeout", "cancel_reason", None),
        ("hang", "cancelled", "cancel", None),
    ]
    # The client asks for the tools' schemas behind its user's back.
    assert "tools/list" in [event.method for event in ended(store.path)]
    [*_, connection] = rows(store.path, "connections")
    assert (connection.server_name, connection.transport) == ("mine", "memory")
    assert connection.end_reason == "client_closed"


def test_a_person_who_is_asked_is_seen(store, server):
    async def answer(*_):
        await asyncio.sleep(0.05)
        return {"value": "bob"}

    async def use(client):
        assert (await client.call_tool("ask")).data == "hello bob"

    record_calls(store, FastMCPTransport(server), use, mode="legacy", elicitation_handler=answer)

    [question] = [e for e in ended(store.path) if e.method == "elicitation/create"]
    assert (question.direction, question.outcome) == ("to_client", "ok")
    [call] = calls(store.path)
    assert call.wait_ms >= 50


def test_a_server_process_is_named_by_its_command_and_its_death_is_seen(store):
    async def use(client):
        await client.call_tool("echo", {"text": "hello"})
        with contextlib.suppress(MCPError, RuntimeError):
            await client.call_tool("die")

    recorded = record_calls(store, StdioTransport(sys.executable, PLAIN), use)

    assert [(target, outcome) for target, outcome, *_ in recorded] == [
        ("echo", "ok"),
        ("die", "disconnected"),
    ]
    [*_, connection] = rows(store.path, "connections")
    assert (connection.transport, connection.end_reason) == ("stdio", "server_exited")
    assert "plain.py" in connection.command


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_server_that_dies_over_http_has_disconnected(store, tmp_path, mode):
    command = [sys.executable, SDKS / "server.py", "http", tmp_path / "log"]
    with subprocess.Popen(command, stdout=-1, stderr=subprocess.DEVNULL) as process:
        port = int(process.stdout.readline())

        async def use(client):
            task = asyncio.create_task(client.call_tool("hang"))
            await asyncio.sleep(0.3)
            process.kill()
            await asyncio.gather(task, return_exceptions=True)

        transport = StreamableHttpTransport(f"http://127.0.0.1:{port}/mcp")
        with contextlib.suppress(Exception):
            record_calls(store, transport, use, mode=mode)

    [call] = calls(store.path)
    assert (call.target, call.outcome) == ("hang", "disconnected")
    # Only the old era has sessions over HTTP.
    assert (call.session_basis == "protocol") == (mode == "legacy")


def test_a_process_that_is_kept_alive_is_one_connection(store):
    async def run():
        with Recorder(store, observer="client", seal=False) as recorder:
            recorded = mcplens.record(StdioTransport(sys.executable, PLAIN), recorder=recorder)
            for _ in range(2):
                async with Client(recorded) as client:
                    await client.call_tool("echo", {"text": "hello"})
            await recorded.close()

    asyncio.run(run())

    assert {call.connection_id for call in calls(store.path)} == {
        rows(store.path, "connections")[0].connection_id
    }
    assert len(calls(store.path)) == 2


def test_what_comes_back_is_a_transport_of_the_same_kind():
    transport = StdioTransport(sys.executable, PLAIN)

    recorded = mcplens.record(transport)

    assert isinstance(recorded, StdioTransport)
    assert recorded is not transport
    assert (recorded.command, recorded.args) == (sys.executable, PLAIN)
    assert repr(recorded) == repr(transport)


def test_several_servers_of_a_configuration_are_recorded_where_the_client_stands(store):
    one = {"command": sys.executable, "args": PLAIN}
    config = {"mcpServers": {"a": one, "b": one}}

    async def use(client):
        await client.call_tool("a_echo", {"text": "hello"})
        await client.call_tool("b_echo", {"text": "hello"})

    recorded = record_calls(store, MCPConfigTransport(config), use)

    assert [(target, outcome) for target, outcome, *_ in recorded] == [
        ("a_echo", "ok"),
        ("b_echo", "ok"),
    ]
