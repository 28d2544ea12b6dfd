"""The observer in the client: a tap around any transport of an MCP SDK.

A transport is an async context manager that yields a stream to read from and one to write to. The
tap notes each message as it passes; what it means is read later, on the recorder's thread, from the
message's wire form. So any SDK that has such streams is served, and none is imported.
"""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcplens.capture.client_processes import own_process_id
from mcplens.capture.client_tap import ClientTap
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.transports import facts_of_transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from mcplens.capture.recorder import Recorder
    from mcplens.capture.transports import TransportFacts


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
    told = facts_of_transport(transport)
    tap = ClientTap(
        recorder,
        connection_facts(
            recorder,
            told._replace(
                kind=kind or told.kind or ("stdio" if command else None),
                command=tuple(command) or told.command,
                address=address or told.address,
            ),
        ),
        server_name=server_name,
        test_id=test_id,
        is_warmup=is_warmup,
    )
    recorder.attach(tap)
    try:
        async with transport as (read, write, *rest):
            if rest and getattr(rest[0], "__name__", None) == "get_session_id":
                # mcp 1.x gives a third thing over HTTP, which tells the session's id.
                tap.protocol_session = rest[0]
            try:
                yield (TappedReader(read, tap), TappedWriter(write, tap), *rest)
            except BaseException as error:
                tap.end("client_closed", is_cancelled=is_cancel(error))
                raise
            # Before the transport closes its streams: the client was the first to go.
            tap.end("client_closed")
    except Exception:
        tap.broke()
        raise
    finally:
        tap.end("client_closed")


def is_recorded(transport: Any) -> bool:
    """Tell whether a transport is one that `record_transport` gave."""
    return getattr(transport, "func", None) is inspect.unwrap(record_transport)


def is_cancel(error: object) -> bool:
    """Tell the exception that cancels a task, whichever library runs the tasks."""
    return type(error).__name__ in {"CancelledError", "Cancelled"}


def connection_facts(recorder: Recorder, told: TransportFacts) -> ConnectionFacts:
    """Say what is known of a connection that this process opens as a client."""
    return ConnectionFacts(
        connection_id=recorder.next_connection_id(),
        observer=recorder.observer,
        transport=told.kind,
        command=told.command,
        address=told.address,
        spawned_ns=recorder.clock.ns(),
        client_process_id=own_process_id(recorder.privacy),
    )


class _Tapped:
    """Behaves as a stream of the SDK, with whatever else that stream has."""

    def __init__(self, stream: Any, tap: ClientTap) -> None:
        self.stream = stream
        self.tap = tap

    async def __aenter__(self) -> Any:
        await self.stream.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> Any:
        return await self.stream.__aexit__(*details)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class TappedReader(_Tapped):
    """What the client reads from."""

    async def receive(self) -> Any:
        """Give the next message, once it is noted."""
        try:
            item = await self.stream.receive()
        except Exception as error:
            self._see_end(error)
            raise
        self.tap.note("to_client", item)
        return item

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        try:
            item = await self.stream.__anext__()
        except StopAsyncIteration:
            self.tap.end("server_exited")
            raise
        self.tap.note("to_client", item)
        return item

    def _see_end(self, error: Exception) -> None:
        # anyio's word for a stream whose other end was closed; anyio itself is not imported.
        if type(error).__name__ == "EndOfStream":
            self.tap.end("server_exited")


class TappedWriter(_Tapped):
    """What the client writes to."""

    async def send(self, item: Any) -> None:
        """Note a message and send it."""
        self.tap.note("to_server", item)
        await self.stream.send(item)
