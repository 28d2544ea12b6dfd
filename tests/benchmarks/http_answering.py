"""A server for benchmarks: `http_answering PORT` answers each POST with a stream of two events."""

import asyncio
import json
import re
import sys

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(event):
    data = b"data: " + json.dumps(event).encode() + b"\n\n"
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
            asked = json.loads(await reader.readexactly(length))
            note = {"level": "info", "data": "at work"}
            log = {"jsonrpc": "2.0", "method": "notifications/message", "params": note}
            writer.write(HEAD + chunk(log))
            await asyncio.sleep(0)
            content = [{"type": "text", "text": asked["params"]["arguments"]["text"]}]
            result = {"jsonrpc": "2.0", "id": asked["id"], "result": {"content": content}}
            writer.write(chunk(result) + b"0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
