"""From what passed over HTTP to messages, on the recorder's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from mcplens.capture.http.bodies import Decoder, ResponseReader, UnreadableBodyError
from mcplens.capture.http.connections import Caller, HttpConnections
from mcplens.capture.http.exchange import Answering, Asked, Over, Piece
from mcplens.capture.http.partial import Partial
from mcplens.capture.wire import Line, NotJsonError, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.http.bodies import Body
    from mcplens.capture.http.connections import HttpConnection
    from mcplens.capture.http.exchange import HttpTap, Seen
    from mcplens.capture.identity import ConnectionFacts
    from mcplens.capture.recorder import Recorder

GRACE_NS: Final = 500_000_000
"""How long the word of a client that cancels may come behind the end of its stream."""

RESUME_NS: Final = 60_000_000_000
"""After how long a silence nobody comes back for the rest of a stream."""

_OK: Final = 200
_ACCEPTED: Final = 202
_REDIRECT: Final = 300
_ERROR: Final = 400


class _Held(NamedTuple):
    """An exchange of a session that is over, and something asked in it is not answered yet."""

    partial: Partial
    connection: HttpConnection
    reason: str
    ns: int


class HttpReader:
    """Reads what an HTTP tap noted; a source of the recorder."""

    def __init__(
        self,
        tap: HttpTap,
        recorder: Recorder,
        facts: Callable[[str, int], ConnectionFacts],
        *,
        endpoint: str,
        server_name: str | None = None,
    ) -> None:
        """Begin with nothing read.

        Args:
            tap: What the traffic's thread notes.
            recorder: The run to record into.
            facts: Gives what is known of a connection over `http` or `sse` that begins at a time.
            endpoint: The server's URL; what passes elsewhere, such as logins, is not read.
            server_name: What to call the server, instead of what it calls itself.
        """
        self._backlog = tap.backlog
        self._recorder = recorder
        self._endpoint = urlsplit(endpoint).path
        self._connections = HttpConnections(recorder, facts, server_name=server_name)
        self._held: list[_Held] = []

    def work(self) -> bool:
        """Read a little of what was noted, and say whether more is waiting."""
        if self._backlog.read_some(self._read):
            return True
        now = self._recorder.clock.ns()
        self._count_lost()
        self._held = [held for held in self._held if not self._end_held(held, now)]
        self._connections.tick(now)
        return False

    def give_up(self) -> None:
        """Count what there was no time for, and end what is open."""
        self._backlog.drop()
        self._count_lost()
        for held in self._held:
            held.connection.correlator.exchange_ended(held.partial.name, held.reason, held.ns)
        self._connections.end_all("signal", self._recorder.clock.ns())

    def _count_lost(self) -> None:
        if lost := self._backlog.take_lost():
            self._recorder.count_lost(lost, is_told=False)

    def _read(self, seen: Seen) -> None:
        partial = seen.exchange.partial
        if partial is None:
            exchange = seen.exchange
            caller = Caller(exchange.peer, exchange.authorization, exchange.session)
            partial = exchange.partial = Partial(exchange.number, self._connections.known(caller))
            # From here on only their hashes are needed.
            exchange.authorization = exchange.session = None
        try:
            match seen:
                case Asked():
                    self._asked(seen, partial)
                case Answering():
                    self._answering(seen, partial)
                case Piece():
                    self._piece(seen, partial)
                case Over():
                    self._over(seen, partial)
        except Exception as error:  # noqa: BLE001  one odd exchange must not end the reading of all
            partial.trouble(type(error).__name__, seen.ns)

    def _asked(self, asked: Asked, partial: Partial) -> None:
        exchange, ns = asked.exchange, asked.ns
        told = self._connections.of_endpoint(exchange.target, ns)
        partial.is_ours = told is not None or self._is_endpoint(exchange.target)
        if not partial.is_ours:
            return
        if exchange.method != "POST":
            partial.join(self._connections.of_session(partial.known, ns))
            return
        try:
            body = Decoder(asked.encoding).feed(asked.body)
            messages, size = _messages(body)
        except (NotJsonError, UnreadableBodyError):
            partial.join(told or self._connections.of_message(partial.known, None, ns=ns))
            partial.not_json(Line(data=asked.body, ns=ns, size=len(asked.body)))
            return
        is_handshake = len(messages) == 1 and _is_handshake(messages[0])
        if is_handshake and told is None and partial.known.session_id is None:
            # The answer says which session it opens.
            partial.handshake = messages[0], size, ns
            return
        first = messages[0] if messages else None
        partial.join(told or self._connections.of_message(partial.known, first, ns=ns))
        for message in messages:
            partial.message("to_server", message, ns=ns, size=size)

    def _answering(self, answering: Answering, partial: Partial) -> None:
        self._shake_hands(partial, answering.session)
        partial.status = answering.status
        if partial.is_ours:
            try:
                partial.response = ResponseReader(answering.content_type, answering.encoding)
            except UnreadableBodyError as error:
                partial.unread(error, answering.ns)

    def _shake_hands(self, partial: Partial, session: str | None) -> None:
        if partial.handshake is not None:
            (message, size, ns), partial.handshake = partial.handshake, None
            partial.join(
                self._connections.of_handshake(partial.known, session, exchange=partial.name, ns=ns)
            )
            partial.message("to_server", message, ns=ns, size=size)

    def _piece(self, piece: Piece, partial: Partial) -> None:
        partial.last_ns = piece.ns
        if partial.response is not None:
            try:
                for body in partial.response.feed(piece.data):
                    self._body(body, partial, piece)
            except UnreadableBodyError as error:
                partial.unread(error, piece.ns)

    def _body(self, body: Body, partial: Partial, seen: Piece | Over) -> None:
        ns = partial.last_ns or seen.ns
        partial.is_resumable |= body.has_id
        if body.kind == "endpoint":
            # HTTP+SSE: the stream says where the client is to send its messages.
            target = _target(seen.exchange.target, body.data.decode("utf-8", "replace"))
            partial.join(self._connections.of_stream(target, ns))
            partial.is_wire = True
        elif partial.connection is not None and body.data:
            try:
                messages, size = _messages(body.data)
            except NotJsonError:
                partial.not_json(Line(data=body.data, ns=ns, size=len(body.data)), "to_client")
                return
            for message in messages:
                self._said(message, partial, ns=ns, size=size)

    def _said(self, message: Any, partial: Partial, *, ns: int, size: int | None) -> None:
        is_error = (partial.status or 0) >= _ERROR
        if is_error and not (isinstance(message, dict) and message.get("jsonrpc") == "2.0"):
            return  # An error of the web's own; the status says what there is to say.
        if partial.is_for_all(message):
            # An error that names no request is about those of its exchange.
            for asked in list(partial.unanswered.values()):
                partial.message("to_client", {**message, "id": asked}, ns=ns, size=size)
            return
        partial.message("to_client", message, ns=ns, size=size)

    def _over(self, over: Over, partial: Partial) -> None:
        exchange = over.exchange
        self._shake_hands(partial, None)
        if partial.response is not None and over.reason == "done":
            for body in partial.response.finish():
                self._body(body, partial, over)
        connection = partial.connection
        if connection is None:
            return
        partial.leave()
        status = partial.status or 0
        if partial.is_wire:
            reason = "client_closed" if over.reason == "client_closed" else "server_exited"
            if over.reason != "signal":
                self._connections.end(connection, reason, over.ns)
        elif exchange.is_torn:
            connection.correlator.exchange_ended(partial.name, "messages_lost", over.ns)
        elif exchange.method == "DELETE" and _OK <= status < _REDIRECT:
            self._connections.end(connection, "client_closed", over.ns)
        elif partial.unanswered and over.reason != "signal":
            self._unanswered(over, partial, connection, status)

    def _unanswered(
        self, over: Over, partial: Partial, connection: HttpConnection, status: int
    ) -> None:
        """End what no answer came for, where none can come any more."""
        is_stream = partial.response is not None and partial.response.is_stream
        if over.reason == "done" and not is_stream:
            # Where a server may speak on another stream, it may take a request and answer later.
            if status != _ACCEPTED or connection.session_id is None:
                connection.correlator.exchange_refused(partial.name, status=status, ns=over.ns)
            return
        reason = "server_closed" if over.reason == "done" else over.reason
        if connection.session_id is None or reason == "unreachable":
            connection.correlator.exchange_ended(partial.name, reason, over.ns)
        else:
            self._held.append(_Held(partial, connection, reason, over.ns))

    def _end_held(self, held: _Held, now: int) -> bool:
        """End what was asked in an exchange of a session, once nobody comes back for it."""
        connection = held.connection
        is_over = now - held.ns >= GRACE_NS
        if held.partial.is_resumable:
            silence_ns = now - max(connection.used_ns, held.ns)
            is_over = not connection.exchange_count and silence_ns >= RESUME_NS
        if is_over:
            connection.correlator.exchange_ended(held.partial.name, held.reason, held.ns)
        return is_over

    def _is_endpoint(self, target: str) -> bool:
        path = target.partition("?")[0]
        return path.rstrip("/") == self._endpoint.rstrip("/")


def _messages(data: bytes) -> tuple[list[Any], int | None]:
    """Read the messages of a body, and the size of each where it is known.

    Raises:
        NotJsonError: it is no JSON.
    """
    parsed = parse_json(data)
    return (parsed, None) if isinstance(parsed, list) else ([parsed], len(data))


def _is_handshake(message: Any) -> bool:
    return isinstance(message, dict) and message.get("method") == "initialize"


def _target(base: str, told: str) -> str:
    """Give the path and query at which a client will ask, for what a stream told it."""
    try:
        parts = urlsplit(urljoin(base, told.strip()))
    except ValueError:
        return told
    return parts.path + (f"?{parts.query}" if parts.query else "")
