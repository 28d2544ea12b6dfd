"""Calls that ask at the same time, through the HTTP proxy, once per era: whose wait is whose."""

import asyncio
import sys

import pytest
from mcp import Client
from mcp.types import ElicitResult, ListRootsResult

from tests.processes import SERVERS

THINKS_S = 0.4
ERAS = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}


async def think(*_):
    """Answer as a person would, after a while."""
    await asyncio.sleep(THINKS_S)
    return ElicitResult(action="accept", content={"name": "bob"})


async def list_no_folders(*_):
    """Answer as a machine would."""
    return ListRootsResult(roots=[])


@pytest.mark.parametrize(("version", "mode"), ERAS.items(), ids=ERAS)
def test_of_calls_that_are_open_together_each_has_its_own_wait(proxied, serving, version, mode):
    port = serving(sys.executable, str(SERVERS / "asking.py"))
    proxy = proxied(f"http://127.0.0.1:{port}/mcp")

    async def use():
        async with Client(
            proxy.url, mode=mode, elicitation_callback=think, list_roots_callback=list_no_folders
        ) as client:
            await client.list_tools()
            tools = ("greet", "greet", "look_around")
            await asyncio.gather(*(client.call_tool(tool, {}) for tool in tools))

    asyncio.run(use())

    calls = sorted(proxy.calls(3), key=lambda call: call.target)
    assert [call.target for call in calls] == ["greet", "greet", "look_around"]
    assert [call.outcome for call in calls] == ["ok"] * 3
    assert {call.protocol_version for call in calls} == {version}
    assert [call.wait_ms >= THINKS_S * 1000 for call in calls] == [True, True, False]
    assert calls[2].wait_ms == 0.0
    for call in calls:
        assert call.duration_ms == pytest.approx(call.wait_ms + call.work_ms)
