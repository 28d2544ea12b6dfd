"""Large messages, read in small steps.

Reading JSON in one go holds the interpreter until it is done, and a few megabytes of small objects
take half a second, in which nothing would be forwarded. So a large message is opened level by
level; what is large and says nothing about the call stays as it was sent, as `msgspec.Raw`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

SMALL_BYTES: Final = 100_000
"""What is read in one go: a few milliseconds at most."""

_QUOTE: Final = ord('"')
_BRACE: Final = ord("{")
_BRACKET: Final = ord("[")
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OPENED: Final = frozenset(
    # What the correlator looks into: the message, its parts, and the lists in them.
    {"params", "result", "error", "_meta", "arguments", "content", "contents", "messages"}
    | {"tools", "prompts", "resources", "resourceTemplates"}
)


def read_message(data: bytes) -> Any:
    """Read one JSON-RPC message; its bulk stays unread.

    Raises:
        ValueError: it is no JSON, or no object.
        RecursionError: it is nested too deep.
    """
    return {name: _read(value, is_opened=name in _OPENED) for name, value in _parts(data).items()}


def open_json(data: bytes | memoryview) -> Any:
    """Read one level of what is large, its members as `msgspec.Raw`, and what is small as a whole.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deep.
    """
    if len(data) > SMALL_BYTES:
        if data[0] == _BRACE:
            return _OBJECT.decode(data)
        if data[0] == _BRACKET:
            return _ARRAY.decode(data)
    return msgspec.json.decode(data)


def _read(raw: msgspec.Raw, *, is_opened: bool) -> Any:
    data = memoryview(raw)
    if len(data) <= SMALL_BYTES or data[0] == _QUOTE:
        return msgspec.json.decode(data)
    if not is_opened:
        return raw
    if data[0] == _BRACE:
        return {
            name: _read(value, is_opened=name in _OPENED) for name, value in _parts(data).items()
        }
    # The members of a list are opened, however many they are, one at a time.
    return [_read(member, is_opened=True) for member in _ARRAY.decode(data)]


def _parts(data: bytes | memoryview) -> dict[str, msgspec.Raw]:
    return _OBJECT.decode(data)
