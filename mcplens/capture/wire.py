"""The stdio wire: from chunks of bytes to lines, and from a line to JSON.

In come chunks as they were read, cut anywhere; out come whole lines, each with the time of the
chunk that held its last byte. Work grows with the number of bytes and with nothing else, and a
line that never ends does not fill the memory.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, Literal

import msgspec

from mcplens.capture.bulk import SMALL_BYTES, read_message

MAX_LINE_BYTES: Final = 64_000_000
"""A longer line is counted and not kept."""

LineState = Literal["whole", "incomplete", "oversized"]


class NotJsonError(Exception):
    """A line is no JSON."""


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a stdio wire, without its line end."""

    # A msgspec class and no dataclass, since every message of every call makes one.
    data: bytes
    """What stood on the line; empty when it was oversized."""
    ns: int
    """When its last byte was read, by the recorder's clock."""
    size: int
    """How many bytes the line had, also when they were not kept."""
    state: LineState = "whole"


class LineReader:
    """Cuts the bytes of one direction of a stdio wire into lines."""

    __slots__ = ("_last_ns", "_max_bytes", "_rest", "_size")

    def __init__(self, *, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._rest = bytearray()
        self._size = 0
        self._last_ns = 0

    def feed(self, chunk: bytes, ns: int) -> list[Line]:
        """Take the next chunk, read at `ns`, and give the lines that end in it; blank ones not."""
        *ends, rest = chunk.split(b"\n")
        lines = []
        for end in ends:
            data = end
            if self._size:
                self._keep(end)
                data = bytes(self._rest)
            line = self._line(data, ns=ns, size=self._size or len(end))
            if line is not None:
                lines.append(line)
            if self._size:
                self._rest = bytearray()
                self._size = 0
        if rest:
            self._keep(rest)
        self._last_ns = ns
        return lines

    def finish(self) -> list[Line]:
        """Give what stands after the last line end: at most one line, marked incomplete."""
        size, rest = self._size, bytes(self._rest)
        self._rest, self._size = bytearray(), 0
        if size > self._max_bytes:
            return [Line(data=b"", ns=self._last_ns, size=size, state="oversized")]
        if not rest.strip():
            return []
        return [Line(data=rest, ns=self._last_ns, size=size, state="incomplete")]

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max_bytes:
            self._rest = bytearray()
        else:
            # A bytearray grows by doubling, so that many small chunks stay linear.
            self._rest += piece

    def _line(self, data: bytes, *, ns: int, size: int) -> Line | None:
        if size > self._max_bytes:
            return Line(data=b"", ns=ns, size=size, state="oversized")
        if data.endswith(b"\r"):
            data = data[:-1]
        if not data or data.isspace():
            return None
        return Line(data=data, ns=ns, size=len(data))


def parse_json(data: bytes) -> Any:
    """Read a line as JSON, as leniently as the clients that also read it.

    Raises:
        NotJsonError: the line is no JSON, or nested too deep to read.
    """
    try:
        return msgspec.json.decode(data) if len(data) <= SMALL_BYTES else read_message(data)
    except (ValueError, RecursionError):
        pass
    # msgspec refuses NaN, lone surrogates and huge numbers, which Python and Node clients accept;
    # bytes that are no UTF-8 become U+FFFD in Node. What a client took for an answer was one.
    try:
        return json.loads(data.decode("utf-8", "replace"), parse_int=_whole_number)
    except (ValueError, RecursionError) as error:
        raise NotJsonError from error


def encode_json(value: Any) -> bytes | None:
    """Write a value as JSON with its keys in order, so that equal values give equal bytes.

    None when it cannot be written, which is when it is nested too deep.
    """
    try:
        return _ENCODER.encode(value)
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _whole_number(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # More digits than Python converts.
        return math.inf


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
