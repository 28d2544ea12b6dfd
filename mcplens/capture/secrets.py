"""What looks like a secret: names of keys, and the forms in which credentials are written.

Only what is a credential by its form or by its name is one; a long random word alone is not. The
patterns are RE2's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

HIDDEN: Final = "…"

_NAMES: Final = (
    "(?:password|passwd|passphrase|pwd|secret|cookie|credential)s?|token|authorization"
    "|(?:api|access|secret|private|signing|encryption|account)[_-]?keys?|connection[_-]?strings?"
)
_MAX_KEY: Final = 120
_SECRET_KEY: Final = re.compile(
    rf".{{0,{_MAX_KEY}}}(?:{_NAMES})(?:[_-]?(?:value|hash|confirm\w*|\d+))?",
    re.IGNORECASE | re.DOTALL,
)
# `page_token` says where a list goes on.
_NO_SECRET: Final = re.compile(
    r".*(?:page|continuation|sync|cancellation|progress)[_-]?token", re.IGNORECASE
)
_VALUE: Final = (
    r"""(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?"""
    r"""|\[[^\]]*\]?|\{[^}]*\}?|[^\s"',;&<>(){}\[\]]+)"""
)
_IS: Final = r"""(?:\\?["'])?\s*(?:[:=]|=>|:=)\s*(?:\\["'])?"""


def value_after(key: str) -> str:
    """Write the expression for a value that stands after its key in a text; group 1 is the key."""
    return rf"(?is)((?:{key}){_IS}){_VALUE}"


_PEM: Final = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PRIVATE_KEY: Final = rf"(?s)(-----BEGIN {_PEM}).*?(?:-----END {_PEM}|\z)"
_HEADER: Final = (
    r"(?i)\b((?:(?:proxy-)?authorization|(?:set-)?cookie)\\?[\"']?\s*[:=]\s*)[^\r\n\"]+"
)
_SCHEME: Final = r"(?i)\b((?:bearer|basic|digest)\s+)[A-Za-z0-9._~+/=-]{12,}"
_JSON_WEB: Final = r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"
_USER_IN_ADDRESS: Final = r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/\"'<>?#]*(@)"
_FLAG: Final = rf"(?is)((?:^|\s)--?[a-z_-]{{0,40}}(?:{_NAMES})\s+){_VALUE}"
_MARKED: Final = (
    # Keys that begin with their issuer's mark.
    r"\b(?:(?:sk|pk|rk)[_-][A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{16,}"
    r"|(?:github_pat_|glpat-|pypi-|ya29\.)[A-Za-z0-9_-]{16,}|(?:hf_|npm_)[A-Za-z0-9]{16,}"
    r"|xox[a-z]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}"
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})"
)

BUILT_IN_PATTERNS: Final = (
    _PRIVATE_KEY,
    _JSON_WEB,
    _HEADER,
    _SCHEME,
    _USER_IN_ADDRESS,
    value_after(_NAMES),
    _FLAG,
    _MARKED,
)
"""Expressions; what they match is a secret, but for their groups, which stand around it."""

HINTS: Final = (
    # What each of them has in it, also when it is written in JSON.
    rf"(?i)(?:{_NAMES}|-----BEGIN|eyJ|bearer|basic|digest|@|[spr]k[_-]|gh[pousr]_|github_pat_"
    r"|glpat-|pypi-|ya29\.|hf_|npm_|xox[a-z]-|AKIA|ASIA|AIza|SG\.)"
)
"""An expression that finds something wherever there is something to cut."""

_FORMS: Final = re.compile(f"{_JSON_WEB}|{_MARKED}")  # Short, and without a way to go back far.
_MAYBE: Final = re.compile(f"{_NAMES}|{_JSON_WEB}|{_MARKED}", re.IGNORECASE)


def hide_credentials(text: str) -> str:
    """Hide what is a credential by its form alone, in what is kept always."""
    return _FORMS.sub(HIDDEN, text)


def may_hold_credentials(text: str) -> bool:
    """Tell whether a text has a credential in it, or the name of one."""
    return _MAYBE.search(text) is not None


@lru_cache(maxsize=4096)
def is_secret_key(key: str) -> bool:
    """Tell whether what stands under a key is a secret by the key's name."""
    key = key.rstrip()[-_MAX_KEY:]  # Its end says what it is.
    return _SECRET_KEY.fullmatch(key) is not None and _NO_SECRET.fullmatch(key) is None
