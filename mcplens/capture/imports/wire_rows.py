"""The rows of a connection that a log holds the messages of.

The correlator numbers its events, and a second import would number them anew. So they get names
made of what they are, and what is open when the log ends is told from what ended before.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Final

from mcplens.events import Connection, Event

if TYPE_CHECKING:
    from mcplens.capture.correlator import Correlator
    from mcplens.capture.imports.intake import Intake
    from mcplens.events import Row

LOG_ENDED: Final = "log_ended"
"""The reason why nothing more is known: the log says no more."""

_MAX_ROUNDS: Final = 10_000


class Wire:
    """The rows of one connection, renamed so that a second import makes the same names."""

    def __init__(self, intake: Intake, connection_id: str, *, server_basis: str) -> None:
        self.connection_id: Final = connection_id
        self._server_basis = server_basis
        self.is_closing = False
        """Whether what ends from now on ends because the log does."""
        self._intake = intake
        self._seen: Counter[str] = Counter()
        self._names: OrderedDict[str, str] = OrderedDict()
        self._newest: Connection | None = None
        self._has_news = False

    def take(self, row: Row) -> None:
        """Take a row from the correlator."""
        if isinstance(row, Connection | Event) and row.server_basis == "option":
            row.server_basis = self._server_basis
        if isinstance(row, Connection):
            self._newest = row  # Written once, at the end, and only if there is any news.
            return
        if isinstance(row, Event):
            if self.is_closing and self._ends_with_the_log(row):
                return
            self._rename(row)
        self._has_news |= self._intake.emit(row)

    def end(self, correlator: Correlator, ns: int, *, reason: str | None = None) -> None:
        """End the connection: for a reason that the log tells, or because it says no more."""
        self.is_closing = reason is None
        correlator.ended(reason or "client_closed", ns)
        if self._newest is not None and self._has_news:
            if reason is None:
                self._newest.end_reason = LOG_ENDED
                self._newest.ended_at = None
            self._intake.emit(self._newest)

    def _ends_with_the_log(self, event: Event) -> bool:
        """Say whether an event is left for the next import, which may know how it ended."""
        if event.outcome == "unanswered":
            if self._intake.is_growing:
                self._intake.counts.still_open += 1
                return True
            event.outcome_basis = LOG_ENDED
        return False

    def _rename(self, event: Event) -> None:
        name = self._intake.name(
            self.connection_id, event.direction, event.request_id, event.started_at, event.method
        )
        self._seen[name] += 1
        if self._seen[name] > 1:
            name = self._intake.name(name, self._seen[name])
        self._names[event.event_id] = name
        if len(self._names) > _MAX_ROUNDS:
            self._names.popitem(last=False)
        event.event_id = name
        event.call_id = self._names.get(event.call_id or "", event.call_id)
