"""Where formats hand in what they read: rows go on to the recorder, each only once, ever.

Every row is named by what it is made of: the line of a log, the ids of a span, the request on a
connection. What a store holds already is left out, so that a file may be imported again, also when
it has grown since, and so may a second file that overlaps with it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.clock import Clock
from mcplens.capture.identity import ConnectionFacts
from mcplens.capture.imports.configured import NOTHING_TOLD, Configured, Told
from mcplens.capture.imports.counts import Counts
from mcplens.capture.imports.wire_rows import LOG_ENDED, Wire
from mcplens.capture.names import clean_name
from mcplens.capture.sessions import hash_of_handle, hash_of_protocol_session
from mcplens.events import CALL_METHODS, SCHEMA_VERSION, Connection, Definition, Event, Notice

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from mcplens.capture.correlator import Correlator
    from mcplens.capture.otel.calls import SpannedCall
    from mcplens.capture.otel.pool import SpanPool
    from mcplens.capture.otel.spans import Span
    from mcplens.capture.privacy import Privacy
    from mcplens.capture.recorder import Recorder
    from mcplens.events import Row

_NAME_DIGITS: Final = 24
_MAX_WAITING: Final = 4096
_MAX_SEEN: Final = 1_000_000
_MAX_CONNECTIONS: Final = 10_000


class Intake:
    """Takes what the formats read, one file after the other."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        known: Collection[str] = frozenset(),
        server_name: str | None = None,
        unit: str | None = None,
        is_live: bool = False,
    ) -> None:
        """Begin with nothing.

        Args:
            recorder: Where rows go.
            known: What the store holds of earlier imports, by `row_key`.
            server_name: What to call the server, instead of what the files call it.
            unit: The unit of durations that name none: ns, us, ms or s.
            is_live: Whether rows come from a living process, on the recorder's own thread.
        """
        self.recorder: Final = recorder
        self.server_name: Final = clean_name(server_name)
        self.unit: Final = unit
        self.counts = Counts()
        self.is_growing = False
        """Whether the file is still being written, so that what is open may end yet."""
        self._known = known
        self._own: set[str] = set()
        self._file = ""
        self._seen: Counter[str] = Counter()
        self._connections: OrderedDict[str, Connection] = OrderedDict()
        self._is_live = is_live
        self._configured = Configured(recorder.settings, privacy_of=self.privacy_of)
        self._next_number = recorder.next_sequence if is_live else count(1).__next__
        self._spans: SpanPool | None = None

    def privacy_of(self, server: str | None, target: str | None) -> Privacy:
        """Say what may be kept of a tool's contents."""
        return self.recorder.privacy.of(self.server_name or server, target)

    def name(self, *parts: object) -> str:
        """Name something by what it is made of; with the key, since contents may be among it."""
        text = "\x00".join(part if isinstance(part, str) else repr(part) for part in parts)
        return "i" + self.recorder.privacy.hash(text.encode("utf-8", "replace"))[:_NAME_DIGITS]

    def begin(self, path: Path, *, is_growing: bool = False) -> None:
        """Begin with the next file."""
        self.counts = Counts()
        self.is_growing = is_growing
        self._file = str(path)
        self._seen.clear()

    def bad(self, place: object, reason: str) -> None:
        """Note a line that cannot be read; the rest of the file is read all the same."""
        self.counts.add_bad(f"{self._file}:{place}: {reason}")

    def other(self, number: int = 1) -> None:
        """Note something that is sound, and no call of an MCP server."""
        self.counts.other += number

    def event(
        self,
        *key: object,
        connection: tuple[object, ...],
        first: tuple[object, ...] | None = None,
        told: Told = NOTHING_TOLD,
        **facts: Any,
    ) -> None:
        """Take one finished call.

        Args:
            *key: What tells it from all others, in this file and in any other.
            connection: What tells its connection from all others.
            first: What tells the first round of its call from all others, where this is a later.
            told: What rules of mcplens.toml may look at, and no store may keep.
            **facts: The event's columns, as far as they are known.
        """
        name = self.name(*key)
        if len(self._seen) > _MAX_SEEN:
            self._seen.clear()
        self._seen[name] += 1
        if self._seen[name] > 1:  # The same line twice in one file is two calls.
            name = self.name(name, self._seen[name])
        connection_id = self.name(*connection)
        is_call = facts.setdefault("method", "tools/call") in CALL_METHODS
        if self.server_name is not None:
            facts |= {"server_name": self.server_name, "server_basis": "option"}
        facts["session_id"] = self._session(facts, connection_id)
        event = Event(
            run_id=self.recorder.run_id,
            schema_version=SCHEMA_VERSION,
            event_id=name,
            connection_id=connection_id,
            observer="import",
            sequence=0,
            direction=facts.pop("direction", "to_server"),
            call_id=(name if first is None else self.name(*first)) if is_call else None,
            **({"round": 1, "is_final": True} if is_call else {}) | facts,
        )
        self._configured.apply(event, told)
        if self.emit(event):
            self._remember(event)

    def _session(self, facts: dict[str, Any], connection_id: str) -> str | None:
        """Name a session as it is named live: never by what the file calls it."""
        said, basis = facts.get("session_id"), facts.get("session_basis")
        if basis == "connection":
            return connection_id
        if said is None:
            return None
        privacy = self.recorder.privacy
        if basis == "protocol":
            return hash_of_protocol_session(said, privacy)
        return hash_of_handle(said, privacy)

    def span(self, span: Span) -> None:
        """Take a span; spans of all files become calls together."""
        if self._spans is None:
            from mcplens.capture.otel.pool import SpanPool  # only where there are spans

            self._spans = SpanPool(self.take_call)
        if span.method is None:
            self.other()
        span.origin = self.counts
        self._spans.add(span)

    def take_call(self, call: SpannedCall) -> None:
        """Take a call by its spans."""
        from mcplens.capture.otel.events import columns_of, connection_key, server_of

        now, self.counts = self.counts, call.timed.origin
        key = ("span", call.timed.trace_id, call.carried_id, call.method)
        self.event(
            *key,
            connection=connection_key(call),
            first=None if call.first_id is None else (*key[:2], call.first_id, key[3]),
            **columns_of(
                call,
                self.privacy_of(server_of(call), call.target),
            ),
        )
        self.counts = now

    def correlator(
        self, *key: object, server_name: str | None = None, **facts: Any
    ) -> tuple[Correlator, Wire]:
        """Begin a connection whose messages the file holds; `key` tells it from all others."""
        named_by = "option" if self.server_name is not None else "log"
        wire = Wire(self, self.name(*key), server_basis=named_by)
        correlator = self.recorder.correlator(
            ConnectionFacts(connection_id=wire.connection_id, observer="import", **facts),
            server_name=self.server_name or server_name,
            emit=wire.take,
            clock=FILE_CLOCK,
        )
        return correlator, wire

    def end(self) -> None:
        """Take what still waits for more, and write what is known of the connections."""
        if self._spans is not None:
            self._spans.flush()
        while self._connections:
            self.emit(self._connections.popitem(last=False)[1])

    def emit(self, row: Row) -> bool:
        """Hand a row on unless it is there already, and say whether it was news."""
        key = row_key(row)
        is_event = isinstance(row, Event)
        if key is not None and (key in self._known or key in self._own):
            self.counts.known += is_event
            return False
        if key is not None and not self._is_live:
            self._own.add(key)  # Two files of one import may overlap, too.
        if isinstance(row, Event):
            row.sequence = self._next_number()
            self.counts.calls += 1
        if not self._is_live:
            self.recorder.wait_for_room(below=_MAX_WAITING)
        self.recorder.record(row)
        return True

    def _remember(self, event: Event) -> None:
        known = self._connections.get(event.connection_id)
        if known is not None:
            self._connections.move_to_end(event.connection_id)
            return
        self._connections[event.connection_id] = Connection(
            run_id=event.run_id,
            schema_version=SCHEMA_VERSION,
            connection_id=event.connection_id,
            observer="import",
            transport=event.transport,
            end_reason=LOG_ENDED,
            client_name=event.client_name,
            client_version=event.client_version,
            server_name=event.server_name,
            server_basis=event.server_basis,
            server_version=event.server_version,
            protocol_version=event.protocol_version,
        )
        if len(self._connections) > _MAX_CONNECTIONS:
            self.emit(self._connections.popitem(last=False)[1])


FILE_CLOCK: Final = Clock(monotonic_ns=lambda: 0, wall_ns=lambda: 0)
"""Tells nanoseconds since 1970, which is what the times of a file are read as."""


def row_key(row: Row) -> str | None:
    """Name a row for "is it there already?"; None where a newer row of the same name counts."""
    if isinstance(row, Event):
        return row.event_id
    if isinstance(row, Notice):
        return row.notice_id
    if isinstance(row, Definition):
        return f"{row.connection_id} {row.definition_hash}"
    return None
