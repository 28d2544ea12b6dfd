"""What each observer is to record of each way a call can end: the README's table, and the test's.

A cell is written as `cell()` writes a recorded call. *unknown* stands where an observer cannot
know, and a dash where an SDK does not let it come to that.
"""

from typing import Final

NEVER: Final = "–"
UNKNOWN: Final = "unknown"
PERSON_MS: Final = 200
"""What a person takes to answer, at least."""

ROWS: Final = {
    "ok": "a result",
    "is_error": "a result with isError",
    "jsonrpc_error": "a JSON-RPC error",
    "no_such_tool": "an unknown tool",
    "invalid_arguments": "invalid arguments",
    "schema_violation": "not what outputSchema says",
    "malformed_result": "not what MCP says",
    "input_required": "a person is asked",
    "timeout": "the caller's time is over",
    "cancel": "the caller cancels",
    "crash": "the server crashes",
}
"""The tools of the matrix's servers, by how their calls end."""

COLUMNS: Final = (
    "stdio proxy",
    "HTTP proxy",
    "client, mcp 1.24",
    "client, mcp 1.30",
    "client, mcp 2.3",
    "server, mcp 2.3",
    "server, fastmcp",
    "OTLP import",
)

_SEEN: Final = {
    "ok": "ok",
    "is_error": "tool_error",
    "jsonrpc_error": "protocol_error, internal",
    "no_such_tool": "protocol_error, unknown_tool",
    "invalid_arguments": "tool_error, invalid_arguments",
    "schema_violation": "ok, schema_violation",
    "malformed_result": "ok, malformed_result",
    "input_required": "ok, 2 rounds, wait",
    "timeout": "timeout",
    "cancel": "cancelled",
    "crash": "disconnected",
}
"""What whoever sees the whole wire records."""

_OLD_ERA: Final = {"input_required": "ok, wait"}
"""The server asks within the call, which is one round."""

EXPECTED: Final[dict[str, dict[str, str]]] = {
    "stdio proxy": _SEEN,
    # Over HTTP a caller that leaves says no more than that.
    "HTTP proxy": {**_SEEN, "timeout": "cancelled or timeout", "cancel": "cancelled or timeout"},
    "client, mcp 1.24": {**_SEEN, **_OLD_ERA},
    "client, mcp 1.30": {**_SEEN, **_OLD_ERA},
    "client, mcp 2.3": _SEEN,
    "server, mcp 2.3": {
        **_SEEN,
        # The SDK sends an error in the place of such a result.
        "malformed_result": "protocol_error, internal",
        # The recorder dies with the process it sits in.
        "crash": UNKNOWN,
    },
    "server, fastmcp": {
        **_SEEN,
        "jsonrpc_error": NEVER,
        "no_such_tool": "tool_error, unknown_tool",
        "malformed_result": NEVER,
        **_OLD_ERA,
        "crash": UNKNOWN,
    },
    # The SDK's spans are silent on most of what an answer said.
    "OTLP import": {
        **dict.fromkeys(_SEEN, UNKNOWN),
        "is_error": "tool_error",
        "jsonrpc_error": "protocol_error, internal",
        "no_such_tool": "protocol_error, unknown_tool",
        "invalid_arguments": "tool_error",
        "malformed_result": "protocol_error, internal",
        "input_required": "unknown, as 2 calls",
        "timeout": "timeout",
    },
}


def cell(recorded) -> str:
    """Say in a cell's few words what was recorded of one call: no row, one, or more by mistake."""
    if not recorded:
        return UNKNOWN
    words = _of_one(recorded[0])
    return words if len(recorded) == 1 else f"{words}, as {len(recorded)} calls"


def _of_one(call) -> str:
    if call.outcome in {None, "unanswered", "unknown"}:
        return UNKNOWN
    if call.outcome_basis == "disconnect":
        return "cancelled or timeout"
    words = [call.outcome]
    if call.error_class not in (None, "tool_failure"):
        words.append(call.error_class)
    if (call.round or 1) > 1:
        words.append(f"{call.round} rounds")
    if call.target == "input_required":
        words.append(_wait(call.wait_ms))
    return ", ".join(words)


def _wait(wait_ms) -> str:
    if wait_ms is None:
        return "wait unknown"
    return "wait" if wait_ms >= PERSON_MS else "no wait"
