"""One client for every mcp SDK from 1.24 on, with or without mcplens.

`python client.py TRANSPORT WHERE TAP STORE` calls the server of this folder and prints how each
call ended for the caller. WHERE is an address, or the file that takes what reached the server.
TAP is none, transport, session or both.
"""

import asyncio
import contextlib
import functools
import json
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import anyio
from mcp import ClientSession, StdioServerParameters, stdio_client, types
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.memory import create_client_server_memory_streams

HERE = Path(__file__).parent
IS_OLD = version("mcp").startswith("1.")


def seconds(number):
    return timedelta(seconds=number) if IS_OLD else number


@asynccontextmanager
async def in_memory(log):
    """Give the client's two streams to a server in this process, and write down what it reads."""
    import server as home

    lowlevel = home.server._mcp_server if IS_OLD else home.server._lowlevel_server

    class Tee:
        def __init__(self, stream):
            self.stream = stream

        async def __anext__(self):
            item = await self.stream.__anext__()
            with Path(log).open("a") as file:  # noqa: ASYNC230  a test's own
                file.write(item.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n")
            return item

        def __aiter__(self):
            return self

        async def __aenter__(self):
            await self.stream.__aenter__()
            return self

        async def __aexit__(self, *details):
            return await self.stream.__aexit__(*details)

        def __getattr__(self, name):
            return getattr(self.stream, name)

    async with (
        create_client_server_memory_streams() as (of_client, (read, write)),
        anyio.create_task_group() as tasks,
    ):
        options = lowlevel.create_initialization_options()
        tasks.start_soon(lowlevel.run, Tee(read), write, options)
        yield of_client
        tasks.cancel_scope.cancel()


def transport_to(kind, where):
    if kind == "http":
        return streamable_http_client(where)
    if kind == "sse":
        return sse_client(where)
    if kind == "memory":
        return in_memory(where)
    tee = [str(HERE.parent / "servers" / "tee.py"), where]
    words = [*tee, sys.executable, str(HERE / "server.py"), "stdio"]
    return stdio_client(StdioServerParameters(command=sys.executable, args=words))


async def answer_person(context, params):
    await asyncio.sleep(0.05)
    return types.ElicitResult(action="accept", content={"name": "bob"})


async def calls(session):
    await session.initialize()
    answer = await session.call_tool("add", {"a": 1, "b": 2})
    yield "add", answer.content[0].text
    answer = await session.call_tool("fail", {})
    yield "fail", answer.model_dump(by_alias=True)["isError"]
    answer = await session.call_tool("ask", {})
    yield "ask", answer.content[0].text
    try:
        await session.call_tool("hang", {}, read_timeout_seconds=seconds(0.3))
    except Exception as error:  # noqa: BLE001  it has another name in each
        yield "hang", type(error).__name__
    task = asyncio.create_task(session.call_tool("hang", {}))
    await asyncio.sleep(0.3)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    yield "hang", "cancelled"


async def main(kind, where, tap, store):
    transport, session_class = transport_to(kind, where), ClientSession
    if tap != "none":
        import mcplens

        record = functools.partial(mcplens.record, store=store, label="old")
        transport = record(transport) if tap in {"transport", "both"} else transport
        session_class = record(ClientSession) if tap in {"session", "both"} else ClientSession
    async with (
        transport as (read, write, *_),
        session_class(read, write, elicitation_callback=answer_person) as session,
    ):
        print(json.dumps([ended async for ended in calls(session)]))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
