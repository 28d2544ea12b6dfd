"""What recording a server adds to each of its calls, in µs, beside what others add.

    uv run python -m tests.benchmarks.overhead

For each way of watching there is a server with the same tool, which does next to nothing, and a
client of it. Two differences to the bare server are told. What a call waits: single calls of both
in turn, and the median of their differences. CPU in all: blocks of calls of both in turn, each
until all is done that the calls left to other threads, and the median difference in what the whole
process spent per call; so a recorder's own thread counts in full, though a caller would only feel
it in a process that never rests. Over stdio the servers are processes of their own, and only the
first is told. On a busy machine the differences drown in noise.
"""

import asyncio
import contextlib
import gc
import logging
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import msgspec
from fastmcp import FastMCP
from fastmcp.server.middleware.timing import TimingMiddleware
from mcp import Client, StdioServerParameters, stdio_client
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolResult, ListToolsResult, TextContent, Tool
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import mcplens
from mcplens.capture.recorder import Recorder
from mcplens.store.location import create

TURNS = 1000
"""Single calls of each."""
BLOCKS = 5
CALLS = 300
"""Calls of one block."""
SETTLE_S = 0.15
"""After a block; longer than a recorder sleeps when it has nothing to do."""
FLOOR_BOUND = 3.0
OTEL_BOUND = 1 / 3
ARGUMENTS = {"text": "the quick brown fox jumps over the lazy dog " * 3}
TOOL = Tool(name="echo", input_schema={"type": "object", "properties": {"text": {}}})
WATCHED = ("floor", "floor with sizes", "mcplens", "OpenTelemetry")


class Nowhere(SpanExporter):
    """Takes spans and drops them: where they go is not the SDK's cost."""

    def export(self, _spans):
        return SpanExportResult.SUCCESS


class SwitchedTracing(trace.TracerProvider):
    """The SDK asks for its tracer once for all; this one can be switched off between blocks."""

    def __init__(self):
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Nowhere()))
        self.on = provider.get_tracer("mcp-python-sdk")
        self.off = trace.NoOpTracer()
        self.is_on = False

    def get_tracer(self, *_args, **_kwargs):
        return self

    def start_as_current_span(self, *args, **kwargs):
        return (self.on if self.is_on else self.off).start_as_current_span(*args, **kwargs)

    def start_span(self, *args, **kwargs):
        return (self.on if self.is_on else self.off).start_span(*args, **kwargs)


class Floor:
    """The least that a middleware can do: append nine fields, of which two may be sizes."""

    def __init__(self, *, with_sizes):
        self.rows = []
        self.size = (lambda value: len(msgspec.json.encode(value))) if with_sizes else len

    async def __call__(self, ctx, call_next):
        started = time.perf_counter_ns()
        asked = self.size(ctx.params or {})
        outcome, answered = "ok", 0
        try:
            result = await call_next(ctx)
            answered = self.size(result or {})
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            took = time.perf_counter_ns() - started
            name = ctx.params.get("name") if ctx.params else None
            fields = (started, took, ctx.method, name, ctx.request_id, ctx.protocol_version)
            self.rows.append((*fields, outcome, asked, answered))
        return result


def echo_server(watched=None, store=None):
    """Make a server of the SDK, watched in one of the ways."""

    async def list_tools(_ctx, _params):
        return ListToolsResult(tools=[TOOL])

    async def call_tool(_ctx, params):
        return CallToolResult(content=[TextContent(text=params.arguments["text"])])

    server = Server("echo", on_list_tools=list_tools, on_call_tool=call_tool)
    # Without a provider it does little, but it is one of the ways.
    tracing = server.middleware.pop()
    if watched == "OpenTelemetry":
        server.middleware.append(tracing)
    elif watched in {"floor", "floor with sizes"}:
        server.middleware.append(Floor(with_sizes=watched == "floor with sizes"))
    elif watched == "mcplens":
        recorder = Recorder(create(store), observer="server", max_rows=1_000_000)
        mcplens.record(server, recorder=recorder)
    return server


def fastmcp_server(watched=None):
    """Make a server of fastmcp, watched by its own middleware or not at all."""
    server = FastMCP("echo")
    if watched:
        quiet = logging.getLogger("tests.benchmarks.overhead")
        quiet.addHandler(logging.NullHandler())  # Where lines go is not the middleware's cost.
        quiet.propagate = False
        quiet.setLevel(logging.INFO)
        server.add_middleware(TimingMiddleware(logger=quiet))

    @server.tool
    async def echo(text: str) -> str:
        return text

    return server


@dataclass
class Way:
    """A way of watching: a client of a watched server, and one of the same server bare."""

    name: str
    client: object
    bare: object
    switch: SwitchedTracing | None = None
    bare_us: list = field(default_factory=list)
    waits_us: list = field(default_factory=list)
    spends_us: list = field(default_factory=list)

    async def measure(self, cost):
        """Give what it costs bare, and how much more when it is watched."""
        bare = await cost(self.bare)
        if self.switch:
            self.switch.is_on = True
        try:
            return bare, await cost(self.client) - bare
        finally:
            if self.switch:
                self.switch.is_on = False


