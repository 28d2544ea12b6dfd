"""Real servers and real clients with the HTTP proxy between them."""

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.processes import SERVERS
from tests.spooled import rows

RECORDED = (sys.executable, str(SERVERS / "recorded.py"), "-")


@pytest.fixture
def watched(serving):
    """Start a server of an SDK that records nothing itself; gives its port."""

    def start(kind):
        import socket

        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        return serving(*RECORDED, kind, "http", str(port), port=port)

    return start


def talk(url, mode, say):
    from mcp import Client

    async def run():
        async with Client(url, mode=mode) as client:
            return await say(client)

    return asyncio.run(run())


async def greet_refuse_and_miss(client):
    calls = {"greet": {"name": "bob"}, "refuse": {}, "missing": {}}
    return [(await client.call_tool(tool, words)).is_error for tool, words in calls.items()]


@pytest.mark.parametrize("kind", ["mcpserver", "fastmcp"])
@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
def test_calls_of_both_eras_are_recorded(proxied, watched, kind, mode, version):
    proxy = proxied(f"http://127.0.0.1:{watched(kind)}/mcp")

    assert talk(proxy.url, mode, greet_refuse_and_miss) == [False, True, True]

    found = proxy.calls(3)
    proxy.stop()
    assert [(call.target, call.outcome) for call in found] == [
        ("greet", "ok"),
        ("refuse", "tool_error"),
        ("missing", "tool_error"),
    ]
    assert {call.protocol_version for call in found} == {version}
    assert {call.server_name for call in found} == {"watched"}
    assert {call.http_status for call in found} == {200}
    assert len({call.connection_id for call in found}) == 1
    is_session = mode == "legacy"
    assert {call.session_basis for call in found} == {"protocol" if is_session else "connection"}
    [run] = [row for row in rows(proxy.store, "runs") if row.ended_at]
    assert run.lost_count == 0


@pytest.mark.parametrize(("mode", "outcome"), [("legacy", "timeout"), ("auto", "cancelled")])
def test_a_caller_that_waits_no_longer_ends_the_call(proxied, watched, mode, outcome):
    proxy = proxied(f"http://127.0.0.1:{watched('mcpserver')}/mcp")

    async def give_up(client):
        with pytest.raises(Exception, match="timed out"):
            await client.call_tool("hang", {}, read_timeout_seconds=0.5)
        return await client.call_tool("greet", {"name": "bob"})

    talk(proxy.url, mode, give_up)

    by_tool = {call.target: call.outcome for call in proxy.calls(2)}
    assert by_tool == {"hang": outcome, "greet": "ok"}


def test_no_call_of_two_hundred_at_once_is_lost(proxied, watched):
    proxy = proxied(f"http://127.0.0.1:{watched('mcpserver')}/mcp")

    async def all_at_once(client):
        calls = (client.call_tool("greet", {"name": str(n)}) for n in range(200))
        return await asyncio.gather(*calls)

    said = talk(proxy.url, "auto", all_at_once)

    found = proxy.calls(200)
    proxy.stop()
    assert Counter(result.is_error for result in said) == {False: 200}
    assert Counter(call.outcome for call in found) == {"ok": 200}
    assert rows(proxy.store, "runs")[-1].lost_count == 0


@pytest.mark.everything
@pytest.mark.parametrize(("kind", "transport"), [("streamableHttp", "http"), ("sse", "sse")])
def test_server_everything_is_recorded(proxied, serving, everything_js, kind, transport):
    path = "/sse" if kind == "sse" else "/mcp"
    port = serving("node", everything_js, kind)
    proxy = proxied(f"http://127.0.0.1:{port}{path}")
    script = Path(__file__).with_name("everything_client.py")

    done = subprocess.run(
        [sys.executable, str(script), proxy.url, transport],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    found = proxy.calls(3)
    proxy.stop()
    assert done.stdout.split() == ["False", "False", "True"]
    assert [(call.target, call.outcome) for call in found] == [
        ("echo", "ok"),
        ("trigger-long-running-operation", "ok"),
        ("missing", "tool_error"),
    ]
    assert found[1].progress_count == 2
    assert {call.transport for call in found} == {transport}
    assert {call.session_basis for call in found} == {"protocol"}
    [connection] = {row.connection_id for row in rows(proxy.store, "connections")}
    assert {call.connection_id for call in found} == {connection}
