"""How a call ended, by its spans: what an error says, and what silence leaves open.

Without an error, a span of today's SDKs may stand for an answer, for a cancel, and (since
2026-07-28) for a round that asks for input; a span of a client also for a result with isError, and
so may one of a fastmcp server. What remains is `ok` only where a status says so, or where a server
that marks isError answered a client of the old era before that client stopped waiting.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from mcplens.capture.failures import Failure, failure_of_error, failure_of_result
from mcplens.capture.otel.spans import text_of

if TYPE_CHECKING:
    from mcplens.capture.otel.calls import SpannedCall
    from mcplens.capture.otel.spans import Span
    from mcplens.events import Outcome

_SDK: Final = "mcp-python-sdk"
_TIMEOUT: Final = re.compile(r"timed?[ _-]?out|TimeoutError|deadline", re.IGNORECASE)
_CANCEL: Final = re.compile(r"Cancell?edError|\bcancell?ed\b", re.IGNORECASE)
_CLOSED: Final = re.compile(
    r"connection (was )?(closed|reset|refused|lost)|ClosedResourceError|BrokenResourceError"
    r"|ConnectionError|ConnectError",
    re.IGNORECASE,
)
_MADE_UP: Final[dict[int, tuple[Outcome, re.Pattern[str]]]] = {
    -32000: ("disconnected", _CLOSED),
    -32001: ("timeout", _TIMEOUT),
}
_CODE: Final = re.compile(r"-?\d{1,6}")
_FIRST_MODERN: Final = "2026"


class SpannedEnding(NamedTuple):
    """What spans say of how a call ended."""

    outcome: Outcome
    basis: str
    failure: Failure = Failure()


def ending_of(call: SpannedCall) -> SpannedEnding:
    """Say how a call ended: by its caller's exception, by an error, by a status, by the order."""
    if not call.is_last:
        return SpannedEnding("unknown", "span_unset")  # Its caller sent the call once more.
    for span in call.of_client:
        gave_up = _gave_up(span, is_told=any(_code(one) is not None for one in call.of_server))
        if gave_up is not None:
            return gave_up
    for span in (*call.of_server, *call.of_client):
        if span.status == "error" or "error.type" in span.attributes:
            return _failed(call, span)
    if any(span.status == "ok" for span in (*call.of_server, *call.of_client)):
        return SpannedEnding("ok", "span_status")
    return _by_order(call)


def _gave_up(span: Span, *, is_told: bool) -> SpannedEnding | None:
    """Read an exception that the caller met while it waited.

    The SDKs make up errors with a code for a lost connection and for a timeout; a server may send
    the same codes, and then tells of them itself or in other words.
    """
    said = " ".join(filter(None, (span.exception, span.exception_text, span.status_text)))
    if span.status != "error" or not said:
        return None
    code = _code(span)
    if code is not None:
        made_up = None if is_told else _MADE_UP.get(code)
        is_so = made_up is not None and made_up[1].search(said)
        return SpannedEnding(made_up[0], "span_status") if made_up and is_so else None
    if _TIMEOUT.search(said):
        # A server's own words may speak of a timeout: only the caller's exception is one.
        is_own = span.exception is not None or "TimeoutError" in said
        return SpannedEnding("timeout", "span_exception") if is_own else None
    if span.exception is not None and _CANCEL.search(span.exception):
        return SpannedEnding("cancelled", "span_exception")
    if _CLOSED.search(said) and text_of(span.attributes, "error.type") != "tool_error":
        return SpannedEnding("disconnected", "span_exception")
    return None


def _failed(call: SpannedCall, span: Span) -> SpannedEnding:
    code = next((code for one in call.spans if (code := _code(one)) is not None), None)
    texts = [one.status_text or one.exception_text for one in call.spans]
    text = next(filter(None, texts), None)
    if code is not None:
        failure = failure_of_error(call.method, {"code": code, "message": text})
        return SpannedEnding("protocol_error", "span_status", failure)
    says_tool = text_of(span.attributes, "error.type") == "tool_error"
    if call.method != "tools/call" or (span.scope == _SDK and not says_tool):
        failure = failure_of_error(call.method, {"message": text})
        return SpannedEnding("protocol_error", "span_status", failure)
    if text is None:  # It may be the tool's failure, or that there is no such tool.
        return SpannedEnding("tool_error", "span_status")
    content = [{"type": "text", "text": text}]
    return SpannedEnding(
        "tool_error", "span_status", failure_of_result({"content": content}, target=call.target)
    )


def _by_order(call: SpannedCall) -> SpannedEnding:
    client, server = call.wire, call.answering
    unknown = SpannedEnding("unknown", "span_unset")
    if client is None or server is None or client.scope != _SDK:
        return unknown
    if client.clock is None or client.clock != server.clock:
        return unknown
    if server.ended_ns > client.ended_ns:
        return SpannedEnding("cancelled", "span_order")
    version = call.protocol_version
    is_old = version is not None and version < _FIRST_MODERN
    return SpannedEnding("ok", "span_order") if is_old and server.scope == _SDK else unknown


def _code(span: Span) -> int | None:
    for name in ("rpc.response.status_code", "error.type", "rpc.jsonrpc.error_code"):
        said = text_of(span.attributes, name)
        if said is not None and _CODE.fullmatch(said):
            return int(said)
    return None
