"""What has been read of one HTTP exchange so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcplens.capture.requests import request_key

if TYPE_CHECKING:
    from mcplens.capture.http.bodies import ResponseReader, UnreadableBodyError
    from mcplens.capture.http.connections import HttpConnection, Known
    from mcplens.capture.requests import PlainKey
    from mcplens.capture.wire import Line
    from mcplens.events import Direction


class Partial:
    """One HTTP exchange, as far as it was read."""

    __slots__ = (
        "connection",
        "handshake",
        "is_ours",
        "is_resumable",
        "is_wire",
        "known",
        "last_ns",
        "name",
        "response",
        "status",
        "unanswered",
    )

    def __init__(self, number: int, known: Known) -> None:
        self.name = f"x{number}"
        self.known = known
        self.connection: HttpConnection | None = None
        self.handshake: tuple[Any, int | None, int] | None = None
        """A handshake with its size and time, until its answer names the session."""
        self.is_ours = False
        """Whether MCP is spoken in it."""
        self.is_wire = False
        """Whether it is the stream of HTTP+SSE, with which its connection ends."""
        self.is_resumable = False
        """Whether the client may fetch the rest of this stream in another exchange."""
        self.response: ResponseReader | None = None
        self.status: int | None = None
        self.last_ns: int | None = None
        """When the last piece of the response came."""
        self.unanswered: dict[PlainKey, Any] = {}
        """The ids that were asked under and not answered, in this exchange."""

    def join(self, connection: HttpConnection | None) -> None:
        """Take the connection that it belongs to."""
        self.leave()
        self.connection = connection
        if connection is not None:
            connection.exchange_count += 1

    def leave(self) -> None:
        """Keep the connection open no longer."""
        if self.connection is not None:
            self.connection.exchange_count -= 1
            self.connection = None

    def message(self, direction: Direction, message: Any, *, ns: int, size: int | None) -> None:
        """Give a message to the connection."""
        connection = self.connection
        if connection is None:
            return
        connection.used_ns = max(connection.used_ns, ns)
        key = request_key(message.get("id")) if isinstance(message, dict) else None
        if key is not None and ("method" in message) == (direction == "to_server"):
            if direction == "to_server":
                self.unanswered[key] = message["id"]
            else:
                self.unanswered.pop(key, None)
        beside = connection.beside(self.known, exchange=self.name, http_status=self.status)
        connection.correlator.message(direction, message, ns=ns, size=size, beside=beside)

    def is_for_all(self, message: Any) -> bool:
        """Tell whether a message is an error that names none of the requests it must be about."""
        if self.response is None or self.response.is_stream or not self.unanswered:
            return False
        is_error = isinstance(message, dict) and "error" in message and "method" not in message
        return is_error and request_key(message.get("id")) not in self.unanswered

    def not_json(self, line: Line, direction: Direction = "to_server") -> None:
        """Note that something was said that is no JSON."""
        if self.connection is not None:
            self.connection.correlator.line(direction, line)

    def trouble(self, detail: str, ns: int) -> None:
        """Note that something could not be read; `detail` must hold no contents."""
        if self.connection is not None:
            self.connection.correlator.trouble(detail, ns)

    def unread(self, error: UnreadableBodyError, ns: int) -> None:
        """Read no more of the response, and end what was asked as not known."""
        self.response = None
        self.unanswered.clear()
        if self.connection is not None:
            self.connection.correlator.exchange_ended(self.name, "contents_unread", ns)
            self.trouble(str(error), ns)
