"""`mcplens record --listen`: serves clients in front of a server, and records beside it."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from mcplens.capture.clock import Clock
from mcplens.capture.http.address import parse_listening
from mcplens.capture.http.exchange import HttpTap
from mcplens.capture.http.reading import HttpReader
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.label import default_label
from mcplens.capture.recorder import Recorder
from mcplens.capture.stderr import say
from mcplens.config import settings_for_recorder
from mcplens.errors import UsageError
from mcplens.store.location import create, locate

if TYPE_CHECKING:
    from mcplens.capture.http.address import Listening
    from mcplens.capture.privacy import Keep

FLUSH_S: Final = 1.0
"""What writing the rest may take, at most."""

WAKE_S: Final = 0.02
"""How often the recorder reads what passed, in seconds."""


def run_http_proxy(
    listen: str,
    url: str,
    *,
    store: str | None = None,
    label: str | None = None,
    keep: Keep | None = None,
    config: str | None = None,
    server_name: str | None = None,
) -> int:
    """Stand in front of a server until told to end; give the exit code.

    Raises:
        UsageError: an address cannot be understood or used, or what serves HTTP is not installed.
    """
    listening = parse_listening(listen, url)
    if find_spec("aiohttp") is None:
        raise UsageError("--listen needs what serves HTTP: pip install 'mcplens[http]'")
    from mcplens.capture.http.proxy import HttpProxy, say_listening

    clock = Clock()
    tap = HttpTap()
    recorder: Recorder | None = None

    def begin(port: int) -> None:
        nonlocal recorder
        # A run begins once there is something to record: not where the port is taken.
        try:
            recorder = _open_recorder(
                listening,
                tap,
                clock,
                store=store,
                label=label,
                keep=keep,
                config=config,
                server_name=server_name,
            )
        except Exception as error:  # noqa: BLE001  whatever it is, the traffic goes on
            tap.stop()
            say(f"not recording: {error}")
        say_listening(listening, port, url)

    try:
        asyncio.run(HttpProxy(listening.upstream, tap, ns=clock.ns).serve(listening, told=begin))
    finally:
        if recorder is not None:
            recorder.close(FLUSH_S)
    return 0


def _open_recorder(
    listening: Listening,
    tap: HttpTap,
    clock: Clock,
    *,
    store: str | None,
    label: str | None,
    keep: Keep | None,
    config: str | None,
    server_name: str | None,
) -> Recorder:
    place = create(locate(store))
    recorder = Recorder(
        place,
        observer="proxy",
        label=label or default_label(),
        keep=keep,
        settings=settings_for_recorder(config),
        clock=clock,
        wake_s=WAKE_S,
    )

    def facts(transport: str, ns: int) -> ConnectionFacts:
        return ConnectionFacts(
            connection_id=recorder.next_connection_id(),
            observer="proxy",
            transport=transport,
            address=listening.upstream,
            spawned_ns=ns,
        )

    recorder.attach(
        HttpReader(tap, recorder, facts, endpoint=listening.upstream, server_name=server_name)
    )
    named = f"run {recorder.run_id}" + (f", {recorder.label}" if recorder.label else "")
    say(f"recording into {place.path} ({named})")
    return recorder
