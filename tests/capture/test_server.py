import asyncio
import runpy
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from types import SimpleNamespace

import pytest
from mcp import Client, MCPError
from mcp.server import MCPServer
from mcp.types import ElicitResult

import mcplens
from mcplens.capture import server as server_module
from mcplens.capture import server_tap
from mcplens.capture.backlog import Backlog
from mcplens.capture.note import understand
from mcplens.capture.recorder import Recorder
from mcplens.capture.server_asked import Asked
from mcplens.capture.server_wire import weight_of_result
from mcplens.errors import UsageError
from mcplens.store.location import create
from tests.processes import SERVERS
from tests.spooled import calls, ended, rows


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


def record_calls(store, server, use, *, mode="auto", answer=None, **options):
    """Let `use` call a server in memory, and write what its middleware saw."""

    async def run():
        with Recorder(store, observer="server") as recorder:
            recorded = mcplens.record(server, recorder=recorder, **options)
            async with Client(recorded, mode=mode, elicitation_callback=answer) as client:
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


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_caller_in_memory_whose_time_is_up_is_told_from_one_that_cancels(store, server, mode):
    async def use(client):
        with pytest.raises(MCPError):
            await client.call_tool("hang", {}, read_timeout_seconds=0.1)
        task = asyncio.create_task(client.call_tool("hang", {}))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    record_calls(store, server, use, mode=mode)

    timeout, cancelled = sorted(calls(store.path), key=lambda call: call.sequence)
    assert timeout.outcome == "timeout"
    assert cancelled.outcome == "cancelled"
    # The server begins a little after its caller, and on a busy machine more than a little.
    assert timeout.work_ms > 0


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_time_that_a_person_takes_is_no_work_in_either_era(store, mode):
    async def answer(_context, _params):
        await asyncio.sleep(0.3)
        return ElicitResult(action="accept", content={"name": "Ada"})

    async def use(client):
        result = await client.call_tool("greet", {})
        assert result.content[0].text == "hi Ada"

    asking = runpy.run_path(str(SERVERS / "asking.py"))["server"]
    record_calls(store, asking, use, mode=mode, answer=answer)

    *_, call = calls(store.path)
    assert call.is_final
    # How much longer it all takes is the machine's; what is waited for is never work.
    assert call.wait_ms >= 300
    assert call.work_ms >= 100
    assert call.duration_ms >= call.wait_ms + 100
    assert call.work_ms == pytest.approx(call.duration_ms - call.wait_ms, abs=1)


def test_what_a_server_asks_has_no_id_that_was_made_up(store):
    async def answer(_context, _params):
        return ElicitResult(action="decline")

    async def use(client):
        await client.call_tool("greet", {})

    asking = runpy.run_path(str(SERVERS / "asking.py"))["server"]
    record_calls(store, asking, use, mode="legacy", answer=answer)

    [question] = [e for e in ended(store.path) if e.method == "elicitation/create"]
    assert (question.direction, question.outcome, question.request_id) == ("to_client", "ok", None)


def test_a_tool_that_was_given_up_may_still_note_what_it_left_behind(store, server):
    @server.tool()
    async def write() -> str:
        mcplens.note(created="/tmp/part", checkpoint="begun")
        try:
            await asyncio.sleep(60)
        finally:
            mcplens.note(deleted="/tmp/part")
        return "late"

    async def use(client):
        with pytest.raises(MCPError):
            await client.call_tool("write", {}, read_timeout_seconds=0.1)

    record_calls(store, server, use, mode="legacy")

    [call] = calls(store.path)
    assert (call.outcome, call.checkpoint) == ("timeout", "begun")
    assert [(e.kind, e.target) for e in call.side_effects] == [
        ("created", "/tmp/part"),
        ("deleted", "/tmp/part"),
    ]


def test_calls_at_once_of_several_clients_are_kept_apart(store, server):
    async def call_all(recorded):
        async with Client(recorded) as client:
            await asyncio.gather(*(client.call_tool("greet", {"name": "A"}) for _ in range(20)))

    async def run():
        with Recorder(store, observer="server") as recorder:
            recorded = mcplens.record(server, recorder=recorder)
            await asyncio.gather(*(call_all(recorded) for _ in range(5)))

    asyncio.run(run())

    found = calls(store.path)
    assert {call.outcome for call in found} == {"ok"}
    assert len(found) == 100
    assert len({call.connection_id for call in found}) == 5


