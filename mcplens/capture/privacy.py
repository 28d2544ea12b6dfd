"""What of contents may be kept, decided in one place, from the first byte written.

`none` keeps names, times and sizes. `shape` adds keyed hashes, the declared keys of arguments with
types in place of values, and error texts of which only common words are left. `full` keeps
contents. Commands and addresses are always redacted. What a server says of its tools, prompts and
templates is always kept; of a resource, whose title may be a person's, only its names and size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from mcplens.capture.commands import redact_command
from mcplens.capture.error_words import template_of
from mcplens.capture.names import clean_address, clean_name, clean_text
from mcplens.capture.wire import encode_json
from mcplens.config import Keep as Keep  # noqa: PLC0414, TC001  named here for all of capture

MAX_ERROR_TEXT: Final = 2000
"""Characters of an error text that are kept where contents are."""
_MAX_KEYS: Final = 100
_UNDECLARED: Final = "…"


class Kept(NamedTuple):
    """What may be kept of arguments or of a result."""

    text: str | None = None
    digest: str | None = None
    shape: str | None = None


_NOTHING: Final = Kept()


class Privacy:
    """What one recording keeps of contents, and the key of its hashes."""

    __slots__ = ("_key", "keep")

    def __init__(self, keep: Keep = "shape", *, key: bytes) -> None:
        self.keep: Final = keep
        self._key = key

    def hash(self, data: bytes) -> str:
        """Hash bytes with the key: equal contents, equal hash, and no way back by guessing."""
        return hashlib.blake2b(data, digest_size=16, key=self._key).hexdigest()

    def arguments(self, value: Any, *, declared: Collection[str] | None) -> Kept:
        """Keep what may be kept of arguments; `declared` are the keys the schema names.

        Without a schema, `declared` is None, and no shape is made.
        """
        if self.keep == "none":
            return _NOTHING
        data = encode_json(value)
        if data is None:
            return _NOTHING
        return Kept(
            text=self._text(data),
            digest=self.hash(data),
            shape=None if declared is None else _shape(value, declared),
        )

    def result(self, value: Any) -> Kept:
        """Keep what may be kept of a result."""
        if self.keep == "none":
            return _NOTHING
        if isinstance(value, dict) and "_meta" in value:
            # Metadata may differ from answer to answer; equal results shall have equal hashes.
            value = {key: item for key, item in value.items() if key != "_meta"}
        data = encode_json(value)
        if data is None:
            return _NOTHING
        return Kept(
            text=self._text(data),
            digest=self.hash(data),
        )

    def _text(self, data: bytes) -> str | None:
        return data.decode("utf-8", "replace") if self.keep == "full" else None

    def error_text(self, text: Any) -> str | None:
        """Keep what may be kept of an error's text."""
        if self.keep == "none" or not isinstance(text, str):
            return None
        if self.keep == "full":
            return clean_text(text, limit=MAX_ERROR_TEXT) or None
        return template_of(text)

    def command(self, argv: Sequence[str]) -> str | None:
        """Redact a command line."""
        return redact_command(argv)

    def address(self, url: str | None) -> str | None:
        """Redact an address."""
        return clean_address(url)


def _shape(value: Any, declared: Collection[str]) -> str | None:
    if not isinstance(value, dict):
        shape: Any = _kind(value)
    else:
        shape = {}
        unnamed = 0
        for key, item in value.items():
            name = clean_name(key) if key in declared and len(shape) < _MAX_KEYS else None
            if name is None or name in shape:
                unnamed += 1
            else:
                shape[name] = _kind(item)
        if unnamed:
            shape[_UNDECLARED] = unnamed
    return _text_of(shape)


def _text_of(shape: Any) -> str | None:
    data = encode_json(shape)
    return None if data is None else data.decode("utf-8", "replace")


def _kind(value: Any) -> str:  # noqa: PLR0911  one line per JSON type
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return f"string({len(value)})"
        case int():
            return "integer"
        case float():
            return "number"
        case dict():
            return f"object({len(value)})"
        case _:
            return f"array({len(value)})" if isinstance(value, (list, tuple)) else "large"
