"""Structured JSON logs: one object per line, or one list of them, about the calls of tools.

A line is a call when it names a tool and says how the call ended or how long it took. A line that
only says that a call began, and every other line, is counted and left out. The time of a line is
when it was written, which is when the call had ended, unless its field says that it is the start.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.answers import content_kinds
from mcplens.capture.imports import json_fields as of
from mcplens.capture.imports.configured import Told
from mcplens.capture.imports.format import Format
from mcplens.capture.imports.json_endings import ending_of, is_beginning, says_an_end
from mcplens.capture.imports.times import naive_utc
from mcplens.capture.names import clean_name
from mcplens.capture.requests import id_text
from mcplens.capture.wire import NotJsonError, encode_json, parse_json
from mcplens.events import CALL_METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcplens.capture.failures import Failure
    from mcplens.capture.imports.intake import Intake
    from mcplens.capture.imports.source import Head, Source
    from mcplens.capture.privacy import Privacy

_TRACE_ID: Final = re.compile(r"(?!0+$)[0-9a-f]{32}")
_SPAN_ID: Final = re.compile(r"(?!0+$)[0-9a-f]{16}")
_ENOUGH: Final = 0.5


def confidence(head: Head) -> float:
    """Say how many of the lines are objects that say something of a call."""
    records = [_record(line) for line in head.lines] if not head.values else list(head.values)
    objects = [record for record in records if isinstance(record, dict)]
    calls = [fields for one in objects if _is_call(fields := of.fields_of(one))]
    # Any other format knows its own better than this one, which knows words alone.
    return _ENOUGH if calls else 0.0


def read(source: Source, intake: Intake) -> None:
    """Give all calls of a log to the intake."""
    for number, value in source.values():
        record = value
        if isinstance(record, NotJsonError):
            record = None
        if not isinstance(record, dict):
            intake.bad(number, str(value) if isinstance(value, NotJsonError) else "no JSON object")
            continue
        fields = of.fields_of(record)
        if _is_call(fields):
            _take(record, fields, intake)
        else:
            intake.other()


def _is_call(fields: Mapping[str, Any]) -> bool:
    method = of.text(fields, of.METHOD)
    if method is not None and "/" in method and method not in CALL_METHODS:
        return False
    if _target(fields) is None or is_beginning(fields):
        return False
    return says_an_end(fields) or of.duration_ns(fields, unit="ns")[0] is not None


def _method(fields: Mapping[str, Any]) -> str:
    method = of.text(fields, of.METHOD)
    return method if method in CALL_METHODS else "tools/call"


def _target(fields: Mapping[str, Any]) -> str | None:
    target = clean_name(of.text(fields, of.TOOL))
    if target is None and of.text(fields, of.METHOD) == "tools/call":
        params = fields.get("params")
        target = clean_name(params.get("name") if isinstance(params, dict) else None)
        target = target or clean_name(of.text(fields, ("name", "target")))
    return target


def _take(record: Mapping[str, Any], fields: Mapping[str, Any], intake: Intake) -> None:
    server = clean_name(of.text(fields, of.SERVER))
    target = _target(fields)
    ending = ending_of(fields, target=target)
    duration, says_no_unit = of.duration_ns(fields, unit=intake.unit)
    intake.counts.without_unit += says_no_unit
    started = of.moment_ns(fields, of.STARTED)
    if started is None:
        written = of.moment_ns(fields, of.WRITTEN)
        started = None if written is None else written - (duration or 0)
    duration_ms = None if duration is None else duration / 1e6
    session, basis = _session(fields)
    privacy = intake.privacy_of(server, target)
    arguments = of.first(fields, of.ARGUMENTS)
    if isinstance(arguments, dict) and arguments.keys() <= {"name", "arguments", "_meta"}:
        arguments = arguments.get("arguments", {})
    kept = privacy.arguments(arguments, declared=None) if arguments is not None else (None,) * 3
    result = of.first(fields, of.RESULT)
    result = result if isinstance(result, dict | list) else None
    kept_result = privacy.result(result) if result is not None else None
    user = of.text(fields, of.USER)
    notes: dict[str, Any] = {
        "cost_usd": _amount(of.first(fields, of.COST)),
        "input_tokens": of.whole(fields, of.INPUT_TOKENS),
        "output_tokens": of.whole(fields, of.OUTPUT_TOKENS),
    }
    trace, span = of.text(fields, of.TRACE), of.text(fields, of.SPAN)
    intake.event(
        "json_log",
        (encode_json(record) or b"").decode("utf-8", "replace"),
        connection=("json_log", server, session),
        method=_method(fields),
        target=target,
        server_name=server,
        server_basis=None if server is None else "log",
        server_version=clean_name(of.text(fields, of.SERVER_VERSION)),
        client_name=clean_name(of.text(fields, of.CLIENT)),
        client_version=clean_name(of.text(fields, of.CLIENT_VERSION)),
        agent_id=clean_name(of.text(fields, of.AGENT)),
        # Often an address of a person; equal users stay equal.
        user_id=None if user is None else _hashed(user, intake),
        session_id=session,
        session_basis=basis,
        request_id=id_text(of.first(fields, of.REQUEST_ID)),
        trace_id=trace.lower() if trace and _TRACE_ID.fullmatch(trace.lower()) else None,
        span_id=span.lower() if span and _SPAN_ID.fullmatch(span.lower()) else None,
        http_status=of.whole(fields, of.HTTP_STATUS),
        started_at=None if started is None else naive_utc(started),
        duration_ms=duration_ms,
        work_ms=duration_ms,
        arguments=kept[0],
        arguments_hash=kept[1],
        arguments_shape=kept[2],
        request_bytes=of.whole(fields, of.REQUEST_BYTES),
        response_bytes=of.whole(fields, of.RESPONSE_BYTES),
        result=None if kept_result is None else kept_result.text,
        result_hash=None if kept_result is None else kept_result.digest,
        content_kinds=content_kinds("tools/call", result) if isinstance(result, dict) else None,
        told=Told(result if isinstance(result, dict) else {}, ending.failure.text),
        outcome=ending.outcome,
        outcome_basis=ending.basis,
        **_failure_columns(ending.failure, privacy),
        **notes,
        note_basis="log" if any(value is not None for value in notes.values()) else None,
    )


def _failure_columns(failure: Failure, privacy: Privacy) -> dict[str, Any]:
    return {
        "error_class": failure.error_class,
        "error_rule": failure.rule,
        "error_code": failure.code,
        "error_message": privacy.error_text(failure.text),
    }


def _session(fields: Mapping[str, Any]) -> tuple[str | None, str | None]:
    protocol = of.text(fields, of.PROTOCOL_SESSION)
    if protocol is not None:
        return protocol, "protocol"
    session = of.text(fields, of.SESSION)
    return session, None if session is None else "handle"


def _hashed(value: str, intake: Intake) -> str:
    return intake.recorder.privacy.hash(value.encode("utf-8", "replace"))


def _amount(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e12 else None  # noqa: PLR2004


def _record(line: bytes) -> Any:
    try:
        return parse_json(line)
    except NotJsonError:
        return None


JSON_LOGS: Final = Format(
    name="json",
    title="structured JSON log",
    gives="tool, session, agent, outcome, duration, error, time, as far as a line says them",
    checked="written after shapes seen in public code",
    confidence=confidence,
    read=read,
)
