"""Server-sent events, cut from the bytes of a stream as they come."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_EVENT_BYTES: Final = 64_000_000
"""A longer event is counted and not kept."""

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """One event of a stream."""

    type: str
    data: bytes
    """What its data lines say; empty when it was too long to keep."""
    has_id: bool
    """Whether a client may ask for what comes after it on another stream."""
    is_oversized: bool


class EventReader:
    """Cuts a stream into events: any chunks in, whole events out."""

    __slots__ = (
        "_data",
        "_has_id",
        "_is_after_cr",
        "_is_oversized",
        "_is_start",
        "_max_bytes",
        "_rest",
        "_size",
        "_type",
    )

    def __init__(self, *, max_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._rest = bytearray()
        self._is_start = True
        self._is_after_cr = False
        self._size = 0
        self._begin_event()

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes, and give the events that end in them."""
        if self._is_after_cr and chunk:
            # The other half of a line end that was already taken for one.
            chunk = chunk.removeprefix(b"\n")
            self._is_after_cr = False
        searched = len(self._rest)
        self._rest += chunk
        if self._is_start:
            if len(self._rest) < len(_BOM) and _BOM.startswith(self._rest):
                return []
            self._is_start = False
            if self._rest.startswith(_BOM):
                del self._rest[: len(_BOM)]
                searched = 0
        found = []
        begin = 0
        for match in _LINE_END.finditer(self._rest, searched):
            event = self._line(self._rest[begin : match.start()])
            begin = match.end()
            if event is not None:
                found.append(event)
        self._is_after_cr = begin > 0 and begin == len(self._rest) and self._rest[-1:] == b"\r"
        del self._rest[:begin]
        if len(self._rest) > self._max_bytes:
            self._is_oversized = True
            # The field's name is kept, so that the rest of the line is still its value.
            del self._rest[len(b"data: ") :]
        return found

    def _line(self, line: bytearray) -> ServerSentEvent | None:
        if not line:
            return self._end_event()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value) + 1
            if self._size > self._max_bytes:
                self._is_oversized = True
                self._data.clear()
            else:
                self._data.append(bytes(value))
        elif name == b"event":
            self._type = bytes(value).decode("utf-8", "replace")
        elif name == b"id":
            self._has_id = True
        return None

    def _end_event(self) -> ServerSentEvent | None:
        event = None
        if self._size or self._is_oversized or self._has_id:
            data = b"" if self._is_oversized else b"\n".join(self._data)
            event = ServerSentEvent(self._type, data, self._has_id, self._is_oversized)
        self._begin_event()
        return event

    def _begin_event(self) -> None:
        self._type = "message"
        self._data: list[bytes] = []
        self._size = 0
        self._has_id = False
        self._is_oversized = False
