"""The user's own rules about errors: what a server's words, codes and fields mean here.

They go before all that is built in, and the first that matches decides. Soft rules look at results
that claim success; all others at JSON-RPC errors and at results with isError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard

import msgspec

from mcplens.capture.bulk import open_json
from mcplens.config.settings import matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcplens.config import ErrorRule
    from mcplens.config.settings import PathStep
    from mcplens.events import ErrorClass

_MAX_LOOKED_AT: Final = 1000


class Answer(NamedTuple):
    """What a rule may look at."""

    server: str | None
    target: str | None
    content: Mapping[str, Any]
    """The error, or the result."""
    text: str | None
    code: int | None = None
    is_soft: bool = False
    """Whether it claims success."""


class ErrorRules:
    """The rules of one mcplens.toml, in their order."""

    __slots__ = ("_rules", "_soft")

    def __init__(self, rules: Sequence[ErrorRule] = ()) -> None:
        self._rules: Final = tuple(rule for rule in rules if not rule.is_soft)
        self._soft: Final = tuple(rule for rule in rules if rule.is_soft)

    @property
    def has_soft(self) -> bool:
        """Whether any rule looks at results that claim success."""
        return bool(self._soft)

    def decide(self, answer: Answer) -> tuple[ErrorClass, str] | None:
        """Give the class of the first rule that matches, and the rule's name."""
        for rule in self._soft if answer.is_soft else self._rules:
            if _is_met(rule, answer):
                return rule.error_class, rule.name
        return None


def _is_met(rule: ErrorRule, answer: Answer) -> bool:
    if not matches(rule.tool, answer.server, answer.target):
        return False
    if rule.codes and answer.code not in rule.codes:
        return False
    for path, wanted in rule.where:
        if not any(_is_same(found, wanted) for found in _all_at(answer.content, path)):
            return False
    return rule.text is None or (answer.text is not None and _is_in(rule.text, answer.text))


def _is_in(expression: str, text: str) -> bool:
    from mcplens.config.expressions import compile_expression  # Loads RE2.

    try:
        return compile_expression(expression).search(text) is not None
    except UnicodeError:  # Half a character, which JSON can carry and RE2 cannot.
        whole = text.encode("utf-8", "replace").decode()
        return compile_expression(expression).search(whole) is not None


def _is_same(found: Any, wanted: object) -> bool:
    # In Python, 1 is True.
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def _all_at(value: Any, path: Sequence[PathStep]) -> Iterator[Any]:
    """Give what stands at a place, or at each of several."""
    if not path:
        yield value
        return
    if isinstance(value, msgspec.Raw):
        try:
            value = open_json(memoryview(value))
        except (ValueError, RecursionError):
            return
    step, *rest = path
    found: Iterable[Any] = ()
    if isinstance(value, dict):
        found = value.values() if step is None else [value[step]] if step in value else ()
    elif isinstance(value, list):
        found = value if step is None else [value[step]] if _is_index(step, value) else ()
    for item in islice(found, _MAX_LOOKED_AT):
        yield from _all_at(item, rest)


def _is_index(step: PathStep, items: Sequence[Any]) -> TypeGuard[int]:
    return isinstance(step, int) and step < len(items)


NO_ERROR_RULES: Final = ErrorRules()
