"""Which events are counted already, so that a repeat changes nothing; also after a restart.

Memory is bounded: at least the newest 250,000 events are known, at most 500,000. A repeat of one
that is older counts again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.ingest.reading import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcplens.events import Event

GENERATION: Final = 250_000
"""Events of one generation; two are remembered."""

RECALLED: Final = (
    "event_id",
    "started_at",
    "server_name",
    "method",
    "target",
    "outcome",
    "duration_ms",
)
"""The columns by which a stored event is known again: its id, and what `gist` is made of."""


class Known:
    """The ids of counted events, each with the gist of what it said."""

    def __init__(self, *, generation: int = GENERATION) -> None:
        self._generation = generation
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def gist(self, event_id: str) -> bytes | None:
        """Give the gist of a counted event; None if it is not known."""
        key = _short(event_id)
        return self._young.get(key) or self._old.get(key)

    def add(self, event_id: str, gist: bytes) -> None:
        """Remember an event as the newest."""
        if len(self._young) >= self._generation:
            self._old, self._young = self._young, {}
        self._young[_short(event_id)] = gist


def gist_of_event(event: Event) -> bytes:
    """Make the gist of an event."""
    return gist([getattr(event, name) for name in RECALLED[1:]])


def gist(facts: Sequence[Any]) -> bytes:
    """Make eight bytes of what a call was and how it ended: other facts, another gist.

    What privacy may leave out has no part in it: under another `--keep`, a repeat stays a repeat.
    """
    return hashlib.blake2b(repr(list(facts)).encode(), digest_size=8).digest()


def _short(event_id: str) -> bytes:
    return bytes.fromhex(event_id.removeprefix(PREFIX))
