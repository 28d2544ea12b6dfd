"""Whether a tool's structured answer is what its outputSchema says.

Nothing is fetched: a schema that refers to elsewhere cannot be used. Checking holds the
interpreter, so what could take long is not checked, and then nobody knows: large answers, and
schemas whose references unfold to more than a person would write.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec

from mcplens.capture.bulk import SMALL_BYTES
from mcplens.capture.wire import encode_json

MAX_CHECKED_BYTES: Final = 1_000_000
"""A larger answer is not checked."""
MAX_UNFOLDED: Final = 10_000
"""Parts of a schema, each reference counted as what it stands for."""
MAX_BRANCHES: Final = 1_000_000
"""Ways through a schema that refers to itself, for one answer."""

_MAX_REGEX_BYTES: Final = 1_000_000


class _Validator(Protocol):
    def is_valid(self, instance: Any) -> bool: ...


class OutputSchema:
    """What one tool promises of its structured answers."""

    __slots__ = ("_data", "_usable", "is_read")

    def __init__(self, schema: Any) -> None:
        data = encode_json(schema) or b""
        self._data: Final = data if len(data) <= SMALL_BYTES else b""
        self._usable: _Usable | None = None
        self.is_read = False
        """Whether it was tried to be used."""

    @property
    def is_broken(self) -> bool:
        """Whether it turned out that nothing can be checked by it."""
        return self.is_read and self._usable is None

    def fits(self, value: Any, *, size: int | None) -> bool | None:
        """Tell whether structured content is what the schema says; None when it is not known.

        `size` is that of the whole answer in bytes, where it was seen.
        """
        if not self.is_read:
            self.is_read = True
            self._usable = _usable(self._data) if self._data else None
        if self._usable is None:
            return None
        if size is None:
            size = len(encode_json(value) or b"")
        if size > MAX_CHECKED_BYTES:
            return None
        try:
            plain = msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
            return self._usable.fits(plain)
        except BaseException as error:
            if not _is_refusal(error):
                raise
            return None  # Not a value that JSON Schema knows, or nested too deep.


class _Usable:
    """A schema that was understood."""

    __slots__ = ("_returns", "_validator")

    def __init__(self, validator: _Validator, *, returns: int) -> None:
        self._validator: Final = validator
        self._returns: Final = returns

    def fits(self, value: Any) -> bool | None:
        if self._returns > 1 and self._returns ** _depth(value) > MAX_BRANCHES:
            return None
        return self._validator.is_valid(value)


@lru_cache(maxsize=512)
def _usable(data: bytes) -> _Usable | None:
    """Make ready to check; None when the schema is broken, refers to elsewhere, or is too large."""
    try:
        # Only where a tool has an outputSchema; a client's environment may be without it.
        import jsonschema_rs

        schema = msgspec.json.decode(data)
        unfolded, returns = _Unfolding(schema).of(schema)
        if unfolded > MAX_UNFOLDED:
            return None
        validator = jsonschema_rs.validator_for(
            schema,
            # An expression of the server's must not keep us busy; this engine's time is linear.
            pattern_options=jsonschema_rs.RegexOptions(size_limit=_MAX_REGEX_BYTES),
            validate_formats=False,
            offline=True,
        )
    except BaseException as error:
        if not _is_refusal(error):
            raise
        return None
    return _Usable(validator, returns=returns)


def _is_refusal(error: BaseException) -> bool:
    # What Rust calls a panic is no Exception in Python, and would end the recorder.
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


class _Unfolding:
    """Counts the parts of a schema as if every reference within it were written out."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._counted: dict[str, tuple[int, int]] = {}
        self._on_the_way: set[str] = set()

    def of(self, part: Any) -> tuple[int, int]:
        """Count the parts, and how many of them lead back to where one has been."""
        size, returns = 1, 0
        if isinstance(part, Mapping):
            for key, value in part.items():
                is_reference = key in ("$ref", "$dynamicRef", "$recursiveRef")
                more = self._of_reference(value) if is_reference else self.of(value)
                size, returns = size + more[0], returns + more[1]
        elif isinstance(part, list):
            for value in part:
                more = self.of(value)
                size, returns = size + more[0], returns + more[1]
        return size, returns

    def _of_reference(self, pointer: Any) -> tuple[int, int]:
        if not isinstance(pointer, str):
            return 1, 0
        target = self._at(pointer)
        if target is None or pointer in self._on_the_way:
            return 1, 1
        if pointer not in self._counted:
            self._on_the_way.add(pointer)
            self._counted[pointer] = self.of(target)
            self._on_the_way.discard(pointer)
        return self._counted[pointer]

    def _at(self, pointer: str) -> Any:
        if pointer == "#":
            return None  # The whole: it leads back.
        if not pointer.startswith("#/"):
            return None
        place = self._schema
        for step in pointer[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(place, Mapping):
                place = place.get(key)
            elif isinstance(place, list) and key.isdecimal() and int(key) < len(place):
                place = place[int(key)]
            else:
                return None
        return place


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        depth += 1
    return depth
