"""The server's process: started, told to end and mourned as its client would have done it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from mcplens.errors import CommandNotFoundError

if TYPE_CHECKING:
    import resource
    from collections.abc import Callable, Sequence

PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that a client or a terminal ends a server with."""

SET_PARENT_DEATH_SIGNAL: Final = 1
"""Linux's name for it, PR_SET_PDEATHSIG."""


def start_server(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a server in our own process group, between two pipes.

    Raises:
        CommandNotFoundError: the command does not exist or may not be run.
    """
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            # Our own files close by themselves; what the client left open is for the server.
            close_fds=False,
            preexec_fn=_dying_with_parent(),  # noqa: PLW1509  no thread runs yet
        )
    except (OSError, ValueError) as error:
        raise CommandNotFoundError(_refusal(command[0], error)) from error


class PassedOnSignals:
    """Signals for the server that reach us instead, from now until the block ends."""

    def __init__(self) -> None:
        self.came = False
        """Whether we were told to end."""
        self.used: resource.struct_rusage | None = None
        """What the server used in all, once it has ended; None where it is not known."""
        self._server: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}
        self._wake, self._woken = -1, -1

    def pass_on_to(self, server: subprocess.Popen[bytes]) -> None:
        """Name the server, which gets what has come already."""
        self._server = server
        # Not before: a handler of ours would have hidden from the server that it was ignored.
        self._handle(signal.SIGCHLD, _only_wake)
        for number in self._early:
            server.send_signal(number)

    def wait_for_end(self, server: subprocess.Popen[bytes]) -> int:
        """Wait until the server ends and give its exit code; what comes meanwhile is passed on.

        Waiting for the process alone would sleep over a signal that comes just before, or to
        another thread.
        """
        while (exit_code := self._poll(server)) is None:
            select.select([self._woken], [], [])
            os.read(self._woken, 4096)
        return exit_code

    def __enter__(self) -> Self:
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in PASSED_ON:
            # The server inherits that a signal is ignored (nohup, `&`), but never a handler.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handle(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        signal.set_wakeup_fd(-1)
        os.close(self._wake)
        os.close(self._woken)

    def _poll(self, server: subprocess.Popen[bytes]) -> int | None:
        """Give the server's exit code, if it has ended, and note what it used."""
        # A signal that is being passed on may have asked before us; then nobody told.
        with suppress(ChildProcessError):
            ended, status, used = os.wait4(server.pid, os.WNOHANG)
            if ended:
                self.used = used
                server.returncode = os.waitstatus_to_exitcode(status)
        return server.poll()

    def _handle(self, number: int, handler: Callable[[int, object], None]) -> None:
        self._before[number] = signal.getsignal(number) or signal.SIG_DFL
        signal.signal(number, handler)

    def _take(self, number: int, _frame: object) -> None:
        is_first = not self.came
        self.came = True
        if self._server is None:
            self._early.append(number)
        elif not (is_first and number == signal.SIGINT and _is_typed()):
            self._server.send_signal(number)


def die_as(exit_code: int) -> int:
    """Die of the signal that the server died of, so that the client sees what it would have seen.

    Gives the exit code of a server that ended by itself; and what a shell would say, should the
    signal not end us.
    """
    if exit_code >= 0:
        return exit_code
    number = -exit_code
    with suppress(OSError):  # SIGKILL and SIGSTOP have no handler to reset.
        signal.signal(number, signal.SIG_DFL)
    _leave_no_core()
    os.kill(os.getpid(), number)
    return 128 + number


def _only_wake(_number: int, _frame: object) -> None:
    """Handle a signal of which only the coming matters."""


def _dying_with_parent() -> Callable[[], object] | None:
    """Have the server killed when we are.

    Some clients kill the process they started, not its group. Without us that was the server.
    """
    if sys.platform != "linux":
        return None
    import ctypes  # only where it is of use

    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    return lambda: prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _is_typed() -> bool:
    """Say whether Ctrl-C reaches us from a terminal, which gives it to the server by itself."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _leave_no_core() -> None:
    import resource  # needed once in a thousand runs

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def _refusal(program: str, error: Exception) -> str:
    if not isinstance(error, FileNotFoundError):
        return f'cannot run "{program}": {getattr(error, "strerror", None) or error}'
    if os.path.exists(program):  # noqa: PTH110  pathlib is slow to load
        return f'cannot run "{program}": the interpreter in its first line does not exist'
    if " " in program:
        return f'there is no command "{program}". Write its words apart: -- {program}'
    return f'there is no command "{program}"'
