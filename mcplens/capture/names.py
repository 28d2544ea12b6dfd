"""Names from the wire, made fit to be stored and shown: servers, tools, methods, addresses.

A peer may call itself anything. What is kept has no control or invisible characters, so that no
name can move a terminal's cursor or forge a line, and is never long.
"""

from __future__ import annotations

import re
from typing import Any, Final

MAX_NAME: Final = 200
"""Characters of a name that are kept."""
MAX_ADDRESS: Final = 1000
"""Characters of an address that are kept."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)?[/\\]*")
_OPAQUE_SCHEMES: Final = ("data:", "javascript:", "blob:")


def clean_name(value: Any, *, limit: int = MAX_NAME) -> str | None:
    """Make a name fit to be shown; None when it is no text or nothing is left of it."""
    if not isinstance(value, str):
        return None
    if len(value) <= limit and value.isprintable():
        return value or None
    # No more than needed is looked at: a peer may send megabytes as a name.
    kept = "".join(sign for sign in value[: 2 * limit] if sign.isprintable())
    return kept[:limit] or None


def clean_text(value: str, *, limit: int) -> str:
    """Make a text fit to be shown on one line."""
    words = "".join(sign if sign.isprintable() else " " for sign in value[: 2 * limit]).split()
    text = " ".join(words)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean_address(value: Any) -> str | None:
    """Take from a URI what may be secret: its query, its fragment, its user; None if no text.

    Of a URI that carries its content, such as `data:`, only the scheme is left.
    """
    if not isinstance(value, str):
        return None
    head = re.split(r"[?#;]", value[: 4 * MAX_ADDRESS], maxsplit=1)[0]
    # What cannot be seen could hide the scheme or the user.
    head = "".join(sign for sign in head if sign.isprintable()).strip()
    for scheme in _OPAQUE_SCHEMES:
        if head[: len(scheme)].lower() == scheme:
            return f"{scheme}…"
    match = _SCHEME.match(head)
    start = match.end() if match else 0
    authority, slash, path = _partition_at_slash(head[start:])
    head = head[:start] + authority.rpartition("@")[2] + slash + path
    return head[:MAX_ADDRESS] or None


def _partition_at_slash(text: str) -> tuple[str, str, str]:
    for index, sign in enumerate(text):
        if sign in "/\\":
            return text[:index], sign, text[index + 1 :]
    return text, "", ""
