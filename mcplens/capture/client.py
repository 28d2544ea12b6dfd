"""The observer in the client: a tap around any transport of an MCP SDK.

A transport is an async context manager that yields a stream to read from and one to write to. The
tap notes each message as it passes; what it means is read later, on the recorder's thread, from the
message's wire form. So any SDK that has such streams is served, and none is imported.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from mcplens.capture.backlog import Backlog
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.sighting import NOTHING_BESIDE, Beside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from mcplens.capture.recorder import Recorder
    from mcplens.events import Direction


@asynccontextmanager
async def record_transport(
    transport: AbstractAsyncContextManager[Any],
    *,
    recorder: Recorder | Callable[[], Recorder],
    command: Sequence[str] = (),
    address: str | None = None,
    server_name: str | None = None,
    kind: str | None = None,
    test_id: Callable[[], str | None] | None = None,
    is_warmup: Callable[[], bool | None] | None = None,
) -> AsyncIterator[tuple[Any, ...]]:
    """Record what passes a transport; use it wherever the transport itself would stand.

    Args:
        transport: What the SDK's client would be given.
        recorder: The run to record into; several transports may share it. Or what gives it, once
            the transport is opened.
        command: The server's command, if one was started.
        address: The server's address, if there is one.
        server_name: What to call the server, instead of what it calls itself.
        kind: The transport by name: stdio, http, sse or memory; stdio for a command.
        test_id: Asked at each request for the test that makes it.
        is_warmup: Asked at each request whether it only warms the server up.
    """
    recorder = recorder() if callable(recorder) else recorder
    tap = ClientTap(
        recorder,
        ConnectionFacts(
            connection_id=recorder.next_connection_id(),
            observer=recorder.observer,
            transport=kind or ("stdio" if command else None),
            command=command,
            address=address,
            spawned_ns=recorder.clock.ns(),
        ),
        server_name=server_name,
        test_id=test_id,
        is_warmup=is_warmup,
    )
    recorder.attach(tap)
    try:
        async with transport as (read, write, *rest):
            yield (_TappedReader(read, tap), _TappedWriter(write, tap), *rest)
            # Before the transport closes its streams: the client was the first to go.
            tap.end("client_closed")
    finally:
        tap.end("client_closed")


class Passed(NamedTuple):
    """A message as it passed, and what was known besides."""

    ns: int
    direction: Direction
    item: Any
    beside: Beside


class ClientTap:
    """One connection: messages are noted in the client, and read on the recorder's thread."""

    def __init__(
        self,
        recorder: Recorder,
        facts: ConnectionFacts,
        *,
        server_name: str | None,
        test_id: Callable[[], str | None] | None,
        is_warmup: Callable[[], bool | None] | None,
    ) -> None:
        self._recorder = recorder
        self._test_id = test_id
        self._is_warmup = is_warmup
        self._backlog: Backlog[Passed] = Backlog()
        self._end: tuple[str, int] | None = None
        self._correlator = recorder.correlator(facts, server_name=server_name)

    def note(self, direction: Direction, item: Any) -> None:
        """Note a message on its way; never raises."""
        if self._backlog.has_room():
            ns = self._recorder.clock.ns()
            self._backlog.note(Passed(ns, direction, item, self._beside()))

    def end(self, reason: str) -> None:
        """Note that nothing more will come; the first reason counts."""
        if self._end is None:
            self._end = (reason, self._recorder.clock.ns())

    def work(self) -> bool:
        """Read a few messages, and say whether more are waiting."""
        end = self._end
        if self._backlog.read_some(self._read):
            return True
        self._rest(end)
        return False

    def give_up(self) -> None:
        """Count the messages that there was no time for, and end what is open."""
        self._backlog.drop()
        self.end("client_closed")
        self._rest(self._end)

    def _rest(self, end: tuple[str, int] | None) -> None:
        now = self._recorder.clock.ns()
        if lost := self._backlog.take_lost():
            self._recorder.count_lost(lost)
            self._correlator.lost(lost, now)
        if end is None:
            self._correlator.tick(now)
        else:
            self._correlator.ended(*end)
            self._recorder.detach(self)

    def _read(self, passed: Passed) -> None:
        try:
            message = wire_form(passed.item)
            size = None if message is None else len(msgspec.json.encode(message))
        except Exception:  # noqa: BLE001  an SDK's object may refuse in any way it likes
            message = size = None
        self._correlator.message(
            passed.direction, message, ns=passed.ns, size=size, beside=passed.beside
        )

    def _beside(self) -> Beside:
        if self._test_id is None and self._is_warmup is None:
            return NOTHING_BESIDE
        return Beside(test_id=_ask(self._test_id), is_warmup=_ask(self._is_warmup))


def wire_form(item: Any) -> Any:
    """Give the JSON-RPC message of what an SDK passes about; None when it is no message.

    SDKs pass an object with the message inside; mcp 1.x wraps it once more. A line that was no
    message is passed on as an exception.
    """
    message = getattr(item, "message", item)
    message = getattr(message, "root", message)
    dump = getattr(message, "model_dump", None)
    if dump is not None:
        # As the SDK itself writes it: what was not set is not sent.
        return dump(by_alias=True, mode="json", exclude_unset=True)
    return message if isinstance(message, dict) else None


class _Tapped:
    """Behaves as a stream of the SDK, with whatever else that stream has."""

    def __init__(self, stream: Any, tap: ClientTap) -> None:
        self._stream = stream
        self._tap = tap

    async def __aenter__(self) -> Any:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> Any:
        return await self._stream.__aexit__(*details)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _TappedReader(_Tapped):
    async def receive(self) -> Any:
        try:
            item = await self._stream.receive()
        except Exception as error:
            self._see_end(error)
            raise
        self._tap.note("to_client", item)
        return item

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        try:
            item = await self._stream.__anext__()
        except StopAsyncIteration:
            self._tap.end("server_exited")
            raise
        self._tap.note("to_client", item)
        return item

    def _see_end(self, error: Exception) -> None:
        # anyio's word for a stream whose other end was closed; anyio itself is not imported.
        if type(error).__name__ == "EndOfStream":
            self._tap.end("server_exited")


class _TappedWriter(_Tapped):
    async def send(self, item: Any) -> None:
        self._tap.note("to_server", item)
        await self._stream.send(item)


def _ask(question: Callable[[], Any] | None) -> Any:
    if question is None:
        return None
    try:
        return question()
    except Exception:  # noqa: BLE001  the call goes on whoever makes it
        return None
