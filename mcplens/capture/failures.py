"""Why a call failed: from an error, or from a result that reports one, to an error class.

Servers write one failure in three ways: as a JSON-RPC error, as a result with isError and the
error's code in its text, and as a result with isError and free text. Each rule here reads one of
them, and its name stands in `error_rule`. Where no rule fits, nothing is guessed: a JSON-RPC error
stays without a class, a result with isError is a `tool_failure`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcplens.events import CALL_METHODS

if TYPE_CHECKING:
    from mcplens.events import ErrorClass

_MAX_TEXT: Final = 2000

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HANDLER_CRASHED: Final = 0
"""What mcp's Python SDK answers with until 2025-11-25, with the words of what was raised."""
RESOURCE_NOT_FOUND: Final = -32002  # Until 2025-11-25; from then on -32602.
HEADER_MISMATCH: Final = -32020
MISSING_CLIENT_CAPABILITY: Final = -32021
UNSUPPORTED_PROTOCOL_VERSION: Final = -32022

REDIRECT: Final = 300  # Of HTTP.
SERVER_ERROR: Final = 500

_FREE_CODES: Final = range(-32019, -31999)
_FREE_SINCE: Final = "2026-07-28"

_CODE_IN_TEXT: Final = re.compile(r"MCP error (-32\d{3})\b:?\s*")
_UNKNOWN_TOOL: Final = re.compile(
    r"(unknown|no such) tool\b|\btool\b.{0,200}\b(not found|does not exist|is not registered)\b",
    re.IGNORECASE | re.DOTALL,
)
# What the TypeScript SDK answers when a request itself is not what MCP says: its checker's report.
_REQUEST_SCHEMA: Final = re.compile(r'\[\s*\{.{0,300}"path":\s*\[\s*"params"', re.DOTALL)
# What a tool meets that asks back where nobody can be asked: on a connection of the stateless era,
# or of a client that cannot. The caller did nothing wrong.
_CANNOT_ASK_BACK: Final = re.compile(
    r"\bno back-?channel\b|\bserver-initiated\b"
    r"|\b(elicitation|sampling|roots)\b.{0,40}\bnot (supported|available|enabled)\b"
    r"|\bnot support\b.{0,40}\b(elicitation|sampling|roots)\b",
    re.IGNORECASE,
)
_OUTPUT_VALIDATION: Final = re.compile(r"\bOutput validation error\b|^Invalid structured content\b")
_INPUT_VALIDATION: Final = re.compile(
    r"\bInput validation error\b|\bInvalid arguments for tool\b"
    # How pydantic names the arguments' model in mcp (addArguments) and fastmcp (call[add]).
    r"|\b\d+ validation errors? for (\w+Arguments|call\[.{0,200}?\])"
)
_STATUS_IN_TEXT: Final = re.compile(
    r"\b(?:HTTP(?:/\d(?:\.\d)?)?(?: error)?|status(?: code)?|HTTPStatusError)\b['\"]?[ :=]{1,3}"
    r"['\"]?(\d{3})\b"
    r"|\b(\d{3}) (?:Unauthorized|Forbidden|Too Many Requests|Bad Gateway|Service Unavailable"
    r"|Gateway Time-?out)\b",
    re.IGNORECASE,
)
_STATUS_KEYS: Final = ("status", "statusCode", "status_code", "httpStatus", "code")

_CLASS_OF_STATUS: Final[dict[int, ErrorClass]] = {
    401: "auth",
    403: "auth",
    407: "auth",
    429: "rate_limited",
    502: "upstream",
    503: "upstream",
    504: "upstream",
}
_CLASS_OF_CODE: Final[dict[int, ErrorClass]] = {
    PARSE_ERROR: "invalid_arguments",
    INVALID_REQUEST: "invalid_arguments",
    METHOD_NOT_FOUND: "invalid_arguments",
    INVALID_PARAMS: "invalid_arguments",
    HEADER_MISMATCH: "invalid_arguments",
    MISSING_CLIENT_CAPABILITY: "invalid_arguments",
    UNSUPPORTED_PROTOCOL_VERSION: "invalid_arguments",
    INTERNAL_ERROR: "internal",
    HANDLER_CRASHED: "internal",
}
_NO_MORE_THAN_IS_ERROR: Final[tuple[ErrorClass, str]] = ("tool_failure", "is_error")


class Failure(NamedTuple):
    """Why a request failed, and which rule says so."""

    error_class: ErrorClass | None = None
    rule: str | None = None
    code: int | None = None
    text: str | None = None
    """The error's own words; not yet redacted."""


