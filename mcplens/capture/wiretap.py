"""What passed on a stdio wire, kept by the threads that forward until the recorder reads it.

They leave chunks with their times in a queue of bounded size; what finds no room is counted by its
line ends and left out. The server starts before the recorder is loaded, so this imports little.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from mcplens.events import Direction

MAX_BYTES: Final = 32_000_000
"""What one direction may keep for the recorder."""

CHUNK_OVERHEAD: Final = 200
"""What a chunk takes in memory beside its bytes; many small ones must not fill it."""


class Gap(NamedTuple):
    """Chunks that were left out."""

    line_count: int
    """Lines of which at least a part was left out."""
    is_inside_line: bool
    """Whether what comes next begins with the rest of such a line."""


class End(NamedTuple):
    """Nothing more will come."""

    reason: str
    exit_code: int | None


Heard = tuple[int, "Direction", "bytes | Gap | End"]
"""When, to whom, and what; a plain tuple, since one is made while a message waits."""


class Ear:
    """Listens to one direction; used by one forwarding thread."""

    __slots__ = ("_direction", "_gap", "_heard", "_kept", "_max_bytes", "_taken")

    def __init__(self, direction: Direction, heard: deque[Heard], *, max_bytes: int) -> None:
        self._direction: Direction = direction
        self._heard = heard
        self._max_bytes = max_bytes
        # Each of the two is written by one thread only, so that no lock is needed.
        self._kept = 0
        self._taken = 0
        self._gap: Gap | None = None

    def hear(self, ns: int, chunk: bytes) -> None:
        """Keep a chunk for the recorder, or leave it out when there is no room."""
        kept = self._kept + len(chunk) + CHUNK_OVERHEAD
        if kept - self._taken > self._max_bytes:
            self._leave_out(chunk)
            return
        if self._gap is not None:
            self._heard.append((ns, self._direction, self._gap))
            self._gap = None
        self._kept = kept
        self._heard.append((ns, self._direction, chunk))

    def take(self, chunk: bytes) -> None:
        """Give back the room of a chunk; called by the recorder's thread."""
        self._taken += len(chunk) + CHUNK_OVERHEAD

    def last_gap(self) -> Gap | None:
        """Say what was left out after the last chunk that was kept."""
        return self._gap

    def stop(self) -> None:
        """Keep nothing any more."""
        self._max_bytes = -1

    def _leave_out(self, chunk: bytes) -> None:
        if self._max_bytes < 0:
            return
        before = self._gap or Gap(0, is_inside_line=False)
        lines = chunk.count(b"\n") + (not chunk.endswith(b"\n")) - before.is_inside_line
        self._gap = Gap(before.line_count + lines, is_inside_line=not chunk.endswith(b"\n"))


class Wiretap:
    """What was heard on both directions of one connection, in its order."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._heard: deque[Heard] = deque()
        self.ears: dict[Direction, Ear] = {
            "to_server": Ear("to_server", self._heard, max_bytes=max_bytes),
            "to_client": Ear("to_client", self._heard, max_bytes=max_bytes),
        }

    def __len__(self) -> int:
        return len(self._heard)

    def end(self, reason: str, *, ns: int, exit_code: int | None) -> None:
        """Say that nothing more will come."""
        for direction, ear in self.ears.items():
            gap = ear.last_gap()
            if gap is not None:
                self._heard.append((ns, direction, gap))
        self._heard.append((ns, "to_client", End(reason, exit_code)))

    def take(self) -> Heard | None:
        """Take what was heard first, if there is any."""
        if not self._heard:
            return None
        heard = self._heard.popleft()
        _, direction, content = heard
        if isinstance(content, bytes):
            self.ears[direction].take(content)
        return heard

    def stop(self) -> None:
        """Listen no more and forget what was heard."""
        for ear in self.ears.values():
            ear.stop()
        self._heard.clear()