def test_trouble_in_the_observer_stays_there(store, server, monkeypatch):
    monkeypatch.setattr(server_module, "with_watched_session", lambda *_: 1 / 0)

    async def use(client):
        result = await client.call_tool("greet", {"name": "Ada"})
        assert result.content[0].text == "Hello Ada"

    record_calls(store, server, use)


def test_calls_that_find_no_room_are_counted(store, server, monkeypatch):
    monkeypatch.setattr(server_tap, "Backlog", partial(Backlog, max_waiting=0))

    async def use(client):
        await client.call_tool("greet", {"name": "Ada"})

    record_calls(store, server, use)

    # The question for what the server can, the call, and the list of tools behind it.
    assert rows(store.path, "runs")[-1].lost_count == 3
    assert calls(store.path) == []


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


@pytest.mark.parametrize(
    ("result", "weight"),
    [
        ({"content": [{"type": "text", "text": "four"}, {"type": "image", "data": "six..."}]}, 10),
        ({"contents": [{"uri": "a:b", "blob": "four"}]}, 4),
        ({"content": "odd"}, 0),
        ({"content": ["odd", {"text": 7}]}, 0),
        (None, 0),
    ],
)
def test_what_waits_to_be_read_is_weighed_by_its_contents(result, weight):
    assert weight_of_result(result) == weight


def context(method="tools/call", *, request_id=1, params=None):
    """What a middleware of the SDK is given in memory."""
    return SimpleNamespace(
        method=method,
        params={"name": "greet"} if params is None else params,
        request=None,
        request_id=request_id,
        lifespan_context=None,
        protocol_version="2026-07-28",
    )


@pytest.fixture
def tap(store):
    """What reads for a server's observer, before anything was noted."""
    with Recorder(store, observer="server", wake_s=60) as recorder:
        tap = server_tap.ServerTap(recorder, server_name=None, server_info={})
        recorder.attach(tap)
        yield tap


def test_a_request_that_is_over_keeps_no_contents(tap):
    asked = Asked(context(), tap, is_stdio=False)

    tap.note(asked)
    asked.answered({"content": []})
    tap.work()

    assert asked.ctx == (1, "2026-07-28")


def test_a_cancel_counts_once_the_handler_has_let_go(tap, store):
    asked = Asked(context(), tap, is_stdio=False)
    params = {"requestId": 1, "reason": "timed out"}
    cancel = context("notifications/cancelled", request_id=None, params=params)

    tap.note(asked)
    tap.note(Asked(cancel, tap, is_stdio=False))
    tap.work()
    asked.noted(understand({"deleted": "/tmp/part"}))
    asked.answered({"content": []})
    tap.work()
    tap.recorder.close()

    [call] = calls(store.path)
    assert (call.outcome, call.side_effects[0].kind) == ("timeout", "deleted")


def test_progress_is_unknown_where_it_cannot_be_seen(store, server):
    async def heard(*_):
        pass

    async def use(client):
        await client.call_tool("greet", {"name": "Ada"}, progress_callback=heard)

    record_calls(store, server, use, mode="legacy")

    [call] = calls(store.path)
    assert call.progress_count is None


def test_a_handler_that_is_thrown_away_half_done_ends_quietly(monkeypatch):
    noted = []
    observer = server_module.ServerObserver(lambda: None, server_name=None, server_info={})
    tap = SimpleNamespace(note=lambda *item: noted.append(item), ns=lambda: 0)
    asked = Asked(None, tap, is_stdio=False)
    monkeypatch.setattr(observer, "_tap_of_process", lambda: tap)
    monkeypatch.setattr(observer, "_asked", lambda _ctx, _tap: asked)
    monkeypatch.setattr(server_module, "with_watched_session", lambda ctx, _asked, _tap: ctx)
    handling = observer(None, lambda _: asyncio.sleep(60))

    async def begin():
        handling.send(None)

    with suppress(RuntimeError):  # There is no loop to sleep in.
        copy_context().run(asyncio.run, begin())
    handling.close()

    assert len(noted) == 1
