"""A message as an observer saw it pass: to whom, when, how large, and what is known besides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from mcplens.events import Direction


class Beside(NamedTuple):
    """What an observer knows of a message that the message itself does not say."""

    scope: str | None = None
    """Where ids count: one HTTP exchange, or one HTTP session; None is the whole connection."""
    http_status: int | None = None
    credential_id: str | None = None
    """Keyed fingerprint of the credential; never the credential."""
    credential_mode: str | None = None
    protocol_session_id: str | None = None
    """Keyed hash of the old era's session id, with which a session could be taken over."""
    test_id: str | None = None
    is_warmup: bool | None = None
    exchange: str | None = None
    """The HTTP exchange it passed in: what a server asks within one belongs to the call there."""
    is_id_known: bool = True
    """Whether its id is the wire's, and not one that the observer had to make up."""


NOTHING_BESIDE: Final = Beside()


class Sighting(NamedTuple):
    """How a message was seen."""

    direction: Direction
    ns: int
    size: int | None
    """Its bytes, where they were seen."""
    beside: Beside = NOTHING_BESIDE
