"""A copy of a response's body: decoded, and cut into messages with their sizes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from mcplens.capture.http.sse import EventReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BODY_BYTES: Final = 64_000_000
"""A longer body is passed on and not read."""

EVENT_STREAM: Final = "text/event-stream"
JSON: Final = "application/json"

_SLICE_BYTES: Final = 4096

_WITH_HEADER: Final = 32 + zlib.MAX_WBITS
"""Tells zlib to find out whether a stream is gzip or zlib."""


class UnreadableBodyError(Exception):
    """A body cannot be read; the traffic goes on without us."""


class Body(NamedTuple):
    """What one message of a body says."""

    data: bytes
    kind: str
    """`message` for JSON-RPC; other types are an event stream's own."""
    has_id: bool = False


class Decoder:
    """Undoes a body's content encoding as it comes."""

    __slots__ = ("_decode",)

    def __init__(self, encoding: str) -> None:
        """Begin a body.

        Raises:
            UnreadableBodyError: nothing here can decode it.
        """
        self._decode = _decoding(encoding)

    def feed(self, data: bytes) -> bytes:
        """Decode the next bytes.

        Raises:
            UnreadableBodyError: they are not what was announced, or too many.
        """
        if self._decode is None:
            return data
        try:
            plain = self._decode(data)
        except Exception:  # noqa: BLE001  each library has an error of its own
            raise UnreadableBodyError("contents are not encoded as announced") from None
        if len(plain) > MAX_BODY_BYTES:
            raise UnreadableBodyError("contents are too large")
        return plain


def _decoding(encoding: str) -> Callable[[bytes], bytes] | None:
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        inflate = zlib.decompressobj(_WITH_HEADER)
        # One more than fits tells that it does not fit; a bomb is not unpacked to its end.
        return lambda data: inflate.decompress(data, MAX_BODY_BYTES + 1)
    try:
        if encoding == "br":
            import brotli

            return _in_slices(brotli.Decompressor().process)
        if encoding == "zstd":
            import zstandard

            return _in_slices(zstandard.ZstdDecompressor().decompressobj().decompress)
    except ImportError:
        raise UnreadableBodyError(f'contents are {encoding}; pip install "mcplens[http]"') from None
    raise UnreadableBodyError("contents are in an encoding that is not known")


def _in_slices(decode: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Decode little by little, and stop when it is too much: few bytes may hold a great many."""

    def decode_all(data: bytes) -> bytes:
        plain = bytearray()
        for begin in range(0, len(data), _SLICE_BYTES):
            plain += decode(data[begin : begin + _SLICE_BYTES])
            if len(plain) > MAX_BODY_BYTES:
                break
        return bytes(plain)

    return decode_all


class ResponseReader:
    """Takes a response's body in pieces, and gives its messages."""

    __slots__ = ("_collected", "_decoder", "_events", "_is_json")

    def __init__(self, content_type: str, encoding: str) -> None:
        """Begin a body.

        Raises:
            UnreadableBodyError: nothing here can decode it.
        """
        kind = content_type.partition(";")[0].strip().lower()
        self._decoder = Decoder(encoding)
        self._events = EventReader() if kind == EVENT_STREAM else None
        self._is_json = kind == JSON or kind.endswith("+json")
        self._collected = bytearray()

    @property
    def is_stream(self) -> bool:
        """Whether it is a stream of events."""
        return self._events is not None

    def feed(self, piece: bytes) -> Iterator[Body]:
        """Take the next piece, and give the messages that end in it.

        Raises:
            UnreadableBodyError: it cannot be read.
        """
        data = self._decoder.feed(piece)
        if self._events is not None:
            for event in self._events.feed(data):
                if event.is_oversized:
                    raise UnreadableBodyError("an event is too large")
                yield Body(event.data, event.type, event.has_id)
        elif self._is_json:
            self._collected += data
            if len(self._collected) > MAX_BODY_BYTES:
                raise UnreadableBodyError("contents are too large")

    def finish(self) -> Iterator[Body]:
        """Give the message that the whole body is, if it is one."""
        if self._is_json and self._collected:
            yield Body(bytes(self._collected), "message")
