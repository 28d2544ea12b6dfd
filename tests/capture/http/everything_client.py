"""Calls server-everything: `everything_client.py URL http|sse`."""

import asyncio
import sys

from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

url, transport = sys.argv[1:]


async def on_progress(*_):
    pass


async def main():
    streams = sse_client(url) if transport == "sse" else streamable_http_client(url)
    async with streams as (read, write, *_), ClientSession(read, write) as session:
        await session.initialize()
        echo = await session.call_tool("echo", {"message": "hi"})
        steps = {"duration": 0.2, "steps": 2}
        slow = await session.call_tool(
            "trigger-long-running-operation", steps, progress_callback=on_progress
        )
        missing = await session.call_tool("missing", {})
        print(*(result.is_error for result in (echo, slow, missing)))


asyncio.run(main())
