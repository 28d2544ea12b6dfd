"""JSON with comments, read with the place of every value, so that one can be changed in its text.

Clients' files hold comments and trailing commas, which people want to find again. So a file is
never written anew from its values: a change replaces the text of one value.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

_SKIPPED: Final = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_PLAIN: Final = re.compile(r"[-+.\w]+")
_MAX_DEPTH: Final = 100


class NotJsoncError(ValueError):
    """A text is no JSON, with comments or without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value and where its text stands."""

    value: Any
    """As plain Python; objects and arrays hold plain values too."""
    start: int
    end: int
    members: dict[str, Node] = field(default_factory=dict)
    """Of an object, its members by key; of keys that come twice, the last, as for all readers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A piece of text to put in the place of another."""

    start: int
    end: int
    text: str


def parse(text: str) -> Node:
    """Read a text.

    Raises:
        NotJsoncError: it is no JSON; says in which line.
    """
    reader = _Reader(text)
    node = reader.value(0, depth=0)
    if (rest := reader.skip(node.end)) < len(text):
        reader.refuse(rest, "something after the end")
    return node


def apply(text: str, changes: list[Change]) -> str:
    """Make changes, which must not overlap, in a text."""
    for change in sorted(changes, key=lambda change: change.start, reverse=True):
        text = text[: change.start] + change.text + text[change.end :]
    return text


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def skip(self, at: int) -> int:
        match = _SKIPPED.match(self._text, at)
        return match.end() if match else at

    def refuse(self, at: int, what: str) -> NoReturn:
        line = self._text.count("\n", 0, at) + 1
        raise NotJsoncError(f"line {line}: {what}")

    def value(self, at: int, *, depth: int) -> Node:
        at = self.skip(at)
        if depth > _MAX_DEPTH:
            self.refuse(at, "nested too deep")
        sign = self._text[at : at + 1]
        if sign == "{":
            return self._object(at, depth)
        if sign == "[":
            return self._array(at, depth)
        match = (_STRING if sign == '"' else _PLAIN).match(self._text, at)
        if match is None:
            self.refuse(at, "a value is missing")
        try:
            value = json.loads(match[0], strict=False)
        except ValueError:
            self.refuse(at, f"{match[0][:20]} is no value")
        return Node(value=value, start=at, end=match.end())

    def _object(self, start: int, depth: int) -> Node:
        members: dict[str, Node] = {}
        at = self.skip(start + 1)
        while self._text[at : at + 1] != "}":
            key = self.value(at, depth=depth + 1)
            if not isinstance(key.value, str):
                self.refuse(at, "a key in quotes is missing")
            colon = self.skip(key.end)
            if self._text[colon : colon + 1] != ":":
                self.refuse(colon, "a colon is missing")
            member = self.value(colon + 1, depth=depth + 1)
            members[key.value] = member
            at = self._after(member.end, closing="}")
        plain = {key: member.value for key, member in members.items()}
        return Node(value=plain, start=start, end=at + 1, members=members)

    def _array(self, start: int, depth: int) -> Node:
        values = []
        at = self.skip(start + 1)
        while self._text[at : at + 1] != "]":
            item = self.value(at, depth=depth + 1)
            values.append(item.value)
            at = self._after(item.end, closing="]")
        return Node(value=values, start=start, end=at + 1)

    def _after(self, at: int, *, closing: str) -> int:
        """Pass the comma behind a member, if there is one; what follows is next or the closing."""
        at = self.skip(at)
        sign = self._text[at : at + 1]
        if sign == ",":
            return self.skip(at + 1)
        if sign != closing:
            self.refuse(at, f"a comma or {closing} is missing")
        return at
