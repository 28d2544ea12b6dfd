"""The recorders that a whole process shares, each made when it is first needed.

Whoever records inside of a program (a client's transports, a server, a function) adds to one run
per store and observer. A fork starts with none: the rows of the parent are the parent's to write.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Final, NamedTuple

from mcplens.capture.label import default_label
from mcplens.capture.recorder import Recorder
from mcplens.capture.stderr import say as say_on_stderr
from mcplens.config import settings_for_recorder
from mcplens.errors import McplensError
from mcplens.store.location import Store, locate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mcplens.capture.privacy import Keep
    from mcplens.events import Observer

CLOSE_S: Final = 5.0
"""How long the interpreter's exit may wait for the last rows of all recorders."""

SHORTEST_CLOSE_S: Final = 0.2
"""What each recorder gets of that at least."""


class Wanted(NamedTuple):
    """Which recorder somebody asks for; who asks for the same gets the same."""

    observer: Observer
    store: str | Path | None = None
    label: str | None = None
    keep: Keep | None = None


class Recorders:
    """What one process records with; does nothing until it is first asked."""

    def __init__(self, *, say: Callable[[str], None] = say_on_stderr) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._made: dict[Wanted, Recorder] = {}
        self._minds_forks = False

    def get(self, wanted: Wanted) -> Recorder:
        """Give the recorder for what is wanted; never raises.

        Where no store can be, the recorder says so once and drops what it is given.
        """
        place, trouble = _place(wanted.store)
        key = wanted._replace(store=place)
        with self._lock:
            recorder = self._made.get(key)
            if recorder is None:
                if trouble:
                    self._say(f"recording nothing, the traffic goes on: {trouble}")
                self._mind_process()
                recorder = self._made[key] = Recorder(
                    None if place is None else Store(place),
                    observer=wanted.observer,
                    label=wanted.label or default_label(),
                    keep=wanted.keep,
                    settings=settings_for_recorder(),
                    say=self._say,
                )
        return recorder

    def close(self, timeout: float = CLOSE_S) -> None:
        """Write what is left of all, in about `timeout` seconds at the most."""
        deadline = time.monotonic() + timeout
        for recorder in list(self._made.values()):
            recorder.close(max(SHORTEST_CLOSE_S, deadline - time.monotonic()))

    def _mind_process(self) -> None:
        """See to the end of this process, and to the beginning of its children."""
        if not self._minds_forks:
            self._minds_forks = True
            # The hook cannot be taken back, so it must not keep this alive.
            forget = weakref.WeakMethod(self._forget)
            os.register_at_fork(after_in_child=lambda: _call(forget()))
        if not self._made:
            _call_at_exit(self.close)

    def _forget(self) -> None:
        """Begin again in a fork, where the recorders have no threads."""
        # Another thread may have held the lock when the process was forked.
        self._lock = threading.Lock()
        self._made = {}


class SharedRecorder:
    """One recorder of the process, found when it is called for, and again in a fork."""

    __slots__ = ("_found", "_process_id", "_recorders", "_wanted")

    def __init__(self, wanted: Wanted, *, recorders: Recorders) -> None:
        self._wanted = wanted
        self._recorders = recorders
        self._found: Recorder | None = None
        self._process_id = 0

    def __call__(self) -> Recorder:
        """Give the recorder of this process."""
        process_id = os.getpid()
        if self._found is None or self._process_id != process_id:
            self._found = self._recorders.get(self._wanted)
            self._process_id = process_id
        return self._found


OF_THIS_PROCESS: Final = Recorders()


def _place(store: str | Path | None) -> tuple[Path | None, McplensError | None]:
    try:
        return locate(store), None
    except McplensError as trouble:
        return None, trouble


def _call_at_exit(close: Callable[[], None]) -> None:
    atexit.unregister(close)  # A fork may have it from its parent.
    atexit.register(close)
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.parent_process() is not None:
        # Children of multiprocessing leave without what atexit knows.
        from multiprocessing.util import Finalize

        Finalize(None, close, exitpriority=0)


def _call(forget: Callable[[], None] | None) -> None:
    if forget is not None:
        forget()
