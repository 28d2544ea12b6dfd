"""The live tail of one recording process.

A writer owns its files: one at a time, held by a lock from before anybody can see it until it is
closed, so whoever can take that lock knows that nothing more will come. It writes whole batches of
whole lines and never touches anything else in the store.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import msgspec

from mcplens.errors import StoreError
from mcplens.store.files import TEMPORARY, cause, write_all
from mcplens.store.parts import part_path

if TYPE_CHECKING:
    from mcplens.events import Row
    from mcplens.store.layout import Store

_DAY_S = 86_400

_INEXPRESSIBLE = (msgspec.MsgspecError, UnicodeError, TypeError, ValueError)
"""What a row that JSON cannot express may raise."""


class Spool:
    """Append rows to a store, safely against the death of this process.

    A part is closed when it is full, when its first row is old, and when a day ends in UTC, with
    the next row or with the next `rest`; the next part is open and locked before.
    """

    def __init__(
        self,
        store: Store,
        *,
        run_id: str,
        max_bytes: int = 16_000_000,
        max_age_s: float = 600.0,
        clock: Callable[[], float] = time.time,
        on_part_closed: Callable[[Path], None] | None = None,
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._clock = clock
        self._on_part_closed = on_part_closed
        self._encoder = msgspec.json.Encoder()
        # A part of this name that was sealed before would hide the new one from readers.
        self._sealed = store.manifest.read_bytes() if store.manifest.exists() else b""
        self._number = 0
        self._descriptor = -1
        self._identity = (0, 0)
        self._size = 0
        self._is_torn = False
        self._first_written = 0.0
        self._open_next()

    def write(self, rows: Sequence[Row]) -> int:
        """Append rows and say how many stand: all but what JSON cannot express.

        Also fewer where a failed write cannot be taken back; the rest of them is lost.

        Raises:
            StoreError: the system did not take the rows; none of them stands then.
        """
        content, count = self._encode(rows)
        if not content:
            return 0
        now = self._clock()
        try:
            if self._size and self._is_due(now, len(content)):
                self._rotate()
            if not self._size:
                self._first_written = now
            return self._append(content, count)
        except OSError as trouble:
            raise _refused(self.path, trouble) from trouble

    def rest(self) -> None:
        """Close the part if it has become old, although nothing comes.

        Raises:
            StoreError: the next part cannot be made; this one goes on.
        """
        if self._size and self._is_due(self._clock(), 0) and self.is_in_place():
            self._rotate()

    def is_in_place(self) -> bool:
        """Say whether the part still stands where readers look for it, and is no other file."""
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (found.st_ino, found.st_dev) == self._identity

    def close(self) -> None:
        """Close the part; nothing can be written after."""
        if self._descriptor < 0:
            return
        path = self.path
        if not self._size and self.is_in_place():
            path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1
        if self._size and self._on_part_closed:
            self._on_part_closed(path)

    def abandon(self) -> None:
        """Let go of the part in a fork, so that it is locked for as long as its writer lives."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _encode(self, rows: Sequence[Row]) -> tuple[bytes, int]:
        """Give the lines of all rows that can be expressed, and say how many those are."""
        try:
            return self._encoder.encode_lines(rows), len(rows)
        except _INEXPRESSIBLE:
            # One row that cannot be written must not cost the others.
            lines = [line for row in rows if (line := self._encode_one(row))]
            return b"".join(lines), len(lines)

    def _encode_one(self, row: Row) -> bytes:
        try:
            return self._encoder.encode(row) + b"\n"
        except _INEXPRESSIBLE:
            return b""

    def _append(self, content: bytes, count: int) -> int:
        # Half a line that stayed gets its end first.
        mend = b"\n" if self._is_torn else b""
        try:
            write_all(self._descriptor, mend + content)
        except OSError:
            # A full disk may have taken half a line: the next batch must not follow on it.
            stays = content[: max(0, self._cut_back() - len(mend))]
            if b"\n" not in stays:
                raise
            return stays.count(b"\n")  # Tried again, these rows would be there twice.
        self._is_torn = False
        self._size += len(mend) + len(content)
        return count

    def _cut_back(self) -> int:
        """Take back what a failed write left; give the number of bytes that cannot be."""
        size = self._size
        try:
            os.ftruncate(self._descriptor, size)
        except OSError:
            self._size = os.fstat(self._descriptor).st_size
            self._is_torn = True
        return self._size - size

    def _is_due(self, now: float, coming: int) -> bool:
        return (
            self._size + coming > self._max_bytes
            or now - self._first_written >= self._max_age_s
            or now // _DAY_S != self._first_written // _DAY_S
        )

    def _rotate(self) -> None:
        closed, descriptor = self.path, self._descriptor
        self._open_next()
        os.close(descriptor)
        if self._on_part_closed:
            self._on_part_closed(closed)

    def _open_next(self) -> None:
        """Open a part that nobody sees before it is locked."""
        number = self._number + 1
        while self._is_taken(path := part_path(self._store, self._run_id, number)):
            number += 1
        try:
            self._descriptor = _open_locked(path)
        except OSError as trouble:
            raise _refused(path, trouble) from trouble
        made = os.fstat(self._descriptor)
        self._identity = made.st_ino, made.st_dev
        self._number, self._size, self._is_torn = number, 0, False
        self.path = path
        """The part that is being written."""

    def _is_taken(self, path: Path) -> bool:
        return path.exists() or path.name.encode() in self._sealed


def _open_locked(path: Path) -> int:
    """Make a file that is locked before anybody can see it under its name."""
    hidden = path.with_name(path.name + TEMPORARY)
    descriptor = os.open(hidden, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        hidden.rename(path)
    except OSError:
        os.close(descriptor)
        with suppress(OSError):
            hidden.unlink()
        raise
    return descriptor


def _refused(path: Path, trouble: OSError) -> StoreError:
    return StoreError(f"cannot write {path} ({cause(trouble)}). Make room or allow writing there")


def start_sealing(store: Store, *, on_failure: Callable[[str], None] = lambda _: None) -> None:
    """Have a process of its own turn what is closed into Parquet; return at once, never raise.

    Args:
        store: The store.
        on_failure: Takes the reason why nothing is sealed, on any thread, at any time. What is not
            sealed stays readable.
    """
    if not sys.executable or hasattr(sys, "frozen"):
        return  # A program with Python inside: started again, it would do all its own work anew.
    try:
        process = _spawn_housekeeping(store)
    except OSError as trouble:
        on_failure(cause(trouble))
        return
    # Somebody has to take its exit code, or it stays in the process table.
    waiting = Thread(
        target=_wait_for, args=(process, on_failure), name="mcplens-housekeeping", daemon=True
    )
    try:
        waiting.start()
    except RuntimeError:  # No more threads: whoever starts a process next takes the code.
        if process.stderr is not None:
            process.stderr.close()


def _wait_for(process: subprocess.Popen[bytes], on_failure: Callable[[str], None]) -> None:
    _, said = process.communicate()
    if process.returncode:
        lines = said.decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), None)
        on_failure(last or f"it ended with {process.returncode}")


def _spawn_housekeeping(store: Store) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # -P: the folder that the recorder happens to stand in must not lend it modules.
        [sys.executable, "-P", "-m", "mcplens.store.housekeeping", str(store.path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
