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


class Chunk(NamedTuple):
    """Bytes as they were read, after what was left out before them."""

    ear: Ear
    ns: int
    content: bytes
    gap: Gap | None


class End(NamedTuple):
    """Nothing more will come."""

    reason: str
    ns: int
    exit_code: int | None


class Ear:
    """Listens to one direction; used by one forwarding thread."""

    def __init__(self, direction: Direction, heard: deque[Chunk | End], *, max_bytes: int) -> None:
        self.direction: Direction = direction
        self._heard = heard
        self._max_bytes = max_bytes
        # Each of the two is written by one thread only, so that no lock is needed.
        self._kept = 0
        self._taken = 0
        self._gap: Gap | None = None
        self.is_deaf = False
        """Whether nothing is kept any more, since nobody will read it."""

    def hear(self, ns: int, content: bytes) -> None:
        """Keep a chunk for the recorder, or leave it out when there is no room."""
        if self.is_deaf:
            return
        size = len(content) + CHUNK_OVERHEAD
        if self._kept - self._taken + size > self._max_bytes:
            self._leave_out(content)
            return
        self._kept += size
        self._heard.append(Chunk(self, ns, content, self._gap))
        self._gap = None

    def taken(self, chunk: Chunk) -> None:
        """Give back the room of a chunk; called by the recorder's thread."""
        self._taken += len(chunk.content) + CHUNK_OVERHEAD

    def last_gap(self) -> Gap | None:
        """Say what was left out after the last chunk that was kept."""
        return self._gap

    def _leave_out(self, content: bytes) -> None:
        before = self._gap or Gap(0, is_inside_line=False)
        lines = content.count(b"\n") + (not content.endswith(b"\n")) - before.is_inside_line
        self._gap = Gap(before.line_count + lines, is_inside_line=not content.endswith(b"\n"))


class Wiretap:
    """What was heard on both directions of one connection, in its order."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._heard: deque[Chunk | End] = deque()
        self.to_server = Ear("to_server", self._heard, max_bytes=max_bytes)
        self.to_client = Ear("to_client", self._heard, max_bytes=max_bytes)

    def end(self, reason: str, *, ns: int, exit_code: int | None) -> None:
        """Say that nothing more will come."""
        self._heard.append(End(reason, ns, exit_code))

    def take(self) -> Chunk | End | None:
        """Take what was heard first, if there is any."""
        return self._heard.popleft() if self._heard else None

    def take_all(self) -> list[Chunk | End]:
        """Take all that was heard, and listen no more."""
        heard = list(self._heard)
        self.stop()
        return heard

    def stop(self) -> None:
        """Listen no more and forget what was heard."""
        self.to_server.is_deaf = self.to_client.is_deaf = True
        self._heard.clear()
