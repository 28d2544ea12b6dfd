"""What a server's middleware is given, as the JSON-RPC messages that crossed the wire.

The SDK's objects are asked for the little that is public: the method, the raw params, the id. What
a handler raised becomes the error that the SDK writes for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
FIRST_STATELESS: Final = "2026-07-28"
"""The version from which on there is no handshake; versions are dates and sort as text."""

_CODE_OF_CRASH: Final = 0
"""What the SDK answers with, before 2026-07-28, where a handler crashed."""


def request_message(ctx: Any) -> dict[str, Any]:
    """Write the request or notification that a middleware was called for."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": ctx.method}
    if ctx.request_id is not None:
        message["id"] = ctx.request_id
    if ctx.params is not None:
        message["params"] = dict(ctx.params)
    return message


def question_message(number: int, request: Any) -> dict[str, Any]:
    """Write what a server asks its client, under a number of our own: the SDK's is not told."""
    plain = request.model_dump(by_alias=True, mode="json", exclude_none=True)
    return {"jsonrpc": "2.0", "id": number, **plain}


def is_stateless(version: str | None) -> bool:
    """Tell whether a version of MCP is one without handshake and sessions."""
    return version is not None and version >= FIRST_STATELESS


def result_message(request_id: Any, result: Any) -> dict[str, Any]:
    """Write the answer with what a handler, or a middleware further in, returned."""
    if result is None:
        plain: Any = {}
    elif isinstance(result, Mapping):
        plain = dict(result)
    else:
        plain = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return {"jsonrpc": "2.0", "id": request_id, "result": plain}


def error_message(request_id: Any, error: BaseException, version: str | None) -> dict[str, Any]:
    """Write the error that the SDK answers with when a handler raised."""
    return {"jsonrpc": "2.0", "id": request_id, "error": _error(error, version)}


def wire_size(message: Mapping[str, Any]) -> int | None:
    """Measure a message as it is on the wire; None when it cannot be written."""
    try:
        return len(msgspec.json.encode(message))
    except (ValueError, TypeError, RecursionError):
        return None


def weight_of_params(params: Any) -> int:
    """Tell about how many bytes a request's texts have: it is done on the call's path."""
    arguments = params.get("arguments") if type(params) is dict else None
    if type(arguments) is not dict:
        return 0
    weight = 0
    for value in arguments.values():
        if type(value) is str:
            weight += len(value)
    return weight


def weight_of_result(result: Any) -> int:
    """Tell about how many bytes a result's contents have: it is done on the call's path."""
    if type(result) is not dict:
        return 0
    items = result.get("content") or result.get("contents")
    if type(items) is not list:
        return 0
    weight = 0
    for item in items:
        if type(item) is dict:
            value = item.get("text") or item.get("data") or item.get("blob")
            if type(value) is str:
                weight += len(value)
    return weight


def without_progress_token(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what asks for progress, which a middleware does not see.

    With it, the request would be said to have made none.
    """
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    if not isinstance(params, dict) or not isinstance(meta, dict) or "progressToken" not in meta:
        return message
    kept = {key: value for key, value in meta.items() if key != "progressToken"}
    return {**message, "params": {**params, "_meta": kept}}


def _error(error: BaseException, version: str | None) -> dict[str, Any]:
    told: Any = getattr(error, "error", None)
    if isinstance(getattr(told, "code", None), int):
        written = {"code": told.code, "message": getattr(told, "message", None)}
        data = getattr(told, "data", None)
        return written if data is None else {**written, "data": data}
    if any(c.__name__ == "ValidationError" for c in type(error).__mro__):
        return {"code": INVALID_PARAMS, "message": "Invalid request parameters", "data": ""}
    if is_stateless(version):
        return {"code": INTERNAL_ERROR, "message": "Internal server error"}
    return {"code": _CODE_OF_CRASH, "message": str(error)}
