"""Real servers of both SDKs that record themselves, in processes of their own."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.spooled import calls, ended, rows

SERVER = str(Path(__file__).parents[1] / "servers" / "recorded.py")
KINDS = ["mcpserver", "lowlevel", "fastmcp"]
ERAS = ["2026-07-28", "legacy"]


async def use(client):
    """Call a tool that answers, one that fails, and one that is given up in two ways."""
    await client.call_tool("greet", {"name": "Ada"})
    await client.call_tool("refuse", {})
    with pytest.raises(MCPError):
        await client.call_tool("hang", {}, read_timeout_seconds=0.3)
    cancelled = asyncio.create_task(client.call_tool("hang", {}))
    await asyncio.sleep(0.3)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await client.call_tool("greet", {"name": "Bob"})


def call_over_stdio(store, kind, use=use, *, mode, env=None):
    async def run():
        transport = stdio_client(
            StdioServerParameters(
                command=sys.executable, args=[SERVER, str(store), kind, "stdio"], env=env
            )
        )
        async with Client(transport, mode=mode) as client:
            await use(client)

    asyncio.run(run())


@contextmanager
def serving(store, kind):
    """A server over HTTP; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, SERVER, str(store), kind, "http", str(port)])
    try:
        deadline = time.monotonic() + 30
        while True:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < deadline, "the server does not listen"
            assert process.poll() is None, "the server has ended"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(20)


def call_over_http(address, use=use, *, mode, headers=None):
    import httpx2

    async def run():
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(address, http_client=http), mode=mode) as client,
        ):
            await use(client)

    asyncio.run(run())


def calls_in_order(store, count=0):
    """Wait for so many calls, and give them as they were made."""
    deadline = time.monotonic() + 20
    while len(found := calls(store)) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return sorted(found, key=lambda call: call.sequence)


def told(call):
    return (call.target, call.outcome, call.outcome_basis, call.error_class)


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("kind", KINDS)
def test_over_stdio_each_way_to_end_is_told(tmp_path, kind, mode):
    call_over_stdio(tmp_path, kind, mode=mode)

    assert [told(call) for call in calls_in_order(tmp_path)] == [
        ("greet", "ok", "answer", None),
        ("refuse", "tool_error", "answer", "tool_failure"),
        ("hang", "timeout", "cancel_reason", None),
        ("hang", "cancelled", "cancel", None),
        ("greet", "ok", "answer", None),
    ]
    [greeting, *_] = calls_in_order(tmp_path)
    assert greeting.side_effects[0].target == "https://crm.example/Ada"
    assert (greeting.transport, greeting.server_name, greeting.client_name) == (
        "stdio",
        "watched",
        "mcp",
    )
    assert len({row.connection_id for row in rows(tmp_path, "connections")}) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_over_http_of_the_old_era_a_session_is_a_connection(tmp_path, kind):
    headers = {"Authorization": "Bearer hunter2"}
    with serving(tmp_path, kind) as address:
        call_over_http(address, mode="legacy", headers=headers)
        call_over_http(address, mode="legacy", headers=headers)
        found = calls_in_order(tmp_path, 10)

    assert [told(call) for call in found[:5]] == [
        ("greet", "ok", "answer", None),
        ("refuse", "tool_error", "answer", "tool_failure"),
        ("hang", "timeout", "cancel_reason", None),
        ("hang", "cancelled", "cancel", None),
        ("greet", "ok", "answer", None),
    ]
    assert len(found) == 10
    assert len({call.connection_id for call in found}) == 2
    assert len({call.session_id for call in found}) == 2
    assert {call.session_basis for call in found} == {"protocol"}
    assert {call.client_name for call in found} == {"mcp"}
    assert {call.protocol_version for call in found} == {"2025-11-25"}
    [credential] = {call.credential_id for call in found}
    assert credential
    openings = [event for event in ended(tmp_path) if event.method == "initialize"]
    assert [e.connection_id for e in openings] == [found[0].connection_id, found[5].connection_id]
    for part in Path(tmp_path).rglob("*.jsonl"):
        assert "hunter2" not in part.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_over_http_of_the_new_era_one_client_is_one_connection(tmp_path, kind):
    with serving(tmp_path, kind) as address:
        call_over_http(address, mode="2026-07-28", headers={"Authorization": "Bearer one"})
        call_over_http(address, mode="2026-07-28", headers={"Authorization": "Bearer two"})
        found = calls_in_order(tmp_path, 10)

    # A caller that closes its exchange does not say why.
    assert [told(call) for call in found[:5]] == [
        ("greet", "ok", "answer", None),
        ("refuse", "tool_error", "answer", "tool_failure"),
        ("hang", "cancelled", "disconnect", None),
        ("hang", "cancelled", "disconnect", None),
        ("greet", "ok", "answer", None),
    ]
    assert len({call.connection_id for call in found}) == 2
    assert len({call.credential_id for call in found}) == 2
    assert {call.session_basis for call in found} == {"connection"}
    assert {call.transport for call in found} == {"http"}


@pytest.mark.parametrize("mode", ERAS)
def test_a_broken_promise_and_a_crash_are_seen_by_the_server(tmp_path, mode):
    async def use(client):
        await client.list_tools()
        with pytest.raises(RuntimeError):
            await client.call_tool("lie", {})
        with pytest.raises(MCPError):
            await client.call_tool("crash", {})

    call_over_stdio(tmp_path, "lowlevel", use, mode=mode)

    lie, crash = calls(tmp_path)
    assert (lie.outcome, lie.error_class, lie.is_schema_valid) == ("ok", "schema_violation", False)
    assert (crash.outcome, crash.error_class) == ("protocol_error", "internal")


def test_the_proxy_in_front_is_named(tmp_path):
    async def use(client):
        await client.call_tool("greet", {"name": "Ada"})

    env = {**os.environ, "MCPLENS_SHADOWED_BY": "abc-c1"}
    call_over_stdio(tmp_path, "mcpserver", use, mode="auto", env=env)

    assert rows(tmp_path, "connections")[-1].shadowed_by == "abc-c1"
