"""Names from the wire, made fit to be stored and shown: servers, tools, methods, addresses.

A peer may call itself anything. What is kept has no control or invisible characters, so that no
name can move a terminal's cursor or forge a line, and is never long.
"""

from __future__ import annotations

import re
from typing import Any, Final

from mcplens.capture.secrets import HIDDEN, hide_credentials

MAX_NAME: Final = 200
"""Characters of a name that are kept."""
MAX_ADDRESS: Final = 1000
"""Characters of an address that are kept."""

_ADDRESS: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*:)?([/\\]*)([^/\\]*)(.*)", re.DOTALL
)  # Scheme, slashes, authority, path; any text is one.
_MAX_HOST: Final = 253  # What is longer is no host, and its end may have been a user's.
_OPAQUE_SCHEMES: Final = ("data:", "javascript:", "blob:")
_USER_IN_PATH: Final = re.compile(r"(?<=[/\\])[^/\\:]*:[^/\\]*@")
_PATH: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/\\]*)(.*)", re.DOTALL)
_WORD: Final = r"(?:[A-Za-z]{1,20}|v?[0-9]{1,4})"
_WORDS: Final = re.compile(rf"(?:{_WORD}(?:[._~-]{_WORD}){{0,10}})?")


def clean_name(value: Any, *, limit: int = MAX_NAME) -> str | None:
    """Make a name fit to be shown; None when it is no text or nothing is left of it.

    Where an address stands for a name, it loses what an address loses.
    """
    if not isinstance(value, str):
        return None
    if "://" in value:
        value = clean_address(value) or ""
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
            return scheme + HIDDEN
    scheme, slashes, authority, path = _ADDRESS.findall(head)[0]
    if "@" in authority:
        authority = authority.rpartition("@")[2]
        # Without slashes, `bob:` is a user and no scheme.
        scheme = scheme if slashes else ""
    if len(authority) > _MAX_HOST:
        authority = HIDDEN
    path = _USER_IN_PATH.sub("", path)
    return hide_credentials(scheme + slashes + authority + path)[:MAX_ADDRESS] or None


def clean_endpoint(value: Any) -> str | None:
    """Take from a server's address what may be secret; None if no text.

    Some servers tell their users by a secret in the path: of that only words and versions are left.
    """
    address = clean_address(value)
    found = None if address is None else _PATH.fullmatch(address)
    if found is None:
        return address
    parts = re.split(r"([/\\])", found[2])
    return found[1] + "".join(
        part if part in ("/", "\\") or _WORDS.fullmatch(part) else HIDDEN for part in parts
    )
