"""Observers that record together: each call counts once, and the hops tell where its time went."""

import asyncio
import os
import sys

import pytest
from mcp import Client, StdioServerParameters, stdio_client

import mcplens
from tests.processes import SERVERS, until
from tests.sdks import ROOT
from tests.spooled import calls

CALLS = 12


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
def test_client_proxy_and_server_together_count_each_call_once(tmp_path, era):
    store = tmp_path / "store"

    asyncio.run(call_through_all(store, era, tmp_path / "stderr"))
    until(lambda: len(calls(store)) == 3 * CALLS)

    with mcplens.connect(store) as con:
        counted = con.sql("select count(*), count(distinct call_id) from calls").fetchall()
        tools = con.sql("select tool_name, call_count, failure_count from tool_metrics").fetchall()
        hops = con.sql("""
            select
                outer_observer, inner_observer, count(*), count(distinct call_id),
                bool_and(transport_ms > 0), bool_and(inner_duration_ms <= outer_duration_ms)
            from hops group by all order by all
        """).fetchall()
    assert counted == [(CALLS, CALLS)]
    assert sorted(tools) == [("add", CALLS - 1, 0), ("fail", 1, 1)]
    assert hops == [
        ("client", "proxy", CALLS, CALLS, True, True),
        ("proxy", "server", CALLS, CALLS, True, True),
    ]


async def call_through_all(store, era, stderr):
    words = ["-m", "mcplens", "record", "--store", str(store), "--"]
    server = [sys.executable, str(SERVERS / "fast.py"), str(store)]
    parameters = StdioServerParameters(
        command=sys.executable, args=[*words, *server], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    with stderr.open("w") as errlog:
        transport = mcplens.record(stdio_client(parameters, errlog=errlog), store=store)
        async with Client(transport, mode=era) as client:
            for number in range(CALLS - 1):
                await client.call_tool("add", {"a": number, "b": 1})
            await client.call_tool("fail", {})
