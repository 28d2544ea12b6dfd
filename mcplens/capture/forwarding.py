"""Bytes from one end of a pipe to the other: unchanged, at once, and closed as a pipe closes."""

from __future__ import annotations

import os
import select
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from mcplens.capture.wiretap import Ear, Wiretap

READ_BYTES: Final = 65_536
"""What is read at once; a pipe holds no more, and larger buffers are slower."""

STRAGGLER_S: Final = 0.2
"""How often to look, after the server's end, whether anybody is there to wait for."""

REST_WHEN_TOLD_S: Final = 1.0
"""How long a client that told us to end may take to read the rest; clients kill after two."""

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2

EndReason = Literal["client_closed", "server_exited"]


class Traffic:
    """Both directions of one connection, each on a thread of its own."""

    def __init__(self, server: subprocess.Popen[bytes], wiretap: Wiretap) -> None:
        if server.stdin is None or server.stdout is None:
            raise ValueError("the server was started without pipes")
        self._server_input = server.stdin
        self._server_output = server.stdout
        self._to_server = Forwarding(STDIN, server.stdin.fileno(), wiretap.ears["to_server"])
        self._to_client = Forwarding(server.stdout.fileno(), STDOUT, wiretap.ears["to_client"])
        self._first_gone: EndReason | None = None
        self._is_client_gone = False
        self._inbound = threading.Thread(target=self._serve_server, daemon=True)
        self._outbound = threading.Thread(target=self._serve_client, daemon=True)
        self._inbound.start()
        self._outbound.start()

    @property
    def end_reason(self) -> EndReason:
        """Say who ended the connection: whoever was gone first."""
        return self._first_gone or "server_exited"

    def wait_for_the_rest(self, *, is_told_to_end: Callable[[], bool]) -> None:
        """Wait until what the server wrote before it ended has reached the client.

        A process that the server left behind may hold its pipe. It is listened to as long as the
        client is there, as it would be without us; when we were told to end, only what is already
        said is waited for.
        """
        told_at: float | None = None
        while self._outbound.is_alive():
            self._outbound.join(STRAGGLER_S)
            if told_at is None and is_told_to_end():
                told_at = time.monotonic()
            if (self._is_client_gone or told_at is not None) and self._is_silent():
                return
            if told_at is not None and time.monotonic() - told_at > REST_WHEN_TOLD_S:
                return

    def _is_silent(self) -> bool:
        """Say whether all that the server wrote is with the client."""
        if not self._to_client.is_reading:
            return False
        try:
            readable, _, _ = select.select([self._server_output], [], [], 0)
        except (OSError, ValueError):  # It was closed just now.
            return True
        return not readable

    def _serve_server(self) -> None:
        if self._to_server.run() == "source":
            self._client_is_gone()
        else:
            _let_go(STDIN)
        self._server_input.close()

    def _serve_client(self) -> None:
        if self._to_client.run() == "target":
            self._client_is_gone()
        else:
            self._first_gone = self._first_gone or "server_exited"
        _let_go(STDOUT)
        self._server_output.close()

    def _client_is_gone(self) -> None:
        self._first_gone = self._first_gone or "client_closed"
        self._is_client_gone = True


class Forwarding:
    """One direction, from a source that is read to a target that is written."""

    def __init__(self, source: int, target: int, ear: Ear) -> None:
        self.is_reading = False
        """Whether the source is being waited for, and not the target."""
        self._source = source
        self._target = target
        self._ear = ear

    def run(self) -> Literal["source", "target"]:
        """Forward until one of the two is closed, and say which."""
        # Every message waits for this loop: it looks nothing up twice, and calls little.
        read, write, clock_ns, hear = os.read, os.write, time.monotonic_ns, self._ear.hear
        source, target = self._source, self._target
        while True:
            self.is_reading = True
            try:
                chunk = read(source, READ_BYTES)
            except BlockingIOError:  # Whoever shares the pipe with us made it so.
                select.select([source], [], [])
                continue
            except OSError:  # A socket that was reset, a terminal that hung up.
                return "source"
            ns = clock_ns()
            self.is_reading = False
            if not chunk:
                return "source"
            # Noted before it is passed on: nobody may hear an answer before its question.
            hear(ns, chunk)
            try:
                written = write(target, chunk)
            except BlockingIOError:
                written = 0
            except OSError:  # Nobody reads any more.
                return "target"
            if written < len(chunk) and not self._write_rest(chunk[written:]):
                return "target"

    def _write_rest(self, rest: bytes) -> bool:
        """Write to a target that does not take all at once; False when nobody reads any more."""
        while rest:
            select.select([], [self._target], [])
            try:
                rest = rest[os.write(self._target, rest) :]
            except BlockingIOError:
                continue
            except OSError:
                return False
        return True


def occupy_standard_streams() -> None:
    """Keep the numbers of standard streams that the client closed from the next files we open.

    Else the spool could become our standard output, and what the server says would land in it.
    """
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # Takes the lowest free number, which is this one.


def _let_go(standard: int) -> None:
    """Close our standard input or output for the other end, but keep its number occupied.

    Else the next file we open would get it, and a stray print would land there.
    """
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, standard)
        os.close(nowhere)
