"""What a fork of a recorded process must not take along.

A child has every open file of its parent for as long as it lives, with the locks on them, and none
of its threads. So a process is forked between two writes, not within one, and the child lets go.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_S: Final = 0.5
"""How long a fork may wait for a write, in seconds; a disk may hang for ever."""


class ForkGate:
    """Is held while something is half done that a child must not inherit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forking: int | None = None
        self._let_go: weakref.WeakMethod[Callable[[], object]] | None = None

    def mind(self, let_go: Callable[[], object]) -> None:
        """Have a bound method called in every child; keeps nothing alive."""
        # The hooks cannot be taken back.
        gate = weakref.ref(self)
        self._let_go = weakref.WeakMethod(let_go)
        os.register_at_fork(
            before=lambda: _call(gate, ForkGate._close),
            after_in_parent=lambda: _call(gate, ForkGate._open),
            after_in_child=lambda: _call(gate, ForkGate._begin_anew),
        )

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _close(self) -> None:
        if self._lock.acquire(timeout=WAIT_S):
            self._forking = threading.get_ident()

    def _open(self) -> None:
        if self._forking == threading.get_ident():
            self._forking = None
            self._lock.release()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        self._forking = None
        if self._let_go is not None and (let_go := self._let_go()) is not None:
            let_go()


def _call(found: weakref.ref[ForkGate], do: Callable[[ForkGate], None]) -> None:
    if (gate := found()) is not None:
        do(gate)
