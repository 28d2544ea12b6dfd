"""Names and globs, as people write them for servers and tools."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_GLOB = re.compile(r"[*?\[]")
_CHOICE = re.compile(r"(!?+)(.[^\]]*)\]", re.DOTALL)
_SPECIAL_INSIDE = re.compile(r"[\\\[\]^]")
_ESCAPED = r"\\\g<0>"
_RANGE = re.compile(r"(.)-(.)", re.DOTALL)
_LISTED = 6


def is_glob(text: str) -> bool:
    """Say whether a name stands for several."""
    return _GLOB.search(text) is not None


def glob_to_regex(text: str) -> str:
    """Translate `*`, `?` and `[abc]` into a regular expression that matches whole names.

    A bracket that begins no choice stands for itself, and so does the text as a whole: names may
    hold brackets.
    """
    pattern, rest = "", text
    while rest:
        char, rest = rest[0], rest[1:]
        if char == "*":
            pattern += ".*"
        elif char == "?":
            pattern += "."
        elif char == "[" and (choice := _CHOICE.match(rest)) and _is_in_order(choice[2]):
            # In a glob it is the exclamation mark that turns the choice around.
            turned = "^" if choice[1] else ""
            pattern += f"[{turned}{_SPECIAL_INSIDE.sub(_ESCAPED, choice[2])}]"
            rest = rest[choice.end() :]
        else:
            pattern += re.escape(char)
    return f"(?s)^(?:{pattern}|{re.escape(text)})$"


def may_name_server(tool: str) -> bool:
    """Say whether a tool's name or glob may be for `server:tool`, and not for tools alone."""
    # Tools may have colons in their names, but without one no server can be meant.
    return ":" in tool


def _is_in_order(choice: str) -> bool:
    return all(first <= last for first, last in _RANGE.findall(choice))


def did_you_mean(text: str, known: Sequence[str]) -> str:
    """Name what a word may have meant, or else what there is, as a sentence."""
    if close := get_close_matches(text, known, n=1, cutoff=0.6):
        return f'Did you mean "{close[0]}"?'
    return f"There is: {name_some(known)}" if known else "There is nothing yet"


def name_some(names: Sequence[str]) -> str:
    """List names, and how many more there are."""
    shown = ", ".join(names[:_LISTED])
    return f"{shown} and {len(names) - _LISTED} more" if len(names) > _LISTED else shown
