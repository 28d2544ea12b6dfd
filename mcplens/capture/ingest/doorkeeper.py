"""Who may send events: on loopback everybody, elsewhere who knows the token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mcplens.capture.listening import is_loopback
from mcplens.errors import UsageError
from mcplens.store.files import cause

TOKEN_VARIABLE: Final = "MCPLENS_INGEST_TOKEN"  # noqa: S105  a variable's name
SHORTEST_TOKEN: Final = 16


def read_token(file: Path | None, *, environment: Mapping[str, str]) -> str | None:
    """Read the token from a file, else from the environment; None if there is none.

    Raises:
        UsageError: the file cannot be read, or the token is too short to be one.
    """
    if file is not None:
        try:
            text = file.read_text("utf-8", "replace")
        except OSError as trouble:
            raise UsageError(f"cannot read the token in {file} ({cause(trouble)})") from trouble
        where = str(file)
    elif TOKEN_VARIABLE in environment:
        text, where = environment[TOKEN_VARIABLE], f"${TOKEN_VARIABLE}"
    else:
        return None
    token = text.strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise UsageError(
            f"the token in {where} should be at least {SHORTEST_TOKEN} printable ASCII characters. "
            "Make one with: openssl rand -hex 24"
        )
    return token


class Doorkeeper:
    """Lets in who may send events."""

    def __init__(self, token: str | None) -> None:
        self._expected = None if token is None else f"Bearer {token}".encode()

    def lets_in(self, headers: Mapping[str, str]) -> bool:
        """Say whether a request knows the token, or needs none and comes to this machine by name.

        Without a token, a page in a browser could reach us under a name of its own.
        """
        if self._expected is None:
            return is_loopback(_host_of(headers.get("Host", "")))
        told = headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        scheme, _, rest = told.partition(b" ")
        return hmac.compare_digest(scheme.capitalize() + b" " + rest.strip(), self._expected)


def _host_of(header: str) -> str:
    host, _, port = header.rpartition(":")
    host = host if host and port.isdigit() else header
    return host.strip("[]")
