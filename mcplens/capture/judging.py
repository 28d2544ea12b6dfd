"""From an answer to what it means: by rules, by what the tool promised, by what may be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcplens.capture.endings import Ending, ending_by_error, ending_by_result
from mcplens.capture.error_rules import ErrorRules
from mcplens.capture.note import note_of_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcplens.capture.openings import Openings
    from mcplens.capture.requests import OpenRequest
    from mcplens.capture.rows import ConnectionRows
    from mcplens.config import Settings


class Judging:
    """Reads the answers to one connection's requests into their events."""

    __slots__ = ("_openings", "_rows", "_rules")

    def __init__(self, *, openings: Openings, rows: ConnectionRows, settings: Settings) -> None:
        self._openings = openings
        self._rows = rows
        self._rules = ErrorRules(settings.error_rules)

    def by_error(self, request: OpenRequest, error: Any) -> Ending:
        """Read a JSON-RPC error."""
        event = request.event
        privacy = self._openings.privacy_of(event)
        return ending_by_error(event, error, privacy=privacy, rules=self._rules)

    def by_result(self, request: OpenRequest, result: Any, ns: int) -> Ending:
        """Read a result, and what its server notes in it."""
        event, output_schema = request.event, request.output_schema
        if event.call_id is not None and isinstance(result, dict):
            understood = note_of_result(result)
            if understood is not None:
                self.complain(understood.complaints, ns)
                earlier = request.note_of_result
                note = understood.note
                request.note_of_result = note if earlier is None else earlier.then(note)
        ending = ending_by_result(
            event,
            result,
            privacy=self._openings.privacy_of(event),
            rules=self._rules,
            output_schema=output_schema,
        )
        if output_schema is not None and output_schema.is_broken:
            self._rows.trouble_once(f"outputSchema of {event.target} cannot be used", ns)
        return ending

    def complain(self, complaints: Sequence[str], ns: int) -> None:
        """Tell what was noted and makes no sense."""
        for complaint in complaints:
            self._rows.notice("recorder_trouble", ns=ns, detail=complaint)
