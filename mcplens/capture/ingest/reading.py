"""From one posted JSON object to an event, or to what is wrong with it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcplens.capture.error_rules import Answer, ErrorRules
from mcplens.capture.failures import failure_of_error, failure_of_result
from mcplens.capture.ingest.fields import (
    FIELDS,
    FLAG,
    NAME,
    OTHER_NAMES,
    TIME_SHOULD_BE,
    parse_time,
)
from mcplens.capture.names import clean_name
from mcplens.capture.note import Note
from mcplens.capture.noted import write_notes
from mcplens.capture.sessions import hash_of_handle
from mcplens.config import NO_SETTINGS
from mcplens.events import CALL_METHODS, SCHEMA_VERSION, Event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mcplens.capture.privacy import Privacy
    from mcplens.config import Settings
    from mcplens.events import ErrorClass

PREFIX: Final = "post-"
"""What the id of every posted event begins with."""

_ID_BYTES: Final = 16
_CONTENTS: Final = ("arguments", "result", "error_message")
_WITHOUT_TIME: Final = frozenset({"disconnected", "cancelled", "unanswered"})
_MAX_NAMED: Final = 20
_SHORT: Final = {column: name for name, column in OTHER_NAMES.items()}


class Problem(NamedTuple):
    """A field that is missing or wrong."""

    field: str
    should_be: str
    is_missing: bool = False


class Incoming(NamedTuple):
    """An event that may be counted; what says where it is recorded is filled in then."""

    event: Event
    left_out: tuple[str, ...] = ()
    """Fields that are no columns, or that a sender cannot fill."""


class EventReader:
    """Makes events of what was sent, under what mcplens.toml says."""

    def __init__(self, privacy: Privacy, *, settings: Settings = NO_SETTINGS) -> None:
        self._privacy = privacy
        self._settings = settings
        self._rules = ErrorRules(settings.error_rules)

    def read(self, sent: Any, *, key: str | None, now: datetime) -> Incoming | list[Problem]:
        """Make an event of one JSON value, or say everything that is wrong with it.

        Args:
            sent: The JSON value.
            key: What makes a repeat known where the event itself has no event_id.
            now: The time, UTC.
        """
        if not isinstance(sent, dict):
            return [Problem("event", "a JSON object")]
        reading = _Reading(sent)
        values = reading.columns()
        started_at = reading.time(now)
        outcome = reading.outcome(values)
        id_ = reading.id(key)
        reading.check_together(values, outcome)
        if reading.problems or started_at is None or outcome is None:
            return reading.problems
        contents = {name: values.pop(name, None) for name in _CONTENTS}
        note = {name: values.pop(name, None) for name in Note.__struct_fields__}
        values.setdefault("direction", "to_server")
        event = Event(
            **values,
            run_id="",
            connection_id="",
            sequence=0,
            schema_version=SCHEMA_VERSION,
            event_id=id_,
            observer="import",
            started_at=started_at,
            outcome=outcome,
            outcome_basis="reported",
        )
        _complete(event)
        if event.session_id is not None:
            event.session_id = hash_of_handle(event.session_id, self._privacy)
        if event.user_id is not None:  # Often an address of a person; equal users stay equal.
            event.user_id = self._privacy.hash(event.user_id.encode("utf-8", "replace"))
        privacy = self._privacy.of(event.server_name, event.target)
        if event.method == "resources/read":
            event.target = privacy.address(event.target)
        self._note(event, note, privacy)
        self._keep(event, privacy=privacy, **contents)
        return Incoming(event, reading.left_out())

    def _note(self, event: Event, values: dict[str, Any], privacy: Privacy) -> None:
        basis = event.note_basis
        values["side_effects"] = tuple(values["side_effects"] or ())
        write_notes(
            event,
            told=None,
            of_result=Note(**values),
            configured=self._settings.notes_for(event.server_name, event.target),
            privacy=privacy,
        )
        if basis is not None:
            event.note_basis = basis

    def _keep(
        self,
        event: Event,
        *,
        privacy: Privacy,
        arguments: Any,
        result: Any,
        error_message: str | None,
    ) -> None:
        """Keep of contents what may be kept, and class a failure as it is classed on the wire."""
        if arguments is not None:
            kept = privacy.arguments(arguments, declared=())
            event.arguments, event.arguments_hash, event.arguments_shape = kept
        if result is not None:
            event.result, event.result_hash, _ = privacy.result(result)
        event.error_message = privacy.error_text(error_message)
        if event.error_class is None:
            event.error_class, event.error_rule = self._why(event, error_message)

    def _why(self, event: Event, text: str | None) -> tuple[ErrorClass | None, str | None]:
        error = {"code": event.error_code, "message": text}
        result = {"content": [] if text is None else [{"text": text}]}
        content: dict[str, Any]
        if event.outcome == "protocol_error":
            content, failure = error, failure_of_error(event.method or "", error)
        elif event.outcome == "tool_error":
            content, failure = result, failure_of_result(result, target=event.target)
        else:
            return None, None
        by_rule = self._rules.decide(
            Answer(event.server_name, event.target, content, text, event.error_code)
        )
        return by_rule or (failure.error_class, failure.rule)


def posted_id(key: str) -> str:
    """Make the id of the event with a key: the same key, the same id."""
    return PREFIX + hashlib.blake2b(key.encode(), digest_size=_ID_BYTES).hexdigest()


class _Reading:
    """One object being read."""

    def __init__(self, sent: Mapping[str, Any]) -> None:
        self.problems: list[Problem] = []
        # A field that is null is one that was not sent.
        self._sent = {name: value for name, value in sent.items() if value is not None}
        self._used = {"event_id", "success", "started_at", "timestamp"}

    def name_of(self, column: str) -> str:
        """Say what the sender calls a column, or is to call it."""
        if column in self._sent:
            return column
        return _SHORT.get(column, column)

    def columns(self) -> dict[str, Any]:
        """Read every field that fills a column."""
        values = {}
        for column, field in FIELDS.items():
            name = self.name_of(column)
            self._used.add(name)
            if name not in self._sent:
                continue
            try:
                values[column] = field.read(self._sent[name])
            except ValueError:
                self.problems.append(Problem(name, field.should_be))
        return values

    def time(self, now: datetime) -> datetime | None:
        """Read when the call began."""
        name = self.name_of("started_at")
        if name not in self._sent:
            self.problems.append(Problem(name, TIME_SHOULD_BE, is_missing=True))
            return None
        try:
            return parse_time(self._sent[name], now=now)
        except ValueError:
            self.problems.append(Problem(name, TIME_SHOULD_BE))
            return None

    def outcome(self, values: dict[str, Any]) -> Any:
        """Take how the call ended out of the values: its outcome, or whether it succeeded."""
        told = values.pop("outcome", None)
        success = self._sent.get("success")
        if success is None:
            if "outcome" not in self._sent:
                self.problems.append(Problem("success", FLAG.should_be, is_missing=True))
            return told
        if not isinstance(success, bool):
            self.problems.append(Problem("success", FLAG.should_be))
            return None
        outcome = told or ("ok" if success else "tool_error")
        if success is not (outcome == "ok" and "error_class" not in values):
            should_be = "false" if success else "true"
            self.problems.append(
                Problem("success", f"{should_be}, since outcome or error_class says so")
            )
        return outcome

    def id(self, key: str | None) -> str:
        """Give the event's id: made of its own, else of the key, else a new one."""
        own = self._sent.get("event_id")
        if own is not None:
            try:
                return posted_id("event_id " + NAME.read(own))
            except ValueError:
                self.problems.append(Problem("event_id", NAME.should_be))
        if key is not None:
            return posted_id("Idempotency-Key " + key)
        return PREFIX + os.urandom(_ID_BYTES).hex()

    def check_together(self, values: Mapping[str, Any], outcome: Any) -> None:
        """Check what only shows when fields are looked at together."""
        wrong = {problem.field for problem in self.problems}
        method = values.get("method", "tools/call")
        if method in CALL_METHODS and "target" not in values:
            self._miss("target", wrong)
        if "duration_ms" not in values and outcome not in _WITHOUT_TIME:
            self._miss("duration_ms", wrong)
        if values.get("wait_ms", 0.0) > values.get("duration_ms", 0.0):
            self.problems.append(Problem("wait_ms", "at most the whole duration"))
        if outcome == "input_required" and values.get("is_final") is not False:
            self.problems.append(Problem("is_final", "false: this outcome is no call's last"))

    def _miss(self, column: str, wrong: set[str]) -> None:
        name = self.name_of(column)
        if name not in wrong:
            self.problems.append(Problem(name, FIELDS[column].should_be, is_missing=True))

    def left_out(self) -> tuple[str, ...]:
        """Name the fields that were not used."""
        names = [clean_name(name) for name in self._sent if name not in self._used]
        return tuple(name for name in names if name)[:_MAX_NAMED]


def _complete(event: Event) -> None:
    """Fill in what follows from what was said."""
    event.method = event.method or "tools/call"
    if event.session_id is not None:
        event.session_basis = "handle"
    if event.server_name is not None:
        event.server_basis = "option"
    if event.method in CALL_METHODS:
        is_first = event.call_id is None
        event.call_id = event.event_id if is_first else posted_id(f"event_id {event.call_id}")
        event.round = event.round or 1
        event.is_final = event.is_final is not False
    if event.retry_of is not None:
        event.retry_of = posted_id(f"event_id {event.retry_of}")
    if event.duration_ms is not None:
        event.work_ms = event.duration_ms - (event.wait_ms or 0.0)
