"""What a call takes longer through `mcplens record --listen`, and how soon its first event comes.

    uv run python -m tests.benchmarks.http_proxy

The same server is asked directly, through the proxy, and through a plain pass-through of uvicorn
and httpx that records nothing; a few calls each in turn, so that all meet the same machine.
"""

import asyncio
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import aiohttp

from tests.processes import until
from tests.spooled import calls, rows

HERE = Path(__file__).parent
ROUNDS = 60
CALLS = 10
"""Calls made one way before it is the next one's turn."""
WARM_UP = 50
AT_ONCE = 200


def call(number):
    params = {"name": "echo", "arguments": {"text": "x" * 100}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


class Way:
    """One way to the server."""

    def __init__(self, url):
        self.url = url
        self.whole_us = []
        self.first_us = []

    async def ask(self, session, number=1):
        """Call once: how long until the first event, and until the end."""
        begin = time.perf_counter_ns()
        first = 0
        async with session.post(self.url, json=call(number)) as response:
            async for _ in response.content.iter_any():
                first = first or time.perf_counter_ns() - begin
        return first / 1000, (time.perf_counter_ns() - begin) / 1000

    async def turn(self, session, count):
        times = [await self.ask(session) for _ in range(count)]
        self.first_us.append(median(first for first, _ in times))
        self.whole_us.append(median(whole for _, whole in times))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextmanager
def running(module, *words):
    """Serve with a module of this folder, on a port of its own."""
    port = free_port()
    command = [sys.executable, "-m", module, str(port), *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
        yield f"http://127.0.0.1:{port}/mcp"
        process.terminate()


@contextmanager
def recording(url, store):
    """Record in front of a URL."""
    words = ["record", "--store", str(store), "--listen", "127.0.0.1:0", url]
    command = [sys.executable, "-m", "mcplens", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if found := re.search(r"listening on (http://\S+)", line):
                yield found[1]
                break
        process.send_signal(signal.SIGTERM)


async def measure(ways):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for way in ways.values():
            await way.turn(session, WARM_UP)
            way.whole_us.clear()
            way.first_us.clear()
        turns = list(ways.values())
        for _ in range(ROUNDS):
            random.shuffle(turns)
            for way in turns:
                await way.turn(session, CALLS)
        ours = ways["mcplens record"]
        asked = (ours.ask(session, number) for number in range(AT_ONCE))
        return len(await asyncio.gather(*asked))


def added(way, direct):
    """How much longer than directly, in µs: compared round by round, then the median."""
    return median(mine - theirs for mine, theirs in zip(way, direct, strict=True))


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        os.environ["MCPLENS_CONFIG_DIR"] = folder
        store = Path(folder, "store")
        direct = stack.enter_context(running("tests.benchmarks.http_answering"))
        plain = stack.enter_context(running("tests.benchmarks.http_pass_through", direct))
        with recording(direct, store) as url:
            ways = {
                "directly": Way(direct),
                "mcplens record": Way(url),
                "uvicorn, httpx": Way(plain),
            }
            answered = asyncio.run(measure(ways))
        made = WARM_UP + ROUNDS * CALLS + AT_ONCE
        recorded = sum(found.outcome == "ok" for found in calls(store))
        lost = rows(store, "runs")[-1].lost_count
    base = ways["directly"]
    print(f"Calls over HTTP that answer with two events, {ROUNDS * CALLS} each, medians in µs\n")
    columns = f"{'first event':>12}{'of direct':>10}{'whole call':>12}{'of direct':>10}{'added':>8}"
    print(f"{'':18}{columns}")
    for name, way in ways.items():
        first, whole = median(way.first_us), median(way.whole_us)
        print(
            f"{name:18}{first:12.0f}{first / median(base.first_us):10.2f}"
            f"{whole:12.0f}{whole / median(base.whole_us):10.2f}"
            f"{added(way.whole_us, base.whole_us):8.0f}"
        )
    ours, plain = ways["mcplens record"], ways["uvicorn, httpx"]
    whole = added(ours.whole_us, base.whole_us) / added(plain.whole_us, base.whole_us)
    first = added(ours.first_us, base.first_us) / added(plain.first_us, base.first_us)
    print(f"\nadded by mcplens: {whole:.2f} of uvicorn and httpx, {first:.2f} to the first event")
    print(f"{AT_ONCE} calls at once: {answered} answered")
    print(f"made {made} calls, recorded {recorded} as ok, lost {lost}")
    return 0 if (answered, recorded, lost) == (AT_ONCE, made, 0) else 1


if __name__ == "__main__":
    sys.exit(main())
