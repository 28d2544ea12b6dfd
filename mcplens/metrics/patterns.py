"""Names and globs, as people write them for servers and tools."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_GLOB = re.compile(r"[*?\[]")
_LISTED = 6


def is_glob(text: str) -> bool:
    """Say whether a name stands for several."""
    return _GLOB.search(text) is not None


def glob_to_regex(text: str) -> str:
    """Translate `*`, `?` and `[abc]` into a regular expression that matches whole names."""
    pattern, rest = "", text
    while rest:
        char, rest = rest[0], rest[1:]
        if char == "*":
            pattern += ".*"
        elif char == "?":
            pattern += "."
        elif char == "[" and "]" in rest[1:]:
            end = rest.index("]", 1)
            inside = rest[:end].replace("\\", "\\\\")
            # In a glob it is the exclamation mark that turns the choice around.
            pattern += f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
            rest = rest[end + 1 :]
        else:
            pattern += re.escape(char)
    return f"(?s)^(?:{pattern})$"


def did_you_mean(text: str, known: Sequence[str]) -> str:
    """Name what a word may have meant, or else what there is, as a sentence."""
    if close := get_close_matches(text, known, n=1, cutoff=0.6):
        return f'Did you mean "{close[0]}"?'
    return f"There is: {name_some(known)}" if known else "There is nothing yet"


def name_some(names: Sequence[str]) -> str:
    """List names, and how many more there are."""
    shown = ", ".join(names[:_LISTED])
    return f"{shown} and {len(names) - _LISTED} more" if len(names) > _LISTED else shown
