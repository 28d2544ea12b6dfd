"""The requests that are open on a connection, and how those before them ended.

Ids count per direction, and 7 and "7" are two ids; 7 and 7.0 are one, since JavaScript writes both
as 7. An id may be used again once its request has ended. All that is remembered is bounded.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from mcplens.capture.note import Note
    from mcplens.capture.output_schema import OutputSchema
    from mcplens.capture.waits import Wait
    from mcplens.events import Event

MAX_OPEN: Final = 10_000
"""Open requests that are followed in each direction; the oldest gives way."""
MAX_REMEMBERED: Final = 10_000
"""Ended requests of each direction of which the id is still known."""

_MAX_ID_TEXT: Final = 200
_LARGE: Final = 10**20

PlainKey = str | int | float | tuple[int, int]
RequestKey = PlainKey | tuple[str, PlainKey]
Fate = Literal["answered", "given_up"]


def request_key(value: Any) -> PlainKey | None:
    """Make an id or a progress token comparable; None when it is no JSON-RPC id."""
    if type(value) is int:
        return value
    if isinstance(value, str):
        # A peer may send megabytes as an id, and thousands of ids are remembered.
        return value if len(value) <= _MAX_ID_TEXT else (len(value), hash(value))
    if isinstance(value, float) and math.isfinite(value):
        return value
    return None


def scoped_key(value: Any, scope: str | None) -> RequestKey | None:
    """Make an id comparable that counts within a scope only; None when it is no JSON-RPC id."""
    key = request_key(value)
    return key if scope is None or key is None else (scope, key)


def id_text(value: Any) -> str | None:
    """Write an id as JSON text, short and printable; None when it is no id."""
    if request_key(value) is None:
        return None
    if type(value) is int and abs(value) < _LARGE:
        return str(value)
    if isinstance(value, str):
        return json.dumps(value[:_MAX_ID_TEXT])
    try:
        return json.dumps(value)[:_MAX_ID_TEXT]
    except ValueError:  # More digits than Python writes.
        return None


class Past(NamedTuple):
    """What the rounds of a call before this one came to."""

    call_id: str | None
    rounds: int
    started_at: datetime | None
    started_ns: int
    wait_ns: int | None
    """None when it is not known how long they waited."""
    progress_count: int | None
    first_progress_ns: int | None


class OpenRequest(msgspec.Struct, kw_only=True, eq=False):
    """A request that nothing has ended yet."""

    # A msgspec class, since every message that asks makes one.
    event: Event
    key: RequestKey
    started_ns: int
    scope: str | None = None
    exchange: str | None = None
    first_progress_ns: int | None = None
    progress_token: RequestKey | None = None
    contents: tuple[Any, Collection[str] | None] | None = None
    """The arguments with the keys that are declared, until it is sure what is kept of them."""
    output_schema: OutputSchema | None = None
    """What the tool promises of its structured answer."""
    past: Past | None = None
    """The rounds before, when it goes on with a call."""
    wait: Wait | None = None
    """What of it was spent on a person or a model; None while nothing was."""
    likeness: str | None = None
    """Equal for equal arguments; kept in memory only."""
    state: str | None = None
    """Equal for an equal requestState; kept in memory only."""
    has_input: bool = False
    """Whether it brings what an earlier round asked for."""
    task_key: PlainKey | None = None
    """The task that it asks about."""
    is_first_page: bool = True
    """Whether it asks for a list from its beginning."""
    is_spooled: bool = False
    """Whether it was written as opened."""
    note: Note | None = None
    """What its tool noted so far."""
    note_of_result: Note | None = None


class OpenRequests:
    """The open requests of one direction, by id and by progress token."""

    __slots__ = ("_by_token", "_fates", "_open")

    def __init__(self) -> None:
        self._open: dict[RequestKey, OpenRequest] = {}
        self._by_token: dict[RequestKey, OpenRequest] = {}
        self._fates: OrderedDict[RequestKey, Fate] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, request: OpenRequest) -> None:
        """Follow a request; its id must be free."""
        self._open[request.key] = request
        if request.progress_token is not None:
            self._by_token[request.progress_token] = request

    def get(self, key: RequestKey) -> OpenRequest | None:
        """Give the open request with an id."""
        return self._open.get(key)

    def take(self, key: RequestKey, *, fate: Fate) -> OpenRequest | None:
        """Follow a request no longer, because it has met its fate; None if none is open."""
        request = self._open.pop(key, None)
        if request is None:
            return None
        self.drop_token(request)
        self.remember(key, fate)
        return request

    def remember(self, key: RequestKey, fate: Fate) -> None:
        """Keep in mind how a request ended."""
        self._fates[key] = fate
        self._fates.move_to_end(key)
        if len(self._fates) > MAX_REMEMBERED:
            self._fates.popitem(last=False)

    def fate_of(self, key: RequestKey) -> Fate | None:
        """Say how the last request with an id ended; None if there was none."""
        return self._fates.get(key)

    def oldest(self) -> OpenRequest | None:
        """Name the request that has been open longest."""
        return next(iter(self._open.values()), None)

    def keep_token(self, request: OpenRequest) -> None:
        """Go on counting the progress of a request that was answered with a task."""
        if request.progress_token is not None:
            self._by_token[request.progress_token] = request

    def drop_token(self, request: OpenRequest) -> None:
        """Count no progress for a request any more."""
        token = request.progress_token
        if token is not None and self._by_token.get(token) is request:
            del self._by_token[token]

    def calls(self) -> list[OpenRequest]:
        """List the calls that are open."""
        return [request for request in self._open.values() if request.event.call_id is not None]

    def with_token(self, token: RequestKey) -> OpenRequest | None:
        """Find the request that asked for progress under a token."""
        return self._by_token.get(token)

    def opened_before(self, ns: int) -> list[OpenRequest]:
        """List what was opened before a time and is not yet written as opened."""
        found = []
        for request in self._open.values():  # The oldest come first.
            if request.started_ns >= ns:
                break
            if not request.is_spooled:
                found.append(request)
        return found

    def in_exchange(self, exchange: str) -> list[OpenRequest]:
        """List what is open of an HTTP exchange."""
        return [request for request in self._open.values() if request.exchange == exchange]

    def take_all(self) -> list[OpenRequest]:
        """Follow nothing any more, and give what was open, the oldest first."""
        requests = list(self._open.values())
        self._open.clear()
        self._by_token.clear()
        return requests
