"""OTLP files: spans of MCP conventions, as JSON or as protobuf.

JSON is read line by line, as the collector's file exporter writes it, or as one
ExportTraceServiceRequest; ids in hex, as OTLP says, or in base64, as protobuf's own JSON has them.
Protobuf is read as one message, or as the file exporter's messages with their lengths before them;
it needs the extra `otel`. Tried on files of mcp 2.3 and fastmcp 4.1, made by OpenTelemetry's own
encoder; the collector's files were only read about.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.imports.format import Format
from mcplens.capture.otel.spans import METHOD, Kind, Span, Status
from mcplens.capture.wire import NotJsonError
from mcplens.errors import UsageError

if TYPE_CHECKING:
    from mcplens.capture.imports.intake import Intake
    from mcplens.capture.imports.source import Head, Source

_KINDS: Final[dict[Any, Kind]] = {
    2: "server", "SPAN_KIND_SERVER": "server", 3: "client", "SPAN_KIND_CLIENT": "client",
}  # fmt: skip
_STATUSES: Final[dict[Any, Status]] = {
    1: "ok", "STATUS_CODE_OK": "ok", 2: "error", "STATUS_CODE_ERROR": "error",
}  # fmt: skip
_FIRST_FIELD: Final = 0x0A
_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_LENGTH: Final = struct.Struct(">I")
_MAX_VALUE: Final = 1_000_000
_MAX_DEPTH: Final = 8
_MAX_TIME: Final = 1 << 63


def json_confidence(head: Head) -> float:
    """Say whether lines are objects with spans."""
    return 1.0 if any(_resources(value) is not None for value in head.values) else 0.0


def proto_confidence(head: Head) -> float:
    """Say whether bytes are a message of spans that names an attribute of MCP."""
    starts = head.data[:1] == b"\n" or head.data[4:5] == b"\n"
    return 0.9 if starts and not head.values and METHOD.encode() in head.data else 0.0


def read_json(source: Source, intake: Intake) -> None:
    """Give all spans of a JSON file to the intake."""
    for number, value in source.values():
        if isinstance(value, NotJsonError):
            intake.bad(number, str(value))
        elif _resources(value) is not None:
            take_request(value, intake, place=number)
        elif isinstance(value, dict):
            intake.other()  # Metrics and logs come in the same files.
        else:
            intake.bad(number, "no OTLP object")


def read_proto(source: Source, intake: Intake) -> None:
    """Give all spans of a protobuf file to the intake.

    Raises:
        UsageError: what reads protobuf is not installed, or the file is too large.
    """
    try:
        from google.protobuf.json_format import MessageToDict
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest,
        )
    except ImportError as error:
        raise UsageError(
            f"{source.path} is protobuf, which needs more: pip install 'mcplens[otel]'"
        ) from error
    for number, data in enumerate(_messages(source.read()), start=1):
        request = ExportTraceServiceRequest()
        try:
            request.ParseFromString(data)
            value = MessageToDict(request)
        except (DecodeError, ValueError, RecursionError):
            intake.bad(f"message {number}", "no OTLP request")
            continue
        take_request(value, intake, place=f"message {number}")


def take_request(value: Mapping[str, Any], intake: Intake, *, place: object) -> None:
    """Give all spans of one request to the intake."""
    for resource_spans in _objects(_resources(value)):
        resource = _attributes(_object(resource_spans.get("resource")).get("attributes"))
        scopes = _either(resource_spans, "scopeSpans", "scope_spans", "instrumentationLibrarySpans")
        for scope_spans in _objects(scopes):
            scope = _either(scope_spans, "scope", "instrumentationLibrary")
            name = _object(scope).get("name")
            for raw in _objects(scope_spans.get("spans")):
                span = _span(raw, resource=resource, scope=name if isinstance(name, str) else "")
                if span is None:
                    intake.bad(place, "a span without ids or times")
                else:
                    intake.span(span)


def _span(raw: Mapping[str, Any], *, resource: Mapping[str, Any], scope: str) -> Span | None:
    trace_id = _id(_either(raw, "traceId", "trace_id"), _TRACE_BYTES)
    span_id = _id(_either(raw, "spanId", "span_id"), _SPAN_BYTES)
    started = _time(_either(raw, "startTimeUnixNano", "start_time_unix_nano"))
    ended = _time(_either(raw, "endTimeUnixNano", "end_time_unix_nano"))
    if trace_id is None or span_id is None or started is None or ended is None:
        return None
    status = _object(raw.get("status"))
    exception = _exception(raw.get("events"))
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_id(_either(raw, "parentSpanId", "parent_span_id"), _SPAN_BYTES),
        name=_text(raw.get("name")) or "",
        kind=_looked_up(_KINDS, raw.get("kind"), "other"),
        started_ns=started,
        ended_ns=ended,
        status=_looked_up(_STATUSES, status.get("code"), "unset"),
        status_text=_text(status.get("message")),
        scope=scope,
        attributes=_attributes(raw.get("attributes")),
        resource=resource,
        exception=_text(exception.get("exception.type")),
        exception_text=_text(exception.get("exception.message")),
    )


def _exception(events: Any) -> Mapping[str, Any]:
    last: Mapping[str, Any] = {}
    for event in _objects(events):
        if event.get("name") == "exception":
            last = _attributes(event.get("attributes"))
    return last


def _attributes(raw: Any) -> dict[str, Any]:
    found = {}
    for item in _objects(raw):
        key = item.get("key")
        if isinstance(key, str):
            found[key] = _value(item.get("value"))
    return found


def _value(raw: Any, depth: int = 0) -> Any:
    value = _object(raw)
    for name in ("stringValue", "string_value"):
        if name in value:
            return _text(value[name])
    for name in ("intValue", "int_value"):
        if name in value:
            said = str(value[name])
            is_number = said.lstrip("-").isdecimal() and said.isascii() and len(said) < 20  # noqa: PLR2004
            return int(said) if is_number else None
    for name in ("boolValue", "bool_value", "doubleValue", "double_value"):
        if name in value:
            return value[name]
    items = _either(_object(_either(value, "arrayValue", "array_value")), "values")
    if isinstance(items, list) and depth < _MAX_DEPTH:
        return [_value(item, depth + 1) for item in items[:1000]]
    return None


def _messages(data: bytes) -> Iterator[bytes]:
    """Cut a file into messages where lengths stand before them; else it is one."""
    if data[:1] == b"\n" and not _is_framed(data):
        yield data
        return
    place = 0
    while place + _LENGTH.size <= len(data):
        [length] = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size
        yield data[place : place + length]
        place += length
    if place < len(data):
        yield data[place:]


def _is_framed(data: bytes) -> bool:
    if len(data) <= _LENGTH.size or data[_LENGTH.size] != _FIRST_FIELD:
        return False
    length: int = _LENGTH.unpack_from(data)[0]
    return _LENGTH.size + length <= len(data)


def _resources(value: Any) -> Any:
    found = _either(_object(value), "resourceSpans", "resource_spans")
    return found if isinstance(found, list) else None


def _id(value: Any, size: int) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    if len(value) == 2 * size:
        try:
            data = bytes.fromhex(value)
        except ValueError:
            return None
    else:
        try:
            data = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return None
    return data.hex() if len(data) == size and any(data) else None


def _time(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:  # noqa: PLR2004
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 < value < _MAX_TIME else None


def _looked_up(table: Mapping[Any, Any], value: Any, default: Any) -> Any:
    return table.get(value, default) if isinstance(value, str | int) else default


def _either(value: Mapping[str, Any], *names: str) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value[:_MAX_VALUE] if isinstance(value, str) and value else None


_GIVES: Final = (
    "tool, server, time, duration, upstream, errors; success only where a span says so, which "
    "those of today's SDKs do not since MCP 2026-07-28"
)
OTLP_JSON: Final = Format(
    name="otlp-json",
    title="OTLP JSON",
    gives=_GIVES,
    checked="files of mcp 2.3 and fastmcp 4.1; the collector's were read about",
    confidence=json_confidence,
    read=read_json,
)
OTLP_PROTO: Final = Format(
    name="otlp-proto",
    title="OTLP protobuf",
    gives="the same; needs the extra `otel`",
    checked="the same",
    confidence=proto_confidence,
    read=read_proto,
)
