"""One client that calls every tool of the matrix's servers once, on whichever SDK it finds.

    python tests/matrix/client.py [--url URL] [--era legacy|modern] [--store DIR] [--spans FILE]
        [-- COMMAND…]

With --store, the client itself is the observer: `mcplens.record` stands around its transport, or
around the session of mcp 1.x. With --spans, it writes its OpenTelemetry spans.
"""

import argparse
import asyncio
import contextlib
import importlib.metadata
import os
from datetime import timedelta

from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp import types as mcp_types

TOOLS = (
    "ok",
    "is_error",
    "jsonrpc_error",
    "no_such_tool",
    "invalid_arguments",
    "schema_violation",
    "malformed_result",
    "input_required",
    "timeout",
    "cancel",
    "crash",
)
"""In this order: nothing comes after a crash."""

GIVE_UP_S = 0.3
PERSON_S = 0.2
IS_OLD = importlib.metadata.version("mcp").startswith("1.")


async def fill_in(*_):
    """Take a person's time to answer."""
    await asyncio.sleep(PERSON_S)
    return mcp_types.ElicitResult(action="accept", content={"name": "Ada"})


async def make_calls(call_tool):
    for tool in TOOLS:
        if tool == "crash":
            # An observer that sits in the server dies with it; it may first write what it saw.
            await asyncio.sleep(GIVE_UP_S)
        arguments = {"text": 7} if tool == "invalid_arguments" else {}
        if tool == "cancel":
            task = asyncio.create_task(call_tool(tool, arguments))
            await asyncio.sleep(GIVE_UP_S)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            continue
        limit = GIVE_UP_S if tool == "timeout" else 5
        seconds = timedelta(seconds=limit) if IS_OLD else limit
        with contextlib.suppress(Exception):  # How it ended is for the recorder to say.
            await call_tool(tool, arguments, read_timeout_seconds=seconds)


def transport_of(options):
    if options.url:
        from mcp.client.streamable_http import streamable_http_client

        transport = streamable_http_client(options.url)
    else:
        command, *args = options.command
        settings = {**os.environ}
        transport = stdio_client(StdioServerParameters(command=command, args=args, env=settings))
    if options.store is None or IS_OLD:
        return transport
    import mcplens

    return mcplens.record(transport, store=options.store)


async def run(options):
    transport = transport_of(options)
    if IS_OLD:
        session_class = ClientSession
        if options.store is not None:
            import mcplens

            # The session knows what no transport does: that its caller gave up.
            session_class = mcplens.record(ClientSession, store=options.store)
        async with (
            transport as (read, write, *_),
            session_class(read, write, elicitation_callback=fill_in) as session,
        ):
            await session.initialize()
            await session.list_tools()
            await make_calls(session.call_tool)
        return
    from mcp import Client

    mode = "2026-07-28" if options.era == "modern" else "legacy"
    async with Client(transport, mode=mode, elicitation_callback=fill_in) as client:
        await client.list_tools()
        await make_calls(client.call_tool)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url")
    parser.add_argument("--era", default="modern")
    parser.add_argument("--store")
    parser.add_argument("--spans")
    parser.add_argument("command", nargs="*")
    options = parser.parse_args()
    if options.spans:
        from tests.matrix.spans import write_spans

        write_spans(options.spans)
    with contextlib.suppress(Exception):  # The server crashed at the end, as it should.
        asyncio.run(run(options))


if __name__ == "__main__":
    main()
