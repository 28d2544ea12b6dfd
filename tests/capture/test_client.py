import asyncio
import contextvars
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from mcp import Client, MCPError, StdioServerParameters, stdio_client

from mcplens.capture import client_tap as client_module
from mcplens.capture.backlog import Backlog
from mcplens.capture.client import record_transport
from mcplens.capture.client_session import record_session_class
from mcplens.capture.recorder import Recorder
from mcplens.store.location import create
from tests.spooled import calls, ended, rows

PLAIN = (sys.executable, str(Path(__file__).parents[1] / "servers" / "plain.py"))
ASK = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo"}}


@pytest.fixture
def store(tmp_path):
    return create(tmp_path / "store")


def record_calls(store, use, **options):
    """Let `use` call a server through a tap, and write what was recorded."""

    async def run():
        transport = stdio_client(StdioServerParameters(command=PLAIN[0], args=[PLAIN[1]]))
        with Recorder(store, observer="client") as recorder:
            tapped = record_transport(transport, recorder=recorder, command=PLAIN, **options)
            async with Client(tapped) as client:
                await use(client)

    asyncio.run(run())


def test_a_call_is_recorded_as_the_client_saw_it(store):
    async def use(client):
        await client.call_tool("echo", {"text": "hello"})

    record_calls(store, use, server_name="mine")

    [call] = calls(store.path)
    assert (call.target, call.outcome, call.observer) == ("echo", "ok", "client")
    assert (call.server_name, call.server_basis) == ("mine", "option")
    [*_, connection] = rows(store.path, "connections")
    assert (connection.server_version, connection.end_reason) == ("1.0", "client_closed")


def test_a_call_knows_the_test_that_made_it(store):
    origin = SimpleNamespace(test="test_one", warmup=True)

    async def use(client):
        await client.call_tool("echo", {"text": "hello"})
        origin.test, origin.warmup = "test_two", False
        await client.call_tool("echo", {"text": "hello"})

    record_calls(store, use, test_id=lambda: origin.test, is_warmup=lambda: origin.warmup)

    assert [(c.test_id, c.is_warmup) for c in calls(store.path)] == [
        ("test_one", True),
        ("test_two", False),
    ]


def test_a_callers_timeout_is_a_timeout(store):
    async def use(client):
        with pytest.raises(MCPError):
            await client.call_tool("hang", {}, read_timeout_seconds=0.2)

    record_calls(store, use)

    [call] = calls(store.path)
    assert (call.target, call.outcome) == ("hang", "timeout")


def test_a_server_that_dies_has_disconnected(store):
    async def use(client):
        with pytest.raises(MCPError):
            await client.call_tool("die", {})

    record_calls(store, use)

    [call] = calls(store.path)
    assert (call.target, call.outcome) == ("die", "disconnected")
    [*_, connection] = rows(store.path, "connections")
    assert connection.end_reason == "server_exited"


def test_clients_share_a_recorder(store):
    async def one(recorder):
        transport = stdio_client(StdioServerParameters(command=PLAIN[0], args=[PLAIN[1]]))
        async with Client(record_transport(transport, recorder=recorder)) as client:
            for _ in range(20):
                await client.call_tool("echo", {"text": "hello"})

    async def both():
        with Recorder(store, observer="client", run_id="r") as recorder:
            await asyncio.gather(one(recorder), one(recorder))

    asyncio.run(both())

    recorded = ended(store.path)
    assert sorted(e.sequence for e in recorded) == list(range(1, len(recorded) + 1))
    assert [c.connection_id for c in calls(store.path)].count("r-c1") == 20
    assert [c.connection_id for c in calls(store.path)].count("r-c2") == 20


def test_trouble_in_the_tap_stays_there(store, monkeypatch):
    monkeypatch.setattr(client_module, "wire_form", lambda _: 1 / 0)

    async def use(client):
        answer = await client.call_tool("echo", {"text": "hello"})
        assert answer.content[0].text == "hello"

    record_calls(store, use, test_id=lambda: 1 / 0)

    assert rows(store.path, "notices")[0].kind == "not_jsonrpc"


def test_what_is_open_when_the_run_ends_before_its_client_is_recorded(store):
    @asynccontextmanager
    async def silent():
        yield SimpleNamespace(), SimpleNamespace(send=lambda _: asyncio.sleep(0))

    async def run():
        with Recorder(store, observer="client") as recorder:
            async with record_transport(silent(), recorder=recorder) as (_, write):
                await write.send(ASK)
                recorder.close()

    asyncio.run(run())

    [call] = calls(store.path)
    assert (call.outcome, call.outcome_basis) == ("unanswered", "client_closed")
    assert rows(store.path, "connections")[-1].end_reason == "client_closed"
    assert rows(store.path, "runs")[-1].lost_count == 0


def test_messages_that_find_no_room_are_counted(store, monkeypatch):
    monkeypatch.setattr(client_module, "Backlog", partial(Backlog, max_waiting=0))

    async def use(client):
        await client.call_tool("echo", {"text": "hello"})

    record_calls(store, use)

    # The refused probe is two messages, the handshake three, the call two, and the list of tools
    # two, which the client asks for before it believes the first answer.
    [*_, run] = rows(store.path, "runs")
    assert run.lost_count == 9
    assert sum(n.lost_count for n in rows(store.path, "notices")) == 9
    assert calls(store.path) == []


def test_a_transport_that_does_not_start_says_so_itself(store):
    @asynccontextmanager
    async def broken():
        raise ConnectionRefusedError
        yield

    async def run():
        with Recorder(store, observer="client") as recorder:
            async with record_transport(broken(), recorder=recorder):
                pass

    with pytest.raises(ConnectionRefusedError):
        asyncio.run(run())


def test_a_request_thrown_away_half_done_ends_quietly():
    class Session:
        def __init__(self, read, write):
            pass

        async def send_request(self):
            await asyncio.Event().wait()

    async def begin():
        with Recorder(None, observer="client") as recorder:
            recorded = record_session_class(Session, recorder=lambda: recorder)
            asking = recorded(object(), object()).send_request()
            contextvars.copy_context().run(asking.send, None)
            asking.close()

    asyncio.run(begin())