def failure_of_error(method: str, error: Any, *, protocol_version: str | None = None) -> Failure:
    """Class a JSON-RPC error by its code, its structured data and its words, in this order.

    From 2026-07-28 on, codes from -32000 to -32019 mean what their server likes.
    """
    if not isinstance(error, dict):
        return Failure(text=error if isinstance(error, str) else None)
    code = error.get("code")
    if not isinstance(code, int) or isinstance(code, bool) or abs(code) > 2**53:
        code = None
    message = error.get("message")
    text = message[:_MAX_TEXT] if isinstance(message, str) else None
    words = _CODE_IN_TEXT.sub("", text or "", count=1)
    error_class, rule = _class_of_code(method, code, words, protocol_version=protocol_version)
    if error_class in (None, "internal"):
        # A wrapped upstream failure says more than "internal error".
        error_class, rule = _class_of_data(error.get("data")) or (error_class, rule)
    return Failure(error_class, rule, code, text)


def failure_of_status(status: int) -> Failure:
    """Class what a server, or the web before it, says by an HTTP status alone."""
    if status < REDIRECT:
        return Failure("malformed_result", "http_no_answer")
    error_class = _CLASS_OF_STATUS.get(status) or ("internal" if status == SERVER_ERROR else None)
    return Failure(error_class, None if error_class is None else f"http_{status}")


def failure_of_result(result: Mapping[str, Any], *, target: str | None) -> Failure:
    """Class a result with isError by its structured content and by the words of its text.

    A text only speaks of an unknown tool when it names the target: tools, too, find things unknown.
    """
    text = first_text(result.get("content"))
    by_data = _class_of_data(result.get("structuredContent"))
    if text is None:
        return Failure(*(by_data or _NO_MORE_THAN_IS_ERROR))
    if _OUTPUT_VALIDATION.search(text):
        return Failure("schema_violation", "text_output_validation", None, text)
    code = None
    if coded := _CODE_IN_TEXT.search(text, 0, 200):
        code = int(coded[1])
        error_class, rule = _class_of_code("tools/call", code, text[coded.end() :])
        if error_class is not None:
            return Failure(error_class, f"text_{rule}", code, text)
    if _INPUT_VALIDATION.search(text):
        return Failure("invalid_arguments", "text_input_validation", code, text)
    if target is not None and target in text and _UNKNOWN_TOOL.search(text, 0, 300):
        return Failure("unknown_tool", "text_unknown_tool", code, text)
    by_status = by_data or _class_of_text_status(text)
    return Failure(*(by_status or _NO_MORE_THAN_IS_ERROR), code, text)


def _class_of_code(
    method: str, code: int | None, text: str, *, protocol_version: str | None = None
) -> tuple[ErrorClass | None, str | None]:
    if code is None or (code in _FREE_CODES and (protocol_version or "") >= _FREE_SINCE):
        return None, None
    by_words = _class_of_code_and_words(method, code, text)
    if by_words is not None:
        error_class, words = by_words
        return error_class, f"code_{code}_{words}"
    error_class_by_code = _CLASS_OF_STATUS.get(code) or _CLASS_OF_CODE.get(code)
    return error_class_by_code, None if error_class_by_code is None else f"code_{code}"


def _class_of_code_and_words(method: str, code: int, text: str) -> tuple[ErrorClass, str] | None:
    """Class a code that says one thing or another, by the words that come with it."""
    if method == "tools/call" and code in (METHOD_NOT_FOUND, INVALID_PARAMS):
        if _OUTPUT_VALIDATION.search(text):
            return "schema_violation", "output_validation"
        if _UNKNOWN_TOOL.search(text):
            return "unknown_tool", "unknown_tool"
    if code == INVALID_REQUEST and method in CALL_METHODS and _CANNOT_ASK_BACK.search(text):
        return "tool_failure", "cannot_ask_back"
    if code == INTERNAL_ERROR and _REQUEST_SCHEMA.match(text):
        return "invalid_arguments", "request_schema"
    if code == RESOURCE_NOT_FOUND and method.startswith("resources/"):
        return "invalid_arguments", "resource_not_found"
    return None


def _class_of_data(data: Any) -> tuple[ErrorClass, str] | None:
    """Class structured error data that carries an HTTP status, itself or under `error`."""
    if not isinstance(data, dict):
        return None
    for place in (data, data.get("error")):
        if not isinstance(place, dict):
            continue
        for key in _STATUS_KEYS:
            status = place.get(key)
            if isinstance(status, int) and status in _CLASS_OF_STATUS:
                return _CLASS_OF_STATUS[status], f"data_status_{status}"
    return None


def _class_of_text_status(text: str) -> tuple[ErrorClass, str] | None:
    for match in _STATUS_IN_TEXT.finditer(text):
        status = int(match[1] or match[2])
        if status in _CLASS_OF_STATUS:
            return _CLASS_OF_STATUS[status], f"text_status_{status}"
    return None


def first_text(content: Any) -> str | None:
    """Give the first text of a list of content, as much of it as is looked at."""
    if not isinstance(content, list):
        return None
    for item in content[:20]:
        if isinstance(item, dict):
            inner = item.get("content")  # Of a prompt's message.
            text = item.get("text", inner.get("text") if isinstance(inner, dict) else None)
            if isinstance(text, str):
                return text[:_MAX_TEXT]
    return None
