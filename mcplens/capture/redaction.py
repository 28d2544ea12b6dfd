"""What is cut out of contents before they are written: by key, by place, and by what it looks like.

Values are walked as they came; nothing that was sent is changed. A text that is itself JSON, as
servers send their structured results once more, is read and cut as well. What is large is opened
level by level, so that the interpreter is never held for long.
"""

from __future__ import annotations

import operator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mcplens.capture.bulk import open_json
from mcplens.capture.secrets import (
    HIDDEN,
    HINTS,
    hide_credentials,
    is_secret_key,
    may_hold_credentials,
)
from mcplens.capture.text_redaction import TextRedactor
from mcplens.capture.wire import NotJsonError, encode_json, parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcplens.config import Redaction
    from mcplens.config.settings import PathStep

_MAX_LENIENT_BYTES: Final = 1_000_000  # Python's own reader holds the interpreter.
_BLANKS: Final = 200
"""White space that may stand before JSON in a text."""
_GIVEN: Final = frozenset({"default", "const", "enum", "example", "examples"})
"""Where a schema has values."""


class Redactor:
    """Cuts out of contents what one mcplens.toml, and what is built in, calls secret."""

    __slots__ = ("_keys", "_rules", "texts")

    def __init__(self, rules: Redaction) -> None:
        self._rules: Final = rules
        self._keys: Final = tuple(key.lower() for key in rules.keys)
        self.texts: Final = TextRedactor(rules)

    def is_clean(self, data: bytes) -> bool:
        """Tell by JSON as it would be written that there is nothing to cut; a no may be wrong."""
        rules = self._rules
        if rules.keys or rules.paths or rules.patterns:
            return False
        if not rules.built_in:
            return True
        from mcplens.config.expressions import compile_expression  # Loads RE2.

        return compile_expression(HINTS).search(data) is None

    def arguments(self, value: Any) -> Any:
        """Give arguments without what must not be written."""
        return self._walk(value, self._rules.paths)

    def result(self, value: Any) -> Any:
        """Give a result without what must not be written."""
        paths = self._rules.paths
        redacted = self._walk(value, paths)
        mirrored = [path[1:] for path in paths if path[0] == "structuredContent" and path[1:]]
        if mirrored and isinstance(redacted, dict) and isinstance(redacted.get("content"), list):
            # What is cut out of the structured content stands in the text beside it once more.
            content = [self._mirror(item, mirrored) for item in redacted["content"]]
            redacted = {**redacted, "content": content}
        return redacted

    def is_clean_definition(self, definition: str) -> bool:
        """Tell by a definition as it would be written that there is nothing to cut from it."""
        if self.texts.has_own:
            return False
        return not (self._rules.built_in and may_hold_credentials(definition))

    def definition(self, value: Any) -> Any:
        """Give a definition without credentials, and without what the user's patterns match.

        It speaks of passwords without telling one; so only what has a credential's form is cut,
        and the values that a schema gives to what is named like one.
        """
        return self._define(value, is_secret=False)

    def _define(self, value: Any, *, is_secret: bool) -> Any:
        match value:
            case str():
                return self.texts.own(hide_credentials(value) if self._rules.built_in else value)
            case dict():
                return {
                    key: self._properties(item)
                    if key == "properties" and isinstance(item, dict)
                    else HIDDEN
                    if is_secret and key in _GIVEN and item and item is not True
                    else self._define(item, is_secret=is_secret)
                    for key, item in value.items()
                }
            case list():
                return [self._define(item, is_secret=is_secret) for item in value]
            case _:
                return value

    def _properties(self, properties: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self._define(schema, is_secret=self._is_secret(name))
            for name, schema in properties.items()
        }

    def _walk(self, value: Any, paths: Sequence[tuple[PathStep, ...]]) -> Any:
        """Give a value without its secrets; the value itself when there are none in it."""
        match value:
            case dict():
                return self._object(value, paths)
            case list() | tuple():
                items = [self._member(index, item, paths) for index, item in enumerate(value)]
                is_same = all(map(operator.is_, items, value))
                return value if is_same else items
            case msgspec.Raw():
                return self._large(value, paths)
            case str():
                return self._string(value, paths)
            case int() | float() if self._rules.patterns and not isinstance(value, bool):
                # A card's number may be sent as a number.
                shown = str(value)
                return value if self.texts.own(shown) == shown else HIDDEN
            case _:
                return value

    def _object(
        self, value: dict[Any, Any], paths: Sequence[tuple[PathStep, ...]]
    ) -> dict[Any, Any]:
        redacted: dict[Any, Any] = {}
        is_same = True
        for key, item in value.items():
            name = self._name(key, redacted)
            redacted[name] = self._member(key, item, paths)
            is_same = is_same and name is key and redacted[name] is item
        return value if is_same else redacted

    def _member(self, step: str | int, item: Any, paths: Sequence[tuple[PathStep, ...]]) -> Any:
        within = paths
        if paths:
            within = [path[1:] for path in paths if path[0] is None or path[0] == step]
        if not all(within) or (isinstance(step, str) and self._is_secret(step)):
            # That there is nothing, or only yes or no, is no secret.
            return item if item is None or isinstance(item, bool) else HIDDEN
        return self._walk(item, within)

    def _name(self, key: Any, taken: dict[Any, Any]) -> Any:
        name = self.texts.name(key) if isinstance(key, str) else key
        if name == key:
            return key
        return name if name not in taken else f"{name}{len(taken)}"

    def _is_secret(self, key: str) -> bool:
        if self._rules.built_in and is_secret_key(key):
            return True
        if not self._keys:
            return False
        low = key.lower()
        return any(fnmatchcase(low, glob) for glob in self._keys)

    def _string(self, text: str, paths: Sequence[tuple[PathStep, ...]]) -> str:
        if text[:_BLANKS].lstrip()[:1] not in ("{", "["):
            return self.texts.text(text)
        try:
            before = _open_leniently(text.encode("utf-8", "surrogatepass"))
            after = self._walk(before, paths)
        except (ValueError, RecursionError, NotJsonError):
            return self.texts.text(text)  # It only looked like JSON.
        if after is before:
            return self.texts.own(text)
        written = encode_json(after)
        return HIDDEN if written is None else self.texts.own(written.decode("utf-8", "replace"))

    def _large(self, raw: msgspec.Raw, paths: Sequence[tuple[PathStep, ...]]) -> Any:
        """Cut what was too large to be read in one go, and write it in as small pieces."""
        before = open_json(memoryview(raw))
        after = self._walk(before, paths)
        if after is before:
            return raw
        data = encode_json(after)
        return HIDDEN if data is None else msgspec.Raw(data)

    def _mirror(self, item: Any, paths: Sequence[tuple[PathStep, ...]]) -> Any:
        if isinstance(item, dict) and isinstance(item.get("text"), str):
            return {**item, "text": self._string(item["text"], paths)}
        return item


def _open_leniently(data: bytes) -> Any:
    """Read JSON as servers write it into texts, where Python's may say NaN."""
    try:
        return open_json(data)
    except ValueError:
        if len(data) > _MAX_LENIENT_BYTES:
            raise
        return parse_json(data)
