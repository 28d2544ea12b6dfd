"""Which session a request belongs to, as far as one who records a single connection can know.

In this order: an argument that the user named as the handle, the protocol's session, the process
that the client is, the connection. What is written is a keyed hash or an id of our own, never the
handle itself. Whether requests share a trace only the views can see; it comes before the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcplens.capture.identity import ConnectionFacts
    from mcplens.capture.privacy import Privacy
    from mcplens.capture.sighting import Beside
    from mcplens.events import Event

MAX_HANDLE: Final = 1000
"""A longer text is no handle, but contents."""


def hash_of_protocol_session(session_id: str, privacy: Privacy) -> str:
    """Name an HTTP session by a hash, the same for every observer: who has its id can take it."""
    return privacy.hash(f"session\0{session_id}".encode("utf-8", "surrogateescape"))


def hash_of_handle(value: str | int, privacy: Privacy, *, name: str = "") -> str:
    """Name a session by a hash of what it is called, and of the argument that calls it so."""
    return privacy.hash(f"session\0{name}\0{value}".encode("utf-8", "surrogatepass"))


class Sessions:
    """Tells the sessions of one connection."""

    __slots__ = ("_basis", "_privacy", "_session_id")

    def __init__(self, facts: ConnectionFacts, *, privacy: Privacy) -> None:
        self._privacy = privacy
        self._session_id = facts.client_process_id or facts.connection_id
        self._basis = "client_process" if facts.client_process_id else "connection"

    def stamp(self, event: Event, beside: Beside) -> None:
        """Write into an event what is known without looking into its arguments."""
        if beside.protocol_session_id is not None:
            event.session_id, event.session_basis = beside.protocol_session_id, "protocol"
        else:
            event.session_id, event.session_basis = self._session_id, self._basis

    def stamp_handle(self, event: Event, name: str, arguments: Mapping[str, Any]) -> None:
        """Write into a call's event the session that one of its arguments names, if it does.

        The same value of the same argument is the same session, whichever server it is given to.
        """
        value = arguments.get(name)
        is_text = isinstance(value, str) and 0 < len(value) <= MAX_HANDLE
        if value is not None and (is_text or type(value) is int):
            event.session_id = hash_of_handle(value, self._privacy, name=name)
            event.session_basis = "handle"
