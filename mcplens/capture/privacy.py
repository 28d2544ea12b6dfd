"""What of contents may be kept, decided in one place, from the first byte written.

`none` keeps names, times and sizes. `shape` adds keyed hashes, the declared keys of arguments with
types in place of values, and error texts of which only common words are left. `full` keeps
contents without what is redacted. Commands and addresses are always redacted. What a server says of
its tools, prompts and templates is always kept; of a resource, whose title may be a person's, only
its names and size.

Hashes are of what was sent, also where parts of it are redacted: calls that differ only in a secret
are two calls, and equal calls are equal whatever a run's settings were. They have a key, so nobody
who has only the store can guess what was hashed; where even that is too much, `none` keeps no hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from mcplens.capture.commands import redact_command
from mcplens.capture.error_words import template_of
from mcplens.capture.names import clean_address, clean_endpoint, clean_name, clean_text
from mcplens.capture.redaction import Redactor
from mcplens.capture.secrets import HIDDEN
from mcplens.capture.wire import NotJsonError, encode_json, parse_json
from mcplens.config import NO_SETTINGS, Settings
from mcplens.config import Keep as Keep  # noqa: PLC0414  named here for all of capture
from mcplens.config.settings import KEEP

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

    __slots__ = ("_hashing", "_key", "_others", "_redactor", "_settings", "keep")

    def __init__(
        self, keep: Keep | None = None, *, key: bytes, settings: Settings = NO_SETTINGS
    ) -> None:
        self._settings: Final = settings.with_keep(keep)
        self.keep: Final[Keep] = self._settings.keep or "shape"
        self._key: Final = key
        self._hashing: Final = hashlib.blake2b(digest_size=16, key=key)
        self._redactor: Final = Redactor(settings.redaction)
        self._others: Final[dict[Keep, Privacy]] = {}

    @property
    def is_same_for_all(self) -> bool:
        """Whether no tool has a rule of its own."""
        return not self._settings.keep_by_tool

    def of(self, server: str | None, tool: str | None, *, is_sure: bool = True) -> Privacy:
        """Give what holds for a tool, prompt or resource; or, without one, for a server's rest.

        While a server's name is not sure, no more is kept than of any tool.
        """
        if not self._settings.keep_by_tool:
            return self
        if is_sure:
            return self._with(self._settings.keep_for(server, tool))
        levels = [keep for _, keep in self._settings.keep_by_tool]
        return self._with(min([self.keep, *levels], key=KEEP.index))

    def _with(self, keep: Keep) -> Privacy:
        if keep not in self._others:
            rules = Settings(keep=keep, redaction=self._settings.redaction)
            self._others[keep] = Privacy(key=self._key, settings=rules)
        return self._others[keep]

    def hash(self, data: bytes) -> str:
        """Hash bytes with the key: equal contents, equal hash, and no way back by guessing."""
        hashing = self._hashing.copy()  # Taking in the key takes as long as all the rest.
        hashing.update(data)
        return hashing.hexdigest()

    def digest(self, value: Any) -> str | None:
        """Hash any JSON value, to find its like in memory; None when it cannot be written."""
        data = encode_json(value)
        return None if data is None else self.hash(data)

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
            text=self._text(self._redactor.arguments, value, data),
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
            text=self._text(self._redactor.result, value, data),
            digest=self.hash(data),
        )

    def _text(self, redact: Callable[[Any], Any], value: Any, data: bytes) -> str | None:
        if self.keep != "full":
            return None
        try:
            if self._redactor.is_clean(data):
                return data.decode("utf-8", "replace")
            return _text_of(redact(value))
        except (ValueError, RecursionError):
            return None  # What cannot be redacted is not kept.

    def error_text(self, text: Any) -> str | None:
        """Keep what may be kept of an error's text."""
        if self.keep == "none" or not isinstance(text, str):
            return None
        if self.keep == "full":
            return self.words(text)
        return template_of(self._redactor.texts.own(text))

    def command(self, argv: Sequence[str]) -> str | None:
        """Redact a command line."""
        return self._without_own_patterns(redact_command(argv))

    def address(self, url: Any) -> str | None:
        """Redact an address; None when it is no text."""
        return self._without_own_patterns(clean_address(url))

    def endpoint(self, url: Any) -> str | None:
        """Redact a server's address, whose path may be secret; None when it is no text."""
        return self._without_own_patterns(clean_endpoint(url))

    def advertised(self, definition: str, *, is_content: bool = False) -> str:
        """Redact what a server says of itself, which is kept.

        What it says of a resource is content, and is redacted like it.
        """
        redact = self._redactor.result if is_content else self._redactor.definition
        if is_content:
            is_clean = not (self._redactor.texts.has_own or self.keep == "full")
        else:
            is_clean = self._redactor.is_clean_definition(definition)
        if is_clean:
            return definition
        try:
            before = parse_json(definition.encode())
            after = redact(before)
            # As it was sent, where nothing was cut.
            return definition if after == before else _text_of(after) or HIDDEN
        except (NotJsonError, ValueError, RecursionError):
            return HIDDEN  # What cannot be redacted is not kept.

    def words(self, text: Any, *, limit: int = MAX_ERROR_TEXT) -> str | None:
        """Redact words that are kept as they are, such as a note; None when they are no text."""
        if not isinstance(text, str):
            return None
        return clean_text(self._redactor.texts.text(text), limit=limit) or None

    def _without_own_patterns(self, text: str | None) -> str | None:
        return None if text is None else self._redactor.texts.own(text)


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
