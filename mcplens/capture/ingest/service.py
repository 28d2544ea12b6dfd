"""The service that takes events by POST, until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

from mcplens.capture.ingest.bodies import (
    JSON,
    JSON_LINES,
    MAX_BYTES,
    Answer,
    count,
    read_body,
    refuse,
)
from mcplens.errors import StoreError, UsageError
from mcplens.store.files import cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.clock import Clock
    from mcplens.capture.ingest.doorkeeper import Doorkeeper
    from mcplens.capture.ingest.intake import Intake
    from mcplens.capture.ingest.reading import EventReader
    from mcplens.capture.listening import Address

PATH: Final = "/events"
"""Where events are posted."""

BODY_S: Final = 15.0
"""How long a body may take to come."""
IDLE_S: Final = 30.0
"""How long a connection may take to say what it wants."""
DRAIN_S: Final = 5.0
"""How long requests that are here already may take when we are told to end."""
BODIES_AT_ONCE: Final = 16
"""Bodies read at once; others wait for their turn."""
LOOK_S: Final = 5.0
"""How often silent connections are looked for."""


class Service:
    """Answers requests; what they bring is counted on one thread, in the order it came."""

    def __init__(
        self, intake: Intake, *, reader: EventReader, clock: Clock, doorkeeper: Doorkeeper
    ) -> None:
        self._intake = intake
        self._reader = reader
        self._clock = clock
        self._doorkeeper = doorkeeper
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="mcplens-intake")
        self._turns = asyncio.Semaphore(BODIES_AT_ONCE)
        self.busy: set[object] = set()
        """Connections with a request that is being answered."""
        # A later part of mcplens has more to answer, such as /health.
        self._routes = {PATH: {"POST": self._post}}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        self.busy.add(request.protocol)
        try:
            answer = await self._answer(request)
        finally:
            self.busy.discard(request.protocol)
        return web.Response(
            status=answer.status,
            headers=answer.headers,
            content_type=JSON,
            body=msgspec.json.encode(answer.body) + b"\n",
        )

    def close(self) -> None:
        """Wait for what is being counted."""
        self._writer.shutdown()

    async def _answer(self, request: web.BaseRequest) -> Answer:
        methods = self._routes.get(request.path)
        if methods is None:
            return refuse(404, f"there is nothing here; events are posted to {PATH}")
        handler = methods.get(request.method)
        if handler is None:
            allowed = ", ".join(methods)
            return refuse(405, f"use {allowed}", headers={"Allow": allowed})
        if not self._doorkeeper.lets_in(request.headers):
            challenge = {"WWW-Authenticate": "Bearer"}
            return refuse(401, "a token is required: Authorization: Bearer …", headers=challenge)
        return await handler(request)

    async def _post(self, request: web.BaseRequest) -> Answer:
        content_type = request.content_type.lower()
        if content_type != JSON and content_type not in JSON_LINES:
            return refuse(415, f"the body should be {JSON}, or application/x-ndjson for JSON lines")
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return refuse(415, "the body should not be compressed")
        try:
            async with asyncio.timeout(BODY_S), self._turns:
                data = await _read(request)
        except TimeoutError:
            return refuse(408, f"the body took longer than {BODY_S:g} s", headers=_CLOSE)
        except (web.RequestPayloadError, ConnectionError):
            return refuse(400, "the body did not come whole", headers=_CLOSE)
        if data is None:
            too_large = f"the body has more than {MAX_BYTES} bytes; send fewer events at once"
            return refuse(413, too_large, headers=_CLOSE)
        key = request.headers.get("Idempotency-Key")
        work = asyncio.get_running_loop().run_in_executor(
            self._writer, self._count, data, content_type, key
        )
        # A client that leaves changes nothing: what is being counted is counted to its end.
        return await asyncio.shield(work)

    def rest(self) -> None:
        """See, on the writer's thread, to what becomes due although nothing comes."""
        asyncio.get_running_loop().run_in_executor(self._writer, self._intake.rest)

    def _count(self, data: bytes, content_type: str, key: str | None) -> Answer:
        now = self._clock.utc(self._clock.ns())
        body = read_body(data, content_type=content_type, key=key, reader=self._reader, now=now)
        if isinstance(body, Answer):
            return body
        try:
            return count(body, self._intake)
        except (StoreError, OSError):
            # Where the store is and what ails it is nobody's business out there.
            return refuse(
                503, "the store takes nothing now; send it again", headers={"Retry-After": "5"}
            )


_CLOSE: Final = {"Connection": "close"}


async def serve(service: Service, address: Address, *, ready: Callable[[Address], None]) -> None:
    """Answer requests until SIGTERM or SIGINT; then those that are here already, and no more.

    Raises:
        UsageError: the address cannot be listened on.
    """
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    # aiohttp would log requests that are no HTTP, with what stands in them.
    silent = logging.getLogger("mcplens.ingest")
    silent.disabled = True
    server = web.Server(service.answer, access_log=None, logger=silent, keepalive_timeout=IDLE_S)
    runner = web.ServerRunner(server, shutdown_timeout=DRAIN_S)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as trouble:
            raise UsageError(
                f"cannot listen on {address.url} ({cause(trouble)}). Name another HOST:PORT"
            ) from trouble
        ready(address._replace(port=runner.addresses[0][1]))
        watching = asyncio.create_task(_close_silent(service, server))
        await told.wait()
        watching.cancel()
    finally:
        await runner.cleanup()
        service.close()


async def _read(request: web.BaseRequest) -> bytes | None:
    """Read a body; None when it is too large."""
    if (request.content_length or 0) > MAX_BYTES:
        return None
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > MAX_BYTES:
            return None
    return bytes(data)


async def _close_silent(service: Service, server: Any) -> None:
    """Close connections that take for ever to say what they want, and parts that become old."""
    loop = asyncio.get_running_loop()
    last_busy: dict[Any, float] = {}
    while True:
        await asyncio.sleep(LOOK_S)
        service.rest()
        now = loop.time()
        last_busy = {
            connection: now if connection in service.busy else last_busy.get(connection, now)
            for connection in server.connections
        }
        for connection, since in last_busy.items():
            if now - since > IDLE_S:
                connection.force_close()
