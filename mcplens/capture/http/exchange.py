"""What is noted of an HTTP exchange while it passes: on its path, a clock read and an append."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from mcplens.capture.backlog import Backlog

if TYPE_CHECKING:
    from mcplens.capture.http.partial import Partial

EndReason = Literal["done", "client_closed", "server_closed", "unreachable", "signal"]

_ITEM_BYTES: Final = 300


class Exchange:
    """One HTTP request and its response."""

    __slots__ = (
        "authorization",
        "is_read",
        "is_torn",
        "method",
        "number",
        "partial",
        "peer",
        "session",
        "target",
    )

    def __init__(
        self,
        *,
        number: int,
        method: str,
        target: str,
        peer: str | None,
        session: str | None,
        authorization: str | None,
    ) -> None:
        self.number = number
        self.method = method
        self.target = target
        """Path and query, as the client wrote them."""
        self.peer = peer
        self.session = session
        """The old era's session id, as the client sent it; only hashes of it are written."""
        self.authorization = authorization
        """The same of what the client proves itself with."""
        self.is_read = True
        """Whether it is kept for the recorder."""
        self.is_torn = False
        """Whether a piece found no room, so that the rest says nothing any more."""
        self.partial: Partial | None = None
        """What the recorder's thread knows of it."""


class Asked(NamedTuple):
    """The whole request was received."""

    exchange: Exchange
    ns: int
    body: bytes
    encoding: str


class Answering(NamedTuple):
    """The head of the response came."""

    exchange: Exchange
    ns: int
    status: int
    content_type: str
    encoding: str
    session: str | None


class Piece(NamedTuple):
    """A piece of the response's body came."""

    exchange: Exchange
    ns: int
    data: bytes


class Over(NamedTuple):
    """Nothing more comes, or nobody is there to take it."""

    exchange: Exchange
    ns: int
    reason: EndReason


Seen = Asked | Answering | Piece | Over


class HttpTap:
    """Notes what passes; used by the traffic's thread, and read by the recorder's."""

    def __init__(self) -> None:
        self.backlog: Backlog[Seen] = Backlog(max_waiting=100_000)
        self._numbers = count(1)
        self._is_stopped = False

    def stop(self) -> None:
        """Note nothing any more: nobody reads it."""
        self._is_stopped = True

    def begin(
        self,
        *,
        method: str,
        target: str,
        peer: str | None,
        session: str | None,
        authorization: str | None,
    ) -> Exchange:
        """Begin an exchange."""
        return Exchange(
            number=next(self._numbers),
            method=method,
            target=target,
            peer=peer,
            session=session,
            authorization=authorization,
        )

    def note(self, seen: Seen, weight: int = 0) -> None:
        """Note what was seen, or leave it out where there is no room."""
        exchange = seen.exchange
        if self._is_stopped or not exchange.is_read:
            return
        is_end = isinstance(seen, Over)
        if exchange.is_torn and not is_end:
            return
        # An end always finds room: it is small, and what waits for it would wait for ever.
        if is_end or self.backlog.has_room(weight + _ITEM_BYTES):
            self.backlog.note(seen, weight + _ITEM_BYTES)
        else:
            exchange.is_torn = True
