"""The way most proxies are written, to compare with: asyncio streams, line by line.

python asyncio_proxy.py COMMAND ARGS…
"""

import asyncio
import sys

LIMIT = 64_000_000


async def copy(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def main(command):
    loop = asyncio.get_running_loop()
    server = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LIMIT
    )
    reader = asyncio.StreamReader(limit=LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, sys.stdout
    )
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    await asyncio.gather(copy(reader, server.stdin), copy(server.stdout, writer))
    return await server.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
