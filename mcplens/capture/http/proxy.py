"""The transparent HTTP proxy: it passes every exchange on as it comes, and notes it.

Only what belongs to a single hop is its own: framing, keep-alive, the upstream's name in Host, and
our name where the server sends a client to another page of its own.
A request is sent once: what became of a POST that broke off nobody knows, so it is never repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import web
from yarl import URL

from mcplens.capture.http.bodies import JSON, MAX_BODY_BYTES
from mcplens.capture.http.exchange import Answering, Asked, HttpTap, Over, Piece
from mcplens.capture.http.headers import name_of, passed_on, spelled_alike
from mcplens.capture.stderr import say
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from multidict import CIMultiDict

    from mcplens.capture.http.address import Listening
    from mcplens.capture.http.exchange import EndReason, Exchange

WHOLE_BYTES: Final = 1_000_000
"""A request's body up to this size is sent in one piece; a larger one as it comes."""

KEEP_ALIVE_S: Final = 3.0
"""How long an idle connection to the server is used again; servers close theirs after five."""

GOODBYE_S: Final = 0.5
"""What open exchanges get to end in when we are told to."""

_OUR_OWN: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What the HTTP library would add to a request on its own."""

MAX_HEADER_BYTES: Final = 65_536
"""A header may be as long as the server behind takes it."""

MAX_HEADERS: Final = 1000

_ADDED: Final = "mcplens_added"


class HttpProxy:
    """Serves clients on one address, in front of one server."""

    def __init__(self, upstream: str, tap: HttpTap, *, ns: Callable[[], int]) -> None:
        self._upstream = URL(upstream, encoded=True)
        self._origin = f"{self._upstream.scheme}://{self._upstream.raw_authority}"
        self._tap = tap
        self._ns = ns
        self._names: frozenset[str] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._is_ending = False

    async def serve(self, listening: Listening, *, told: Callable[[int], None]) -> None:
        """Serve until we are told to end; `told` learns the port once clients may come.

        Raises:
            UsageError: the address cannot be listened on.
        """
        self._names = listening.host_names
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._exchange)
        application.on_response_prepare.append(_leave_as_sent)
        runner = web.AppRunner(
            application,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=GOODBYE_S,
            auto_decompress=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )
        async with self._connected():
            await runner.setup()
            try:
                site = web.TCPSite(runner, listening.host, listening.port)
                try:
                    await site.start()
                except OSError as error:
                    raise UsageError(
                        f"cannot listen on {listening.host}:{listening.port}: {error.strerror}"
                    ) from error
                told(runner.addresses[0][1])
                await _told_to_end()
            finally:
                self._is_ending = True
                await runner.cleanup()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_OUR_OWN,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )
        async with self._session:
            yield

    async def _exchange(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._names is not None and name_of(request.host) not in self._names:
            # A page in a browser may have its own name resolve to this machine.
            return _refusal(403, f"the Host {request.host} is not served here")
        if not request.raw_path.startswith("/"):
            return _refusal(400, "give a path, not a whole URL")
        headers = request.headers
        exchange = self._tap.begin(
            method=request.method,
            target=request.raw_path,
            peer=request.remote,
            session=headers.get("Mcp-Session-Id"),
            authorization=headers.get("Authorization"),
        )
        exchange.is_read = self._is_read(request)
        reason: EndReason = "server_closed"
        try:
            response, reason = await self._pass_on(request, exchange)
        except (asyncio.CancelledError, ConnectionError):
            reason = "signal" if self._is_ending else "client_closed"
            raise
        finally:
            self._tap.note(Over(exchange, self._ns(), reason))
        return response

    def _is_read(self, request: web.BaseRequest) -> bool:
        """Say whether MCP may be spoken in an exchange; a login is passed on and not copied."""
        if request.path.rstrip("/") == self._upstream.path.rstrip("/"):
            return True
        return request.method == "POST" and request.content_type == JSON

    async def _pass_on(
        self, request: web.BaseRequest, exchange: Exchange
    ) -> tuple[web.StreamResponse, EndReason]:
        session = self._session
        if session is None:
            raise RuntimeError("not serving")
        encoding = request.headers.get("Content-Encoding", "").strip().lower()
        body: bytes | AsyncIterator[bytes] | None
        if (request.content_length or 0) > WHOLE_BYTES or (
            request.content_length is None and request.can_read_body
        ):
            body = self._as_it_comes(request, exchange, encoding)
        else:
            body = await request.content.read() if request.can_read_body else None
            self._tap.note(Asked(exchange, self._ns(), body or b"", encoding), len(body or b""))
        try:
            upstream = await session.request(
                request.method,
                self._target(request.raw_path),
                data=body,
                headers=spelled_alike(passed_on(request.raw_headers, besides={"host"})),
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            return _refusal(502, f"cannot reach {self._origin}: {_reason(error)}"), "unreachable"
        async with upstream:
            response = web.StreamResponse(
                status=upstream.status,
                reason=upstream.reason,
                headers=self._behind_us(passed_on(upstream.raw_headers), request),
            )
            response[_ADDED] = {name.lower() for name in response.headers}
            self._tap.note(
                Answering(
                    exchange,
                    self._ns(),
                    upstream.status,
                    upstream.headers.get("Content-Type", ""),
                    upstream.headers.get("Content-Encoding", "").strip().lower(),
                    upstream.headers.get("Mcp-Session-Id"),
                )
            )
            await response.prepare(request)
            try:
                async for piece in upstream.content.iter_any():
                    self._tap.note(Piece(exchange, self._ns(), piece), len(piece))
                    await response.write(piece)
            except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError):
                # What broke off there breaks off here, behind all that came: no client may take the
                # half for the whole.
                if request.transport is not None:
                    request.transport.close()
                return response, "server_closed"
            await response.write_eof()
        return response, "done"

    async def _as_it_comes(
        self, request: web.BaseRequest, exchange: Exchange, encoding: str
    ) -> AsyncIterator[bytes]:
        copy = bytearray()
        async for piece in request.content.iter_any():
            size = len(copy) + len(piece)
            if not exchange.is_read or exchange.is_torn:
                pass
            elif size <= MAX_BODY_BYTES and self._tap.backlog.has_room(size):
                copy += piece
            else:
                copy.clear()
                exchange.is_torn = True
            yield piece
        self._tap.note(Asked(exchange, self._ns(), bytes(copy), encoding), len(copy))

    def _target(self, raw_path: str) -> URL:
        # What a client asks at the endpoint itself goes where the user's URL says, query and all.
        if raw_path == self._upstream.raw_path:
            return self._upstream
        return URL(self._origin + raw_path, encoded=True)

    def _behind_us(self, headers: CIMultiDict[str], request: web.BaseRequest) -> CIMultiDict[str]:
        """Keep a client that is sent to another page of the server with us."""
        location = headers.get("Location", "")
        rest = location.removeprefix(self._origin)
        if rest != location and rest[:1] in ("", "/", "?"):
            headers["Location"] = f"http://{request.host}{rest}"
        return headers


def _refusal(status: int, said: str) -> web.Response:
    return web.json_response({"error": f"mcplens: {said}"}, status=status)


def _reason(error: Exception) -> str:
    """Say why a server was not reached; the error's own words may quote a URL."""
    number = getattr(getattr(error, "os_error", None), "errno", None)
    return os.strerror(number) if number and number > 0 else type(error).__name__


async def _leave_as_sent(_: web.BaseRequest, response: web.StreamResponse) -> None:
    """Take out again what the HTTP library adds to a response."""
    sent = response.get(_ADDED)
    if sent is not None:
        for name in ("Server", "Date", "Content-Type"):
            if name.lower() not in sent:
                response.headers.pop(name, None)


async def _told_to_end() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, told.set)
    await told.wait()


def say_listening(listening: Listening, port: int, upstream: str) -> None:
    """Tell which address a client has to be given."""
    url = URL(upstream, encoded=True)
    shown = f"[{listening.host}]" if ":" in listening.host else listening.host
    say(f"listening on http://{shown}:{port}{url.raw_path} in front of {listening.shown_upstream}")
    if not listening.is_loopback:
        say(f"anyone who reaches {shown}:{port} reaches that server")
