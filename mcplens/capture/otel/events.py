"""The columns of an event, as far as the spans of its call know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcplens.capture.answers import content_kinds
from mcplens.capture.imports.configured import Told
from mcplens.capture.imports.times import naive_utc
from mcplens.capture.names import clean_name
from mcplens.capture.otel.endings import ending_of
from mcplens.capture.wire import NotJsonError, parse_json
from mcplens.events import CALL_METHODS

if TYPE_CHECKING:
    from mcplens.capture.otel.calls import SpannedCall
    from mcplens.capture.otel.spans import Span
    from mcplens.capture.privacy import Privacy

_TRANSPORTS: Final = {"pipe": "stdio", "stdio": "stdio", "tcp": "http", "quic": "http"}
_FIRST_MODERN: Final = "2026"
_MAX_ID: Final = 18
_MAX_NS: Final = 253_402_300_800 * 10**9  # The year 10000, which no datetime tells.


def columns_of(call: SpannedCall, privacy: Privacy) -> dict[str, Any]:
    """Give an event's columns; its session still by the name that the spans give it."""
    ending = ending_of(call)
    timed = call.timed
    duration_ms = max(0, timed.ended_ns - timed.started_ns) / 1e6
    arguments = _json(call.text("gen_ai.tool.call.arguments"))
    kept = privacy.arguments(arguments, declared=None) if arguments is not None else (None,) * 3
    result = _json(call.text("gen_ai.tool.call.result"))
    kept_result = None if result is None else privacy.result(result)
    session, basis = _session(call)
    server = server_of(call)
    is_read = call.method == "resources/read"
    return {
        "method": call.method,
        "target": privacy.address(call.target) if is_read else call.target,
        "server_name": server,
        "server_basis": None if server is None else "log",
        "client_name": None if call.wire is None else call.of_client[0].service,
        "agent_id": clean_name(call.text("gen_ai.agent.name", "gen_ai.agent.id")),
        "session_id": session,
        "session_basis": basis,
        "transport": _TRANSPORTS.get(call.text("network.transport") or ""),
        "protocol_version": call.protocol_version,
        "request_id": _request_id(call.text("jsonrpc.request.id")),
        "trace_id": timed.trace_id,
        "span_id": call.carried_id,
        "started_at": naive_utc(timed.started_ns) if 0 < timed.started_ns < _MAX_NS else None,
        "duration_ms": duration_ms,
        "work_ms": duration_ms,
        "arguments": kept[0],
        "arguments_hash": kept[1],
        "arguments_shape": kept[2],
        "result": None if kept_result is None else kept_result.text,
        "result_hash": None if kept_result is None else kept_result.digest,
        "content_kinds": (content_kinds(call.method, result) if isinstance(result, dict) else None),
        "upstream": call.upstream,
        "told": Told(result if isinstance(result, dict) else {}, ending.failure.text),
        "outcome": ending.outcome,
        "outcome_basis": ending.basis,
        "error_class": ending.failure.error_class,
        "error_rule": ending.failure.rule,
        "error_code": ending.failure.code,
        "error_message": privacy.error_text(ending.failure.text),
        "is_final": call.is_last if call.method in CALL_METHODS else None,
        "round": call.round if call.method in CALL_METHODS else None,
    }


def connection_key(call: SpannedCall) -> tuple[object, ...]:
    """Tell the connection of a call from others, as far as spans can."""
    return ("span", server_of(call), _place(call.wire), _place(call.answering), _said_session(call))


def server_of(call: SpannedCall) -> str | None:
    """Name the server: by its own span, else by the address that the client knows."""
    for span in call.of_server:
        name = clean_name(span.text("fastmcp.server.name", "mcp.server.name")) or span.service
        if name is not None:
            return name
    return clean_name(call.text("mcp.server.name", "server.address"))


def _place(span: Span | None) -> str | None:
    return None if span is None else f"{span.service} {span.clock}"


def _said_session(call: SpannedCall) -> str | None:
    """Give the session that the spans tell of, unless it cannot be one.

    From 2026-07-28 there are none: fastmcp makes one up for every request.
    """
    version = call.protocol_version
    is_modern = version is not None and version >= _FIRST_MODERN
    return None if is_modern else call.text("mcp.session.id")


def _session(call: SpannedCall) -> tuple[str | None, str]:
    conversation = call.text("gen_ai.conversation.id", "session.id")
    if conversation is not None:
        return conversation, "handle"
    said = _said_session(call)
    if said is not None:
        return said, "protocol"
    return None, "connection"


def _request_id(said: str | None) -> str | None:
    if said is None:
        return None
    # Spans write ids as text; the SDKs count with numbers.
    if said.isascii() and said.isdecimal() and len(said) <= _MAX_ID:
        return said
    from mcplens.capture.requests import id_text  # rarely needed

    return id_text(said)


def _json(said: str | None) -> Any:
    if said is None:
        return None
    try:
        return parse_json(said.encode("utf-8", "replace"))
    except NotJsonError:
        return said
