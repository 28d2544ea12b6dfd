"""The tools, prompts and resources a server advertises, taken from its lists as they pass.

A definition is told by the hash of its canonical JSON, plain and without a key, so that it can be
compared across machines. Of a resource's address the query string is gone before the hash is made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from mcplens.capture.names import MAX_NAME, clean_address, clean_name
from mcplens.capture.output_schema import OutputSchema
from mcplens.capture.wire import encode_json

MAX_DEFINITIONS: Final = 10_000
"""Definitions of one connection that are remembered and written."""
_RESOURCE_FACTS: Final = frozenset({"uri", "name", "mimeType", "size"})
_MAX_DECLARED: Final = 1000
_TEMPLATE_QUERY: Final = re.compile(r"\{[?&;#][^}]*\}")


class _List(NamedTuple):
    kind: str
    items: str
    name: str


LISTS: Final[dict[str, _List]] = {
    "tools/list": _List("tool", "tools", "name"),
    "prompts/list": _List("prompt", "prompts", "name"),
    "resources/list": _List("resource", "resources", "uri"),
    "resources/templates/list": _List("resource_template", "resourceTemplates", "uriTemplate"),
}
"""The methods whose results advertise something, and where it stands in them."""

_KIND_OF_CALL: Final = {"tools/call": "tool", "prompts/get": "prompt", "resources/read": "resource"}


class InForce(NamedTuple):
    """What a call needs to know of the definition it is made under."""

    definition_hash: str
    is_read_only: bool | None
    is_idempotent: bool | None
    is_destructive: bool | None
    declared: frozenset[str]
    """The argument names that the definition declares."""
    output_schema: OutputSchema | None = None
    """What a tool promises of its structured answers."""


class Found(NamedTuple):
    """A definition seen for the first time on a connection."""

    kind: str
    name: str | None
    text: str
    facts: InForce


class Definitions:
    """What one server has advertised on one connection."""

    __slots__ = ("_in_force", "_keeps_contents", "_listing", "_seen", "is_full")

    def __init__(self, *, keeps_contents: bool) -> None:
        self._keeps_contents = keeps_contents
        self._in_force: dict[str, dict[str, InForce]] = {}
        self._listing: dict[str, dict[str, InForce]] = {}
        self._seen: set[str] = set()
        self.is_full = False
        """Whether there were more definitions than are remembered."""

    def of_call(self, method: str, target: Any) -> InForce | None:
        """Look up the definition in force for what a call asks for."""
        kind = _KIND_OF_CALL.get(method)
        if kind is None or not isinstance(target, str):
            return None
        return self._in_force.get(kind, {}).get(target)

    def learn(self, method: str, result: Mapping[str, Any], *, is_first_page: bool) -> list[Found]:
        """Take in one page of a list, and give what was not seen before."""
        where = LISTS[method]
        items = result.get(where.items)
        if not isinstance(items, list):
            return []
        new: list[Found] = []
        if is_first_page or where.kind not in self._listing:
            self._listing[where.kind] = {}
        listing = self._listing[where.kind]
        in_force = self._in_force.setdefault(where.kind, {})
        for item in items:
            if not isinstance(item, dict):
                continue
            found = _read(where, item, keeps_contents=self._keeps_contents)
            key = item.get(where.name)
            if found is None or not isinstance(key, str):
                continue
            has_room = len(in_force) < 2 * MAX_DEFINITIONS and len(listing) < MAX_DEFINITIONS
            if has_room and len(key) <= 4 * MAX_NAME:
                listing[key] = in_force[key] = found.facts
            if found.facts.definition_hash in self._seen:
                continue
            if len(self._seen) >= MAX_DEFINITIONS:
                self.is_full = True
                continue
            self._seen.add(found.facts.definition_hash)
            new.append(found)
        if result.get("nextCursor") is None:
            # Only the last page tells what is no longer there.
            self._in_force[where.kind] = self._listing.pop(where.kind)
        return new


def _read(where: _List, item: dict[str, Any], *, keeps_contents: bool) -> Found | None:
    name = item.get(where.name)
    public = item
    if where.name != "name":
        name = _address(name)
        public = {**item, where.name: name}
    canonical = encode_json(public)
    if canonical is None:
        return None
    hints = item.get("annotations")
    if not isinstance(hints, dict):
        hints = {}
    return Found(
        kind=where.kind,
        name=clean_name(name, limit=5 * MAX_NAME),
        text=_as_sent(item if keeps_contents else _without_contents(where, public)),
        facts=InForce(
            definition_hash=hashlib.sha256(canonical).hexdigest(),
            is_read_only=_hint(hints, "readOnlyHint"),
            is_idempotent=_hint(hints, "idempotentHint"),
            is_destructive=_hint(hints, "destructiveHint"),
            declared=_declared(item),
            output_schema=_output_schema(where, item),
        ),
    )


def _without_contents(where: _List, public: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave of a resource only names and sizes: its title may be the subject of a mail."""
    if where.kind != "resource":
        return public
    return {key: value for key, value in public.items() if key in _RESOURCE_FACTS}


def _as_sent(item: Mapping[str, Any]) -> str:
    try:
        return msgspec.json.encode(item).decode()
    except (ValueError, TypeError, RecursionError):  # Only the lenient way can write it.
        return (encode_json(item) or b"{}").decode()


def _address(value: Any) -> str | None:
    return clean_address(_TEMPLATE_QUERY.sub("", value)) if isinstance(value, str) else None


def _hint(hints: Mapping[str, Any], name: str) -> bool | None:
    value = hints.get(name)
    return value if isinstance(value, bool) else None


def _output_schema(where: _List, item: Mapping[str, Any]) -> OutputSchema | None:
    schema = item.get("outputSchema")
    return None if schema is None or where.kind != "tool" else OutputSchema(schema)


def _declared(item: Mapping[str, Any]) -> frozenset[str]:
    schema = item.get("inputSchema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if isinstance(properties, dict):
        names = list(properties)
    else:
        arguments = item.get("arguments")  # Of a prompt.
        entries = arguments if isinstance(arguments, list) else []
        names = [entry.get("name") for entry in entries if isinstance(entry, dict)]
    kept = [name for name in names[:_MAX_DECLARED] if isinstance(name, str)]
    return frozenset(name for name in kept if len(name) <= MAX_NAME)
