"""What is cut out of a text before it is written: what a user's patterns match, and secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.secrets import BUILT_IN_PATTERNS, HIDDEN, value_after

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcplens.config import Redaction
    from mcplens.config.expressions import Expression

_MAX_SHORT: Final = 64
_MAX_REMEMBERED: Final = 4096
_LETTERS: Final = r"\pL\pM\pN_"
_GLOB_PART: Final = re.compile(r"\[(?P<set>!?\]?[^\]]*)\]|.", re.DOTALL)


class TextRedactor:
    """Cuts out of texts what one mcplens.toml, and what is built in, calls secret."""

    __slots__ = ("_all", "_known", "_own", "_rules", "has_own")

    def __init__(self, rules: Redaction) -> None:
        self._rules: Final = rules
        self.has_own: Final = bool(rules.patterns)
        """Whether the user wrote patterns."""
        self._own: _Cutter | None = None
        self._all: _Cutter | None = None
        self._known: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Cut out all there is to cut."""
        if self._all is None:
            keys = [value_after(_glob_as_expression(key)) for key in self._rules.keys]
            built_in = BUILT_IN_PATTERNS if self._rules.built_in else ()
            self._all = _Cutter(whole=self._rules.patterns, inner=(*keys, *built_in))
        return self._all.cut(text)

    def name(self, text: str) -> str:
        """Do the same to a text that comes again and again, such as a key."""
        if len(text) > _MAX_SHORT:
            return self.text(text)
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            known = self._known[text] = self.text(text)
        return known

    def own(self, text: str) -> str:
        """Cut out what the user's patterns match, of a text that is made safe in another way."""
        if not self.has_own:
            return text
        if self._own is None:
            self._own = _Cutter(whole=self._rules.patterns)
        return self._own.cut(text)


class _Cutter:
    """Several expressions, and one that says whether any of them has something to do."""

    __slots__ = ("_any", "_each")

    def __init__(self, *, whole: Sequence[str], inner: Sequence[str] = ()) -> None:
        from mcplens.config.expressions import compile_expression  # Loads RE2.

        each = [(text, _whole) for text in whole] + [(text, _between_groups) for text in inner]
        self._each: list[tuple[Expression, Callable[[Any], str]]] = [
            (compile_expression(text), cut) for text, cut in each
        ]
        self._any: Final = (
            compile_expression("|".join(f"(?:{text})" for text, _ in each)) if each else None
        )

    def cut(self, text: str) -> str:
        if self._any is None or not text:
            return text
        try:
            if self._any.search(text) is None:
                return text
            for expression, cut in self._each:
                text = expression.sub(cut, text)
        except UnicodeError:  # Half a character, which JSON can carry and RE2 cannot.
            whole = text.encode("utf-8", "replace").decode()
            redacted = self.cut(whole)
            return text if redacted == whole else redacted
        return text


def _whole(_match: Any) -> str:
    return HIDDEN


def _between_groups(match: Any) -> str:
    before, after = (*match.groups(), "", "")[:2]
    return f"{before}{HIDDEN}{after}"


def _glob_as_expression(glob: str) -> str:
    """Write a glob of keys for the middle of a text, where letters are those of all languages."""
    return rf"(?:^|[^{_LETTERS}])" + _GLOB_PART.sub(_part_as_expression, glob)


def _part_as_expression(part: re.Match[str]) -> str:
    match part[0]:
        case "*":
            return rf"[{_LETTERS}.-]*"
        case "?":
            return rf"[{_LETTERS}]"
        case sign if part["set"] is None:
            return re.escape(sign)
    inside = part["set"].replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
    expression = f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    try:
        re.compile(expression)
    except re.error:  # Such as [z-a], which means nothing.
        return re.escape(part[0])
    return expression
