"""A real client and server with OpenTelemetry, whose spans become a file.

    python -m tests.servers.traced mcp|fastmcp auto|legacy FOLDER

FOLDER gets the same spans in four forms: spans.json, spans.base64, spans.proto and spans.framed.

Calls, in this order: ok (which asks api.example.com), boom (isError), proto (JSON-RPC error
-32050), nope (unknown tool), ok with wrong arguments, slow (timeout), slow (cancelled).
"""

import asyncio
import base64
import json
import struct
import sys
from contextlib import suppress
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

IDS = ("traceId", "spanId", "parentSpanId")


class ToFile(SpanExporter):
    def __init__(self, form, path):
        self.form, self.path = form, Path(path)

    def export(self, spans):
        request = encode_spans(spans)
        data = request.SerializeToString()
        if self.form == "framed":
            data = struct.pack(">I", len(data)) + data
        elif self.form != "proto":
            value = MessageToDict(request)
            if self.form == "json":
                in_hex(value)
            data = json.dumps(value).encode() + b"\n"
        with self.path.open("ab") as opened:
            opened.write(data)
        return SpanExportResult.SUCCESS


def in_hex(value):
    """Write ids as OTLP's JSON does, where protobuf's own has base64."""
    for resource in value["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                span.update({i: base64.b64decode(span[i]).hex() for i in IDS if i in span})


def server_of(which):
    if which == "mcp":
        from mcp.server import MCPServer as Server
    else:
        from fastmcp import FastMCP as Server
    server = Server("books")

    @server.tool()
    async def ok(n: int) -> str:
        with trace.get_tracer("app").start_as_current_span(
            "GET", kind=trace.SpanKind.CLIENT, attributes={"server.address": "api.example.com"}
        ):
            return str(n)

    @server.tool()
    async def boom() -> str:
        raise ValueError("HTTP 503 from the secret upstream")

    @server.tool()
    async def proto() -> str:
        from mcp import MCPError

        raise MCPError(-32050, "no secret for you")

    @server.tool()
    async def slow() -> str:
        await asyncio.sleep(5)
        return "late"

    return server


async def drive(client, *, limit):
    for name, arguments in [("ok", {"n": 1}), ("boom", {}), ("proto", {}), ("nope", {})]:
        with suppress(Exception):
            await client.call_tool(name, arguments)
    with suppress(Exception):
        await client.call_tool("ok", {"n": "secret"})
    with suppress(Exception):
        await client.call_tool("slow", {}, **{limit: 0.1})
    given_up = asyncio.ensure_future(client.call_tool("slow", {}))
    await asyncio.sleep(0.1)
    given_up.cancel()
    with suppress(asyncio.CancelledError):
        await given_up


async def main(which, mode):
    server = server_of(which)
    if which == "mcp":
        from mcp import Client
        from mcp.client._memory import InMemoryTransport

        async with Client(InMemoryTransport(server), mode=mode) as client:
            await drive(client, limit="read_timeout_seconds")
    else:
        from fastmcp import Client

        async with Client(server) as client:
            await drive(client, limit="timeout")


if __name__ == "__main__":
    which, mode, folder = sys.argv[1:]
    provider = TracerProvider()
    for form in ("json", "base64", "proto", "framed"):
        # One message has no length: all spans have to come at once.
        batch = 10_000 if form == "proto" else 7
        exporter = ToFile(form, Path(folder) / f"spans.{form}")
        provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=10_000,
                max_export_batch_size=batch,
                schedule_delay_millis=60_000,
            )
        )
    trace.set_tracer_provider(provider)
    asyncio.run(main(which, mode))
    provider.shutdown()
