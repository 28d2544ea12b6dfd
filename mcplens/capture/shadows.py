"""How a connection that two observers record is known for one.

A proxy tells the server that it starts, through a variable in its environment, under which name it
records the connection. And every observer writes down how the connection began, so that the views
can find the pairs that nobody told of.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mcplens.capture.privacy import Privacy
    from mcplens.events import Event

SHADOWED_BY: Final = "MCPLENS_SHADOWED_BY"
"""Holds the id under which the proxy that started us records our connection."""

_CONNECTION_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}-c\d{1,9}")

FIRST: Final = 3
"""Requests that a connection is known by: a handshake, a list and a call."""


class FirstRequests:
    """How a connection began, which is the same for all who see it."""

    __slots__ = ("_asked", "_keeps_hashes", "_privacy", "_said", "began_at")

    def __init__(self, privacy: Privacy) -> None:
        self._privacy = privacy
        # Decided for the whole run, so that all who share its settings decide alike.
        self._keeps_hashes = privacy.keep != "none" and privacy.is_same_for_all
        self._said: list[str] = []
        self._asked: list[str] = []
        self.began_at: datetime | None = None

    def see(self, event: Event, *, client_name: str | None) -> bool:
        """Take in a request of the client; True when it was the last that matters."""
        if len(self._said) == FIRST:
            return False
        if not self._said:
            self.began_at = event.started_at
        parts = (client_name, event.method, event.request_id, event.target)
        self._said.append("\0".join(part or "" for part in parts))
        self._asked.append(event.arguments_hash or "")
        return len(self._said) == FIRST

    def digest(self) -> str | None:
        """Write how many requests there were so far, a hash of them, and one of what they asked."""
        if not self._said:
            return None
        words = [str(len(self._said)), self._hash(self._said)]
        if self._keeps_hashes:
            words.append(self._hash(self._asked))
        return "-".join(words)

    def _hash(self, parts: list[str]) -> str:
        return self._privacy.hash("\n".join(parts).encode("utf-8", "surrogatepass"))


@contextmanager
def telling(connection_id: str) -> Iterator[None]:
    """Tell whoever is started meanwhile that this connection is recorded already.

    Every other byte of the environment stays as the client gave it, also those that Python would
    not hand on.
    """
    before = os.environb.get(SHADOWED_BY.encode())
    os.putenv(SHADOWED_BY, connection_id)
    try:
        yield
    finally:
        if before is None:
            os.unsetenv(SHADOWED_BY)
        else:
            os.putenv(SHADOWED_BY.encode(), before)


def shadowing_connection(environ: Mapping[str, str] | None = None) -> str | None:
    """Give the connection as which a proxy that started us records what we see, if one does.

    The views check that it is there and began alike: the variable may have been handed on to a
    process that serves somebody else.
    """
    told = (os.environ if environ is None else environ).get(SHADOWED_BY, "")
    return told if _CONNECTION_ID.fullmatch(told) else None
