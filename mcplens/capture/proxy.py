"""The transparent stdio proxy: it stands in for a server, passes every byte on, and listens.

The server is started first. Store and recorder are made ready beside it, and what goes wrong with
them is told in one line while the traffic goes on.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from mcplens.capture.forwarding import Traffic, occupy_standard_streams
from mcplens.capture.processes import PassedOnSignals, start_server
from mcplens.capture.shadows import shadowing_connection, telling
from mcplens.capture.stderr import say
from mcplens.capture.wiretap import Wiretap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from resource import struct_rusage

    from mcplens.capture.privacy import Keep
    from mcplens.capture.recorder import Recorder
    from mcplens.capture.samples import Sampler

READY_S: Final = 8.0
"""How long a recorder that is still getting ready is waited for, once the server is gone."""

READY_WHEN_TOLD_S: Final = 0.7
"""The same when we were told to end: two seconds later, clients kill."""

FLUSH_S: Final = 1.0
"""What writing the rest may take, at most."""

WAKE_S: Final = 0.02
"""How often the recorder reads what passed, in seconds."""


def run_proxy(
    command: Sequence[str],
    *,
    store: str | None = None,
    label: str | None = None,
    keep: Keep | None = None,
    server_name: str | None = None,
    config: str | None = None,
    seal: bool = True,
) -> int:
    """Stand in for a server until it ends; give its exit code, or minus the signal it died of.

    With `seal`, another process turns into Parquet what was spooled; not for a store that is soon
    thrown away.

    Raises:
        CommandNotFoundError: the server's command does not exist or may not be run.
    """
    occupy_standard_streams()
    with PassedOnSignals() as signals:
        wiretap = Wiretap()
        run_id = os.urandom(6).hex()
        connection_id = f"{run_id}-c1"
        spawned_ns = time.monotonic_ns()
        with telling(connection_id):
            server = start_server(command)
        signals.pass_on_to(server)
        traffic = Traffic(server, wiretap)
        setup = Setup(
            command,
            server.pid,
            spawned_ns,
            store,
            label,
            keep,
            server_name,
            config,
            run_id=run_id,
            connection_id=connection_id,
            parent_process=os.getppid(),
            seal=seal,
        )
        recording = Recording(setup, wiretap)
        exit_code = signals.wait_for_end(server)
        ended_ns = time.monotonic_ns()
        reason = "signal" if signals.came else traffic.end_reason
        traffic.wait_for_the_rest(is_told_to_end=lambda: signals.came)
        wiretap.end(reason, ns=ended_ns, exit_code=exit_code)
        recording.finish(is_told_to_end=lambda: signals.came, used=signals.used, ended_ns=ended_ns)
        return exit_code


class Setup(NamedTuple):
    """What is recorded, and how."""

    command: Sequence[str]
    process_id: int
    spawned_ns: int
    store: str | None
    label: str | None
    keep: Keep | None
    server_name: str | None
    config: str | None
    run_id: str
    connection_id: str
    parent_process: int
    seal: bool


class Recording:
    """The part of the proxy that the server never waits for, and that may fail."""

    def __init__(self, setup: Setup, wiretap: Wiretap) -> None:
        self._recorder: Recorder | None = None
        self._sampler: Sampler | None = None
        self._starting = threading.Thread(target=self._start, args=(setup, wiretap), daemon=True)
        self._starting.start()

    def finish(
        self,
        *,
        is_told_to_end: Callable[[], bool],
        used: struct_rusage | None,
        ended_ns: int,
    ) -> None:
        """Write what is left, within a bounded time."""
        begin = time.monotonic()
        while self._starting.is_alive():
            patience = READY_WHEN_TOLD_S if is_told_to_end() else READY_S
            if time.monotonic() - begin > patience:
                return
            self._starting.join(WAKE_S)
        if self._sampler is not None:
            self._sampler.end(used, ns=ended_ns)
        if self._recorder is not None:
            self._recorder.close(FLUSH_S)

    def _start(self, setup: Setup, wiretap: Wiretap) -> None:
        try:
            self._recorder, self._sampler = _open_recorder(setup, wiretap)
        except Exception as error:  # noqa: BLE001  whatever it is, the traffic goes on
            wiretap.stop()
            say(f"not recording: {error}")


def _open_recorder(setup: Setup, wiretap: Wiretap) -> tuple[Recorder, Sampler]:
    # The server is starting meanwhile; its own start takes longer than these imports.
    from mcplens.capture.client_processes import parent_process_id
    from mcplens.capture.clock import Clock
    from mcplens.capture.identity import ConnectionFacts
    from mcplens.capture.label import default_label
    from mcplens.capture.recorder import Recorder
    from mcplens.capture.samples import Sampler
    from mcplens.capture.transcriber import Transcriber
    from mcplens.config import settings_for_recorder
    from mcplens.store.location import create, locate

    clock = Clock()
    store = create(locate(setup.store))
    recorder = Recorder(
        store,
        observer="proxy",
        label=setup.label or default_label(),
        keep=setup.keep,
        settings=settings_for_recorder(setup.config),
        run_id=setup.run_id,
        clock=clock,
        wake_s=WAKE_S,
        seal=setup.seal,
    )
    correlator = recorder.correlator(
        ConnectionFacts(
            connection_id=setup.connection_id,
            observer="proxy",
            transport="stdio",
            command=setup.command,
            spawned_ns=setup.spawned_ns,
            client_process_id=parent_process_id(recorder.privacy, process=setup.parent_process),
            shadowed_by=shadowing_connection(),
        ),
        server_name=setup.server_name,
    )
    recorder.attach(Transcriber(wiretap, correlator, clock=clock, count_lost=recorder.count_lost))
    sampler = Sampler(
        recorder,
        connection_id=setup.connection_id,
        process_id=setup.process_id,
        started_ns=setup.spawned_ns,
    )
    recorder.attach(sampler)
    named = f"run {recorder.run_id}" + (f", {recorder.label}" if recorder.label else "")
    say(f"recording into {store.path} ({named})")
    return recorder, sampler