async def wait(client):
    """Give what a call takes, in µs."""
    begin = time.perf_counter_ns()
    await client.call_tool("echo", ARGUMENTS)
    return (time.perf_counter_ns() - begin) / 1000


async def spend(client):
    """Give the CPU that a call takes of the process, also behind it, in µs."""
    begin = time.process_time_ns()
    for _ in range(CALLS):
        await client.call_tool("echo", ARGUMENTS)
    await asyncio.sleep(SETTLE_S)
    return (time.process_time_ns() - begin) / CALLS / 1000


async def measure_all(ways, *, with_blocks=True):
    """Measure all ways in turns that begin elsewhere each time."""
    for way in ways:
        await way.measure(spend)  # What is only done once is done now.
    gc.freeze()
    for number in range(TURNS):
        turn = number % len(ways)
        for way in ways[turn:] + ways[:turn]:
            bare, added = await way.measure(wait)
            way.bare_us.append(bare)
            way.waits_us.append(added)
    for _ in range(BLOCKS if with_blocks else 0):
        for way in ways:
            _, added = await way.measure(spend)
            way.spends_us.append(added)


async def in_memory(stack, folder, switch, mode):
    """Call servers in this process: straight, or through streams of messages."""

    async def client(server):
        return await stack.enter_async_context(Client(server, mode=mode))

    bare = await client(echo_server())
    ways = []
    for name in WATCHED:
        watched = await client(echo_server(name, folder / f"store-{mode}"))
        ways.append(Way(name, watched, bare, switch if name == "OpenTelemetry" else None))
    await measure_all(ways)
    return ways


async def of_fastmcp(stack):
    """Call fastmcp's servers in this process."""
    import fastmcp

    bare, watched = [
        await stack.enter_async_context(fastmcp.Client(fastmcp_server(watched)))
        for watched in (None, "Timing")
    ]
    ways = [Way("fastmcp's Timing", watched, bare)]
    await measure_all(ways)
    return ways


async def over_stdio(stack, folder):
    """Call servers in processes of their own."""

    async def client(*words):
        words = ["-m", "tests.benchmarks.overhead", "serve", *words]
        transport = stdio_client(StdioServerParameters(command=sys.executable, args=words))
        return await stack.enter_async_context(Client(transport))

    bare = await client("bare", "-")
    ways = [Way(name, await client(name, str(folder / "store-stdio")), bare) for name in WATCHED]
    await measure_all(ways, with_blocks=False)
    return ways


async def serve(watched, store):
    """Be one of the servers over stdio."""
    if watched == "OpenTelemetry":
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Nowhere()))
        trace.set_tracer_provider(provider)
    server = echo_server(watched, Path(store))
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def say(title, ways, *, in_one_process=True):
    """Print what each way adds, and how that compares; give the ratios of mcplens to each."""
    bare = median(value for way in ways for value in way.bare_us)
    waits = {way.name: median(way.waits_us) for way in ways}
    spends = {way.name: median(way.spends_us) for way in ways if in_one_process}
    print(f"\n{title}; a bare call takes {bare:.0f} µs\n")
    print(f"{'µs added per call':24}{'a call waits':>16}{'mcplens / it':>14}", end="")
    print(f"{'CPU in all':>16}{'mcplens / it':>14}" if in_one_process else "")
    for name in waits:
        print(f"{name:24}{_added(waits, name)}", end="")
        print(_added(spends, name) if in_one_process else "")
    ours = "mcplens"
    return {name: waits[ours] / waits[name] for name in (waits if ours in waits else ())}


def _added(costs, name):
    ours = costs.get("mcplens")
    ratio = f"{ours / costs[name]:.2f}" if ours and name != "mcplens" else ""
    return f"{costs[name]:16.1f}{ratio:>14}"


async def measure():
    """Measure everything, and say whether the bounds hold."""
    switch = SwitchedTracing()
    trace.set_tracer_provider(switch)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with contextlib.AsyncExitStack() as stack:
            straight = say(
                "In memory, without streams (OpenTelemetry: the server's span)",
                await in_memory(stack, folder, switch, "auto"),
            )
        async with contextlib.AsyncExitStack() as stack:
            streams = say(
                "In memory, through streams (OpenTelemetry: both spans)",
                await in_memory(stack, folder, switch, "legacy"),
            )
        async with contextlib.AsyncExitStack() as stack:
            say("fastmcp in memory", await of_fastmcp(stack))
        async with contextlib.AsyncExitStack() as stack:
            say(
                "Over stdio (OpenTelemetry: the server's span)",
                await over_stdio(stack, folder),
                in_one_process=False,
            )
    floor_ratio, otel_ratio = straight["floor with sizes"], streams["OpenTelemetry"]
    print(f"\nA call waits, of the floor with sizes: {floor_ratio:.2f} (at most {FLOOR_BOUND:.2f})")
    print(f"A call waits, of the SDK's OpenTelemetry: {otel_ratio:.2f} (at most {OTEL_BOUND:.2f})")
    return floor_ratio <= FLOOR_BOUND and otel_ratio <= OTEL_BOUND


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(*sys.argv[2:]))
    else:
        sys.exit(not asyncio.run(measure()))
