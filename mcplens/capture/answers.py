"""What a result says of itself, without its contents: kinds of content, and whether it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LIST_OF: Final = {"tools/call": "content", "prompts/get": "messages", "resources/read": "contents"}
_KINDS: Final = frozenset({"text", "image", "audio", "resource", "resource_link", "tool_use"})
_MAX_ITEMS: Final = 10_000

URL_ELICITATION_REQUIRED: Final = -32042


def items_of(method: str, result: Mapping[str, Any]) -> Any:
    """Give the list that a call's result has its content in; None when there is none."""
    return result.get(_LIST_OF.get(method, ""))


def is_malformed(method: str, result: Any) -> bool:
    """Tell whether a result is not what MCP says: no object, or a call without its list."""
    if not isinstance(result, dict):
        return True
    if not is_complete(result):
        return False
    name = _LIST_OF.get(method)
    return name is not None and not isinstance(result.get(name), list)


def is_complete(result: Mapping[str, Any]) -> bool:
    """Tell whether a result is the answer itself, not a question or a handle to ask for later."""
    return result.get("resultType", "complete") == "complete" and handle_of(result) is None


def asks_for_input(result: Mapping[str, Any]) -> bool:
    """Tell whether a result only asks the client for input, so that another round follows."""
    return result.get("resultType") == "input_required"


def asks_for_visit(error: Any) -> bool:
    """Tell whether an error only asks for a visit to a web page first, as in 2025-11-25."""
    if not isinstance(error, dict) or error.get("code") != URL_ELICITATION_REQUIRED:
        return False
    data = error.get("data")
    return isinstance(data, dict) and bool(data.get("elicitations"))


def handle_of(result: Any) -> Mapping[str, Any] | None:
    """Find the task in a result that is only a handle to ask for later; None when it is more.

    From 2026-07-28 the result is the task itself and says so; in 2025-11-25 it holds one.
    """
    if not isinstance(result, dict) or not ("task" in result or "taskId" in result):
        return None
    task = result if result.get("resultType") == "task" else result.get("task")
    is_task = isinstance(task, dict) and isinstance(task.get("taskId"), str)
    return task if is_task and "content" not in result else None


def content_kinds(method: str, result: Mapping[str, Any]) -> list[str] | None:
    """Name the kinds of content in a call's result, each once; None when it has no list."""
    items = result.get(_LIST_OF.get(method, ""))
    if not isinstance(items, list):
        return None
    kinds: dict[str, None] = {}
    for item in items[:_MAX_ITEMS]:
        content = item.get("content") if method == "prompts/get" and _is_object(item) else item
        kinds[_kind_of(method, content)] = None
    return list(kinds)


def _kind_of(method: str, content: Any) -> str:
    if not isinstance(content, dict):
        return "other"
    if method == "resources/read":
        return "blob" if "blob" in content else "text" if "text" in content else "other"
    # Any other word would be the server's own, and could be anything.
    kind = content.get("type")
    return kind if isinstance(kind, str) and kind in _KINDS else "other"


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
