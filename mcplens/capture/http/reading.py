"""From what passed over HTTP to messages, on the recorder's thread."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.http.bodies import Decoder, ResponseReader, UnreadableBodyError
from mcplens.capture.http.connections import Caller, HttpConnection, HttpConnections, Known
from mcplens.capture.http.exchange import Answering, Asked, Exchange, HttpTap, Over, Piece, Seen
from mcplens.capture.wire import NotJsonError, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcplens.capture.http.bodies import Body
    from mcplens.capture.identity import ConnectionFacts
    from mcplens.capture.recorder import Recorder
    from mcplens.events import Direction

ERROR_STATUS: Final = 400
OK_STATUSES: Final = range(200, 300)


class Reading:
    """What has been read of one exchange."""

    __slots__ = (
        "connection",
        "is_handshake",
        "is_resumable",
        "known",
        "last_ns",
        "name",
        "refusal",
        "response",
        "status",
    )

    def __init__(self, exchange: Exchange, known: Known) -> None:
        self.name = f"x{exchange.number}"
        self.known = known
        self.connection: HttpConnection | None = None
        self.is_handshake = False
        self.is_resumable = False
        """Whether the client may fetch the rest of this stream in another exchange."""
        self.response: ResponseReader | None = None
        self.status: int | None = None
        self.last_ns: int | None = None
        """When the last piece of the response came."""
        self.refusal: Any = None
        """A JSON-RPC error that names no request, because the exchange does."""


class HttpReader:
    """Reads what an HTTP tap noted; a source of the recorder."""

    def __init__(
        self,
        tap: HttpTap,
        recorder: Recorder,
        facts: Callable[[int], ConnectionFacts],
        *,
        server_name: str | None = None,
    ) -> None:
        self._backlog = tap.backlog
        self._recorder = recorder
        self._connections = HttpConnections(recorder, facts, server_name=server_name)

    def work(self) -> bool:
        """Read a little of what was noted, and say whether more is waiting."""
        if self._backlog.read_some(self._read):
            return True
        if lost := self._backlog.take_lost():
            self._recorder.count_lost(lost, is_told=False)
        self._connections.tick(self._recorder.clock.ns())
        return False

    def give_up(self) -> None:
        """Count what there was no time for, and end what is open."""
        self._backlog.drop()
        if lost := self._backlog.take_lost():
            self._recorder.count_lost(lost, is_told=False)
        self._connections.end_all("signal", self._recorder.clock.ns())

    def _read(self, seen: Seen) -> None:
        reading = seen.exchange.reading
        if reading is None:
            exchange = seen.exchange
            caller = Caller(exchange.peer, exchange.authorization, exchange.session)
            reading = Reading(exchange, self._connections.known(caller))
            exchange.reading = reading
            # From here on only their hashes are needed.
            exchange.authorization = exchange.session = None
        # One odd exchange must not end the reading of all.
        with suppress(Exception):
            match seen:
                case Asked():
                    self._asked(seen, reading)
                case Answering():
                    self._answering(seen, reading)
                case Piece():
                    self._piece(seen, reading)
                case Over():
                    self._over(seen, reading)

    def _asked(self, asked: Asked, reading: Reading) -> None:
        exchange = asked.exchange
        if exchange.method != "POST":
            reading.connection = self._connections.of_session(reading.known, asked.ns)
            return
        endpoint = self._connections.of_endpoint(exchange.path)
        try:
            body = Decoder(asked.encoding).feed(asked.body)
            parsed = parse_json(body)
        except (NotJsonError, UnreadableBodyError):
            return  # Whatever it was, it was no MCP message.
        messages = parsed if isinstance(parsed, list) else [parsed]
        for message in messages:
            reading.connection = endpoint or self._connections.of_message(
                reading.known, message, exchange=reading.name, ns=asked.ns
            )
            reading.is_handshake |= _is_handshake(message)
            size = len(body) if len(messages) == 1 else None
            self._message("to_server", message, asked.ns, size, reading)

    def _answering(self, answering: Answering, reading: Reading) -> None:
        reading.status = answering.status
        if reading.is_handshake and reading.connection is not None:
            self._connections.shaken_hands(
                reading.connection, reading.known, answering.session, answering.ns
            )
        try:
            reading.response = ResponseReader(answering.content_type, answering.encoding)
        except UnreadableBodyError as error:
            self._unread(reading, error, answering.ns)

    def _piece(self, piece: Piece, reading: Reading) -> None:
        reading.last_ns = piece.ns
        if reading.response is None:
            return
        try:
            for body in reading.response.feed(piece.data):
                self._body(body, reading, piece.ns)
        except UnreadableBodyError as error:
            self._unread(reading, error, piece.ns)

    def _over(self, over: Over, reading: Reading) -> None:
        exchange = over.exchange
        if reading.response is not None and over.reason == "done":
            for body in reading.response.finish():
                self._body(body, reading, reading.last_ns or over.ns)
        connection = reading.connection
        if connection is None:
            return
        status = reading.status or 0
        if exchange.is_torn:
            connection.correlator.exchange_ended(reading.name, "messages_lost", over.ns)
        elif status >= ERROR_STATUS:
            connection.correlator.exchange_refused(
                reading.name, status=status, error=reading.refusal, ns=over.ns
            )
        elif exchange.method == "DELETE":
            if status in OK_STATUSES:
                self._connections.end(connection, "client_closed", over.ns)
        else:
            self._broken_off(over, reading, connection)

    def _broken_off(self, over: Over, reading: Reading, connection: HttpConnection) -> None:
        """End what no answer came for, where none can come any more."""
        if over.reason == "client_closed":
            # In the old era a client that leaves a stream has not cancelled what it asked.
            if connection.session_id is None:
                connection.correlator.exchange_ended(reading.name, "client_closed", over.ns)
        elif not reading.is_resumable:
            connection.correlator.exchange_ended(reading.name, "server_closed", over.ns)

    def _body(self, body: Body, reading: Reading, ns: int) -> None:
        reading.is_resumable |= body.has_id
        if body.kind == "endpoint":
            # HTTP+SSE: the stream says where the client is to send its messages.
            reading.connection = self._connections.stream(body.data.decode("utf-8", "replace"), ns)
            return
        if reading.connection is None or not body.data:
            return
        try:
            parsed = parse_json(body.data)
        except NotJsonError:
            self._message("to_client", None, ns, len(body.data), reading)
            return
        messages = parsed if isinstance(parsed, list) else [parsed]
        for message in messages:
            if reading.status is not None and reading.status >= ERROR_STATUS:
                if not _is_rpc(message):
                    continue  # An error of the web's own; the status says what there is to say.
                if message.get("id") is None and "error" in message:
                    reading.refusal = message["error"]
                    continue
            size = len(body.data) if len(messages) == 1 else None
            self._message("to_client", message, ns, size, reading)

    def _message(
        self, direction: Direction, message: Any, ns: int, size: int | None, reading: Reading
    ) -> None:
        connection = reading.connection
        if connection is not None:
            beside = connection.beside(
                reading.known, exchange=reading.name, http_status=reading.status
            )
            connection.correlator.message(direction, message, ns=ns, size=size, beside=beside)

    def _unread(self, reading: Reading, error: UnreadableBodyError, ns: int) -> None:
        reading.response = None
        if reading.connection is not None:
            reading.connection.correlator.exchange_ended(reading.name, "contents_unread", ns)
            reading.connection.correlator.trouble(str(error), ns)


def _is_handshake(message: Any) -> bool:
    return isinstance(message, dict) and message.get("method") == "initialize"


def _is_rpc(message: Any) -> bool:
    return isinstance(message, dict) and message.get("jsonrpc") == "2.0"
