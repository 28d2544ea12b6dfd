"""What a call gives back: plain objects for the SDK's, and words for its exceptions.

The SDK reports one failing call in five shapes; here there are two. What the server answered is a
result, also when the answer is an error. When no usable answer came, that is an exception.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

_CONNECTION_CLOSED: Final = -32000
_TIMED_OUT: Final = -32001


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool as the server lists it."""

    name: str
    description: str | None
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    annotations: dict[str, Any]
    """What the server promises, such as `readOnlyHint`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What a server answered to one call."""

    text: str
    """The text of the answer; of an error, its message."""
    structured: Any = None
    """The structured content, where there is some."""
    is_error: bool = False
    """Whether the tool failed or the server refused the call."""
    code: int | None = None
    """The JSON-RPC error code, where the server refused the call."""
    content: list[dict[str, Any]] = field(default_factory=list)
    """Every part of the answer, as on the wire."""


def tool_from_mcp(tool: Any) -> Tool:
    """Copy a tool out of the SDK's object."""
    annotations = tool.annotations
    return Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=annotations.model_dump(by_alias=True, exclude_none=True) if annotations else {},
    )


def result_from_mcp(result: Any) -> CallResult:
    """Copy an answer out of the SDK's object."""
    content = [
        part.model_dump(by_alias=True, mode="json", exclude_none=True) for part in result.content
    ]
    return CallResult(
        text="\n".join(part["text"] for part in content if part["type"] == "text"),
        structured=result.structured_content,
        is_error=bool(result.is_error),
        content=content,
    )


def refusal(error: Exception) -> CallResult | None:
    """The server's own error, if this is one and not the client's word for a missing answer."""
    code = getattr(error, "code", None)
    if not isinstance(code, int) or is_closed(error) or _is_timeout(error):
        return None
    return CallResult(text=str(error), is_error=True, code=code)


def why_no_answer(error: Exception, timeout: str) -> str:
    """Say in one line why a call has no usable answer."""
    if is_closed(error):
        return "no answer, as the server ended the connection"
    if _is_timeout(error):
        return f"no answer within {timeout}"
    if type(error).__name__ == "ValidationError":
        return f"the answer is no MCP result: {_first_problem(error)}"
    return first_line(error)


def root_cause(error: BaseException) -> BaseException:
    """The first error inside the groups that task groups wrap errors in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def first_line(error: BaseException) -> str:
    """The first line of what an error says."""
    return str(error).partition("\n")[0] or type(error).__name__


def is_closed(error: BaseException) -> bool:
    """Whether this is the client's word for a connection that ended."""
    # Servers may use the SDK's own codes; only its sentence tells them apart.
    return getattr(error, "code", None) == _CONNECTION_CLOSED and str(error) == "Connection closed"


def _is_timeout(error: BaseException) -> bool:
    return getattr(error, "code", None) == _TIMED_OUT and str(error).endswith("timed out")


def _first_problem(error: Any) -> str:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])
