"""From an answer to the second half of an event: how the request ended, and what came back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.answers import (
    asks_for_input,
    asks_for_visit,
    content_kinds,
    is_complete,
    is_malformed,
    items_of,
)
from mcplens.capture.error_rules import NO_ERROR_RULES, Answer, ErrorRules
from mcplens.capture.failures import (
    Failure,
    failure_of_error,
    failure_of_result,
    failure_of_status,
    first_text,
)
from mcplens.events import CALL_METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcplens.capture.output_schema import OutputSchema
    from mcplens.capture.privacy import Privacy
    from mcplens.events import Event, Outcome

_SAYS_TIMEOUT: Final = re.compile(r"timed?[ _-]?out|deadline|-32001", re.IGNORECASE)
_MAX_REASON: Final = 1000


class Ending:
    """How a request ended, and how that is known."""

    __slots__ = ("basis", "is_timed", "outcome")

    def __init__(self, outcome: Outcome, basis: str, *, is_timed: bool = True) -> None:
        self.outcome: Outcome = outcome
        self.basis = basis
        self.is_timed = is_timed
        """Whether the time until then says something about the request."""


_ERA_PROBE: Final = Ending("protocol_error", "era_probe")
_ERROR: Final = Ending("protocol_error", "answer")
_REFUSED: Final = Ending("protocol_error", "http_status")
_OK: Final = Ending("ok", "answer")
_TOOL_ERROR: Final = Ending("tool_error", "answer")
_INPUT_REQUIRED: Final = Ending("input_required", "answer")
_TIMEOUT: Final = Ending("timeout", "cancel_reason")
_CANCELLED: Final = Ending("cancelled", "cancel")
ABANDONED: Final = Ending("cancelled", "abandoned_round")


def ending_by_error(
    event: Event, error: Any, *, privacy: Privacy, rules: ErrorRules = NO_ERROR_RULES
) -> Ending:
    """Write into an event that the peer answered with a JSON-RPC error."""
    version = event.protocol_version
    failure = failure_of_error(event.method or "", error, protocol_version=version)
    if event.method == "server/discover":
        # A server of the old era does not know it; the client goes on with a handshake.
        _note_failure(event, failure._replace(error_class=None, rule=None), privacy)
        return _ERA_PROBE
    content = error if isinstance(error, dict) else {}
    _note_failure(event, _by_rule(rules, event, content, failure) or failure, privacy)
    if event.call_id is not None and asks_for_visit(error):
        return _INPUT_REQUIRED
    return _ERROR


def ending_by_result(
    event: Event,
    result: Any,
    *,
    privacy: Privacy,
    rules: ErrorRules = NO_ERROR_RULES,
    output_schema: OutputSchema | None = None,
) -> Ending:
    """Write into an event that a result came."""
    method = event.method or ""
    kept = privacy.result(result)
    event.result, event.result_hash = kept.text, kept.digest
    malformed = is_malformed(method, result)
    if malformed:
        _note_failure(event, Failure("malformed_result", "result_shape"), privacy)
    if not isinstance(result, dict):
        return _OK
    event.content_kinds = content_kinds(method, result)
    if method == "tools/call":
        event.is_structured = "structuredContent" in result
        if result.get("isError") is True:
            if not malformed:
                failure = failure_of_result(result, target=event.target)
                failure = _by_rule(rules, event, result, failure) or failure
                _note_failure(event, failure, privacy)
            return _TOOL_ERROR
    if asks_for_input(result):
        return _INPUT_REQUIRED
    if method in CALL_METHODS and not malformed:
        _doubt(event, result, privacy=privacy, rules=rules, output_schema=output_schema)
    return _OK


def ending_by_cancel(reason: Any) -> Ending:
    """Tell a caller that gave up waiting from one that no longer wanted an answer."""
    if isinstance(reason, str) and _SAYS_TIMEOUT.search(reason[:_MAX_REASON]):
        return _TIMEOUT
    return _CANCELLED


def ending_by_close(reason: str) -> Ending:
    """Tell a client that left without an answer from a connection that was cut off."""
    if reason == "client_closed":
        return Ending("unanswered", reason, is_timed=False)
    return Ending("disconnected", reason)


def ending_by_disconnect(reason: str) -> Ending:
    """Tell a client that closed its HTTP exchange, which is a cancel, from a server that did.

    An observer in the server may only see that a handler was interrupted, and whether that was
    when the caller's time was up.
    """
    if reason == "client_closed":
        return Ending("cancelled", "disconnect")
    if reason == "interrupted":
        return Ending("cancelled", reason)
    if reason == "deadline":
        return Ending("timeout", reason)
    if reason in ("messages_lost", "contents_unread"):
        return unanswered(reason)
    return Ending("disconnected", reason)


def ending_by_status(event: Event, status: int) -> Ending:
    """Write into an event that only the status of an HTTP response answered it."""
    event.http_status = status
    event.error_origin = "transport"
    if event.method == "server/discover":
        return _ERA_PROBE
    failure = failure_of_status(status)
    event.error_class, event.error_rule = failure.error_class, failure.rule
    return _REFUSED


def unanswered(basis: str) -> Ending:
    """Say that no answer was seen, for a reason that lies with the observer or the caller."""
    return Ending("unanswered", basis, is_timed=False)


def _doubt(
    event: Event,
    result: Mapping[str, Any],
    *,
    privacy: Privacy,
    rules: ErrorRules,
    output_schema: OutputSchema | None,
) -> None:
    """Look for what is wrong with a result that claims success."""
    failure = None
    if output_schema is not None and is_complete(result):
        failure = _schema_failure(event, result, output_schema)
    if rules.has_soft:
        text = first_text(items_of(event.method or "", result))
        failure = _by_rule(rules, event, result, Failure(text=text), is_soft=True) or failure
    if failure is not None:
        _note_failure(event, failure, privacy)


def _schema_failure(
    event: Event, result: Mapping[str, Any], output_schema: OutputSchema
) -> Failure | None:
    if "structuredContent" not in result:
        event.is_schema_valid = False
        return Failure("schema_violation", "output_schema_without_content")
    fits = output_schema.fits(result["structuredContent"], size=event.response_bytes)
    event.is_schema_valid = fits
    return Failure("schema_violation", "output_schema") if fits is False else None


def _by_rule(
    rules: ErrorRules,
    event: Event,
    content: Mapping[str, Any],
    failure: Failure,
    *,
    is_soft: bool = False,
) -> Failure | None:
    """Class a failure by the user's rules; None when none of them fits."""
    answer = Answer(
        server=event.server_name,
        target=event.target,
        content=content,
        text=failure.text,
        code=failure.code,
        is_soft=is_soft,
    )
    decided = rules.decide(answer)
    if decided is None:
        return None
    error_class, rule = decided
    return failure._replace(error_class=error_class, rule=rule)


def _note_failure(event: Event, failure: Failure, privacy: Privacy) -> None:
    event.error_class = failure.error_class
    event.error_rule = failure.rule
    event.error_code = failure.code
    event.error_message = privacy.error_text(failure.text)
    event.error_origin = "server" if event.direction == "to_server" else "client"
